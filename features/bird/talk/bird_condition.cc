// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/talk/bird_condition.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <map>
#include <optional>

#include "base/digits.h"
#include "base/prefix.h"
#include "base/text/as_number.h"
#include "features/policy/policy.h"

namespace floof::bird {

namespace {

constexpr size_t kMostTerms = 20;
struct Form {
  std::string_view name, value, help;
  bool counts = false;  ///< a comparison with a number
};

constexpr std::array<Form, 13> kForms = {{
    {"origin-as", "<asn>", "AS number that the path begins in"},
    {"transit-as", "<asn>", "AS number in front of the origin"},
    {"community", "<community>", "Community such as 65000:100 or 1:2:3; * for any part"},
    {"rpki", "valid|invalid|unknown", "What RPKI says of the origin"},
    {"path", "<as-path>", "Whole AS path such as \"64500 * 64999\"; * is any part of it"},
    {"next-hop", "<address>", "Next hop that the route came with"},
    {"from", "<address>", "Address of the peer that sent the route"},
    {"source", "bgp|static|ospf|device", "Where BIRD has the route from"},
    {"blackhole", "", "Routes that drop their traffic"},
    {"local-pref", "<number>", "Local preference", true},
    {"med", "<number>", "MED", true},
    {"path-length", "<number>", "How many AS numbers the path has", true},
    {"prefix-length", "<number>", "Length of the prefix", true},
}};
constexpr std::array<std::string_view, 6> kSigns = {"=", "!=", "<", "<=", ">", ">="};

std::string remedy() {
  std::string out = "use";
  for (const Form& form : kForms) {
    out += fmt::format("{} {}", &form == &kForms.front() ? "" : &form == &kForms.back() ? " or" : ",", form.name);
  }
  return out;
}

/// The names that `word` may mean: one when it is whole or unique.
std::vector<const Form*> forms_of(std::string_view word) {
  std::vector<const Form*> out;
  for (const Form& form : kForms) {
    if (form.name == word) {
      return {&form};
    }
    if (!word.empty() && form.name.starts_with(word)) {
      out.push_back(&form);
    }
  }
  return out;
}

/// "valid|invalid|unknown" as words.
std::vector<std::string_view> choices(std::string_view value) {
  std::vector<std::string_view> out;
  for (size_t at = 0; at < value.size() && value.front() != '<';) {
    const size_t end = std::min(value.find('|', at), value.size());
    out.push_back(value.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string of_bgp(const std::string& condition) { return fmt::format("source = RTS_BGP && {}", condition); }

class Terms {
 public:
  explicit Terms(std::span<const std::string> words) : words_(words) {}

  Result<std::string> run() {
    if (words_.empty()) {
      return Error{"where", "a condition is missing", remedy()};
    }
    std::string out;
    for (size_t count = 0; at_ < words_.size(); count++) {
      if (count == kMostTerms) {
        return Error{"where", fmt::format("more than {} conditions", kMostTerms), "leave some out"};
      }
      const bool negated = words_[at_] == "not";
      at_ += negated;
      const auto one = term();
      if (!one.ok()) {
        return one.error();
      }
      out += fmt::format("{}{}({})", out.empty() ? "" : " && ", negated ? "! " : "", *one);
    }
    return out;
  }

 private:
  using Value = Result<std::string>;

  static Error wrong(std::string_view word, std::string_view reason, std::string_view remedy) {
    return {fmt::format("where {}", word), std::string(reason), std::string(remedy)};
  }

  std::string next() { return at_ < words_.size() ? words_[at_++] : std::string(); }

  Value term() {
    const std::string word = next();
    const auto forms = forms_of(word);
    if (forms.size() > 1) {
      std::string names;
      for (const Form* form : forms) {
        names += fmt::format("{}{}", names.empty() ? "" : ", ", form->name);
      }
      return wrong(word, "is ambiguous: " + names, "type more letters");
    }
    if (forms.empty()) {
      return word.empty() ? wrong("not", "a condition is missing", remedy()) : wrong(word, "is no condition", remedy());
    }
    const std::string_view name = forms[0]->name;
    static const std::map<std::string_view, Value (Terms::*)()> readers = {
        {"origin-as", &Terms::origin}, {"transit-as", &Terms::transit}, {"community", &Terms::community},
        {"rpki", &Terms::rpki},        {"path", &Terms::path},          {"next-hop", &Terms::next_hop},
        {"from", &Terms::from},        {"source", &Terms::source},      {"blackhole", &Terms::blackhole}};
    if (const auto found = readers.find(name); found != readers.end()) {
      return (this->*found->second)();
    }
    static const std::map<std::string_view, std::string_view> counts = {{"local-pref", "bgp_local_pref"},
                                                                        {"med", "bgp_med"},
                                                                        {"path-length", "bgp_path.len"},
                                                                        {"prefix-length", "net.len"}};
    return comparison(name, counts.at(name));
  }

  Result<uint32_t> as_number(std::string_view form) {
    const std::string text = next();
    const auto asn = parse_as_number(text);
    return asn ? Result<uint32_t>(*asn)
               : wrong(fmt::format("{} {}", form, text), "is no AS number", fmt::format("write {} 64500", form));
  }

  Value origin() {
    const auto asn = as_number("origin-as");
    return asn.ok() ? Value(of_bgp(fmt::format("bgp_path.last_nonaggregated = {}", *asn))) : asn.error();
  }

  Value transit() {
    const auto asn = as_number("transit-as");
    return asn.ok() ? Value(of_bgp(fmt::format("bgp_path ~ [{0}] && bgp_path.last_nonaggregated != {0}", *asn)))
                    : asn.error();
  }

  Value community() {
    const std::string text = next();
    const auto parsed = policy::parse_community(text);
    if (!parsed) {
      return wrong("community " + text, "is no community", "write 65000:100 or 65000:1:2, * for any number");
    }
    std::string parts;
    for (size_t i = 0; i < parsed->size; i++) {
      parts += (i == 0 ? "" : ",") + (parsed->parts[i] ? fmt::to_string(*parsed->parts[i]) : std::string("*"));
    }
    return of_bgp(fmt::format("bgp_{}community ~ [({})]", parsed->size == 3 ? "large_" : "", parts));
  }

  Value rpki() {
    const std::string state = next();
    const std::string_view name = state == "valid"     ? "ROA_VALID"
                                  : state == "invalid" ? "ROA_INVALID"
                                  : state == "unknown" ? "ROA_UNKNOWN"
                                                       : "";
    if (name.empty()) {
      return wrong("rpki " + state, "is no state", "write rpki valid, invalid or unknown");
    }
    std::string out;
    for (const int family : {4, 6}) {
      out += fmt::format("{}(net.type = NET_IP{} && roa_check(floof_roa{}, net, bgp_path.last_nonaggregated) = {})",
                         out.empty() ? "" : " || ", family, family, name);
    }
    return of_bgp(fmt::format("({})", out));
  }

  Value path() {
    const std::string text = next();
    std::string mask;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      const std::string word = text.substr(at, end - at);
      at = end + 1;
      const auto asn = parse_as_number(word);
      if (word.empty()) {
        continue;
      }
      if (!asn && word != "*" && word != "?") {
        return wrong("path " + text, word + " is no AS number",
                     "write path \"64500 * 64999\"; * is any part of a path");
      }
      mask += " " + (asn ? fmt::to_string(*asn) : word);
    }
    return of_bgp(fmt::format("bgp_path ~ [={} =]", mask));
  }

  Value address(std::string_view form, std::string_view attribute) {
    const std::string text = next();
    const auto parsed = parse_ip(text);
    return parsed.ok() ? Value(fmt::format("{} = {}", attribute, to_string(*parsed)))
                       : wrong(fmt::format("{} {}", form, text), parsed.error().reason, "give an address");
  }
  Value next_hop() {
    auto out = address("next-hop", "bgp_next_hop");
    return out.ok() ? Value(of_bgp(*out)) : out;
  }
  Value from() { return address("from", "from"); }

  Value source() {
    const std::string text = next();
    static const std::map<std::string_view, std::string_view> known = {
        {"bgp", "source = RTS_BGP"},
        {"static", "source = RTS_STATIC"},
        {"device", "source = RTS_DEVICE"},
        {"ospf", "source ~ [RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2]"}};
    const auto found = known.find(text);
    return found != known.end() ? Value(std::string(found->second))
                                : wrong("source " + text, "is no source", "write source bgp, static, ospf or device");
  }
  Value blackhole() { return std::string("dest = RTD_BLACKHOLE"); }

  Value comparison(std::string_view form, std::string_view attribute) {
    std::string sign = next();
    std::string text;
    if (whole_number<uint32_t>(sign)) {
      text = std::exchange(sign, "=");
    } else {
      text = next();
    }
    const auto value = whole_number<uint32_t>(text);
    if (std::find(kSigns.begin(), kSigns.end(), sign) == kSigns.end() || !value) {
      std::string said(form);
      for (const std::string& word : {sign, text}) {
        said += (word.empty() ? "" : " ") + word;
      }
      return wrong(said, "is no comparison with a number", fmt::format("write {} >= 100", form));
    }
    if (attribute == "net.len") {
      return fmt::format("net.len {} {}", sign, *value);
    }
    return of_bgp(
        fmt::format("{}{} {} {}", attribute == "bgp_med" ? "defined(bgp_med) && " : "", attribute, sign, *value));
  }

  std::span<const std::string> words_;
  size_t at_ = 0;
};

}  // namespace

Result<std::string> route_condition(std::span<const std::string> words) { return Terms(words).run(); }

ConditionHelp condition_help(std::span<const std::string> words) {
  bool negated = false;
  for (size_t at = 0; at < words.size();) {
    if (!negated && words[at] == "not") {
      negated = true;
      at++;
      continue;
    }
    const auto forms = forms_of(words[at++]);
    if (forms.size() != 1) {
      return {};
    }
    const Form& form = *forms[0];
    const bool sign = form.counts && at < words.size() && !whole_number<uint32_t>(words[at]);
    at += sign;
    if (at == words.size() && !form.value.empty()) {
      ConditionHelp out;
      for (const std::string_view choice : choices(form.value)) {
        out.words.push_back({std::string(choice), ""});
      }
      if (out.words.empty()) {
        out.words.push_back({std::string(form.value), std::string(form.help), false});
      }
      for (size_t i = 0; form.counts && !sign && i < kSigns.size(); i++) {
        out.words.push_back({std::string(kSigns[i]), "Compares with a number; = when nothing is given"});
      }
      return out;
    }
    at += form.value.empty() ? 0 : 1;
    negated = false;
  }
  ConditionHelp out;
  out.whole = !words.empty() && !negated;
  for (const Form& form : kForms) {
    out.words.push_back({std::string(form.name), std::string(form.help)});
  }
  if (!negated) {
    out.words.push_back({"not", "Routes for which the next condition does not hold"});
  }
  return out;
}

}  // namespace floof::bird
