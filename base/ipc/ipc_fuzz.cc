// SPDX-License-Identifier: GPL-3.0-or-later
//
// Feeds the Deframer in pieces whose sizes come from the input, and checks it against cutting the whole at once.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/ipc/ipc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using floof::ipc::Deframer;
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> whole;
  std::string message;
  Deframer at_once;
  const bool good = at_once.feed(stream);
  while (good && at_once.next(message)) {
    whole.push_back(message);
  }

  Deframer in_pieces;
  std::vector<std::string> pieces;
  bool still_good = true;
  for (size_t at = 0; at < size && still_good;) {
    const std::string_view piece = stream.substr(at, 1 + data[at] % 16u);
    still_good = in_pieces.feed(piece);
    at += piece.size();
    while (still_good && in_pieces.next(message)) {
      pieces.push_back(message);
    }
  }
  if (still_good != good || (good && pieces != whole)) {
    std::abort();
  }
  return 0;
}
