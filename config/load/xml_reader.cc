// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/load/xml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <tuple>

#include "config/load/loader.h"
#include "config/tree/words.h"

namespace floof::config {

namespace {

constexpr size_t kMostSpaces = 64;  ///< namespaces around an element, and attributes of it

class XmlReader {
 public:
  explicit XmlReader(std::string_view text) : text_(text) {}

  /// The outermost element. Not its Error's text but where() tells the place.
  Result<XmlElement> run() {
    skip_outside();
    if (wrong_.empty() && !text_.substr(at_).starts_with('<')) {
      fail("an element <configuration> belongs here");
    }
    XmlElement root;
    if (wrong_.empty()) {
      root = element({}, 0);
      skip_outside();
    }
    if (wrong_.empty() && at_ < text_.size()) {
      fail("something follows the last element");
    }
    return wrong_.empty() ? Result<XmlElement>(std::move(root)) : Error{"", "not XML: " + wrong_, ""};
  }

  Position where() const { return position_in(text_, at_); }

 private:
  using Spaces = std::vector<std::pair<std::string, std::string>>;  ///< prefix and namespace, innermost last

  void fail(std::string reason) {
    if (wrong_.empty()) {
      wrong_ = std::move(reason);
    }
  }

  bool skip(std::string_view what) {
    if (!text_.substr(at_).starts_with(what)) {
      return false;
    }
    move(what.size());
    return true;
  }

  void move(size_t count) {
    const std::string_view passed = text_.substr(at_, count);
    line_ += static_cast<size_t>(std::count(passed.begin(), passed.end(), '\n'));
    at_ += passed.size();
  }

  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) {
      move(1);
    }
  }

  /// Moves behind `end`, or fails.
  void skip_to(std::string_view end) {
    const size_t found = text_.find(end, at_);
    if (found == std::string_view::npos) {
      return fail(fmt::format("{} is missing", end));
    }
    move(found + end.size() - at_);
  }

  /// Comments, processing instructions and blanks.
  void skip_outside() {
    while (wrong_.empty()) {
      skip_blanks();
      if (skip("<!--")) {
        skip_to("-->");
      } else if (skip("<?")) {
        skip_to("?>");
      } else if (text_.substr(at_).starts_with("<!")) {
        return fail("document types are not read");
      } else {
        return;
      }
    }
  }

  std::string name() {
    const size_t start = at_;
    while (at_ < text_.size() && !is_blank(text_[at_]) &&
           std::string_view("<>/=\"'&").find(text_[at_]) == std::string_view::npos) {
      at_++;
    }
    if (at_ == start) {
      fail("a name is missing");
    }
    return std::string(text_.substr(start, at_ - start));
  }

