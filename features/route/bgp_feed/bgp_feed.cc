// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/route/bgp_feed/bgp_feed.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/ipc/feed_key.h"
#include "base/ipc/socket_address.h"
#include "base/ipc/tcp_owner.h"
#include "base/log.h"
#include "features/route/bgp_feed/bgp_feed_impl.h"

namespace floof::route {

using bgp::Notification;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// How long one turn of the loop may be spent with reading.
constexpr auto kReadBudget = 8ms;
constexpr size_t kReadSize = size_t{256} * 1024;
constexpr auto kFirstBackOff = 100ms;
constexpr auto kLongestBackOff = 1000ms;
constexpr auto kOpenLimit = 10s;
/// On loopback an answer comes at once; where nobody listens or the key is another one, none ever does.
constexpr auto kConnectLimit = 200ms;

void set_option(int fd, int level, int option, int value) { setsockopt(fd, level, option, &value, sizeof value); }

/// A socket that is connecting.
Result<UniqueFd> connect_from(const IpAddress& source, const IpAddress& to, uint16_t port, const std::string& key) {
  const SocketAddress here(source, 0), there(to, port);
  UniqueFd fd(socket(to.is_ip4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return Error{"", std::strerror(errno), ""};
  }
  if (!key.empty()) {
    if (auto locked = sign_with(fd.get(), there.data(), there.size(), key); !locked) {
      return locked.error();
    }
  }
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 5);
  set_option(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL, 2);
  set_option(fd.get(), IPPROTO_TCP, TCP_KEEPCNT, 3);
  if (bind(fd.get(), here.data(), here.size()) != 0 ||
      (connect(fd.get(), there.data(), there.size()) != 0 && errno != EINPROGRESS)) {
    return Error{"", std::strerror(errno), ""};
  }
  return fd;
}

}  // namespace

std::string_view to_string(BgpFeed::State state) {
  static constexpr std::array<std::string_view, 7> kNames{"stopped",      "waiting", "connecting", "open-sent",
                                                          "open-confirm", "syncing", "established"};
  return kNames[static_cast<size_t>(state)];
}

BgpFeed::BgpFeed(EventLoop& loop, Rib& rib, FeedOptions options, FeedContext context)
    : impl_(std::make_unique<Impl>(loop, rib, std::move(options), std::move(context))) {
  impl_->input.resize(2 * kReadSize);
}

BgpFeed::~BgpFeed() { stop(); }

const BgpFeed::Status& BgpFeed::status() const { return impl_->status; }

std::optional<std::chrono::seconds> BgpFeed::away() const {
  const Status& status = impl_->status;
  if (status.state == State::stopped || status.state >= State::syncing) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - status.away_since);
}

void BgpFeed::start() {
  if (impl_->status.state == State::stopped) {
    impl_->enter(State::waiting);
    impl_->status.away_since = Clock::now();
    impl_->second_timer = impl_->loop.every(1s, [this] { impl_->every_second(); });
    impl_->retry_timer = impl_->loop.after(0us, [this] { impl_->connect(); });
    if (impl_->status.stale) {
      impl_->await_resync();
    }
  }
}

void BgpFeed::adopt(bool same_process) {
  impl_->mark();
  impl_->status.adopted = true;
  impl_->status.same_process = impl_->told = same_process;
}

void BgpFeed::stop() {
  Impl& feed = *impl_;
  if (feed.status.state == State::stopped) {
    return;
  }
  if (feed.status.state >= State::open_sent) {
    feed.send(bgp::encode_notification({bgp::kCease, 3, {}}));
  }
  if (feed.status.state >= State::syncing) {
    feed.mark();
  }
  feed.close();
  for (EventLoop::TimerId* const timer : {&feed.retry_timer, &feed.second_timer, &feed.stale_timer}) {
    feed.loop.cancel(std::exchange(*timer, 0));
  }
  feed.enter(State::stopped);
}

void BgpFeed::forget() {
  for (const Family family : kFamilies) {
    if (impl_->options.all_paths) {
      impl_->rib.mark_paths(family);
    } else {
      impl_->rib.mark(Source::feed_best, family);
    }
    impl_->sweep(family);
  }
}

void BgpFeed::interfaces_changed() {
  if (std::exchange(impl_->unknown_interfaces, false)) {
    refresh();
  }
}

void BgpFeed::Impl::enter(State state) {
  if (status.state != state) {
    status.state = state;
    status.since = Clock::now();
    turned();
  }
}

