// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/tree/json_text.h"

#include <string>
#include <vector>

namespace floof::config {

namespace {

using Json = nlohmann::json;

/// Walks along the expected value while the text is parsed; any false ends that.
class Follower : public nlohmann::json_sax<Json> {
 public:
  explicit Follower(const Json& expected) : root_(&expected) {}

  bool null() override { return scalar(nullptr); }
  bool boolean(bool value) override { return scalar(value); }
  bool number_integer(int64_t value) override { return scalar(value); }
  bool number_unsigned(uint64_t value) override { return scalar(value); }
  bool number_float(double value, const std::string&) override { return scalar(value); }
  bool string(std::string& value) override {
    const Json* here = take();
    return here != nullptr && here->is_string() && here->get_ref<const std::string&>() == value;
  }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(size_t) override {
    const Json* here = take();
    return here != nullptr && here->is_object() && open(*here);
  }
  bool start_array(size_t) override {
    const Json* here = take();
    return here != nullptr && here->is_array() && open(*here);
  }
  bool key(std::string& name) override {
    const Level& level = levels_.back();
    return level.next != level.container->end() && level.next.key() == name;
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool parse_error(size_t, const std::string&, const Json::exception&) override { return false; }

 private:
  struct Level {
    const Json* container;
    Json::const_iterator next;
  };

  const Json* take() {
    if (levels_.empty()) {
      return root_;
    }
    Level& level = levels_.back();
    return level.next == level.container->end() ? nullptr : &*level.next++;
  }
  bool scalar(const Json& value) {
    const Json* here = take();
    return here != nullptr && *here == value;
  }
  bool open(const Json& container) {
    levels_.push_back({&container, container.begin()});
    return true;
  }
  bool close() {
    const bool whole = levels_.back().next == levels_.back().container->end();
    levels_.pop_back();
    return whole;
  }

  const Json* root_;
  std::vector<Level> levels_;
};

}  // namespace

bool reads_as(std::string_view text, const Json& expected) {
  Follower follower(expected);
  return Json::sax_parse(text.begin(), text.end(), &follower);
}

}  // namespace floof::config
