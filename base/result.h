// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace floof {

/// What went wrong, in words that a user can act on.
/// `path` names the object (a configuration path, a file with line, a device), `reason` says what is
/// wrong with it, `remedy` what would be right. `path` and `remedy` may be empty.
struct Error {
  std::string path;
  std::string reason;
  std::string remedy;

  /// "path: reason; remedy", leaving out what is empty.
  std::string text() const;
};

/// A value, or the Error that explains why there is none. Never throws. `Result<>` carries no value.
template <typename T = void>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

/// An Error from the calling thread's errno: "path: doing: No such file or directory".
Error errno_error(std::string path, std::string_view doing, std::string remedy = {});

}  // namespace floof
