// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/bfd/bfd_events.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace floof::route {

namespace {

constexpr size_t kLongestLine = 4096;

/// Cuts off what is before and including `mark`; false when it is not there.
bool skip_past(std::string_view& text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(at + mark.size());
  return true;
}

std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

}  // namespace

/// "... <TRACE> floof_bfd: Session to 192.0.2.2 changed state from Up to Down"
std::optional<BfdChange> parse_bfd_event(std::string_view line) {
  if (!skip_past(line, "<TRACE> ") || !skip_past(line, ": Session to ")) {
    return std::nullopt;
  }
  const auto neighbor = parse_ip(take_word(line));
  constexpr std::string_view kChanged = "changed state from ";
  if (!neighbor || !line.starts_with(kChanged)) {
    return std::nullopt;
  }
  line.remove_prefix(kChanged.size());
  const std::string_view from = take_word(line);
  if (take_word(line) != "to") {
    return std::nullopt;
  }
  if (line == "Up") {
    return BfdChange{*neighbor, true};
  }
  // From anything else it was lost before; AdminDown is our own doing.
  return from == "Up" && line == "Down" ? std::optional(BfdChange{*neighbor, false}) : std::nullopt;
}

BfdEvents::BfdEvents(EventLoop& loop, Options options, std::function<void(const IpAddress&, bool lost)> changed)
    : loop_(loop), options_(std::move(options)), changed_(std::move(changed)) {
  notify_.reset(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!notify_ ||
      inotify_add_watch(notify_.get(), options_.folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_MODIFY | IN_ONLYDIR) < 0) {
    log::warning("what BFD finds out is known only when BIRD's routes follow: cannot watch {}: {}", options_.folder,
                 strerror(errno));
    notify_.reset();
    return;
  }
  open_log(true);
  loop_.watch(notify_.get(), EPOLLIN, [this](uint32_t) { notified(); });
}

BfdEvents::~BfdEvents() {
  if (notify_) {
    loop_.unwatch(notify_.get());
  }
  for (const auto& [neighbor, timer] : lost_) {
    loop_.cancel(timer);
  }
}

void BfdEvents::notified() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  bool written = false, another = false;
  for (ssize_t got = 0; (got = read(notify_.get(), buffer.data(), buffer.size())) > 0;) {
    for (ssize_t at = 0; at < got;) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      const bool ours = event.len != 0 && kBfdEventsFile == std::string_view(name, strnlen(name, event.len));
      written = written || (event.mask & IN_Q_OVERFLOW) != 0 || (ours && (event.mask & IN_MODIFY) != 0);
      another = another || (ours && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  if (written || another) {
    read_log();
  }
  if (another) {
    open_log(false);
    read_log();
  }
}

void BfdEvents::open_log(bool at_end) {
  rest_.clear();
  log_.reset(open((options_.folder + "/" + std::string(kBfdEventsFile)).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (log_ && at_end) {
    lseek(log_.get(), 0, SEEK_END);
  }
}

void BfdEvents::read_log() {
  std::array<char, 16384> buffer;
  for (ssize_t got = 0; log_ && (got = read(log_.get(), buffer.data(), buffer.size())) > 0;) {
    std::string_view text(buffer.data(), static_cast<size_t>(got));
    for (size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
      rest_ += text.substr(0, end);
      if (const auto change = parse_bfd_event(rest_)) {
        take(*change);
      }
      rest_.clear();
    }
    if (rest_.size() + text.size() <= kLongestLine) {
      rest_ += text;
    }
  }
}

void BfdEvents::take(const BfdChange& change) {
  const IpAddress neighbor = change.neighbor;
  const auto at = lost_.find(neighbor);
  if (at != lost_.end()) {
    loop_.cancel(at->second);
  }
  if (change.up) {
    if (at != lost_.end()) {
      lost_.erase(at);
      changed_(neighbor, false);
    }
    return;
  }
  const bool news = at == lost_.end();
  lost_[neighbor] = loop_.after(options_.limit, [this, neighbor] {
    lost_.erase(neighbor);
    changed_(neighbor, false);
  });
  if (news) {
    log::info("BFD: {} is lost; its routes go other ways until BIRD has taken them back", to_string(neighbor));
    changed_(neighbor, true);
  }
}

}  // namespace floof::route
