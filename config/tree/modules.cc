// SPDX-License-Identifier: GPL-3.0-or-later
//
// The YANG modules of all features, compiled into the program by cmake/embed_yang.cmake.
#include "config/tree/schema.h"

namespace floof::config {

namespace {
constexpr Module kModules[] = {
#include "yang_modules.inc"
};
}  // namespace

std::span<const Module> embedded_modules() { return kModules; }

}  // namespace floof::config
