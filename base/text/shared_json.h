// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

namespace floof {

/// JSON that never changes again, so that many may keep it without a copy. Any thread.
class SharedJson {
 public:
  SharedJson() = default;  ///< null
  SharedJson(nlohmann::json value) : value_(std::make_shared<const nlohmann::json>(std::move(value))) {}

  const nlohmann::json& operator*() const {
    static const nlohmann::json kNull;
    return value_ ? *value_ : kNull;
  }
  const nlohmann::json* operator->() const { return &**this; }
  bool is_null() const { return (*this)->is_null(); }

 private:
  std::shared_ptr<const nlohmann::json> value_;
};

}  // namespace floof
