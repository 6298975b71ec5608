// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::shell {

using Json = nlohmann::json;

/// How a command's result is wanted; a pipe at the end of the line says so.
enum class Format { text, json, set, curly, xml, inheritance, compare };

/// What a command has to say. `text` for people, `data` (null: none) for `| json`. Errors make it fail.
struct Reply {
  std::string text;
  Json data;
  std::vector<Error> errors;
  std::vector<std::string> warnings;
  bool interrupted = false;               ///< what was shown is not all
  int status = 0;                         ///< exit status when there are no errors
  std::optional<size_t> error_word = {};  ///< which word of the command the first error is about

  bool ok() const { return errors.empty(); }
};

inline Reply failure(std::vector<Error> errors) {
  Reply reply;
  reply.errors = std::move(errors);
  return reply;
}
inline Reply failure(Error error) { return failure(std::vector<Error>{std::move(error)}); }

/// What the daemon answered: the whole answer, or the errors that stand for it.
struct Answer {
  Json body;
  std::vector<Error> errors;
  bool ok() const { return errors.empty(); }
};

/// What a command may use of the outside world. One thread.
class Context {
 public:
  virtual ~Context() = default;
  /// Asks the configuration daemon and waits. Requests that only read are asked again when the connection breaks.
  virtual Answer call(const Json& request, std::chrono::milliseconds limit = std::chrono::seconds(30)) = 0;
  /// Asks for a `show` whose data come in pieces, of a connection of its own. `take` gets the rows of each, an array;
  /// it ends with false, or by Ctrl-C: the body of the answer is {"interrupted":true} then, else the last part of it.
  virtual Answer stream(Json request, const std::function<bool(Json rows)>& take) = 0;
  /// Shows text now, for commands that run for a while. Control characters are made visible.
  virtual void write(std::string_view text) = 0;
  /// True once after the user pressed Ctrl-C.
  virtual bool interrupted() = 0;
  /// From now on requests edit in this mode (shared, private, exclusive); empty: the session edits no more.
  virtual void edit_as(std::string_view mode) { (void)mode; }
};

/// Calls {"op":"show"} for `what`; gives the answer's "data", rendered by `render` unless that is not wanted.
template <typename Render>
Reply show(Context& context, std::string_view what, Json arguments, Render render) {
  const Answer answer = context.call({{"op", "show"}, {"what", what}, {"arguments", std::move(arguments)}});
  if (!answer.ok()) {
    return failure(answer.errors);
  }
  Reply reply;
  if (answer.body.contains("data")) {
    reply.data = answer.body["data"];
  }
  reply.text = render(reply.data);
  return reply;
}

}  // namespace floof::shell