  /// Appends the character that the & at the present place stands for.
  void entity(std::string& out) {
    const size_t end = text_.find(';', at_);
    const std::string_view word =
        end == std::string_view::npos || end - at_ > 10 ? "" : text_.substr(at_ + 1, end - at_ - 1);
    static constexpr std::pair<std::string_view, char> kNamed[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    const auto* named =
        std::find_if(std::begin(kNamed), std::end(kNamed), [&](const auto& n) { return n.first == word; });
    uint32_t code = 0;
    if (named != std::end(kNamed)) {
      out += named->second;
    } else if (word.starts_with('#') && number(word.substr(1), code)) {
      append(out, code);
    } else {
      return fail("an entity that is not known");
    }
    move(end + 1 - at_);
  }

  static bool number(std::string_view word, uint32_t& code) {
    const bool hex = word.starts_with('x');
    word = hex ? word.substr(1) : word;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), code, hex ? 16 : 10);
    return error == std::errc() && end == word.data() + word.size() && code > 0 && code <= 0x10ffff;
  }

  /// As UTF-8; whether the character may be in a value is judged with the value.
  static void append(std::string& out, uint32_t code) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xf0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  /// A value in quotes. Line ends and tabs in it are blanks (XML 1.0, 3.3.3), numbers for them are not.
  std::string quoted() {
    const char quote = at_ < text_.size() ? text_[at_] : 0;
    if (quote != '"' && quote != '\'') {
      fail("a value in quotes is missing");
      return {};
    }
    std::string out;
    for (move(1); wrong_.empty() && at_ < text_.size() && text_[at_] != quote;) {
      if (text_[at_] == '&') {
        entity(out);
      } else if (text_[at_] == '<') {
        fail("< in a value");
      } else {
        out += is_blank(text_[at_]) ? ' ' : text_[at_];
        move(1);
      }
    }
    if (wrong_.empty() && !skip(std::string_view(&quote, 1))) {
      fail("a quoted value does not end");
    }
    return out;
  }

  /// Reads attributes up to > or />; true when the element ends there.
  bool attributes(XmlElement& element, Spaces& spaces) {
    while (wrong_.empty()) {
      skip_blanks();
      if (skip("/>")) {
        return true;
      }
      if (skip(">")) {
        return false;
      }
      const std::string attribute = name();
      skip_blanks();
      if (!wrong_.empty() || !skip("=")) {
        fail("a = is missing");
        break;
      }
      skip_blanks();
      std::string value = quoted();
      if (spaces.size() > kMostSpaces || element.attributes.size() > kMostSpaces) {
        fail("too many attributes");
      } else if (attribute == "xmlns" || attribute.starts_with("xmlns:")) {
        spaces.emplace_back(attribute.size() > 6 ? attribute.substr(6) : "", std::move(value));
      } else {
        element.attributes.push_back({attribute, "", std::move(value)});
      }
    }
    return true;
  }

  /// Local name and namespace of "prefix:name".
  static std::pair<std::string, std::string> resolve(const std::string& full, const Spaces& spaces) {
    const size_t colon = full.find(':');
    const std::string prefix = colon == std::string::npos ? "" : full.substr(0, colon);
    const auto space = std::find_if(spaces.rbegin(), spaces.rend(), [&](const auto& s) { return s.first == prefix; });
    return {colon == std::string::npos ? full : full.substr(colon + 1), space != spaces.rend() ? space->second : ""};
  }

  XmlElement element(Spaces spaces, size_t depth) {
    XmlElement out;
    out.line = line_;
    move(1);
    const std::string full = name();
    if (depth >= kDeepest) {
      fail("nested too deeply");
    }
    const bool ended = attributes(out, spaces);
    std::tie(out.name, out.space) = resolve(full, spaces);
    for (XmlAttribute& attribute : out.attributes) {
      // Without a prefix it is in no namespace (Namespaces in XML 1.0, 6.2).
      std::tie(attribute.name, attribute.space) = attribute.name.find(':') == std::string::npos
                                                      ? std::pair(attribute.name, std::string())
                                                      : resolve(attribute.name, spaces);
    }
    if (!ended) {
      content(out, spaces, depth, full);
    }
    return out;
  }

  void content(XmlElement& out, const Spaces& spaces, size_t depth, const std::string& full) {
    while (wrong_.empty()) {
      if (at_ >= text_.size()) {
        return fail(fmt::format("</{}> is missing", full));
      }
      if (skip("<!--")) {
        skip_to("-->");
      } else if (skip("<![CDATA[")) {
        const size_t start = at_;
        skip_to("]]>");
        out.text += wrong_.empty() ? text_.substr(start, at_ - start - 3) : "";
      } else if (skip("<?")) {
        skip_to("?>");
      } else if (skip("</")) {
        if (name() != full) {
          fail(fmt::format("</{}> is missing", full));
        }
        skip_blanks();
        return skip(">") ? void() : fail("a > is missing");
      } else if (text_[at_] == '<') {
        out.below.push_back(element(spaces, depth + 1));
      } else if (text_[at_] == '&') {
        entity(out.text);
      } else {
        if (text_[at_] != '\r') {  // line ends become newlines (XML 1.0, 2.11)
          out.text += text_[at_];
        }
        move(1);
      }
    }
  }

  std::string_view text_;
  size_t at_ = 0, line_ = 1;
  std::string wrong_;
};

}  // namespace

Result<XmlElement> read_xml(std::string_view text, Position& where) {
  XmlReader reader(text);
  auto root = reader.run();
  where = reader.where();
  return root;
}

}  // namespace floof::config