void BgpFeed::Impl::connect() {
  retry_timer = 0;
  const auto key = context.key ? context.key() : Result(std::string());
  auto attempt = key ? connect_from(options.source, options.bird, options.port, *key) : Result<UniqueFd>(key.error());
  if (!attempt) {
    return lost(attempt.error().text(), false);
  }
  fd = std::move(*attempt);
  last_heard = Clock::now();
  enter(State::connecting);
  retry_timer = loop.after(kConnectLimit, [this] {
    retry_timer = 0;
    no_answer();
  });
  loop.watch(fd.get(), EPOLLOUT, [this](uint32_t events) { io(events); });
}

/// Who is at BIRD's port.
std::optional<uid_t> BgpFeed::Impl::listener() const {
  return options.bird.is_ip4() && options.source.is_ip4()
             ? owner_of_listener(options.bird.ip4(), options.port, options.source.ip4())
             : std::nullopt;
}

void BgpFeed::Impl::no_answer() {
  const auto owner = listener();
  const bool ours = owner == uid_t{0} || owner == geteuid();
  lost(!owner ? "BIRD does not listen"
       : ours ? "BIRD does not answer: it has another key, or another connection in its place"
              : "user " + std::to_string(*owner) + " has the port of BIRD",
       false);
}

void BgpFeed::Impl::retry_later() {
  enter(State::waiting);
  if (retry_timer == 0) {
    retry_timer = loop.after(back_off, [this] { connect(); });
    back_off =
        std::clamp(back_off * 2, std::chrono::milliseconds(kFirstBackOff), std::chrono::milliseconds(kLongestBackOff));
  }
}

void BgpFeed::Impl::connected() {
  loop.cancel(std::exchange(retry_timer, 0));
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    return lost(std::strerror(error), false);
  }
  bgp::Open open{.as = options.as,
                 .hold_seconds = static_cast<uint16_t>(options.hold_time.count()),
                 .families = {true, true},
                 .four_octet_as = true,
                 .route_refresh = true,
                 .enhanced_refresh = true,
                 .ip6_next_hop_for_ip4 = true,
                 .graceful_restart = bgp::GracefulRestart{}};
  // Any identifier but BIRD's own; the source address tells the two feeds apart.
  open.router_id = options.source.is_ip4() ? options.source.ip4() : Ip4(0x7f000002);
  if (options.all_paths) {
    open.receives_paths = {true, true};
  }
  enter(State::open_sent);
  loop.watch(fd.get(), EPOLLIN, [this](uint32_t events) { io(events); });
  send(bgp::encode_open(open));
}

void BgpFeed::Impl::io(uint32_t events) {
  if (status.state == State::connecting) {
    return connected();
  }
  if ((events & EPOLLOUT) != 0) {
    flush();
  }
  if (fd && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    read();
  }
}

void BgpFeed::Impl::read() {
  const auto deadline = Clock::now() + kReadBudget;
  do {
    const ssize_t n = recv(fd.get(), input.data() + input_size, std::min(input.size() - input_size, kReadSize), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      break;
    }
    if (n <= 0) {
      // A living BIRD says why it ends a session.
      return lost(n == 0 ? "connection closed" : std::strerror(errno), false);
    }
    input_size += static_cast<size_t>(n);
    last_heard = Clock::now();
    if (!handle_input()) {
      return;
    }
  } while (Clock::now() < deadline);
  if (status.state >= State::syncing) {
    context.changed();
  }
}

/// False when the session has ended.
bool BgpFeed::Impl::handle_input() {
  size_t done = 0;
  while (true) {
    const auto next = bgp::next_frame(bgp::View(input).first(input_size).subspan(done));
    if (const auto* const error = std::get_if<Notification>(&next)) {
      refuse(*error);
      return false;
    }
    const auto& frame = std::get<bgp::Frame>(next);
    if (frame.size == 0) {
      break;
    }
    done += frame.size;
    if (!handle(frame)) {
      return false;
    }
  }
  std::memmove(input.data(), input.data() + done, input_size - done);
  input_size -= done;
  return true;
}

bool BgpFeed::Impl::handle(const bgp::Frame& frame) {
  switch (frame.type) {
    case bgp::MessageType::open:
      return handle_open(frame.body);
    case bgp::MessageType::notification: {
      const Notification notification = bgp::parse_notification(frame.body);
      // "Administrative shutdown" is also what a BIRD says that is being stopped.
      const bool same = notification.code != bgp::kCease || notification.subcode != bgp::kAdministrativeShutdown;
      told = status.state >= State::syncing ? same : told;
      lost("BIRD ended the session: " + notification.text(), same);
      return false;
    }
    case bgp::MessageType::keepalive:
      if (status.state == State::open_confirm) {
        enter(State::syncing);
        told = false;
        back_off = 0ms;
        if (std::exchange(overdue, false)) {
          await_resync();
        }
        tell_ready();
      }
      return true;
    case bgp::MessageType::update:
      if (status.state >= State::syncing) {
        return handle_update(frame.body);
      }
      break;
    case bgp::MessageType::route_refresh:
      if (status.state >= State::syncing) {
        if (const auto message = bgp::parse_route_refresh(frame.body)) {
          handle_refresh(*message);
        }
        return true;
      }
      break;
  }
  refuse({bgp::kStateError, 0, {}});
  return false;
}

