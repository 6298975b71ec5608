// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "shell/registry.h"

namespace floof::shell {

/// Files whose path begins with `partial`, by the rights of whoever runs the shell; folders end in '/'. Hidden ones
/// only when their dot is typed. At most 1000, sorted. Any thread.
std::vector<Choice> file_choices(const std::string& partial);

}  // namespace floof::shell
