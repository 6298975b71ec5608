// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "shell/session.h"

namespace floof::shell {

/// A Context for unit tests: answers come from a function, everything asked and written is kept.
class FakeContext : public Context {
 public:
  std::function<Answer(const Json&)> answer = [](const Json&) { return Answer{{{"ok", true}}, {}}; };
  std::vector<Json> asked;
  std::string written;
  int interrupts = 0;

  Answer call(const Json& request, std::chrono::milliseconds) override {
    asked.push_back(request);
    return answer(request);
  }
  /// The answer's data, an array, are the rows, in pieces of `piece`.
  Answer stream(Json request, const std::function<bool(Json)>& take) override {
    asked.push_back(request);
    const Answer said = answer(request);
    const Json rows = said.ok() ? said.body.value("data", Json::array()) : Json::array();
    const bool all = !request["arguments"].contains("limit") || request["arguments"]["limit"] >= rows.size();
    const size_t most = all ? rows.size() : request["arguments"]["limit"].get<size_t>();
    for (size_t at = 0; said.ok() && at < most; at += piece) {
      const auto end = static_cast<ptrdiff_t>(std::min(at + piece, most));
      if (!take(Json(Json::array_t(rows.begin() + static_cast<ptrdiff_t>(at), rows.begin() + end))) || interrupted()) {
        return {{{"interrupted", true}}, {}};
      }
    }
    return said.ok() ? Answer{{{"ok", true}, {"data", {{"more", !all}}}}, {}} : said;
  }
  size_t piece = 2;
  void write(std::string_view text) override { written += text; }
  bool interrupted() override { return interrupts > 0 && interrupts-- > 0; }

  /// Answers every `show` with this data.
  void give(Json data) {
    answer = [data = std::move(data)](const Json&) { return Answer{{{"ok", true}, {"data", data}}, {}}; };
  }
};

/// Keeps what a session prints.
class FakeTerminal : public Terminal {
 public:
  std::string output, errors;
  bool colours = false;
  size_t columns = 0;
  bool enough = false;
  bool out(std::string_view text, bool) override {
    output += text;
    return !enough;
  }
  void err(std::string_view text) override { errors += text; }
  bool colour_out() const override { return colours; }
  bool colour_err() const override { return colours; }
  size_t columns_out() const override { return columns; }
  size_t columns_err() const override { return columns; }
};

}  // namespace floof::shell
