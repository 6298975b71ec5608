// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "features/policy/reason.h"

namespace floof::pathvector {

namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<uint64_t> whole(std::string_view text) {
  uint64_t out = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
  return is_digits(text) && bad == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == ':' || c == '-';
}

/// How many bytes the character at the front has, 0 when it is none (RFC 3629).
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t at) { return at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0}; };
  const size_t length = byte(0) < 0x80       ? 1
                        : byte(0) >> 5 == 6  ? 2
                        : byte(0) >> 4 == 14 ? 3
                        : byte(0) >> 3 == 30 ? 4
                                             : 0;
  uint32_t point = length == 1 ? byte(0) : byte(0) & (0x7f >> length);
  for (size_t i = 1; i < length; i++) {
    if (byte(i) >> 6 != 2) {
      return 0;
    }
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool bad = point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ||
                   point == 0xfffe || point == 0xffff || (point >= 0x7f && point < 0xa0);
  return bad ? 0 : length;
}

bool is_text(std::string_view text, bool lines) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    const bool control = static_cast<uint8_t>(text[0]) < 0x20;
    if (length == 0 || (control && !(lines && (text[0] == '\n' || text[0] == '\t' || text[0] == '\r')))) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

std::string quoted(const std::string& word) {
  const auto plain = [](char c) { return is_name_character(c) || c == '/' || c == '%' || c == '*'; };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) {
    return word;
  }
  std::string out = "\"";
  for (const char c : word) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
      case '\\':
        out += '\\';
        [[fallthrough]];
      default:
        out += c;
    }
  }
  return out + '"';
}

/// For messages.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 60)) {
    out += static_cast<uint8_t>(c) < 0x20 || static_cast<uint8_t>(c) > 0x7e ? '?' : c;
  }
  return text.size() > 60 ? out + "..." : out;
}

}  // namespace

void Notes::add(size_t line, std::string_view path, std::string_view reason, std::string_view remedy) {
  std::string text = line > 0 ? fmt::format("line {}", line) : std::string();
  for (const auto& [between, part] :
       {std::pair(", ", path.size() < 200 && is_text(path, false) ? std::string(path) : shown(path)),
        {": ", std::string(reason)},
        {"; ", std::string(remedy)}}) {
    if (!part.empty()) {
      text += (text.empty() ? "" : between) + part;
    }
  }
  if (said_.insert(text).second) {
    notes_.emplace_back(line, std::move(text));
  }
}

std::vector<std::string> Notes::take() {
  std::stable_sort(notes_.begin(), notes_.end(),
                   [](const auto& a, const auto& b) { return a.first - size_t{1} < b.first - size_t{1}; });
  std::vector<std::string> out;
  constexpr size_t kMost = 1000;
  for (auto& [line, text] : notes_) {
    if (out.size() == kMost) {
      out.push_back(fmt::format("and {} notes more", notes_.size() - kMost));
      break;
    }
    out.push_back(std::move(text));
  }
  return out;
}

void Leafs::add(Words path, Words value) {
  for (Leaf& leaf : leafs_) {
    if (leaf.path == path) {
      if (leaf.known.insert(value).second) {
        leaf.values.push_back(std::move(value));
      }
      return;
    }
  }
  leafs_.push_back({std::move(path), {value}, {value}});
}

const Leaf* Leafs::find(const Words& path) const {
  const auto at = std::find_if(leafs_.begin(), leafs_.end(), [&](const Leaf& leaf) { return leaf.path == path; });
  return at != leafs_.end() ? &*at : nullptr;
}

void Leafs::erase(const Words& path) {
  std::erase_if(leafs_, [&](const Leaf& leaf) { return leaf.path == path; });
}

std::string set_line(const Words& words) {
  std::string out = "set";
  for (const std::string& word : words) {
    out += ' ' + quoted(word);
  }
  return out;
}

void Reader::note(const Found& found, std::string_view reason, std::string_view remedy) {
  notes_.add(found.value != nullptr ? found.value->line : 0, found.path, reason, remedy);
}

std::optional<std::string_view> Reader::scalar(const Found& found) {
  if (found.value->kind == Yaml::Kind::scalar) {
    return found.value->text;
  }
  if (found.value->kind != Yaml::Kind::null) {
    note(found, "is a list or map instead of one value", "Pathvector does not take it either");
  }
  return std::nullopt;
}

