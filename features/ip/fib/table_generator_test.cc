// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/ip/fib/table_generator.h"

#include <gtest/gtest.h>

#include <string>

namespace floof::ip {
namespace {

/// CRC-32 as zlib and Python's zlib.crc32 compute it.
uint32_t crc32(std::string_view bytes, uint32_t crc = 0) {
  crc = ~crc;
  for (const char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; i++) {
      crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
  }
  return ~crc;
}

std::string text_of(const std::vector<Prefix>& prefixes) {
  std::string out;
  for (const Prefix& p : prefixes) {
    out += to_string(p) + "\n";
  }
  return out;
}

template <typename Address>
std::string wire_of(const std::vector<Address>& addresses) {
  std::string out;
  for (const Address& a : addresses) {
    out += IpAddress(a).wire();
  }
  return out;
}

// The sums of the files that the Python generator of the yardstick writes.
TEST(TableGenerator, GivesTheYardsticksTables) {
  const BenchTables tables = generate_bench_tables();
  EXPECT_EQ(crc32(text_of(tables.prefixes4)), 0x0f72540eu);
  EXPECT_EQ(crc32(text_of(tables.prefixes6)), 0xa7f3a3e4u);
  EXPECT_EQ(crc32(wire_of(tables.destinations4)), 0xd52dbdcbu);
  EXPECT_EQ(crc32(wire_of(tables.zipf4)), 0xbec850adu);
  EXPECT_EQ(crc32(wire_of(tables.destinations6)), 0x89cd57c3u);
}

}  // namespace
}  // namespace floof::ip
