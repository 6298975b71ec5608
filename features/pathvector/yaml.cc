// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>

namespace floof::pathvector {

namespace {

constexpr size_t kMostText = 1 << 20, kMostValues = 100'000, kMostBytes = 16 << 20, kDeepestYaml = 32;

/// Leaves the parser; caught in read_yaml.
struct Refused {
  size_t line;
  std::string reason, remedy;
};

struct Size {
  size_t values = 0, bytes = 0;
};

Size size_of(const Yaml& value) {
  Size out{1, value.text.size()};
  const auto add = [&out](const Yaml& inner) {
    const Size size = size_of(inner);
    out.values += size.values;
    out.bytes += size.bytes;
  };
  for (const Yaml& item : value.items) {
    add(item);
  }
  for (const auto& [key, field] : value.fields) {
    out.bytes += key.size();
    add(field);
  }
  return out;
}

class Builder : public YAML::EventHandler {
 public:
  Document take() { return std::move(out_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { put(made(Yaml::Kind::null, mark), anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    Yaml value = made(Yaml::Kind::scalar, mark);
    const bool plain = tag != "!";
    if (plain && (text == "~" || text == "null" || text == "Null" || text == "NULL")) {
      value.kind = Yaml::Kind::null;
    }
    value.text = text;
    put(std::move(value), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Refused{line_of(mark), "an alias is inside of what it stands for", "write the values out"};
    }
    charge(found->second, line_of(mark));
    Yaml value = found->second;
    put(std::move(value), 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Yaml::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Yaml::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Frame {
    Yaml value;
    YAML::anchor_t anchor;
    std::optional<std::string> key{};
    std::vector<Yaml> merged{};
    std::set<std::string, std::less<>> names{};
  };

  static size_t line_of(const YAML::Mark& mark) { return static_cast<size_t>(std::max(mark.line, 0)) + 1; }

  Yaml made(Yaml::Kind kind, const YAML::Mark& mark) {
    Yaml out;
    out.kind = kind;
    out.line = line_of(mark);
    return out;
  }

  void charge(const Yaml& value, size_t line) {
    const Size size = size_of(value);
    values_ += size.values;
    bytes_ += size.bytes;
    if (values_ > kMostValues || bytes_ > kMostBytes) {
      throw Refused{line,
                    fmt::format("has more than {} values or {} MB, aliases filled in", kMostValues, kMostBytes >> 20),
                    "split it into several files"};
    }
  }

  void open(Yaml::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (frames_.size() >= kDeepestYaml) {
      throw Refused{line_of(mark), fmt::format("is nested deeper than {} levels", kDeepestYaml), ""};
    }
    frames_.push_back({made(kind, mark), anchor});
    charge(frames_.back().value, line_of(mark));
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    for (const Yaml& from : frame.merged) {
      merge(frame, from);
    }
    attach(std::move(frame.value), frame.anchor);
  }

  static void merge(Frame& into, const Yaml& from) {
    for (const Yaml& item : from.items) {
      merge(into, item);
    }
    for (const auto& [key, value] : from.fields) {
      if (into.names.insert(key).second) {
        into.value.fields.push_back({key, value});
      }
    }
  }

  void put(Yaml value, YAML::anchor_t anchor) {
    charge(value, value.line);
    attach(std::move(value), anchor);
  }

  void attach(Yaml value, YAML::anchor_t anchor) {
    if (anchor != 0) {
      charge(value, value.line);
      anchors_[anchor] = value;
    }
    if (frames_.empty()) {
      out_.root = std::move(value);
      return;
    }
    Frame& top = frames_.back();
    if (top.value.kind == Yaml::Kind::list) {
      top.value.items.push_back(std::move(value));
    } else if (!top.key) {
      key(top, value);
    } else {
      field(top, std::move(value));
    }
  }

  static void key(Frame& top, const Yaml& value) {
    if (value.kind != Yaml::Kind::scalar) {
      throw Refused{value.line, "a key is no word", ""};
    }
    top.key = value.text;
  }

  void field(Frame& top, Yaml value) {
    const std::string name = std::move(*top.key);
    top.key.reset();
    if (name == "<<") {
      top.merged.push_back(std::move(value));
    } else if (!top.names.insert(name).second) {
      out_.repeated.emplace_back(name, value.line);
    } else {
      top.value.fields.push_back({name, std::move(value)});
    }
  }

  Document out_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Yaml> anchors_;
  size_t values_ = 0, bytes_ = 0;
};

Error wrong(size_t line, std::string reason, std::string remedy) {
  return {fmt::format("line {}", line), std::move(reason), std::move(remedy)};
}

}  // namespace

const Yaml* Yaml::find(std::string_view key) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.key == key; });
  return at != fields.end() ? &at->value : nullptr;
}

Result<Document> read_yaml(std::string_view text) {
  if (text.size() > kMostText) {
    return Error{"", fmt::format("the text has {} bytes, at most {} are read", text.size(), kMostText), "split it"};
  }
  std::istringstream stream{std::string(text)};
  try {
    Builder builder;
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    return builder.take();
  } catch (const Refused& refused) {
    return wrong(refused.line, refused.reason, refused.remedy);
  } catch (const YAML::Exception& bad) {
    const int line = bad.mark.is_null() ? 0 : bad.mark.line;
    return wrong(static_cast<size_t>(std::max(line, 0)) + 1, fmt::format("is no YAML: {}", bad.msg),
                 "Pathvector could not read it either");
  } catch (const std::exception& bad) {
    return Error{"", fmt::format("is no YAML: {}", bad.what()), ""};
  }
}

}  // namespace floof::pathvector