std::optional<bool> Reader::flag(const Found& found) {
  const auto text = scalar(found);
  if (!text) {
    return std::nullopt;
  }
  std::string lower;
  for (const char c : *text) {
    lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  if (lower == "true" || lower == "yes" || lower == "on" || lower == "y") {
    return true;
  }
  if (lower == "false" || lower == "no" || lower == "off" || lower == "n") {
    return false;
  }
  note(found, fmt::format("\"{}\" is neither true nor false", shown(*text)), "Pathvector does not take it either");
  return std::nullopt;
}

std::optional<uint64_t> Reader::number(const Found& found, uint64_t least, uint64_t most) {
  const auto text = scalar(found);
  if (!text) {
    return std::nullopt;
  }
  const auto out = whole(*text);
  if (!out || *out < least || *out > most) {
    note(found, fmt::format("\"{}\" is not a whole number from {} to {}", shown(*text), least, most));
    return std::nullopt;
  }
  return out;
}

std::optional<uint32_t> Reader::asn(const Found& found) {
  const auto text = scalar(found);
  if (!text) {
    return std::nullopt;
  }
  if (const size_t dot = text->find('.'); dot != std::string_view::npos) {
    const auto high = whole(text->substr(0, dot)), low = whole(text->substr(dot + 1));
    if (high && low && *high < 65536 && *low < 65536) {
      note(found, fmt::format("{} is a fraction in YAML, and Pathvector makes AS {} of it", *text, *high),
           fmt::format("write {} if AS {} is meant", *high * 65536 + *low, *text));
      return std::nullopt;
    }
  }
  const bool with_letters = text->starts_with("AS") || text->starts_with("as");
  const auto out = whole(with_letters ? text->substr(2) : *text);
  if (!out || *out < 1 || *out > 4294967295) {
    note(found, fmt::format("\"{}\" is no AS number", shown(*text)), "an AS number is 1 to 4294967295");
    return std::nullopt;
  }
  return static_cast<uint32_t>(*out);
}

std::optional<std::string> Reader::text(const Found& found, size_t most, bool lines) {
  const auto out = scalar(found);
  if (!out || out->empty()) {
    return std::nullopt;
  }
  if (out->size() > most || !is_text(*out, lines)) {
    note(found, out->size() > most ? fmt::format("is longer than {} characters", most)
                                   : std::string("has control characters or is not UTF-8"));
    return std::nullopt;
  }
  return std::string(*out);
}

std::vector<Found> Reader::list(const Found& found) {
  std::vector<Found> out;
  if (!found || found.value->kind == Yaml::Kind::null) {
    return out;
  }
  if (found.value->kind == Yaml::Kind::map) {
    note(found, "is a map instead of a list", "Pathvector does not take it either");
  } else if (found.value->kind == Yaml::Kind::scalar) {
    out.push_back(found);
  }
  for (const Yaml& item : found.value->items) {
    out.push_back({&item, found.path});
  }
  return out;
}

std::vector<std::pair<std::string, Found>> Reader::fields(const Found& found) {
  std::vector<std::pair<std::string, Found>> out;
  if (!found || found.value->kind == Yaml::Kind::null) {
    return out;
  }
  if (found.value->kind != Yaml::Kind::map) {
    note(found, "is not a map", "Pathvector does not take it either");
  }
  for (const auto& [key, value] : found.value->fields) {
    out.emplace_back(key, Found{&value, found.path.empty() ? key : found.path + "." + key});
  }
  return out;
}

std::optional<std::string> Reader::address(const Found& found) {
  const auto text = scalar(found);
  const auto out = text ? parse_ip(*text) : Result<IpAddress>(Error{});
  if (!out) {
    if (text) {
      note(found, fmt::format("\"{}\" is no IP address", shown(*text)));
    }
    return std::nullopt;
  }
  return to_string(*out);
}

std::optional<Prefix> Reader::prefix(const Found& found, std::string_view text) {
  const auto out = parse_interface_address(text);
  if (!out) {
    note(found, fmt::format("\"{}\" is no prefix", shown(text)), "write it as 192.0.2.0/24");
    return std::nullopt;
  }
  return out->subnet();
}

std::optional<Words> Reader::prefix_range(const Found& found) {
  const auto given = scalar(found);
  if (!given) {
    return std::nullopt;
  }
  std::string_view text = *given;
  const size_t sign = text.find_first_of("+-{");
  const std::string_view rest = sign == std::string_view::npos ? "" : text.substr(sign);
  const auto out = prefix(found, text.substr(0, sign));
  if (!out) {
    return std::nullopt;
  }
  if (rest.empty()) {
    return Words{to_string(*out)};
  }
  if (rest == "+") {
    return Words{to_string(*out), "le", std::to_string(out->max_length())};
  }
  const size_t comma = rest.find(',');
  if (rest.front() == '{' && rest.back() == '}' && comma != std::string_view::npos) {
    const auto low = whole(rest.substr(1, comma - 1)), high = whole(rest.substr(comma + 1, rest.size() - comma - 2));
    if (low && high && *low >= out->length() && *low <= *high && *high <= out->max_length()) {
      Words words{to_string(*out), "le", std::to_string(*high)};
      if (*low > out->length()) {
        words.insert(words.end(), {"ge", std::to_string(*low)});
      }
      return words;
    }
  }
  note(found, fmt::format("\"{}\" has no counterpart", shown(text)), "list the prefixes, with ge and le");
  return std::nullopt;
}

std::optional<std::string> Reader::community(const Found& found) {
  const auto text = scalar(found);
  return text ? community(found, *text) : std::nullopt;
}

std::optional<std::string> Reader::community(const Found& at, std::string_view text) {
  std::string out;
  size_t parts = 0;
  for (std::string_view rest = text;; parts++) {
    const size_t end = std::min(rest.find_first_of(":,"), rest.size());
    std::string_view part = rest.substr(0, end);
    part.remove_prefix(std::min(part.find_first_not_of(" ("), part.size()));
    part = part.substr(0, part.find_last_not_of(" )") + 1);
    const auto number = whole(part);
    if (!number || *number > 4294967295) {
      parts = 0;
      break;
    }
    out += (out.empty() ? "" : ":") + std::to_string(*number);
    if (end == rest.size()) {
      parts++;
      break;
    }
    rest.remove_prefix(end + 1);
  }
  const bool small = parts == 2 && whole(out.substr(0, out.find(':'))).value_or(65536) < 65536 &&
                     whole(out.substr(out.find(':') + 1)).value_or(65536) < 65536;
  if (!small && parts != 3) {
    note(at, fmt::format("\"{}\" is no community", shown(text)), "write 65000:100 or 4200000000:1:2");
    return std::nullopt;
  }
  const size_t last = out.rfind(':') + 1;
  if (const auto other = parts == 3 ? instead_.find(out.substr(0, last)) : instead_.end(); other != instead_.end()) {
    const std::string becomes = other->second + out.substr(last);
    note(at,
         fmt::format("{} is this router's own mark of where a route is from, and becomes {} everywhere", out, becomes),
         "tell other routers and networks that read or set it");
    return becomes;
  }
  return out;
}

void Reader::keep_off_marks(std::vector<uint32_t> asns, std::string_view text) {
  for (const uint32_t asn : asns) {
    for (const uint32_t mark : {policy::kOriginFunction, policy::kRejectFunction}) {
      uint32_t other = mark == policy::kOriginFunction ? 1000 : 1100;
      while (text.find(fmt::format("{}:{}:", asn, other)) != std::string_view::npos ||
             text.find(fmt::format("{},{},", asn, other)) != std::string_view::npos) {
        other += 10'000;
      }
      instead_[fmt::format("{}:{}:", asn, mark)] = fmt::format("{}:{}:", asn, other);
    }
  }
}

std::string name_from(std::string_view wanted) {
  std::string out;
  for (const char c : wanted) {
    const bool first = out.empty();
    if (is_name_character(c) && !(first && (c == '.' || c == ':' || c == '-'))) {
      out += c;
    } else if (!first && out.back() != '-') {
      out += '-';
    }
  }
  out.resize(std::min<size_t>(out.size(), 60));
  while (!out.empty() && out.back() == '-' && !wanted.ends_with('-')) {
    out.pop_back();
  }
  return out.empty() ? "peer" : out;
}

std::string Names::make(std::string_view wanted) {
  const std::string name = name_from(wanted);
  std::string out = name;
  for (int& i = next_.try_emplace(name, 2).first->second; !taken_.insert(out).second; i++) {
    const std::string tail = fmt::format("-{}", i);
    out = name.substr(0, 63 - tail.size()) + tail;
  }
  return out;
}

}  // namespace floof::pathvector
