// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "features/dataplane/listing.h"
#include "features/dataplane/resource.h"

namespace floof::dataplane {

using Json = nlohmann::json;

/// A feature's part of floof-dataplane that follows the desired state. All calls on the control thread, in the order
/// of the feature list; `publish` follows a `stage` of every participant that succeeded, `abort` one that did not.
class Participant {
 public:
  virtual ~Participant() = default;
  virtual std::string_view name() const = 0;
  /// Reads the whole desired state, checks it against the machine (devices, limits) and prepares; nothing that a user
  /// could see changes. All errors at once.
  virtual std::vector<Error> stage(const Json& desired, bool lenient) = 0;
  /// Makes it so by the difference to what is there. Returns what is worth telling of what was
  /// applied; an Error makes the caller publish the previous desired state again.
  virtual Result<Json> publish() = 0;
  virtual void abort() = 0;
  /// What the stage deserves a word about: it may be published all the same. Each as Error::text has it.
  virtual std::vector<std::string> warnings() { return {}; }
  /// What it has of which there may be no more than so much. Each second.
  virtual std::vector<Resource> resources() { return {}; }
  /// Answers `show` for the words it knows; null Json when `what` is not its own. "alarms" is everybody's: texts that
  /// tell what is wrong now and what to do, which `show system` collects.
  virtual Json show(std::string_view what, const Json& arguments) {
    (void)what;
    (void)arguments;
    return nullptr;
  }
  /// The same of what may be long; null: answered by `show`. With "pieces" among the arguments it may be of any length,
  /// else it is put together.
  virtual std::unique_ptr<Listing> list(std::string_view what, const Json& arguments) {
    (void)what;
    (void)arguments;
    return nullptr;
  }
};

}  // namespace floof::dataplane
