// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/checks/plain_frames.h"

#include "features/ip/fib/fib_lookup.h"

namespace floof::ip {

const FrameJudge& best_frame_judge() {
  return fib::best_variant() == fib::Variant::generic ? kGenericFrameJudge : kAvx2FrameJudge;
}

}  // namespace floof::ip
