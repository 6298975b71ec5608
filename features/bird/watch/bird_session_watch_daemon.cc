// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "features/bird/watch/bird_session_watch.h"

namespace floof::bird {

SessionWatch::SessionWatch(EventLoop& loop, Options options)
    : loop_(loop),
      options_(std::move(options)),
      client_(options_.socket, {.limit = std::chrono::seconds(2), .pulse = {}}),
      memory_(SessionMemory::from_json(Json::parse(read_file(options_.file).value_or(""), nullptr, false))),
      timer_(loop.every(options_.period, [this] { look(); })),
      background_(loop) {}

SessionWatch::~SessionWatch() { loop_.cancel(timer_); }

/// Whole lines that are new since the last time; of much news only the end. A log that was rotated is read from its
/// beginning.
std::vector<SessionError> SessionWatch::read_log(const std::string& path, Place& place) {
  constexpr uint64_t kMost = 256 << 10;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!file || fstat(file.get(), &info) != 0) {
    return {};
  }
  const auto size = static_cast<uint64_t>(info.st_size);
  const bool another = info.st_ino != place.file;
  place.offset = another || size < place.offset ? 0 : place.offset;
  place.file = info.st_ino;
  place.offset = std::max(place.offset, size > kMost ? size - kMost : 0);
  std::string text(size - place.offset, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), static_cast<off_t>(place.offset));
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  text.resize(text.rfind('\n') + 1);
  place.offset += text.size();
  return session_errors(text);
}

void SessionWatch::look() {
  if (looking_) {
    return;
  }
  if (const uint64_t now = options_.generation(); generation_ != now) {
    generation_ = now;
    config_ = options_.config();
  }
  if (items(member(*config_, "bgp"), "peer").empty()) {
    return;
  }
  looking_ = true;
  background_.run(
      [this]() -> std::optional<SessionMemory::Look> {
        const auto status = client_.ask("show status");
        const auto reply = status.ok() ? client_.ask("show protocols") : status;
        if (!reply.ok()) {
          return std::nullopt;
        }
        return SessionMemory::Look{parse_protocols(*reply), parse_status(*status), read_log(options_.log, place_),
                                   static_cast<int64_t>(time(nullptr))};
      },
      [this](std::optional<SessionMemory::Look> look) {
        looking_ = false;
        if (look) {  // whoever asks for the state of BIRD hears why there is none
          take_in(*look);
        }
      });
}

void SessionWatch::take_in(const SessionMemory::Look& look) {
  if (options_.listener && options_.generation() == generation_) {
    options_.listener(look.protocols, look.status, *config_);
  }
  SessionMemory next = memory_;
  next.follow(look, *config_);
  if (next == memory_) {
    return;
  }
  constexpr size_t kMostLines = 20;  // of one look: BIRD's end is the end of all sessions
  for (const std::string& line : next.news(memory_, kMostLines)) {
    log::info("{}", line);
  }
  memory_ = std::move(next);
  if (const auto done =
          replace_file(options_.file, memory_.to_json().dump(-1, ' ', false, Json::error_handler_t::replace));
      !done.ok()) {
    log::error("{}", done.error().text());
  }
}

void SessionWatch::annotate(Json& shown) const { memory_.annotate(shown, static_cast<int64_t>(time(nullptr))); }

}  // namespace floof::bird
