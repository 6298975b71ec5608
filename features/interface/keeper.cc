// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/interface/keeper.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "base/process/init_client.h"

namespace floof::interface {

Keeper::Keeper(EventLoop& loop, const std::string& run_dir) : init_(loop, run_dir) {
  auto client = InitClient::connect(run_dir);
  if (!client) {
    log::info("no floof-init ({}); TAPs go down when this program ends", client.error().reason);
    return;
  }
  const auto keys = client->list();
  if (!keys) {
    log::warning("{}", keys.error().text());
    return;
  }
  for (const auto& key : *keys) {
    if (!key.starts_with("port:") && !key.starts_with("lcp:")) {
      continue;
    }
    auto fd = client->get(key);
    if (fd && *fd) {
      left_[key] = std::move(**fd);
    }
  }
}

UniqueFd Keeper::take(const std::string& key) {
  const auto at = left_.find(key);
  if (at == left_.end()) {
    return {};
  }
  UniqueFd fd = std::move(at->second);
  left_.erase(at);
  return fd;
}

int Keeper::peek(const std::string& key) const {
  const auto at = left_.find(key);
  return at == left_.end() ? -1 : at->second.get();
}

bool Keeper::has_tap(const std::string& name, int netns) const {
  return std::any_of(left_.begin(), left_.end(),
                     [&](const auto& entry) { return is_tap(entry.second.get(), name, netns); });
}

void Keeper::put(const std::string& key, int fd) {
  if (fd >= 0) {
    init_.put(key, fd);
  }
}

void Keeper::drop(const std::string& key) {
  left_.erase(key);
  init_.drop(key);
}

void Keeper::drop_leftovers() {
  while (!left_.empty()) {
    drop(std::string(left_.begin()->first));
  }
}

namespace {

bool same_file(int a, int b) {
  struct stat x {
  }, y{};
  return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

}  // namespace

bool is_tap(int fd, const std::string& name, int netns) {
  ifreq request{};
  if (fd < 0 || ioctl(fd, TUNGETIFF, &request) != 0 || (request.ifr_flags & IFF_TAP) == 0 || name != request.ifr_name) {
    return false;
  }
  const UniqueFd home(ioctl(fd, TUNGETDEVNETNS));
  UniqueFd own;
  if (netns < 0) {
    own.reset(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    netns = own.get();
  }
  return home && same_file(home.get(), netns);
}

void set_carrier(int tap_fd, bool on) {
  int carrier = on ? 1 : 0;
  if (tap_fd >= 0) {
    ioctl(tap_fd, TUNSETCARRIER, &carrier);
  }
}

TapEnd tap_end(int tap_fd) {
  pollfd ask{tap_fd, POLLOUT, 0};
  if (poll(&ask, 1, 0) != 1) {
    return TapEnd::down;
  }
  if ((ask.revents & (POLLERR | POLLNVAL | POLLHUP)) != 0) {
    return TapEnd::gone;
  }
  return (ask.revents & POLLOUT) != 0 ? TapEnd::up : TapEnd::down;
}

}  // namespace floof::interface
