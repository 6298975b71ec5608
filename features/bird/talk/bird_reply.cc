// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_reply.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

#include "base/digits.h"
#include "features/bird/talk/bird_reply_words.h"

namespace floof::bird {

namespace {

constexpr size_t kLongestLine = 1u << 20;

size_t indent_of(std::string_view text) { return std::min(text.find_first_not_of(' '), text.size()); }

}  // namespace

bool Reply::has(unsigned wanted) const {
  return std::any_of(lines.begin(), lines.end(), [&](const ReplyLine& line) { return line.code == wanted; });
}

std::string Reply::text_of(unsigned wanted) const {
  for (const ReplyLine& line : lines) {
    if (line.code == wanted) {
      return line.text;
    }
  }
  return {};
}

// -- The stream -----------------------------------------------------------------------------------------------------

void ReplyReader::feed(std::string_view bytes) {
  while (!broken_ && !bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      pending_ += bytes;
      broken_ = pending_.size() > kLongestLine;
      return;
    }
    pending_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    take_line(pending_);
    pending_.clear();
  }
}

void ReplyReader::take_line(std::string_view line) {
  if (line.empty() || line[0] == '+') {
    return;  // "+text" is a note to every client, not part of a reply
  }
  if (line[0] == ' ') {
    take_text(line.substr(1));
    return;
  }
  if (line.size() < 5 || !std::all_of(line.begin(), line.begin() + 4, is_digit) || (line[4] != ' ' && line[4] != '-')) {
    broken_ = true;
    return;
  }
  last_code_ = static_cast<unsigned>(*whole_number(line.substr(0, 4)));
  const bool last = line[4] == ' ';
  const std::string_view text = line.substr(5);
  if (!last || !text.empty()) {
    take_text(text);
  }
  if (last) {
    current_.code = last_code_;
    current_.truncated = over_limit();
    done_.push_back(std::move(current_));
    current_ = {};
    bytes_ = 0;
    enough_ = false;
  }
}

void ReplyReader::take_text(std::string_view text) {
  if (options_.take && last_code_ >= 1000 && last_code_ < 2000) {
    enough_ = enough_ || !options_.take(last_code_, text);
    return;
  }
  bytes_ += text.size();
  if (!over_limit()) {
    current_.lines.push_back({last_code_, std::string(text)});
  }
}

std::optional<Reply> ReplyReader::next() {
  if (done_.empty()) {
    return std::nullopt;
  }
  Reply out = std::move(done_.front());
  done_.erase(done_.begin());
  return out;
}

Reply ReplyReader::partial() {
  Reply out = std::move(current_);
  current_ = {};
  out.truncated = true;
  out.code = last_code_;
  return out;
}

// -- show status ----------------------------------------------------------------------------------------------------

Status parse_status(const Reply& reply) {
  Status out;
  const std::pair<std::string_view, std::string*> known[] = {
      {"Router ID is ", &out.router_id},
      {"Current server time is ", &out.server_time},
      {"Last reboot on ", &out.last_reboot},
      {"Last reconfiguration on ", &out.last_reconfiguration},
  };
  for (const ReplyLine& line : reply.lines) {
    const std::string_view text = trimmed(line.text);
    if (line.code == 1000) {
      out.version = text;
    } else if (line.code == 13) {
      out.state = text;
    } else if (constexpr std::string_view kTimer = "Wait timer is "; line.code == 24 && text.starts_with(kTimer)) {
      const std::string_view left = text.substr(kTimer.size());
      out.recovery_s = whole_number(left.substr(0, left.find_first_of("./"))).value_or(0);
    }
    for (const auto& [start, into] : known) {
      if (text.starts_with(start)) {
        *into = text.substr(start.size());
      }
    }
  }
  return out;
}

// -- show protocols -------------------------------------------------------------------------------------------------

