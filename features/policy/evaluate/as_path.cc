// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/policy/evaluate/as_path.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text/as_number.h"

namespace floof::policy {

namespace {

using Kind = AsPath::Segment::Kind;
constexpr size_t kMostAsns = 10000;

bool is_set(Kind kind) { return kind == Kind::set || kind == Kind::confed_set; }
bool is_confed(Kind kind) { return kind == Kind::confed_sequence || kind == Kind::confed_set; }

class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  std::optional<AsPath> run() {
    for (skip(); !rest_.empty(); skip()) {
      const char c = rest_.front();
      if ((c >= '0' && c <= '9') || (c | 0x20) == 'a') {
        if (!number()) {
          return std::nullopt;
        }
      } else if (!bracket(c)) {
        return std::nullopt;
      }
    }
    return open_.empty() && count_ <= kMostAsns ? std::optional(std::move(path_)) : std::nullopt;
  }

 private:
  void skip() {
    const bool commas = kind_ == Kind::set || kind_ == Kind::confed_set;
    while (!rest_.empty() && (rest_.front() == ' ' || (commas && rest_.front() == ','))) {
      rest_.remove_prefix(1);
    }
  }

  bool number() {
    const size_t length = std::min(rest_.find_first_of(" ,{}()"), rest_.size());
    const auto asn = parse_as_number(rest_.substr(0, length));
    if (!asn || ++count_ > kMostAsns) {
      return false;
    }
    rest_.remove_prefix(length);
    if (fresh_ || path_.segments.empty()) {
      path_.segments.push_back({kind_, {}});
      fresh_ = false;
    }
    path_.segments.back().asns.push_back(*asn);
    return true;
  }

  bool bracket(char c) {
    rest_.remove_prefix(1);
    if ((c == '(' && open_.empty()) || (c == '{' && (open_.empty() || open_ == "("))) {
      open_ += c;
    } else if (!open_.empty() && ((c == ')' && open_.back() == '(') || (c == '}' && open_.back() == '{'))) {
      open_.pop_back();
    } else {
      return false;
    }
    kind_ = open_.empty()  ? Kind::sequence
            : open_ == "(" ? Kind::confed_sequence
            : open_ == "{" ? Kind::set
                           : Kind::confed_set;
    fresh_ = true;
    return true;
  }

  std::string_view rest_;
  std::string open_;
  Kind kind_ = Kind::sequence;
  bool fresh_ = true;
  size_t count_ = 0;
  AsPath path_;
};

}  // namespace

AsPath::AsPath(std::vector<uint32_t> asns) {
  if (!asns.empty()) {
    segments.push_back({Kind::sequence, std::move(asns)});
  }
}

size_t AsPath::length() const {
  size_t out = 0;
  for (const Segment& segment : segments) {
    out += is_confed(segment.kind) ? 0 : is_set(segment.kind) ? 1 : segment.asns.size();
  }
  return out;
}

bool AsPath::has_set() const {
  return std::any_of(segments.begin(), segments.end(), [](const Segment& segment) { return is_set(segment.kind); });
}

size_t AsPath::count(uint32_t asn) const {
  size_t out = 0;
  for (const Segment& segment : segments) {
    out += static_cast<size_t>(std::count(segment.asns.begin(), segment.asns.end(), asn));
  }
  return out;
}

bool AsPath::contains(uint32_t asn) const { return count(asn) > 0; }

uint32_t AsPath::first() const {
  for (const Segment& segment : segments) {
    if (!is_confed(segment.kind)) {
      return segment.kind == Kind::sequence ? segment.asns.front() : 0;
    }
  }
  return 0;
}

uint32_t AsPath::origin() const {
  uint32_t out = 0;
  for (const Segment& segment : segments) {
    if (is_set(segment.kind)) {
      return out;
    }
    out = segment.asns.back();
  }
  return out;
}

std::vector<uint32_t> AsPath::flat() const {
  std::vector<uint32_t> out;
  for (const Segment& segment : segments) {
    out.insert(out.end(), segment.asns.begin(), segment.asns.end());
  }
  return out;
}

void AsPath::prepend(uint32_t asn) {
  if (segments.empty() || segments.front().kind != Kind::sequence) {
    segments.insert(segments.begin(), Segment{Kind::sequence, {}});
  }
  segments.front().asns.insert(segments.front().asns.begin(), asn);
}

std::optional<AsPath> parse_as_path(std::string_view text) { return Parser(text).run(); }

std::string to_string(const AsPath& path) {
  std::string out;
  for (const AsPath::Segment& segment : path.segments) {
    const std::string_view begin = segment.kind == Kind::set               ? "{"
                                   : segment.kind == Kind::confed_sequence ? "("
                                   : segment.kind == Kind::confed_set      ? "({"
                                                                           : "";
    const std::string_view end = segment.kind == Kind::set               ? "}"
                                 : segment.kind == Kind::confed_sequence ? ")"
                                 : segment.kind == Kind::confed_set      ? "})"
                                                                         : "";
    out += fmt::format("{}{}{}{}", out.empty() ? "" : " ", begin, fmt::join(segment.asns, " "), end);
  }
  return out;
}

}  // namespace floof::policy
