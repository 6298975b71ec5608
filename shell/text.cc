// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/text.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>

#include "base/fd.h"
#include "base/file.h"

namespace floof::shell {
namespace {

struct Decoded {
  char32_t code = 0;
  size_t bytes = 1;
  bool valid = false;
};

/// One UTF-8 character (RFC 3629: no overlong forms, no surrogates).
Decoded decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return {first, 1, true};
  }
  const size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < size) {
    return {first, 1, false};
  }
  char32_t code = first & (0xff >> (size + 1));
  for (size_t i = 1; i < size; i++) {
    if ((byte(i) & 0xc0) != 0x80) {
      return {first, 1, false};
    }
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[size] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return {first, 1, false};
  }
  return {code, size, true};
}

struct Range {
  char32_t first, last;
};

template <size_t N>
bool in(const std::array<Range, N>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range r) { return code >= r.first && code <= r.last; });
}

// Unicode blocks, not single characters: names and descriptions need no more precision.
constexpr std::array<Range, 9> kZeroWidth{{{0x300, 0x36f},
                                           {0x483, 0x489},
                                           {0x591, 0x5bd},
                                           {0x610, 0x61a},
                                           {0x64b, 0x65f},
                                           {0x1ab0, 0x1aff},
                                           {0x200b, 0x200d},
                                           {0x20d0, 0x20ff},
                                           {0xfe00, 0xfe0f}}};
constexpr std::array<Range, 9> kWide{{{0x1100, 0x115f},
                                      {0x2e80, 0x303e},
                                      {0x3041, 0xa4cf},
                                      {0xac00, 0xd7a3},
                                      {0xf900, 0xfaff},
                                      {0xfe30, 0xfe6f},
                                      {0xff00, 0xff60},
                                      {0x1f300, 0x1faff},
                                      {0x20000, 0x3fffd}}};
// C0, DEL, C1, direction marks and overrides, line and paragraph separators, byte order mark.
constexpr std::array<Range, 7> kHarmful{{{0, 0x1f},
                                         {0x7f, 0x9f},
                                         {0x200e, 0x200f},
                                         {0x2028, 0x202e},
                                         {0x2066, 0x2069},
                                         {0xfeff, 0xfeff},
                                         {0xe0000, 0xe007f}}};

std::string json_escape(char32_t code) {
  if (code < 0x10000) {
    return fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
  }
  const uint32_t rest = static_cast<uint32_t>(code) - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

std::string scalar_text(const Json& value) {
  if (value.is_string()) {
    return value.get_ref<const std::string&>();
  }
  if (value.is_boolean()) {
    return value.get<bool>() ? "yes" : "no";
  }
  if (value.is_number_float()) {
    return fmt::format("{:.1f}", value.get<double>());
  }
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

size_t columns_of_screen = 0;

void fold_line(std::string_view line, size_t columns, size_t hang, std::string& out) {
  const size_t margin = std::min(line.find_first_not_of(' '), line.size());
  const std::string indent(std::min(hang != 0 ? hang : margin + 2, columns / 2), ' ');
  out += line.substr(0, margin);
  line.remove_prefix(margin);
  size_t column = margin;
  size_t blanks = 0;  // before the next word
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    const size_t width = display_width(word);
    if (column + blanks + width > columns && column > indent.size() && blanks != 0) {
      out += '\n' + indent;
      column = indent.size() + width;
    } else {
      out += std::string(blanks, ' ');
      column += blanks + width;
    }
    out += word;
    line.remove_prefix(end);
    blanks = std::min(line.find_first_not_of(' '), line.size());
    line.remove_prefix(blanks);
  }
}

}  // namespace

size_t screen_columns() { return columns_of_screen; }
void set_screen_columns(size_t columns) { columns_of_screen = columns; }

std::string fold(std::string_view text, size_t columns, size_t hang) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (columns == 0 || display_width(line) <= columns) {
      out += line;
    } else {
      fold_line(line, columns, hang, out);
    }
    out += text.substr(end, 1);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

