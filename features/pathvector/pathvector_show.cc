// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/registry.h"

namespace floof::pathvector {

void register_show(shell::Registry& registry) {
  registry.load_form({"pathvector", "Translate a pathvector.yml and add it to the candidate"});
}

}  // namespace floof::pathvector
