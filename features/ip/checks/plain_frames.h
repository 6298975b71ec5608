// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which frames of a vector are plain: for this router by their MAC address, unicast IPv4 without options or IPv6 with a
// transport header right behind it, whole, correct, with life left, between addresses that may be forwarded (RFC 1812
// 5.2 and 5.3, RFC 8200, RFC 4291). Several frames are judged at once, one in each lane of a vector register. A frame
// that is not found plain here may still be good (options, fragments): the general nodes decide. One that is found
// plain has passed every check of ip_checks.h. Pure functions on bytes; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace floof::ip {

/// What plain frames of one interface have in common, words as they lie in memory.
struct PlainFrames {
  uint32_t mac_low = 0;                    ///< first four bytes of the interface's MAC address
  uint32_t mac_high = 0;                   ///< the other two
  uint32_t own4 = 0;                       ///< the interface's IPv4 address, which is nobody's source; 0: none
  uint32_t own6_first = 0, own6_last = 0;  ///< first and last word of its IPv6 address
};

/// The frames of one vector. Arrays have room for a multiple of kLanes; what is beyond `count` is overwritten.
struct JudgedFrames {
  static constexpr size_t kMost = 256, kLanes = 8;
  alignas(64) const uint8_t* frames[kMost + kLanes];   ///< Ethernet headers; 46 bytes of each may be read
  alignas(64) uint32_t lengths[kMost + kLanes];        ///< of the whole frame; 0: it is not plain for other reasons
  alignas(64) uint32_t destinations4[kMost + kLanes];  ///< host order; only where it is plain IPv4
  // Bit i of byte n: frame 8 n + i.
  uint8_t plain4[kMost / kLanes + 1], plain6[kMost / kLanes + 1];
  uint8_t padded[kMost / kLanes + 1];  ///< plain, but longer than its IP packet
};

struct FrameJudge {
  const char* name;
  /// Fills plain4, plain6, padded and destinations4 of frames 0..count-1.
  void (*judge)(const PlainFrames& on, JudgedFrames& vector, size_t count);
  /// The same for frames with VLAN tags of `tag_bytes` behind their MAC addresses, which nobody looks at here. The
  /// lengths are without them; so many bytes more of each frame may be read.
  void (*judge_tagged)(const PlainFrames& on, JudgedFrames& vector, size_t count, size_t tag_bytes);
};

extern const FrameJudge kGenericFrameJudge;
extern const FrameJudge kAvx2FrameJudge;
/// The best that this CPU runs, or the generic one if FLOOF_FIB_VARIANT asks for that (see fib_lookup.h).
const FrameJudge& best_frame_judge();

}  // namespace floof::ip
