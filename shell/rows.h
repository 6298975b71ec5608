// SPDX-License-Identifier: GPL-3.0-or-later
//
// Commands that show long lists, which come in pieces and are shown as they come. One thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "shell/registry.h"
#include "shell/table.h"

namespace floof::shell {

/// How the rows of a long list are shown.
struct RowsForm {
  /// The text of some of them, those before having left their `flow`.
  std::function<std::string(const Json& rows, Table::Flow& flow)> render;
  std::string none = "no routes\n";        ///< the text when there are none
  std::string head{};                      ///< the text above, when there are some
  std::function<void(Json& rows)> sort{};  ///< what is short is sorted
  std::string more{};                      ///< the warning when there are more: "{}" is how many are shown
};

/// `limit N|all`, the option of such commands.
Option limit_option();
/// What it says; without it 1000, nothing for all.
Result<std::optional<size_t>> limit_of(const Invocation& words);

/// Asks for `what` and shows it. Up to 10000 rows are shown together, in a table that fits them; more go out as they
/// come, so that neither the router nor the shell holds them. `last` gets the data of the last part. The data of the
/// reply are the rows, unless they have gone out.
Reply show_rows(Context& context, const Invocation& words, std::string_view what, Json arguments, const RowsForm& form,
                Json* last = nullptr);

}  // namespace floof::shell