bool BgpFeed::Impl::handle_open(bgp::View body) {
  const auto parsed = bgp::parse_open(body);
  const auto* error = std::get_if<Notification>(&parsed);
  Notification refusal;
  if (error == nullptr) {
    const auto& open = std::get<bgp::Open>(parsed);
    if (status.state != State::open_sent) {
      refusal = {bgp::kStateError, 0, {}};
    } else if (open.as != options.as) {
      refusal = {bgp::kOpenError, 2, {}};
    } else if (!open.four_octet_as || (options.all_paths && !open.sends_paths.ip4 && !open.sends_paths.ip6)) {
      refusal = {bgp::kOpenError, 7, {}};
    } else {
      hold = std::min(options.hold_time, std::chrono::seconds(open.hold_seconds));
      status.recovering = open.graceful_restart && open.graceful_restart->restarting;
      can_refresh = open.route_refresh;
      tells_ends = open.route_refresh && open.enhanced_refresh;
      add_path = options.all_paths ? open.sends_paths : bgp::FamilyFlags{};
      // A family that BIRD does not offer has nothing to tell.
      spoken = open.families;
      synced = {!spoken.ip4, !spoken.ip6};
      enter(State::open_confirm);
      send(bgp::encode_keepalive());
      return true;
    }
    error = &refusal;
  }
  refuse(*error);
  return false;
}

/// BIRD waits for these in graceful restart; we never have routes for it.
void BgpFeed::Impl::tell_ready() {
  const auto wait = status.recovering && context.igp_settles ? context.igp_settles() : 0s;
  const auto tell = [this] {
    ready_timer = 0;
    for (const Family family : kFamilies) {
      send(bgp::encode_end_of_rib(family));
    }
  };
  if (wait == 0s) {
    return tell();
  }
  ready_timer = loop.after(wait, tell);
}

void BgpFeed::Impl::every_second() {
  if (!fd) {
    return;
  }
  const auto silence = Clock::now() - last_heard;
  if (status.state < State::syncing) {
    if (silence > kOpenLimit) {
      lost("no answer", true);
    }
    return;
  }
  if (hold.count() == 0) {
    return;
  }
  if (silence > hold) {
    return refuse({bgp::kHoldTimerExpired, 0, {}});
  }
  static constexpr int kKeepalivesPerHold = 3;
  if (Clock::now().time_since_epoch() / 1s % std::max<int64_t>(1, hold.count() / kKeepalivesPerHold) == 0) {
    send(bgp::encode_keepalive());
  }
}

void BgpFeed::Impl::send(const bgp::Bytes& message) {
  output.insert(output.end(), message.begin(), message.end());
  flush();
}

void BgpFeed::Impl::flush() {
  while (fd && !output.empty()) {
    const ssize_t n = ::send(fd.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (n < 0) {
      break;  // a dead connection shows when it is read
    }
    output.erase(output.begin(), output.begin() + n);
  }
  if (fd && std::exchange(write_watched, !output.empty()) != write_watched) {
    loop.watch(fd.get(), write_watched ? EPOLLIN | EPOLLOUT : EPOLLIN, [this](uint32_t events) { io(events); });
  }
}

void BgpFeed::Impl::refuse(const Notification& notification) {
  send(bgp::encode_notification(notification));
  lost("we ended the session: " + notification.text(), true);
}

/// `same`: the BIRD that comes next may be the one that we knew. False when it died, or nobody listens.
void BgpFeed::Impl::lost(std::string why, bool same) {
  if (status.state >= State::syncing) {
    status.restarts++;
    log::warning("{}: session lost: {}; its routes stay in use", options.name, why);
    status.same_process = status.same_process || !status.stale;
    status.adopted = false;
    status.away_since = Clock::now();
    mark();
  }
  // One that has told us is busy with its protocols: for a while nobody may listen.
  status.same_process = status.same_process && (same || told);
  status.last_error = std::move(why);
  close();
  retry_later();
  context.changed();
}

void BgpFeed::Impl::close() {
  break_off_check();
  loop.cancel(std::exchange(ready_timer, 0));
  retold = {};
  if (fd) {
    loop.unwatch(fd.get());
    fd.reset();
  }
  input_size = 0;
  output.clear();
  write_watched = false;
}

}  // namespace floof::route
