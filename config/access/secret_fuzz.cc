// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sealed text from anywhere: an Error or the secret, and what is sealed opens again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/test_folder.h"
#include "config/access/secret.h"

namespace floof::config {

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SecretBox box = [] {
    const TestFolder folder;
    auto loaded = SecretBox::load(folder.path() + "/box.key");
    return loaded ? std::move(*loaded) : (abort(), std::move(*loaded));
  }();
  const std::string text(reinterpret_cast<const char*>(data), size);
  (void)box.open(text);
  (void)box.open(std::string(kSealedPrefix) + text);
  const auto back = box.open(box.seal(text));
  if (!back || *back != text) {
    abort();
  }
  return 0;
}

}  // namespace floof::config
