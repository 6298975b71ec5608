// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a client sends reaches libnetconf2 byte for byte when there is nothing to complain of, however it is cut.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "netconf/intake.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using floof::netconf::Intake;
  if (size == 0) {
    return 0;
  }
  const std::string stream = std::string(data[0] % 2 == 0 ? "urn:ietf:params:netconf:base:1.1" : "") + "]]>]]>" +
                             std::string(reinterpret_cast<const char*>(data), size);
  Intake intake([](std::string_view message) {
    floof::config::Position where;
    (void)floof::config::read_xml(message, where);
    return std::optional<std::string>();
  });
  std::string out;
  for (size_t at = 0; at < stream.size();) {
    const std::string_view piece = std::string_view(stream).substr(at, 1 + data[at % size] % 64u);
    out += intake.feed(piece);
    at += piece.size();
  }
  out += intake.end();
  if (out != stream) {
    std::abort();
  }
  return 0;
}