namespace {

// "Name Proto Table State Since Info"; Since is a date with a time, or one word in other time formats.
std::optional<Protocol> parse_protocol_line(std::string_view text) {
  Protocol out;
  out.name = word(text);
  out.type = word(text);
  out.table = word(text);
  out.state = word(text);
  out.since = word(text);
  if (out.state.empty() || out.name.empty()) {
    return std::nullopt;
  }
  if (out.table == "---") {
    out.table.clear();
  }
  if (std::count(out.since.begin(), out.since.end(), '-') == 2) {
    std::string_view rest = text;
    const std::string_view time = word(rest);
    if (time.find(':') != std::string_view::npos) {
      out.since += " " + std::string(time);
      text = rest;
    }
  }
  out.info = trimmed(text);
  return out;
}

void parse_route_counts(std::string_view text, Channel& channel) {
  const std::pair<std::string_view, uint64_t*> known[] = {{"imported", &channel.imported},
                                                          {"filtered", &channel.filtered},
                                                          {"exported", &channel.exported},
                                                          {"preferred", &channel.preferred}};
  while (!text.empty()) {
    const std::string_view count = word(text);
    std::string_view what = word(text);
    if (what.ends_with(',')) {
      what.remove_suffix(1);
    }
    for (const auto& [name, into] : known) {
      if (what == name) {
        *into = whole_number(count).value_or(0);
      }
    }
  }
}

/// "received   rejected   RX limit": what two blanks part, as "received", "rejected", "rx-limit".
std::vector<std::string> column_names(std::string_view text) {
  std::vector<std::string> out;
  bool gap = true;
  for (std::string_view one = word(text); !one.empty(); one = word(text)) {
    std::string name(one);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (gap) {
      out.push_back(std::move(name));
    } else {
      out.back() += "-" + name;
    }
    gap = text.starts_with("  ");
  }
  return out;
}

/// A row may lack columns: BIRD 3 leaves one out before the last.
std::map<std::string, uint64_t> named_counts(std::string_view text, const std::vector<std::string>& columns) {
  std::vector<std::optional<uint64_t>> counts;
  for (std::string_view one = word(text); !one.empty() && counts.size() < columns.size(); one = word(text)) {
    counts.push_back(whole_number(one));
  }
  std::map<std::string, uint64_t> out;
  for (size_t i = 0; i < counts.size(); i++) {
    if (counts[i]) {
      out[i + 1 == counts.size() ? columns.back() : columns[i]] = *counts[i];
    }
  }
  return out;
}

/// What the next lines of a channel may be about.
struct OpenLines {
  std::string limit;                 ///< whose action comes
  std::vector<std::string> columns;  ///< of the rows of numbers
};

void parse_channel_line(std::string_view text, Channel& channel, OpenLines& open) {
  const auto pair = key_value(text);
  if (!pair) {
    return;
  }
  const auto& [key, value] = *pair;
  const std::pair<std::string_view, std::string*> known[] = {{"State", &channel.state},
                                                             {"Table", &channel.table},
                                                             {"Input filter", &channel.input_filter},
                                                             {"Output filter", &channel.output_filter}};
  for (const auto& [name, into] : known) {
    if (key == name) {
      *into = value;
    }
  }
  if (key.ends_with(" limit")) {
    std::string_view rest = value;
    std::string kind = key.substr(0, key.size() - 6);
    std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
    ChannelLimit& limit = channel.limits[kind];
    limit.most = whole_number(word(rest)).value_or(0);
    limit.hit = word(rest) == "[HIT]";
    open.limit = kind;
  } else if (key == "Action" && channel.limits.contains(open.limit)) {
    channel.limits[open.limit].action = value;
  } else if (key == "GR recovery") {
    channel.holds_recovery = value.find("pending") != std::string::npos;
    channel.waits_for_recovery = value.find("waiting") != std::string::npos;
  } else if (key == "Route change stats") {
    open.columns = column_names(value);
  } else if (key == "BGP Next hop") {
    std::string_view rest = value;
    const std::string_view global = word(rest);
    channel.next_hop = global == "::" ? word(rest) : global;  // only a link-local one
  } else if (key == "Preference") {
    channel.preference = whole_number(value).value_or(0);
  } else if (key == "Routes") {
    parse_route_counts(value, channel);
  } else if (key.ends_with("updates") || key.ends_with("withdraws")) {
    channel.changes[key] = named_counts(value, open.columns);
  }
}

// Follows the indentation of a protocol's details: 2 = of the protocol, 4 = of a BGP session or a channel, 6 and more =
// inside a list of capabilities.
class DetailParser {
 public:
  void line(Protocol& protocol, std::string_view text) {
    const size_t indent = indent_of(text);
    const std::string_view body = trimmed(text);
    if (body.empty()) {
      return;
    }
    if (indent <= 2) {
      capabilities_ = nullptr;
      in_channel_ = body.starts_with("Channel ");
      if (in_channel_) {
        protocol.channels.emplace_back().name = body.substr(8);
        open_ = {};
        return;
      }
    }
    if (in_channel_) {
      parse_channel_line(body, protocol.channels.back(), open_);
      return;
    }
    if (indent <= 4) {
      capabilities_ = body == "Local capabilities"      ? &protocol.local_capabilities
                      : body == "Neighbor capabilities" ? &protocol.neighbor_capabilities
                                                        : nullptr;
    }
    if (capabilities_ != nullptr) {
      if (indent == 6) {
        capabilities_->emplace_back(body);
      } else if (indent > 6 && !capabilities_->empty()) {
        capabilities_->back() += "; " + std::string(body);
      }
      return;
    }
    if (auto pair = key_value(body)) {
      protocol.details.push_back(std::move(*pair));
    }
  }

 private:
  bool in_channel_ = false;
  std::vector<std::string>* capabilities_ = nullptr;
  OpenLines open_;
};

}  // namespace

std::string Protocol::detail(std::string_view key) const {
  for (const auto& [name, value] : details) {
    if (name == key) {
      return value;
    }
  }
  return {};
}

