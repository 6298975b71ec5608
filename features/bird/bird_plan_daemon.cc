// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "features/bird/bird_plan.h"

namespace floof::bird {

namespace {

struct Block {
  std::string head;  ///< "protocol bgp peer_a"
  std::vector<std::string> lines;
};

/// A configuration, cut at its top level.
struct Text {
  std::vector<Block> blocks;        ///< protocols, filters, functions
  std::vector<std::string> others;  ///< single statements
};

Text cut(std::string_view text) {
  Text out;
  bool inside = false;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (inside) {
      if (line.starts_with('}')) {
        inside = false;
      } else {
        out.blocks.back().lines.emplace_back(line);
      }
    } else if (line.ends_with('{')) {
      const size_t last = line.find_last_not_of(" {");
      out.blocks.push_back({std::string(line.substr(0, last == std::string_view::npos ? 0 : last + 1)), {}});
      inside = true;
    } else if (!line.empty() && !line.starts_with('#')) {
      out.others.emplace_back(line);
    }
  }
  return out;
}

bool is_protocol(const Block& block) { return block.head.starts_with("protocol "); }

std::string_view trimmed(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

/// Lines that BIRD takes over without restarting the protocol.
bool is_gentle(std::string_view line) {
  line = trimmed(line);
  constexpr std::string_view kGentle[] = {"import filter ", "export filter ",
                                          "import all",     "import none",
                                          "export all",     "export none",
                                          "import where ",  "export where ",
                                          "import limit ",  "export limit ",
                                          "receive limit ", "description ",
                                          "bfd ",           "#"};
  return std::any_of(std::begin(kGentle), std::end(kGentle), [&](auto start) { return line.starts_with(start); });
}

std::vector<std::string> hard_lines(const Block& block) {
  std::vector<std::string> out;
  std::copy_if(block.lines.begin(), block.lines.end(), std::back_inserter(out),
               [](const std::string& line) { return !is_gentle(line); });
  return out;
}

/// "peer a" of the description that the renderer wrote, else the protocol's own name.
std::string people_name(const Block& block) {
  for (const std::string& line : block.lines) {
    const std::string_view text = trimmed(line);
    if (text.starts_with("description \"") && text.ends_with("\";")) {
      return std::string(text.substr(13, text.size() - 15));
    }
  }
  return block.head;
}

std::map<std::string, const Block*> by_head(const Text& text) {
  std::map<std::string, const Block*> out;
  for (const Block& block : text.blocks) {
    out[block.head] = &block;
  }
  return out;
}

/// The name of a filter or function: what others call it by.
std::string symbol_of(const Block& block) {
  std::string_view head = block.head;
  head.remove_prefix(std::min(head.find(' ') + 1, head.size()));
  return std::string(head.substr(0, head.find('(')));
}

bool mentions(const Block& block, const std::set<std::string>& symbols) {
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (const std::string& line : block.lines) {
    for (const std::string& symbol : symbols) {
      const size_t at = line.find(symbol);
      if (at != std::string::npos && (at == 0 || !is_word(line[at - 1])) &&
          (at + symbol.size() >= line.size() || !is_word(line[at + symbol.size()]))) {
        return true;
      }
    }
  }
  return false;
}

/// Filters and functions that are another than before, themselves or by what they call.
std::set<std::string> changed_symbols(const Text& before, const Text& after) {
  const auto old_blocks = by_head(before);
  std::set<std::string> out;
  for (const Block& block : after.blocks) {
    const auto old = old_blocks.find(block.head);
    if (!is_protocol(block) && (old == old_blocks.end() || old->second->lines != block.lines)) {
      out.insert(symbol_of(block));
    }
  }
  for (const std::string& line : after.others) {  // define NAME = ...
    if (line.starts_with("define ") &&
        std::find(before.others.begin(), before.others.end(), line) == before.others.end()) {
      out.insert(line.substr(7, line.find(' ', 7) - 7));
    }
  }
  for (bool more = !out.empty(); more;) {
    more = false;
    for (const Block& block : after.blocks) {
      if (!is_protocol(block) && !out.contains(symbol_of(block)) && mentions(block, out)) {
        more = out.insert(symbol_of(block)).second;
      }
    }
  }
  return out;
}

std::string router_id(const Text& text) {
  const auto found = std::find_if(text.others.begin(), text.others.end(),
                                  [](const std::string& line) { return line.starts_with("router id "); });
  return found == text.others.end() ? "" : *found;
}

}  // namespace

std::vector<BirdChange> bird_changes(std::string_view before, std::string_view after) {
  using Kind = BirdChange::Kind;
  const Text old_text = cut(before), new_text = cut(after);
  const auto old_blocks = by_head(old_text), new_blocks = by_head(new_text);
  const auto symbols = changed_symbols(old_text, new_text);
  const bool new_id = !old_text.blocks.empty() && router_id(old_text) != router_id(new_text);
  std::vector<BirdChange> out;
  const auto add = [&](Kind kind, const Block& block) {
    out.push_back({kind, people_name(block), block.head.starts_with("protocol bgp ")});
  };
  for (const Block& block : new_text.blocks) {
    if (!is_protocol(block)) {
      continue;
    }
    const auto old = old_blocks.find(block.head);
    if (old == old_blocks.end()) {
      add(Kind::starts, block);
    } else if (new_id || hard_lines(*old->second) != hard_lines(block)) {
      add(Kind::restarts, block);
    } else if (old->second->lines != block.lines || mentions(block, symbols)) {
      add(Kind::filters, block);
    }
  }
  for (const Block& block : old_text.blocks) {
    if (is_protocol(block) && !new_blocks.contains(block.head)) {
      add(Kind::stops, block);
    }
  }
  return out;
}

std::vector<config::PlanStep> bird_plan(const std::vector<BirdChange>& changes) {
  std::vector<config::PlanStep> out;
  for (const BirdChange& change : changes) {
    const std::string what = change.bgp ? "the BGP session" : "its routes, until they are learned again";
    switch (change.kind) {
      case BirdChange::Kind::starts:
        out.push_back({"bird", change.name + " starts", ""});
        break;
      case BirdChange::Kind::stops:
        out.push_back({"bird", change.name + " ends", change.bgp ? what : "its routes"});
        break;
      case BirdChange::Kind::restarts:
        out.push_back({"bird", change.name + " restarts", what});
        break;
      case BirdChange::Kind::filters:
        out.push_back(
            {"bird",
             change.name + (change.bgp ? " filters its routes again; the session stays" : " filters its routes again"),
             ""});
        break;
    }
  }
  return out;
}

}  // namespace floof::bird
