// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/audit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <deque>

#include "base/json_view.h"
#include "base/log.h"
#include "config/store.h"

namespace floof::config {

namespace {

using Json = nlohmann::json;

constexpr size_t kLongestText = 4000;  // of one value: an edit line may be as long as a message
constexpr size_t kHashDigits = 2 * crypto_hash_sha256_BYTES;
constexpr std::string_view kHead = "{\"prev\":\"";
constexpr const char* kRemedy = "free space on the disk, or check the file's permissions";

std::string zeros() { return std::string(kHashDigits, '0'); }

std::string hash_of(std::string_view line) {
  std::array<unsigned char, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), reinterpret_cast<const unsigned char*>(line.data()), line.size());
  std::string out;
  for (const unsigned char byte : digest) {
    out += fmt::format("{:02x}", byte);
  }
  return out;
}

/// The hash that a line says its predecessor has; empty when the line has no such form.
std::string_view prev_of(std::string_view line) {
  const bool formed = line.starts_with(kHead) && line.size() > kHead.size() + kHashDigits + 2 && line.back() == '}' &&
                      line[kHead.size() + kHashDigits] == '"';
  return formed ? line.substr(kHead.size(), kHashDigits) : std::string_view();
}

std::string content_of(const std::string& path) {
  std::string out;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat about {};
  if (!fd || fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode)) {
    return out;
  }
  out.resize(static_cast<size_t>(about.st_size));
  size_t at = 0;
  while (at < out.size()) {
    const ssize_t count = ::read(fd.get(), out.data() + at, out.size() - at);
    if (count == 0 || (count < 0 && errno != EINTR)) {
      break;
    }
    at += count > 0 ? static_cast<size_t>(count) : 0;
  }
  out.resize(at);
  return out;
}

/// Calls `use` with each whole line; false stops.
template <typename Use>
void each_line(std::string_view text, Use use) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    const std::string_view line = text.substr(at, end == std::string_view::npos ? end : end - at);
    if (!use(line) || end == std::string_view::npos) {
      return;
    }
    at = end + 1;
  }
}

std::string_view last_line(std::string_view text) {
  while (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  const size_t end = text.rfind('\n');
  return end == std::string_view::npos ? text : text.substr(end + 1);
}

void shorten(Json& value) {
  if (value.is_structured()) {
    for (Json& part : value) {
      shorten(part);
    }
  } else if (auto* text = value.get_ptr<std::string*>(); text != nullptr && text->size() > kLongestText) {
    text->resize(kLongestText);
    *text += "...";
  }
}

bool holds(std::string_view text, std::string_view wanted) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return std::search(text.begin(), text.end(), wanted.begin(), wanted.end(), same) != text.end();
}

bool fits(const Json& entry, std::string_view line, const AuditLog::Filter& filter) {
  const auto& what = filter.what;
  return (filter.user.empty() || text_of(entry, "user") == filter.user) &&
         (filter.since.empty() || text_of(entry, "time") >= filter.since) &&
         (what.empty() || std::find(what.begin(), what.end(), text_of(entry, "what")) != what.end()) &&
         (filter.match.empty() || holds(line.substr(kHead.size() + kHashDigits), filter.match));
}

}  // namespace

AuditLog::AuditLog(Options options) : options_(std::move(options)), head_(zeros()) {
  if (sodium_init() < 0) {
    problem_ = "libsodium cannot start";
  }
  if (const auto opened = open(); !opened) {
    problem_ = opened.error().text();
    log::error("audit log: {}", problem_);
  }
}

std::string AuditLog::part(unsigned number) const {
  return number == 0 ? options_.file : fmt::format("{}.{}", options_.file, number);
}

