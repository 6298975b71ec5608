// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/rows.h"

#include <fmt/format.h>

#include <charconv>

#include "shell/output.h"
#include "shell/text.h"

namespace floof::shell {

namespace {

constexpr size_t kDefault = 1000;
constexpr size_t kTogether = 10000;

/// Rows on their way out, without being kept.
class Flowing {
 public:
  Flowing(Output& out, const RowsForm& form) : out_(out), form_(form) {}
  bool take(const Json& rows) {
    if (!out_.wants_rows()) {
      const std::string head = count_ == 0 ? form_.head : "";
      count_ += rows.size();
      return out_.text(head + form_.render(rows, flow_));
    }
    count_ += rows.size();
    bool wanted = true;
    for (const Json& row : rows) {
      wanted = out_.row(row) && wanted;
    }
    return wanted;
  }
  size_t count() const { return count_; }

 private:
  Output& out_;
  const RowsForm& form_;
  Table::Flow flow_;
  size_t count_ = 0;
};

}  // namespace

Option limit_option() {
  return {"limit", "n", "How many at most, or all; otherwise 1000", always({{"all", "All of them, as they come"}})};
}

Result<std::optional<size_t>> limit_of(const Invocation& words) {
  const std::string text = words.get("limit");
  if (!words.has("limit")) {
    return std::optional(kDefault);
  }
  if (text == "all") {
    return std::optional<size_t>();
  }
  uint32_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || value == 0) {
    return Error{"limit " + text, "is neither a number from 1 on nor 'all'", "write limit 5000 or limit all"};
  }
  return std::optional<size_t>(value);
}

Reply show_rows(Context& context, const Invocation& words, std::string_view what, Json arguments, const RowsForm& form,
                Json* last) {
  const auto limit = limit_of(words);
  if (!limit) {
    return failure(limit.error());
  }
  arguments["pieces"] = true;
  if (*limit) {
    arguments["limit"] = **limit;
  }
  const bool together = words.out == nullptr || (*limit && **limit <= kTogether);
  Reply out;
  std::optional<Flowing> flowing;
  if (!together) {
    flowing.emplace(*words.out, form);
  }
  out.data = Json::array();
  bool enough = false;
  const Answer answer =
      context.stream({{"op", "show"}, {"what", what}, {"arguments", std::move(arguments)}}, [&](Json rows) {
        if (!rows.is_array()) {
          return true;
        }
        if (flowing) {
          enough = !flowing->take(rows);
          return !enough;
        }
        for (Json& row : rows) {
          out.data.push_back(std::move(row));
        }
        return true;
      });
  out.errors = answer.errors;
  const Json& end = member(answer.body, "data");
  if (last != nullptr) {
    *last = end;
  }
  const size_t count = flowing ? flowing->count() : out.data.size();
  if (flag(answer.body, "interrupted")) {
    out.interrupted = true;
  }
  if (out.interrupted && !enough) {
    out.warnings.push_back("interrupted: these are not all");
  } else if (flag(end, "more")) {
    out.warnings.push_back(fmt::format(fmt::runtime(form.more), count));
  }
  if (!out.ok() || (flowing && count != 0)) {
    return out;
  }
  if (form.sort) {
    form.sort(out.data);
  }
  Table::Flow flow;
  const std::string text = out.data.empty() || !form.render ? "" : form.render(out.data, flow);
  out.text = text.empty() ? form.none : form.head + text;
  return out;
}

}  // namespace floof::shell
