// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/render/bird_version.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/digits.h"
#include "features/bird/commit/bird_check.h"

namespace floof::bird {

namespace {

/// `./dev test --bird PROGRAM` with each of them is what makes one of these.
struct Tried {
  unsigned major, minor;
};
constexpr Tried kTried[] = {{2, 0}, {2, 17}, {2, 19}, {3, 3}};
constexpr std::string_view kTriedText = "2.0.12, 2.17, 2.19 and 3.3";

/// Takes a number off `text`, whatever it is.
std::optional<unsigned> take_number(std::string_view& text) {
  unsigned out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return error == std::errc() ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<Version> Version::parse(std::string_view text) {
  while (!text.empty()) {
    text.remove_prefix(static_cast<size_t>(std::find_if(text.begin(), text.end(), is_digit) - text.begin()));
    const auto major = take_number(text);
    if (!major || !text.starts_with('.')) {
      text.remove_prefix(std::min<size_t>(text.size(), 1));
      continue;
    }
    text.remove_prefix(1);
    if (const auto minor = take_number(text)) {
      const bool more = text.size() > 1 && text[0] == '.' && is_digit(text[1]);
      text.remove_prefix(more ? 1 : 0);
      return Version{*major, *minor, more ? take_number(text).value_or(0) : 0};
    }
  }
  return std::nullopt;
}

std::string Version::text() const { return fmt::format("{}.{}.{}", major, minor, patch); }

bool Version::tried() const {
  // Before 2.13 the third number was what the second is now.
  return std::any_of(std::begin(kTried), std::end(kTried),
                     [this](const Tried& one) { return one.major == major && one.minor == minor; }) &&
         (major != 2 || minor != 0 || patch == 12);
}

std::string Version::alarm() const {
  return tried() ? ""
                 : fmt::format("BIRD {} was never tried with this router; its routes and filters may be wrong: use {}",
                               text(), kTriedText);
}

std::string attribute_name(std::string_view name) {
  if (name == "bgp_path") {
    return "BGP.as_path";
  }
  static constexpr std::pair<std::string_view, std::string_view> kFamilies[] = {
      {"bgp_", "BGP."}, {"ospf_", "OSPF."}, {"krt_", "Kernel."}, {"rip_", "RIP."}, {"babel_", "Babel."}};
  for (const auto& [start, family] : kFamilies) {
    if (name.starts_with(start)) {
      return std::string(family) + std::string(name.substr(start.size()));
    }
  }
  return std::string(name);
}

bool refuses_idle_export(std::string_view said) {
  return said.starts_with("No valid tables") || said.starts_with("Requested 'show route export' to protocols which");
}

Result<Version> version_of_program(const std::string& program, std::chrono::milliseconds limit) {
  const auto said = run_bird({program, "--version"}, limit, {});
  if (!said) {
    return said.error();
  }
  const size_t name = said->text.find("BIRD");
  const auto version = name != std::string::npos ? Version::parse(said->text.substr(name)) : std::nullopt;
  return version ? Result<Version>(*version)
                 : Result<Version>(Error{program, "does not say which version it is", "use a BIRD such as Debian's"});
}

}  // namespace floof::bird