Result<> AuditLog::open() {
  UniqueFd fd(::open(options_.file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd || fchmod(fd.get(), 0600) != 0) {
    return errno_error(options_.file, "opening the audit log", kRemedy);
  }
  std::string text = content_of(options_.file);
  const size_t whole = text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
  const size_t torn = text.size() - whole;
  // A power cut in the middle of a line leaves a part of it: it never counted.
  if (torn > 0 && ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) {
    return errno_error(options_.file, "repairing the audit log", kRemedy);
  }
  text.resize(whole);
  size_ = whole;
  for (unsigned number = 1; text.empty() && number <= options_.old_parts; number++) {
    text = content_of(part(number));
  }
  head_ = text.empty() ? zeros() : hash_of(last_line(text));
  fd_ = std::move(fd);
  if (torn > 0) {
    add({{"what", "repair"}, {"text", fmt::format("{} bytes of a line that was not written whole were removed", torn)}},
        true);
  }
  return {};
}

Result<> AuditLog::rotate() {
  fsync(fd_.get());
  for (unsigned number = options_.old_parts; number > 0; number--) {
    if (rename(part(number - 1).c_str(), part(number).c_str()) != 0 && errno != ENOENT) {
      return errno_error(part(number), "moving the full audit log away", kRemedy);
    }
  }
  fd_.reset();
  const std::string head = head_;
  auto opened = open();
  head_ = head;
  return opened;
}

Result<> AuditLog::append(const std::string& line, bool durable) {
  if (!fd_) {
    if (auto opened = open(); !opened) {
      return opened;
    }
  }
  if (size_ > 0 && size_ + line.size() > options_.part_bytes) {
    if (auto rotated = rotate(); !rotated) {
      return rotated;
    }
  }
  const ssize_t count = ::write(fd_.get(), line.data(), line.size());
  if (count != static_cast<ssize_t>(line.size())) {
    const Error error = errno_error(options_.file, "writing the audit log", kRemedy);
    if (ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) {
      fd_.reset();  // `open` repairs it
    }
    return count < 0 ? error : Error{options_.file, "the disk is full", kRemedy};
  }
  size_ += line.size();
  if (durable && fsync(fd_.get()) != 0) {
    return errno_error(options_.file, "writing the audit log to disk", kRemedy);
  }
  return {};
}

void AuditLog::add(Json entry, bool durable) {
  entry["time"] = now_text();
  if (lost_ > 0) {
    entry["lost"] = lost_;
  }
  shorten(entry);
  if (!fd_) {
    (void)open();  // finds the end of the chain; `append` tells what is wrong
  }
  const std::string rest = entry.dump(-1, ' ', false, Json::error_handler_t::replace).substr(1);
  const std::string line = fmt::format("{}{}\",{}", kHead, head_, rest);
  if (const auto written = append(line + "\n", durable); !written) {
    if (problem_.empty()) {
      log::error("{}", written.error().text());
    }
    lost_++;
    problem_ = fmt::format("the audit log misses {} entries: {}", lost_, written.error().text());
    return;
  }
  problem_.clear();
  lost_ = 0;
  head_ = hash_of(line);
}

Json AuditLog::read(const Filter& filter) const {
  std::deque<Json> found;
  for (unsigned number = 0; number <= options_.old_parts && found.size() < filter.last; number++) {
    const std::string text = content_of(part(number));
    std::deque<Json> here;
    std::string_view rest = text;
    while (!rest.empty() && found.size() + here.size() < filter.last) {
      const std::string_view line = last_line(rest);
      rest = rest.substr(0, static_cast<size_t>(line.data() - rest.data()));
      Json entry = Json::parse(line, nullptr, false);
      if (entry.is_object() && !prev_of(line).empty() && fits(entry, line, filter)) {
        entry.erase("prev");
        here.push_front(std::move(entry));
      }
    }
    found.insert(found.begin(), std::make_move_iterator(here.begin()), std::make_move_iterator(here.end()));
  }
  return Json(std::vector<Json>(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end())));
}

AuditLog::Verdict AuditLog::verify(const std::function<void()>& pulse) const {
  Verdict out;
  const bool all_there = access(part(options_.old_parts).c_str(), F_OK) != 0;
  std::string expected = all_there ? zeros() : "";  // else the first line's predecessor is gone
  for (unsigned number = options_.old_parts + 1; number-- > 0 && out.good;) {
    const std::string text = content_of(part(number));
    const std::string name = part(number).substr(part(number).rfind('/') + 1);
    uint64_t count = 0;
    each_line(text, [&](std::string_view line) {
      constexpr uint64_t kLinesPerPulse = 4096;
      count++;
      out.lines++;
      if (pulse && out.lines % kLinesPerPulse == 0) {
        pulse();
      }
      const std::string_view prev = prev_of(line);
      out.good = !prev.empty() && (prev == expected || expected.empty());
      if (!out.good) {
        out.where = fmt::format("{} line {}", name, count);
        out.reason = prev.empty() ? "the line has not the form of an entry"
                     : count == 1 && out.lines == 1
                         ? "lines before it are missing"
                         : "the line before it was changed, or lines between them were removed or added";
      }
      expected = hash_of(line);
      return out.good;
    });
  }
  if (out.good && out.lines > 0 ? expected != head_ : out.good && head_ != zeros()) {
    out.good = false;
    out.where = "the end of audit.log";
    out.reason = "the last lines were changed or removed";
  }
  return out;
}

Result<std::string> time_since(const std::string& text, int64_t now) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  if (text == "today") {
    return time_text(now).substr(0, 10);
  }
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  const size_t which = std::string_view("smhd").find(unit.empty() ? '?' : unit[0]);
  if (error == std::errc() && unit.size() == 1 && which != std::string_view::npos && count >= 0 && count < 1'000'000) {
    constexpr std::array<int64_t, 4> kSeconds = {1, 60, 3600, 86400};
    return time_text(std::max<int64_t>(0, now - count * kSeconds[which]));
  }
  const bool sized = text.size() == 10 || text.size() == 16 || text.size() == 19 || text.size() == 20;
  const bool formed = sized && std::equal(text.begin(), text.end(), kForm.begin(), [](unsigned char c, char wanted) {
                        return wanted == 'd' ? std::isdigit(c) != 0 : c == wanted;
                      });
  return formed ? Result<std::string>(text)
                : Error{"since " + text, "is neither a time nor a span of time",
                        "write 30m, 2h, 7d, today, 2026-11-24 or 2026-11-24T20:15:01Z (UTC)"};
}

Result<Json> show_audit(const AuditLog& log, const Json& arguments, const std::function<void()>& pulse) {
  constexpr uint64_t kMost = 10'000;
  AuditLog::Filter filter;
  filter.user = text_of(arguments, "user");
  filter.match = text_of(arguments, "match");
  filter.what = texts(arguments, "what");
  filter.last = static_cast<size_t>(std::clamp<uint64_t>(number_of(arguments, "last", 50), 1, kMost));
  if (const std::string since = text_of(arguments, "since"); !since.empty()) {
    const auto start = time_since(since, static_cast<int64_t>(time(nullptr)));
    if (!start) {
      return start.error();
    }
    filter.since = *start;
  }
  Json out = {{"entries", log.read(filter)}};
  if (flag_of(arguments, "verify")) {
    const auto verdict = log.verify(pulse);
    out["verified"] = verdict.good;
    out["lines"] = verdict.lines;
    if (!verdict.good) {
      out["bad"] = {{"where", verdict.where}, {"reason", verdict.reason}};
    }
  }
  return out;
}

}  // namespace floof::config
