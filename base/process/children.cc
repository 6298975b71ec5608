// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/children.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>

#include "base/log.h"

namespace floof {

using namespace std::chrono_literals;

void Children::add(Child::Options options) {
  children_.push_back(std::make_unique<Child>(loop_, std::move(options), [this] { write(); }));
}

Children::Inheritance Children::inherit() {
  SavedProcesses saved = load_processes(file_);
  Inheritance out{.from = saved.writer};
  inheriting_ = true;
  for (auto& [name, process] : saved.programs) {
    Child* child = find(name);
    if (child == nullptr) {
      if (kill_process(process.id, 5s)) {
        log::warning("killed {} (process {}) that an earlier floof-init left", name, process.id.pid);
      }
      continue;
    }
    UniqueFd handle = open_process(process.id);
    if (handle) {
      out.adopted.push_back(name);
    } else if (process.id.pid != 0) {
      out.ended.push_back(name);
    }
    child->adopt(process.id, std::move(handle), process.about);
  }
  if (!out.adopted.empty()) {
    began_ = EventLoop::Clock::time_point(saved.began);
  }
  inheriting_ = false;
  write();
  return out;
}

Child* Children::find(const std::string& name) const {
  const auto found = std::find_if(children_.begin(), children_.end(), [&](const auto& c) { return c->name() == name; });
  return found == children_.end() ? nullptr : found->get();
}

void Children::tick() {
  for (const auto& child : children_) {
    child->tick();
  }
}

void Children::reap() {
  siginfo_t info{};
  while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) {
    const pid_t pid = info.si_pid;
    const auto of_pid = [pid](const auto& child) { return child->id().pid == pid; };
    const auto child = std::find_if(children_.begin(), children_.end(), of_pid);
    if (child != children_.end()) {
      ::kill(-pid, SIGKILL);  // what it started goes with it; its pid is not given away before the wait
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (auto aside = aside_.extract(pid); !aside.empty()) {
      loop_.cancel(aside.mapped().limit);
      aside.mapped().done(status);
    }
    if (pid == helper_) {
      helper_ = 0;
      helper_status_ = status;
    }
    if (child != children_.end()) {
      (*child)->exited(status);
    }
    info = {};
  }
}

nlohmann::json Children::status() const {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& child : children_) {
    out[child->name()] = child->status();
  }
  return out;
}

bool Children::busy() const {
  return helper_ != 0 || std::any_of(children_.begin(), children_.end(), [](const auto& c) { return c->ending(); });
}

bool Children::wait_for_end(std::chrono::milliseconds limit) {
  const auto deadline = EventLoop::Clock::now() + limit;
  while (busy() && EventLoop::Clock::now() < deadline) {
    loop_.turn(50ms);
  }
  return !busy();
}

void Children::run_aside(const Launch& launch, std::function<void(int)> done) {
  constexpr int kNotStarted = 127 << 8;
  const auto pid = spawn(launch);
  if (!pid) {
    log::error("{}", pid.error().text());
    return done(kNotStarted);
  }
  aside_[*pid] = {std::move(done), loop_.after(120s, [pid = *pid] { ::kill(pid, SIGKILL); })};
}

bool Children::run_helper(const Launch& launch, std::string_view purpose) {
  const auto helper = spawn(launch);
  if (!helper) {
    log::error("{}: {}", purpose, helper.error().text());
    return false;
  }
  helper_ = *helper;
  if (!wait_for_end(10s)) {
    log::error("{} takes too long", purpose);
    ::kill(helper_, SIGKILL);
    return false;
  }
  return helper_status_ == 0;
}

void Children::write() {
  if (inheriting_) {
    return;
  }
  SavedProcesses all{.began = std::chrono::duration_cast<std::chrono::milliseconds>(began_.time_since_epoch())};
  for (const auto& child : children_) {
    all.programs[child->name()] = {child->id(), child->remember()};
  }
  if (const auto saved = save_processes(file_, all); !saved) {
    log::error("{}", saved.error().text());
  }
}

}  // namespace floof
