// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/rpki/rpki.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/text/json_lists.h"

namespace floof::rpki {

namespace {

using Json = nlohmann::json;

constexpr size_t kMostVrps = 5'000'000;
constexpr size_t kMostAspas = 1'000'000;

/// "AS64500", "64500".
std::optional<uint32_t> asn_of(std::string_view text) {
  if (text.starts_with("AS") || text.starts_with("as")) {
    text.remove_prefix(2);
  }
  uint32_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(out) : std::nullopt;
}

/// Reads the members "roas" and "aspas" of the outer object, entry by entry.
class PayloadReader : public nlohmann::json_sax<Json> {
 public:
  Payloads out;
  std::string problem;
  bool has_roas = false;

  bool start_object(size_t) override {
    depth_++;
    if (depth_ == 3 && list_ != List::none) {
      prefix_.reset();
      max_length_.reset();
      asn_.reset();
      providers_.clear();
    }
    return depth_ <= kDeepest || fail("it is nested too deeply");
  }
  bool end_object() override {
    const bool entry = depth_ == 3 && list_ != List::none;
    depth_--;
    return !entry || (list_ == List::roas ? add_vrp() : add_aspa());
  }
  bool start_array(size_t) override {
    depth_++;
    if (depth_ == 2) {
      list_ = key_ == "roas" ? List::roas : key_ == "aspas" ? List::aspas : List::none;
      has_roas = has_roas || list_ == List::roas;
    } else if (depth_ == 4) {
      in_providers_ = list_ == List::aspas && (key_ == "providers" || key_ == "provider_set");
    }
    return depth_ <= kDeepest || fail("it is nested too deeply");
  }
  bool end_array() override {
    if (depth_ == 2) {
      list_ = List::none;
    } else if (depth_ == 4) {
      in_providers_ = false;
    }
    depth_--;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    return true;
  }
  bool string(string_t& text) override {
    if (list_ == List::none) {
      return true;
    }
    if (in_providers_ || (depth_ == 3 && (key_ == "asn" || key_ == "customer_asid" || key_ == "customer"))) {
      const auto asn = asn_of(text);
      return asn ? number(*asn) : fail_entry("has no AS number where one belongs");
    }
    if (depth_ == 3 && key_ == "prefix") {
      const auto prefix = parse_prefix(text);
      if (!prefix) {
        return fail_entry("has a prefix that is none");
      }
      prefix_ = *prefix;
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override { return list_ == List::none || number(value); }
  bool number_integer(number_integer_t) override { return list_ == List::none || fail("a number is negative"); }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    return fail(fmt::format("it is no JSON at byte {}", position));
  }

 private:
  enum class List { none, roas, aspas };
  static constexpr int kDeepest = 64;

  bool fail(std::string why) {
    problem = std::move(why);
    return false;
  }
  /// The text is not quoted: the file may be somebody's secret, or bytes for a terminal.
  bool fail_entry(std::string_view why) {
    return list_ == List::roas ? fail(fmt::format("payload {} {}", out.vrps.size() + 1, why))
                               : fail(fmt::format("ASPA {} {}", ++aspa_count_, why));
  }
  bool number(uint64_t value) {
    if (in_providers_ || (depth_ == 3 && (key_ == "asn" || key_ == "customer_asid" || key_ == "customer"))) {
      if (value > UINT32_MAX) {
        return fail_entry("has a number that is no AS number");
      }
      if (in_providers_) {
        providers_.push_back(static_cast<uint32_t>(value));
      } else {
        asn_ = static_cast<uint32_t>(value);
      }
    } else if (depth_ == 3 && key_ == "maxLength") {
      max_length_ = value;
    }
    return true;
  }
  bool add_vrp() {
    if (!prefix_ || !asn_) {
      return fail("a payload lacks its prefix or AS number");
    }
    const uint64_t most = max_length_.value_or(prefix_->length());
    if (most < prefix_->length() || most > prefix_->max_length()) {
      return fail(fmt::format("{} has a maxLength of {}", to_string(*prefix_), most));
    }
    out.vrps.push_back({*prefix_, static_cast<uint8_t>(most), *asn_});
    return out.vrps.size() <= kMostVrps || fail("it has too many payloads");
  }
  bool add_aspa() {
    if (!asn_) {
      return fail("an ASPA lacks its customer");
    }
    aspa_count_++;
    auto& all = out.aspas[*asn_];
    all.insert(all.end(), providers_.begin(), providers_.end());
    return out.aspas.size() <= kMostAspas || fail("it has too many ASPAs");
  }

  int depth_ = 0;
  size_t aspa_count_ = 0;
  std::string key_;
  List list_ = List::none;
  bool in_providers_ = false;
  std::optional<Prefix> prefix_;
  std::optional<uint64_t> max_length_;
  std::optional<uint32_t> asn_;
  std::vector<uint32_t> providers_;
};

template <typename T>
void sort_unique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

/// prefix, asn and maxPrefixLength of an entry of SLURM; an Error for what is there and wrong.
struct SlurmEntry {
  std::optional<Prefix> prefix;
  std::optional<uint32_t> asn;
  std::optional<uint64_t> max_length;
};
Result<SlurmEntry> slurm_entry(const Json& entry) {
  SlurmEntry out;
  if (const auto at = entry.find("prefix"); at != entry.end()) {
    const auto prefix = at->is_string() ? parse_prefix(at->get_ref<const std::string&>()) : Error{"", "", ""};
    if (!prefix) {
      return Error{"", "a prefix is none", ""};
    }
    out.prefix = *prefix;
  }
  if (const auto at = entry.find("asn"); at != entry.end()) {
    if (!at->is_number_unsigned() || at->get<uint64_t>() > UINT32_MAX) {
      return Error{"", "an asn is no AS number", ""};
    }
    out.asn = at->get<uint32_t>();
  }
  if (const auto at = entry.find("maxPrefixLength"); at != entry.end()) {
    if (!at->is_number_unsigned()) {
      return Error{"", "a maxPrefixLength is no number", ""};
    }
    out.max_length = at->get<uint64_t>();
  }
  return out;
}

Result<> add_filter(Slurm& to, const Json& item) {
  const auto entry = slurm_entry(item);
  if (!entry) {
    return entry.error();
  }
  if (!entry->prefix && !entry->asn) {
    return Error{"", "a prefixFilter has neither prefix nor asn", "it would remove every payload"};
  }
  to.filters.push_back({entry->prefix, entry->asn});
  return {};
}

Result<> add_assertion(Slurm& to, const Json& item) {
  const auto entry = slurm_entry(item);
  if (!entry) {
    return entry.error();
  }
  const uint64_t most = entry->prefix ? entry->max_length.value_or(entry->prefix->length()) : 0;
  if (!entry->prefix || !entry->asn || most < entry->prefix->length() || most > entry->prefix->max_length()) {
    return Error{"", "a prefixAssertion lacks its prefix or asn, or has a wrong maxPrefixLength", ""};
  }
  to.assertions.push_back({*entry->prefix, static_cast<uint8_t>(most), *entry->asn});
  return {};
}

/// SLURM's filters, found by what a payload could match: its AS number, and each prefix that covers it.
class Filters {
 public:
  explicit Filters(const std::vector<VrpFilter>& filters) {
    for (const auto& filter : filters) {
      if (filter.prefix) {
        prefixes_.emplace_back(*filter.prefix, filter.asn);
        lengths_.emplace_back(filter.prefix->family(), filter.prefix->length());
      } else if (filter.asn) {
        asns_.push_back(*filter.asn);
      } else {
        everything_ = true;
      }
    }
    sort_unique(asns_);
    sort_unique(prefixes_);
    sort_unique(lengths_);
  }

