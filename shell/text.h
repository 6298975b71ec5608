// SPDX-License-Identifier: GPL-3.0-or-later
//
// Text as a terminal sees it. What comes from the network or from other people's configuration may hold escape
// sequences; `printable` makes it harmless. Pure, any thread, any bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json_view.h"
#include "base/result.h"

namespace floof::shell {

using Json = nlohmann::json;

/// Columns that a terminal uses for UTF-8 text: 0 for combining marks, 2 for wide East Asian characters and emoji.
/// Bytes that are no UTF-8 count one column each.
size_t display_width(std::string_view text);

/// Keeps line ends, writes every other control character, direction override and invalid byte as \xNN or \uNNNN.
/// Tabs become blanks. Idempotent.
std::string printable(std::string_view text);

/// Columns of the reader's screen; 0, as at first: no limit, as for a file or another program. One thread.
size_t screen_columns();
void set_screen_columns(size_t columns);

/// Breaks lines that are wider than `columns` (0: none is) at blanks, never inside a word. What goes on in a further
/// line stands `hang` columns to the right, or two more than its line where that is 0.
std::string fold(std::string_view text, size_t columns, size_t hang = 0);

/// Indented JSON ending in a line end; still valid JSON and harmless on a terminal.
std::string json_text(const Json& data);

/// "text" padded with blanks on the right (or left) to `columns`.
std::string pad_right(std::string_view text, size_t columns);
std::string pad_left(std::string_view text, size_t columns);

/// "00:02:13", from a day on "3d04:05:06".
std::string duration_text(std::chrono::seconds duration);
/// "2026-11-22T20:15:01Z" from seconds since 1970: the one form of a time, as the history and the logs have it.
std::string time_text(int64_t unix_seconds);

/// `object[key]` as text whatever scalar it is; `missing` when absent, null or empty. Never throws, on any Json.
std::string field(const Json& object, std::string_view key, std::string_view missing = "-");
/// `object[key]` as a number; 0 when absent or no number.
uint64_t number(const Json& object, std::string_view key);
/// `object[key]` is true.
bool flag(const Json& object, std::string_view key);
/// `object[key]` if it is an array, else an empty array.
const Json& list(const Json& object, std::string_view key);
using floof::member;

/// The object without these keys; an empty object when it is none.
Json without(Json object, std::initializer_list<const char*> keys);

/// "Name:  value" lines of an object of which no more is known; nested objects and arrays are indented. What is
/// empty is left out, keys lose their dashes.
std::string plain_text(const Json& data, size_t indent = 0);

/// Puts a file in the place of what is there, by the rights of whoever runs the shell and readable by him alone (it
/// may hold secrets). Pipes and devices are written to. The Error names the file.
Result<> save_file(const std::string& path, std::string_view text);

}  // namespace floof::shell
