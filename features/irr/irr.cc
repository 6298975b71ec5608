// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/irr/irr.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace floof::irr {

namespace {

constexpr size_t kLongestName = 128;
constexpr size_t kMostEntries = 2'000'000;
constexpr std::string_view kList = "x";  // the name that the command gives to the list

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// Reads {"x":[...]} value by value, without a copy of the whole.
class ListReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::string problem;

  bool start_object(size_t) override { return depth_++ == 0 || (in_list_ && depth_ == 3) || fail(); }
  bool end_object() override {
    depth_--;
    return true;
  }
  bool start_array(size_t) override {
    if (depth_ != 1 || key_ != kList || seen_) {
      return fail();
    }
    in_list_ = seen_ = true;
    depth_++;
    return true;
  }
  bool end_array() override {
    in_list_ = false;
    depth_--;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    return true;
  }
  bool null() override { return fail(); }
  bool boolean(bool) override { return (in_list_ && depth_ == 3) || fail(); }
  bool number_integer(number_integer_t) override { return fail(); }
  bool number_float(number_float_t, const string_t&) override { return fail(); }
  bool binary(binary_t&) override { return fail(); }
  bool number_unsigned(number_unsigned_t value) override {
    return (in_list_ && depth_ == 2 && ++count_ <= kMostEntries && take(value)) || fail();
  }
  bool string(string_t& text) override {
    return (in_list_ && depth_ == 3 && key_ == "prefix" && ++count_ <= kMostEntries && take(text)) || fail();
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    problem = fmt::format("the answer is damaged at byte {}", position);
    return false;
  }
  bool whole() const { return seen_ && problem.empty(); }

 protected:
  virtual bool take(uint64_t) { return false; }
  virtual bool take(const std::string&) { return false; }
  bool fail() {
    if (problem.empty()) {
      problem = "the answer has another form than bgpq4's";
    }
    return false;
  }

 private:
  std::string key_;
  int depth_ = 0;
  size_t count_ = 0;
  bool in_list_ = false, seen_ = false;
};

class PrefixReader : public ListReader {
 public:
  explicit PrefixReader(Family family) : family_(family) {}
  std::vector<Prefix> prefixes;

 private:
  bool take(const std::string& text) override {
    const auto prefix = parse_prefix(text);
    if (!prefix || prefix->family() != family_ || prefix->length() == 0) {
      problem = "the answer has something that is no prefix";
      return false;
    }
    prefixes.push_back(*prefix);
    return true;
  }
  Family family_;
};

class MemberReader : public ListReader {
 public:
  std::vector<uint32_t> members;

 private:
  bool take(uint64_t asn) override {
    if (asn == 0 || asn > UINT32_MAX) {
      problem = "the answer has something that is no AS number";
      return false;
    }
    members.push_back(static_cast<uint32_t>(asn));
    return true;
  }
};

Result<> read(std::string_view json, ListReader& reader) {
  const bool done = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  if (done && reader.whole()) {
    return {};
  }
  return Error{"", reader.problem.empty() ? "the answer has another form than bgpq4's" : reader.problem, ""};
}

}  // namespace

bool is_as_set(std::string_view name) {
  return name.size() >= 3 && name.size() <= kLongestName && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == ':' || c == '-'; });
}

std::vector<std::string> as_sets_in(std::string_view text) {
  constexpr std::string_view kBetween = " ,\t\r\n";
  constexpr size_t kMost = 32;
  std::vector<std::string> out;
  for (size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos && out.size() < kMost;) {
    const size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    if (!is_as_set(text.substr(at, end - at))) {
      return {};
    }
    std::string& name = out.emplace_back(text.substr(at, end - at));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    at = text.find_first_not_of(kBetween, end);
  }
  return out;
}

std::vector<std::string> command(Question question, const std::string& server, const std::vector<std::string>& sources,
                                 const std::string& as_set) {
  std::vector<std::string> out = {"bgpq4", "-j", "-l", std::string(kList)};
  out.emplace_back(question == Question::ip4 ? "-4" : question == Question::ip6 ? "-6" : "-t");
  if (!server.empty()) {
    out.insert(out.end(), {"-h", server});
  }
  if (!sources.empty()) {
    out.insert(out.end(), {"-S", fmt::format("{}", fmt::join(sources, ","))});
  }
  out.insert(out.end(), {"--", as_set});
  return out;
}

std::string server_error(std::string_view complaints) {
  constexpr std::string_view kRefused = "Error expanding ", kAnswer = "\n: ";
  constexpr size_t kLongest = 120;
  const size_t at = complaints.find(kRefused);
  if (at == std::string_view::npos) {
    return {};
  }
  // "ERROR:Error expanding !gAS64500\n: F the server's words\n"
  const size_t answer = complaints.find(kAnswer, at);
  std::string_view said = answer == std::string_view::npos ? "" : complaints.substr(answer + kAnswer.size());
  said = said.substr(0, std::min(said.find('\n'), kLongest));
  said.remove_prefix(said.starts_with("F ") ? 2 : 0);
  std::string out = "the server says ";
  for (const char c : said.empty() ? std::string_view("no") : said) {
    out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out;
}

Result<std::vector<Prefix>> parse_prefixes(std::string_view json, Family family) {
  PrefixReader reader(family);
  const auto done = read(json, reader);
  return done ? Result<std::vector<Prefix>>(std::move(reader.prefixes)) : done.error();
}

Result<std::vector<uint32_t>> parse_members(std::string_view json) {
  MemberReader reader;
  const auto done = read(json, reader);
  return done ? Result<std::vector<uint32_t>>(std::move(reader.members)) : done.error();
}

}  // namespace floof::irr
