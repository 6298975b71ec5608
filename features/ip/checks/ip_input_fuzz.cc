// SPDX-License-Identifier: GPL-3.0-or-later
//
// Everything that reads a received packet's headers, on bytes of exactly the right size so that ASan sees any step
// beyond them. Also holds what the nodes rely on after a good verdict.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "features/ip/checks/ip_checks.h"
#include "features/ip/checks/wire.h"
#include "features/ip/tables/flow_hash.h"

namespace floof::ip {

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void fuzz4(const uint8_t* bytes, uint32_t contiguous, uint32_t total) {
  const Verdict verdict = check_ip4(bytes, contiguous, total);
  if (verdict.next == Verdict::drop) {
    return;
  }
  const uint32_t header = (bytes[0] & 0xfu) * 4;
  require(header >= 20 && header <= contiguous && ip4_length(bytes) >= header && ip4_length(bytes) <= total);
  flow_hash4(bytes, contiguous, 1);
  if (verdict.next == Verdict::options) {
    const Verdict options = check_ip4_options(bytes, contiguous);
    require(options.next != Verdict::options);
    if (options.next == Verdict::lookup) {
      uint8_t copied[40];
      const uint32_t length = copy_fragment_options(bytes + 20, header - 20, copied);
      require(length % 4 == 0 && length <= header - 20);
    }
  }
}

void fuzz6(const uint8_t* bytes, uint32_t contiguous, uint32_t total) {
  const Verdict verdict = check_ip6(bytes, contiguous, total);
  if (verdict.next == Verdict::drop) {
    return;
  }
  require(contiguous >= 40 && ip6_length(bytes) <= total);
  flow_hash6(bytes, contiguous, 1);
  const Ip6Transport transport = find_ip6_transport(bytes, contiguous);
  require(transport.offset <= contiguous);
  if (verdict.next == Verdict::options) {
    const Verdict extensions = check_ip6_extensions(bytes, contiguous, total);
    require(extensions.next != Verdict::options);
    require(extensions.next != Verdict::error || extensions.icmp_data < ip6_length(bytes));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) {
    return 0;
  }
  // The first two bytes say how much more of the packet lies in further buffers, the third how to mend the checksum.
  const auto contiguous = static_cast<uint32_t>(size - 3);
  const uint32_t total = contiguous + (data[0] | uint32_t{data[1]} << 8);
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[contiguous]);
  std::memcpy(bytes.get(), data + 3, contiguous);
  if (data[2] % 2 == 0 && contiguous >= 20) {
    auto& ip = *reinterpret_cast<Ip4Header*>(bytes.get());
    const uint32_t header = ip.header_length() < contiguous ? ip.header_length() : contiguous;
    uint32_t sum = 0;
    ip.checksum.set_raw(0);
    for (uint32_t i = 0; i + 1 < header; i += 2) {
      sum += uint32_t{bytes[i]} << 8 | bytes[i + 1];
    }
    sum = (sum & 0xffff) + (sum >> 16);
    ip.checksum.set(static_cast<uint16_t>(~(sum + (sum >> 16))));
  }
  fuzz4(bytes.get(), contiguous, total);
  fuzz6(bytes.get(), contiguous, total);
  return 0;
}

}  // namespace floof::ip
