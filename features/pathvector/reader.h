// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the parts of the translation share: notes, checked values, leafs. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/prefix.h"
#include "features/pathvector/yaml.h"

namespace floof::pathvector {

using Words = std::vector<std::string>;

class Notes {
 public:
  /// `line` 0: about the file as a whole. What was said already is not said again.
  void add(size_t line, std::string_view path, std::string_view reason, std::string_view remedy = {});
  /// In order of lines; the first thousand, and how many there are more.
  std::vector<std::string> take();

 private:
  std::vector<std::pair<size_t, std::string>> notes_;
  std::set<std::string> said_;
};

/// A value and where it stands.
struct Found {
  const Yaml* value = nullptr;
  std::string path;
  explicit operator bool() const { return value != nullptr; }
};

/// What a raw text has where a value of the peer's own belongs.
inline constexpr std::string_view kPlaceholder = "<pathvector.";

/// A leaf or list of ours: the words of its path, and its values. A leaf without a value (`bfd`) has one empty value.
struct Leaf {
  Words path;
  std::vector<Words> values;
  std::set<Words> known;  ///< the same, sorted
  bool same_values(const Leaf& other) const { return values == other.values; }
};

class Leafs {
 public:
  /// Adds a value to a leaf, once.
  void add(Words path, Words value);
  const Leaf* find(const Words& path) const;
  void erase(const Words& path);
  const std::vector<Leaf>& all() const { return leafs_; }

 private:
  std::vector<Leaf> leafs_;
};

/// "set" and the words, each quoted where it has to be.
std::string set_line(const Words& words);

/// Reads values; what is of another form becomes a note, and nothing is returned.
class Reader {
 public:
  explicit Reader(Notes& notes) : notes_(notes) {}
  /// Reads as `like` does, and notes elsewhere.
  Reader(const Reader& like, Notes& notes) : notes_(notes), instead_(like.instead_) {}

  std::optional<bool> flag(const Found& found);
  std::optional<uint64_t> number(const Found& found, uint64_t least, uint64_t most);
  /// 1 to 4294967295; a decimal (6.100) is refused, because Pathvector and people read it differently.
  std::optional<uint32_t> asn(const Found& found);
  /// Text without control characters, at most `most` bytes; newlines only when `lines`.
  std::optional<std::string> text(const Found& found, size_t most = 255, bool lines = false);
  /// A list; a single value counts as one of a single item.
  std::vector<Found> list(const Found& found);
  /// A map's fields.
  std::vector<std::pair<std::string, Found>> fields(const Found& found);
  std::optional<std::string> address(const Found& found);
  /// Host bits are cleared.
  std::optional<Prefix> prefix(const Found& found, std::string_view text);
  /// "192.0.2.0/24", "...+", "...{24,28}" as words: prefix, ge N, le N.
  std::optional<Words> prefix_range(const Found& found);
  /// "65000:1", "65000,1", "65000:1:2".
  std::optional<std::string> community(const Found& found);
  /// From now on communities ASN:1:x and ASN:1101:x of these AS numbers, which are this router's own marks
  /// (features/policy/reason.h), become others that `text`, the whole file, does not name. Each is noted.
  void keep_off_marks(std::vector<uint32_t> asns, std::string_view text);
  /// A community in a map's key.
  std::optional<std::string> community(const Found& at, std::string_view text);
  void note(const Found& found, std::string_view reason, std::string_view remedy = {});
  Notes& notes() { return notes_; }

 private:
  std::optional<std::string_view> scalar(const Found& found);
  Notes& notes_;
  std::map<std::string, std::string> instead_;  ///< of beginnings of communities: "65000:1:" -> "65000:1000:"
};

/// Names as our types want them, each once.
class Names {
 public:
  /// Letters, digits and _ . : - at most 63 of them, "peer" when nothing is left; with -2, -3 ... when it is taken.
  std::string make(std::string_view wanted);

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> next_;  ///< number that the next one of a name tries
};
/// As Names, but without regard to others.
std::string name_from(std::string_view wanted);

}  // namespace floof::pathvector
