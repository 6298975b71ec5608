// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/pathvector/older.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace floof::pathvector {

namespace {

struct Renamed {
  std::string_view before, now;
};
/// Of Pathvector 4 and 5, which have no other meaning in 6.
constexpr Renamed kPeer[] = {
    {"announce-communities", "announce"},      {"import-communities", "add-on-import"},
    {"export-communities", "add-on-export"},   {"pre-import", "pre-import-filter"},
    {"pre-import-final", "pre-import-accept"}, {"max-prefix-action", "import-limit-violation"}};
constexpr Renamed kKernel[] = {{"kernel-export", "export"},
                               {"kernel-learn", "learn"},
                               {"kernel-table", "table"},
                               {"kernel-reject-connected", "reject-connected"}};
constexpr std::string_view kFiles[] = {"pre-import-file", "pre-export-file", "pre-import-final-file",
                                       "pre-export-final-file"};
constexpr size_t kMostInherited = 500'000;  ///< values that templates take from others
constexpr size_t kDeepest = 8;

Yaml* find(Yaml& map, std::string_view key) {
  const auto at = std::find_if(map.fields.begin(), map.fields.end(), [&](const Field& f) { return f.key == key; });
  return at == map.fields.end() ? nullptr : &at->value;
}

void erase(Yaml& map, std::string_view key) {
  std::erase_if(map.fields, [&](const Field& field) { return field.key == key; });
}

size_t count(const Yaml& value) {
  size_t out = 1;
  for (const Yaml& item : value.items) {
    out += count(item);
  }
  for (const Field& field : value.fields) {
    out += count(field.value);
  }
  return out;
}

class Current {
 public:
  Current(Yaml& root, Notes& notes) : root_(root), notes_(notes) {}

  void run() {
    kernel();
    for (const char* table : {"templates", "peers"}) {
      for (Field& entry : fields_of(table)) {
        if (entry.value.kind == Yaml::Kind::map) {
          peer(entry.value, fmt::format("{}.{}", table, entry.key));
        }
      }
    }
    for (Field& entry : fields_of("templates")) {
      std::set<std::string> seen{entry.key};
      inherit(entry.key, entry.value, seen);
    }
  }

 private:
  std::vector<Field>& fields_of(std::string_view table) {
    static std::vector<Field> none;
    Yaml* found = find(root_, table);
    return found != nullptr && found->kind == Yaml::Kind::map ? found->fields : none;
  }

  void note(const Yaml& at, std::string_view path, std::string_view reason, std::string_view remedy = {}) {
    notes_.add(at.line, path, reason, remedy);
  }

  /// Moves the value of an older key to its new place.
  void move(Yaml& from, const Renamed& key, Yaml& to, std::string_view path, std::string_view now) {
    const auto at = std::find_if(from.fields.begin(), from.fields.end(),
                                 [&](const Field& field) { return field.key == key.before; });
    if (at == from.fields.end()) {
      return;
    }
    const std::string where = fmt::format("{}{}{}", path, path.empty() ? "" : ".", key.before);
    Yaml value = std::move(at->value);
    from.fields.erase(at);
    if (find(to, key.now) != nullptr) {
      return note(value, where, fmt::format("is an older name of {}, which is there too and counts", now));
    }
    note(value, where, fmt::format("is called {} since Pathvector 6, and read as that", now));
    to.fields.push_back({std::string(key.now), std::move(value)});
  }