  bool leave_out(const Vrp& vrp) const {
    return everything_ || std::binary_search(asns_.begin(), asns_.end(), vrp.asn) ||
           std::any_of(lengths_.begin(), lengths_.end(), [&](const auto& length) {
             return length.first == vrp.prefix.family() && length.second <= vrp.prefix.length() &&
                    has({vrp.prefix.address(), length.second}, vrp.asn);
           });
  }

 private:
  using Asn = std::optional<uint32_t>;
  bool has(const Prefix& prefix, uint32_t asn) const {
    const auto find = [&](Asn a) {
      return std::binary_search(prefixes_.begin(), prefixes_.end(), std::pair(prefix, a));
    };
    return find(std::nullopt) || find(asn);
  }

  std::vector<uint32_t> asns_;                       ///< sorted, as all here
  std::vector<std::pair<Prefix, Asn>> prefixes_;     ///< no number: any
  std::vector<std::pair<Family, uint8_t>> lengths_;  ///< that the prefixes have
  bool everything_ = false;
};

}  // namespace

Result<Payloads> parse_payloads(std::string_view json) {
  PayloadReader reader;
  const bool done = Json::sax_parse(json.begin(), json.end(), &reader);
  if (!done || !reader.has_roas) {
    return Error{"", reader.problem.empty() ? "it has no list \"roas\"" : reader.problem,
                 "rpki-client, Routinator (format json) and StayRTR write such files"};
  }
  sort_unique(reader.out.vrps);
  for (auto& [customer, providers] : reader.out.aspas) {
    sort_unique(providers);
  }
  return std::move(reader.out);
}

std::string to_json(const Payloads& payloads) {
  std::string out = "{\"roas\":[";
  const char* between = "";
  for (const Vrp& vrp : payloads.vrps) {
    fmt::format_to(std::back_inserter(out), "{}{{\"prefix\":\"{}\",\"maxLength\":{},\"asn\":{}}}", between,
                   to_string(vrp.prefix), vrp.max_length, vrp.asn);
    between = ",\n";
  }
  out += "],\n\"aspas\":[";
  between = "";
  for (const auto& [customer, providers] : payloads.aspas) {
    fmt::format_to(std::back_inserter(out), "{}{{\"customer_asid\":{},\"providers\":[{}]}}", between, customer,
                   fmt::join(providers, ","));
    between = ",\n";
  }
  return out + "]}\n";
}

Result<Slurm> parse_slurm(std::string_view json) {
  Slurm out;
  Error problem;
  const auto noted = [&](const Result<>& added) {
    if (!added) {
      problem = {"", fmt::format("entry {}: {}", out.filters.size() + out.assertions.size() + 1, added.error().reason),
                 added.error().remedy};
    }
    return added.ok();
  };
  JsonLists file;
  file.on("validationOutputFilters/prefixFilters", [&](const Json& entry) { return noted(add_filter(out, entry)); });
  file.on("locallyAddedAssertions/prefixAssertions",
          [&](const Json& entry) { return noted(add_assertion(out, entry)); });
  const bool read = file.read(json);
  if (!problem.reason.empty()) {
    return problem;
  }
  if (!read || !file.head().contains("slurmVersion") || file.head()["slurmVersion"] != 1) {
    return Error{"", "it is no SLURM file of version 1", "RFC 8416 describes the form"};
  }
  sort_unique(out.assertions);
  return out;
}

std::vector<Vrp> apply(const Slurm& slurm, const std::vector<Vrp>& vrps) {
  const Filters filters(slurm.filters);
  std::vector<Vrp> out;
  out.reserve(vrps.size() + slurm.assertions.size());
  std::copy_if(vrps.begin(), vrps.end(), std::back_inserter(out),
               [&](const Vrp& vrp) { return !filters.leave_out(vrp); });
  out.insert(out.end(), slurm.assertions.begin(), slurm.assertions.end());
  sort_unique(out);
  return out;
}

}  // namespace floof::rpki