std::string Protocol::role_in(const std::vector<std::string>& capabilities) {
  constexpr std::string_view start = "Role: ";
  for (const std::string& one : capabilities) {
    if (one.starts_with(start)) {
      return one.substr(start.size());
    }
  }
  return {};
}

std::vector<Protocol> parse_protocols(const Reply& reply) {
  std::vector<Protocol> out;
  DetailParser details;
  for (const ReplyLine& line : reply.lines) {
    if (line.code == 1002) {
      if (auto protocol = parse_protocol_line(line.text)) {
        out.push_back(std::move(*protocol));
        details = {};
      }
    } else if (line.code == 1006 && !out.empty()) {
      details.line(out.back(), line.text);
    }
  }
  return out;
}

std::vector<OspfNeighbor> parse_ospf_neighbors(const Reply& reply) {
  std::vector<OspfNeighbor> out;
  std::string protocol;
  for (const ReplyLine& line : reply.lines) {
    std::string_view rest = line.text;
    std::vector<std::string> words;
    for (std::string_view one = word(rest); !one.empty() && words.size() < 8; one = word(rest)) {
      words.emplace_back(one);
    }
    if (words.size() == 1 && words[0].ends_with(':')) {
      protocol = words[0].substr(0, words[0].size() - 1);
    } else if (words.size() == 6 &&
               is_digit(words[0][0])) {  // router id, priority, state, dead time, interface, address
      out.push_back({protocol, words[0], words[2], words[4], words[5]});
    }
  }
  return out;
}

namespace {

std::optional<std::tm> time_in(std::string_view text) {
  // YYYY-MM-DD hh:mm:ss, or with T between; fractions ignored
  constexpr std::string_view shape = "0000-00-00 00:00:00";
  if (text.size() < shape.size()) {
    return std::nullopt;
  }
  for (size_t i = 0; i < shape.size(); i++) {
    const bool mark = text[i] == shape[i] || (shape[i] == ' ' && text[i] == 'T');
    if (shape[i] == '0' ? !is_digit(text[i]) : !mark) {
      return std::nullopt;
    }
  }
  const auto at = [&](size_t from, size_t length) {
    return static_cast<int>(*whole_number(text.substr(from, length)));
  };
  std::tm when{};
  when.tm_year = at(0, 4) - 1900;
  when.tm_mon = at(5, 2) - 1;
  when.tm_mday = at(8, 2);
  when.tm_hour = at(11, 2);
  when.tm_min = at(14, 2);
  when.tm_sec = at(17, 2);
  return when;
}

std::optional<int64_t> seconds_of(std::string_view text) {
  auto when = time_in(text);
  return when ? std::optional<int64_t>(timegm(&*when)) : std::nullopt;
}

}  // namespace

std::optional<int64_t> seconds_between(std::string_view earlier, std::string_view later) {
  const auto from = seconds_of(earlier);
  const auto to = seconds_of(later);
  return from && to ? std::optional(*to - *from) : std::nullopt;
}

std::string utc_of(std::string_view local) {
  constexpr size_t kSeconds = 19;
  auto when = time_in(local);
  if (!when) {
    return std::string(local);
  }
  when->tm_isdst = -1;  // whether it was summer then
  const time_t moment = mktime(&*when);
  std::tm utc{};
  std::array<char, 32> out{};
  if (moment == -1 || gmtime_r(&moment, &utc) == nullptr || strftime(out.data(), out.size(), "%FT%T", &utc) == 0) {
    return std::string(local);
  }
  const std::string_view rest = local.substr(kSeconds);
  const bool fraction = rest.starts_with('.') && rest.find_first_not_of("0123456789", 1) == std::string_view::npos;
  return std::string(out.data()) + (fraction ? std::string(rest) : "") + "Z";
}

Complaint parse_complaint(std::string_view said, std::string_view file) {
  Complaint out;
  const std::string start = std::string(file) + ":";
  bool placed = false;
  size_t at = 0;
  while (at < said.size()) {
    const size_t end = std::min(said.find('\n', at), said.size());
    std::string_view line = said.substr(at, end - at);
    at = end + 1;
    const size_t found = line.find(start);
    if (found == std::string_view::npos) {
      if (out.text.empty()) {
        out.text = trimmed(line);
      }
      continue;
    }
    // Warnings may come before the error, of the same form (2.16 and later) or as such (3.x): the error is the last.
    if (placed && line.substr(0, found).find("<WARN>") != std::string_view::npos) {
      continue;
    }
    placed = true;
    out = {};
    line.remove_prefix(found + start.size());
    std::string_view place = word(line);
    const size_t colon = place.find(':');
    if (const auto row = whole_number(place.substr(0, colon))) {
      out.line = *row;
      out.column = colon == std::string_view::npos ? 0 : whole_number(place.substr(colon + 1)).value_or(0);
      out.text = trimmed(line);
    } else {
      out.text = trimmed(std::string(place) + std::string(line));
    }
  }
  return out;
}

}  // namespace floof::bird