size_t display_width(std::string_view text) {
  size_t columns = 0;
  while (!text.empty()) {
    const Decoded c = decode(text);
    text.remove_prefix(c.bytes);
    columns += !c.valid ? 1 : in(kZeroWidth, c.code) ? 0 : in(kWide, c.code) ? 2 : 1;
  }
  return columns;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded c = decode(text);
    if (!c.valid) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else if (c.code == '\n') {
      out += '\n';
    } else if (c.code == '\t') {
      out += "    ";
    } else if (in(kHarmful, c.code)) {
      const auto value = static_cast<uint32_t>(c.code);
      out += value < 0x100 ? fmt::format("\\x{:02x}", value) : fmt::format("\\u{:04x}", value);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::string json_text(const Json& data) {
  // dump() escapes C0 itself; the rest of what could move a cursor can only stand inside strings.
  const std::string dumped = data.dump(2, ' ', false, Json::error_handler_t::replace);
  std::string out;
  out.reserve(dumped.size() + 1);
  std::string_view text = dumped;
  while (!text.empty()) {
    const Decoded c = decode(text);
    if (c.code != '\n' && in(kHarmful, c.code)) {
      out += json_escape(c.code);
    } else {
      out += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return out + '\n';
}

std::string pad_right(std::string_view text, size_t columns) {
  const size_t width = display_width(text);
  return std::string(text) + std::string(width < columns ? columns - width : 0, ' ');
}

std::string pad_left(std::string_view text, size_t columns) {
  const size_t width = display_width(text);
  return std::string(width < columns ? columns - width : 0, ' ') + std::string(text);
}

std::string duration_text(std::chrono::seconds duration) {
  const int64_t seconds = std::max<int64_t>(0, duration.count());
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return seconds < 86400 ? clock : fmt::format("{}d{}", seconds / 86400, clock);
}

std::string time_text(int64_t unix_seconds) {
  const time_t when = unix_seconds;
  tm parts{};
  std::array<char, 32> buffer{};
  if (gmtime_r(&when, &parts) == nullptr || strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return std::to_string(unix_seconds);
  }
  return buffer.data();
}

std::string field(const Json& object, std::string_view key, std::string_view missing) {
  const Json& value = member(object, key);
  if (value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty())) {
    return std::string(missing);
  }
  return scalar_text(value);
}

uint64_t number(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  if (value.is_number_unsigned()) {
    return value.get<uint64_t>();
  }
  if (value.is_number_integer()) {
    return static_cast<uint64_t>(std::max<int64_t>(0, value.get<int64_t>()));
  }
  if (value.is_number_float()) {
    const double real = value.get<double>();
    return real > 0 && real < 1e19 ? static_cast<uint64_t>(real) : 0;
  }
  return 0;
}

bool flag(const Json& object, std::string_view key) {
  const Json& value = member(object, key);
  return value.is_boolean() && value.get<bool>();
}

const Json& list(const Json& object, std::string_view key) {
  static const Json none = Json::array();
  const Json& value = member(object, key);
  return value.is_array() ? value : none;
}

Json without(Json object, std::initializer_list<const char*> keys) {
  if (!object.is_object()) {
    return Json::object();
  }
  for (const char* key : keys) {
    object.erase(key);
  }
  return object;
}

std::string plain_text(const Json& data, size_t indent) {
  const std::string margin(indent, ' ');
  if (data.is_array()) {
    std::string out;
    for (const Json& item : data) {
      out += item.is_structured() ? plain_text(item, indent) : margin + scalar_text(item) + '\n';
    }
    return out;
  }
  if (!data.is_object()) {
    return data.is_null() ? "" : margin + scalar_text(data) + '\n';
  }
  const auto shown = [](const Json& value) {
    return !value.is_structured() && !value.is_null() &&
           !(value.is_string() && value.get_ref<const std::string&>().empty());
  };
  size_t widest = 0;
  for (const auto& [key, value] : data.items()) {
    widest = std::max(widest, shown(value) ? display_width(key) : 0);
  }
  std::string out;
  for (const auto& [key, value] : data.items()) {
    std::string name = key;
    std::replace(name.begin(), name.end(), '-', ' ');
    if (value.is_structured()) {
      out += value.empty() ? "" : margin + name + ":\n" + plain_text(value, indent + 2);
    } else if (shown(value)) {
      out += margin + pad_right(name + ":", widest + 2) + scalar_text(value) + '\n';
    }
  }
  return out;
}

Result<> save_file(const std::string& path, std::string_view text) {
  constexpr std::string_view kRemedy = "give the name of a file in a folder where you may write";
  std::error_code ignored;
  if (const auto about = std::filesystem::status(path, ignored);
      !std::filesystem::exists(about) || std::filesystem::is_regular_file(about)) {
    return replace_file(path, text, {.remedy = kRemedy});
  }
  const UniqueFd device(open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));  // a pipe or a terminal
  return device && write_all(device.get(), text) ? Result<>() : errno_error(path, "writing", std::string(kRemedy));
}

}  // namespace floof::shell
