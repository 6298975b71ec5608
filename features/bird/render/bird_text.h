// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_view.h"

namespace floof::bird {

using Json = nlohmann::json;

/// Turns a user's name into the inside of a BIRD symbol: letters, digits and `.` `-` `_` `:` stay, so that a name
/// reads the same in birdc; any other or longer name gets a hash and stays distinct. At most 44 characters. Pure.
std::string symbol_part(std::string_view name);
/// A quoted symbol: 'bgp_upstream-a'. `part` must come from symbol_part. Pure.
std::string symbol(std::string_view prefix, std::string_view part);
/// A BIRD string literal. BIRD knows no escapes in it, so what could end it early becomes `?`. Pure.
std::string literal(std::string_view text);
/// Whether `literal` would keep the text as it is (needed for passwords). Pure.
bool quotable(std::string_view text);

/// Protocol name of a peer in bird.conf, without quotes. A dynamic (unnumbered) peer's sessions are called that with
/// `dynamic_separator` and a number behind. Pure.
std::string peer_protocol(std::string_view peer);
/// That of a peer's second and later neighbors: no peer's name begins with a colon, no address has an underscore, so no
/// two sessions share one. Pure.
std::string peer_protocol(std::string_view peer, std::string_view address);
inline constexpr std::string_view dynamic_separator = "_u";

/// Elements of a list of objects, ordered by the string under `key`.
std::vector<const Json*> sorted_by(const Json& list, std::string_view key);

/// One session of a peer: its protocol's name in bird.conf, without quotes, and the address as it is configured.
struct PeerSession {
  std::string protocol;
  std::string neighbor;  ///< empty: an unnumbered peer, of which `protocol` is the parent
};
/// A session for each `neighbor`, in the user's order; one for a peer without any. `peer` as in the configuration.
/// Pure.
std::vector<PeerSession> peer_sessions(const Json& peer);

/// bird.conf under construction: indented lines that remember which configuration path asked for them, so that a
/// complaint of `bird -p` can name it.
class ConfigText {
 public:
  struct Mark {
    size_t line = 0;        ///< first line, from 1
    std::string path;       ///< configuration path of this line and those below, until the next mark
    bool verbatim = false;  ///< the user's own text
    size_t text_line = 1;   ///< which line of that text it is
  };

  /// Lines from here on come from `path`.
  void origin(std::string path, bool verbatim = false, size_t text_line = 1) {
    marks_.push_back({line_, std::move(path), verbatim, text_line});
  }
  template <typename... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    add(fmt::format(format, std::forward<Args>(args)...));
  }
  /// A line that ends in "{" and indents what follows until `close`.
  template <typename... Args>
  void open(fmt::format_string<Args...> format, Args&&... args) {
    add(fmt::format(format, std::forward<Args>(args)...));
    depth_++;
  }
  void close(std::string_view end = "}");
  void blank() { add_raw("\n"); }
  /// Appends text as it is, with a line feed behind it if it has none.
  void verbatim(std::string_view text);

  const std::string& text() const { return text_; }
  const std::vector<Mark>& marks() const { return marks_; }

 private:
  void add(std::string_view line);
  void add_raw(std::string_view text);
  std::string text_;
  std::vector<Mark> marks_;
  size_t line_ = 1;
  unsigned depth_ = 0;
};

}  // namespace floof::bird
