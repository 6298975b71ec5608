// SPDX-License-Identifier: GPL-3.0-or-later
#include "config/access/access.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/json_view.h"

namespace floof::config {

namespace {

constexpr std::array<std::string_view, 4> kNames = {"none", "read-only", "operator", "super-user"};

constexpr std::array<OpRule, 13> kRules = {{
    {"hello", UserClass::read_only},
    {"status", UserClass::read_only},
    {"show", UserClass::read_only},
    {"show audit", UserClass::operate},
    {"show-config", UserClass::read_only},
    {"compare", UserClass::read_only},
    {"history", UserClass::read_only},
    {"complete", UserClass::read_only},
    {"clear", UserClass::operate},
    {"request", UserClass::operate},
    {"exec-start", UserClass::read_only},
    {"exec-read", UserClass::read_only},
    {"exec-stop", UserClass::read_only},
}};

/// Calls a getXXX_r function with a buffer that is large enough; groups of thousands of members exist.
template <typename Entry, typename Call>
bool look_up(Entry& entry, std::vector<char>& buffer, Call call) {
  constexpr size_t kMost = 1u << 20;
  for (buffer.resize(4096); buffer.size() <= kMost; buffer.resize(buffer.size() * 4)) {
    Entry* found = nullptr;
    const int code = call(&entry, buffer.data(), buffer.size(), &found);
    if (code != ERANGE) {
      return code == 0 && found != nullptr;
    }
  }
  return false;
}

std::vector<gid_t> groups_of(const char* name, gid_t group) {
  std::vector<gid_t> all(64);
  int count = static_cast<int>(all.size());
  while (getgrouplist(name, group, all.data(), &count) < 0 && all.size() < 65536) {
    all.resize(std::max(static_cast<size_t>(count), all.size() * 2));
    count = static_cast<int>(all.size());
  }
  all.resize(static_cast<size_t>(std::clamp(count, 0, static_cast<int>(all.size()))));
  return all;
}

}  // namespace

std::string_view name_of(UserClass user_class) { return kNames[static_cast<size_t>(user_class)]; }

std::optional<UserClass> user_class(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  return found == kNames.end() ? std::nullopt : std::optional(static_cast<UserClass>(found - kNames.begin()));
}

std::span<const OpRule> op_rules() { return kRules; }

UserClass least_class(const nlohmann::json& request) {
  const std::string op = text_of(request, "op");
  // "as" makes the session one that edits, whatever it asks for.
  if (!member(request, "as").is_null()) {
    return UserClass::super_user;
  }
  UserClass least = UserClass::super_user;
  for (const OpRule& rule : kRules) {
    if (rule.op == op) {
      least = rule.least;
    }
  }
  const std::string precise = op + " " + text_of(request, "what");
  for (const OpRule& rule : kRules) {
    if (rule.op == precise) {
      least = std::max(least, rule.least);
    }
  }
  return least;
}

Account account_of(uid_t uid) {
  passwd entry{};
  std::vector<char> buffer;
  const bool known = look_up(entry, buffer, [uid](passwd* into, char* room, size_t size, passwd** found) {
    return getpwuid_r(uid, into, room, size, found);
  });
  if (!known) {
    return {fmt::format("uid {}", uid), {}};
  }
  Account out{entry.pw_name, {}};
  const auto ids = groups_of(entry.pw_name, entry.pw_gid);
  for (const ClassGroup& candidate : kClassGroups) {
    group about{};
    std::vector<char> room;
    const std::string name(candidate.group);
    if (look_up(about, room,
                [&](group* into, char* at, size_t size, group** found) {
                  return getgrnam_r(name.c_str(), into, at, size, found);
                }) &&
        std::find(ids.begin(), ids.end(), about.gr_gid) != ids.end()) {
      out.groups.push_back(name);
    }
  }
  return out;
}

std::string user_name(uid_t uid) {
  passwd entry{};
  std::vector<char> buffer;
  return look_up(entry, buffer,
                 [uid](passwd* into, char* room, size_t size, passwd** found) {
                   return getpwuid_r(uid, into, room, size, found);
                 })
             ? entry.pw_name
             : fmt::format("uid {}", uid);
}

const Account& Access::account(uid_t uid) {
  constexpr size_t kMost = 256;
  const auto now = std::chrono::steady_clock::now();
  const auto found = known_.find(uid);
  if (found != known_.end() && now - found->second.since < kAccountAge) {
    return found->second.account;
  }
  if (known_.size() >= kMost) {
    known_.clear();
  }
  Known& known = known_[uid] = {accounts_(uid), now};
  return known.account;
}

Access::User Access::user(uid_t uid) {
  const Account& who = account(uid);
  if (uid == 0 || uid == geteuid()) {
    return {who.name, UserClass::super_user};
  }
  if (const auto configured = login_ ? login_(who.name) : std::nullopt) {
    return {who.name, *configured};
  }
  UserClass best = UserClass::none;
  for (const ClassGroup& candidate : kClassGroups) {
    if (std::find(who.groups.begin(), who.groups.end(), candidate.group) != who.groups.end()) {
      best = std::max(best, candidate.user_class);
    }
  }
  return {who.name, best};
}

Result<> Access::allow(const User& user, const nlohmann::json& request) {
  if (user.user_class == UserClass::none) {
    return Error{user.name, "this user may not use the router",
                 fmt::format("a super-user commits 'set system login user NAME class read-only', or root adds the user "
                             "to the Unix group {}",
                             kClassGroups.back().group)};
  }
  const UserClass least = least_class(request);
  if (user.user_class >= least) {
    return {};
  }
  return Error{user.name,
               fmt::format("this needs the class {}, and this user is {}", name_of(least), name_of(user.user_class)),
               "ask a super-user to do it, or for another class: 'set system login user NAME class ...'"};
}

}  // namespace floof::config