  void kernel() {
    Yaml* known = find(root_, "kernel");
    if (known != nullptr && known->kind != Yaml::Kind::map) {
      return;
    }
    Yaml kernel = known != nullptr ? std::move(*known) : Yaml();
    kernel.kind = Yaml::Kind::map;
    for (const Renamed& key : kKernel) {
      move(root_, key, kernel, "", fmt::format("kernel.{}", key.now));
    }
    if (Yaml* augments = find(root_, "augments"); augments != nullptr && augments->kind == Yaml::Kind::map) {
      note(*augments, "augments", "is called kernel since Pathvector 6, and read as that");
      for (Field& field : augments->fields) {
        if (find(kernel, field.key) == nullptr) {
          kernel.fields.push_back(std::move(field));
        }
      }
      erase(root_, "augments");
    }
    for (const char* key : {"portal-host", "portal-key"}) {
      if (const Yaml* found = find(root_, key)) {
        note(*found, key, "there is no peering portal; Pathvector 6 has none either");
        erase(root_, key);
      }
    }
    erase(root_, "kernel");
    if (!kernel.fields.empty()) {
      root_.fields.push_back({"kernel", std::move(kernel)});
    }
  }

  void peer(Yaml& map, const std::string& path) {
    for (const Renamed& key : kPeer) {
      move(map, key, map, path, key.now);
    }
    if (Yaml* listen = find(map, "listen"); listen != nullptr && listen->kind == Yaml::Kind::scalar) {
      const bool six = listen->text.find(':') != std::string::npos;
      const Renamed key{"listen", six ? "listen6" : "listen4"};
      move(map, key, map, path, key.now);
    }
    for (const std::string_view key : kFiles) {
      if (const Yaml* found = find(map, key)) {
        note(*found, fmt::format("{}.{}", path, key), "the file is not read",
             "put its text under pre-import-filter, pre-import-accept, pre-export or pre-export-final");
        erase(map, key);
      }
    }
    interface(map, path);
  }

  /// No version has this key, but people write it.
  void interface(Yaml& map, const std::string& path) {
    const Yaml* interface = find(map, "interface");
    if (interface == nullptr || interface->kind != Yaml::Kind::scalar) {
      return;
    }
    const std::string name = interface->text;
    bool used = false;
    const auto add = [&](Yaml& neighbor) {
      if (neighbor.kind == Yaml::Kind::scalar && neighbor.text.starts_with("fe80:") &&
          neighbor.text.find('%') == std::string::npos) {
        neighbor.text += "%" + name;
        used = true;
      }
    };
    if (Yaml* neighbors = find(map, "neighbors")) {
      add(*neighbors);
      std::for_each(neighbors->items.begin(), neighbors->items.end(), add);
    }
    note(*interface, path + ".interface",
         used ? "Pathvector has no such key; it is taken for the link-local neighbors" : "Pathvector has no such key",
         "an address names its interface as fe80::1%eth0");
    erase(map, "interface");
  }

  /// Pathvector refuses a template in a template; what is meant is clear.
  void inherit(const std::string& name, Yaml& map, std::set<std::string>& seen) {
    const Yaml* wanted = map.kind == Yaml::Kind::map ? find(map, "template") : nullptr;
    if (wanted == nullptr) {
      return;
    }
    const std::string parent = wanted->text, where = fmt::format("templates.{}.template", name);
    const Yaml place = *wanted;
    erase(map, "template");
    auto& all = fields_of("templates");
    const auto at = std::find_if(all.begin(), all.end(), [&](const Field& field) { return field.key == parent; });
    if (at == all.end() || at->value.kind != Yaml::Kind::map) {
      return note(place, where, "there is no such template");
    }
    if (!seen.insert(parent).second || seen.size() > kDeepest) {
      return note(place, where, "templates name each other in a circle, or too deep; this one is not followed");
    }
    inherit(parent, at->value, seen);
    inherited_ += count(at->value);
    if (inherited_ > kMostInherited) {
      return note(place, where, "is not followed: the templates are too long", "split the file");
    }
    note(place, where,
         fmt::format("Pathvector takes no template in a template; what {} has is read as if it stood here", parent));
    for (const Field& field : at->value.fields) {
      if (find(map, field.key) == nullptr) {
        map.fields.push_back(field);
      }
    }
  }

  Yaml& root_;
  Notes& notes_;
  size_t inherited_ = 0;
};

}  // namespace

void make_current(Yaml& root, Notes& notes) { Current(root, notes).run(); }

}  // namespace floof::pathvector
