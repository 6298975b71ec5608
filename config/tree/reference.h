// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "config/tree/schema.h"

namespace floof::config {

/// docs/reference/configuration.md: every setting with its value, default and help, as Markdown. Any thread.
std::string reference(const Schema& schema);

}  // namespace floof::config
