// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who may ask floofd for what. A user is the uid that SO_PEERCRED names (base/ipc/ipc.h); the shell has no say. His
// class:
//   root and the user that floofd runs as      super-user
//   a user whom the configuration names        the class that it gives him
//   a member of a Unix group of kClassGroups   the highest class of his groups
//   everybody else                             none: every request is refused
// Loop thread.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace floof::config {

/// In ascending order: each class may do what those before it may.
enum class UserClass {
  none,
  read_only,  ///< looks, and never sees a secret
  operate,    ///< also clears counters and BGP sessions, runs ping and traceroute; reads the audit log
  super_user  ///< everything; sees secrets encrypted
};
/// "none", "read-only", "operator", "super-user".
std::string_view name_of(UserClass user_class);
std::optional<UserClass> user_class(std::string_view name);

/// A Unix group whose members have a class without being named in the configuration.
struct ClassGroup {
  std::string_view group;
  UserClass user_class;
};
inline constexpr std::array<ClassGroup, 3> kClassGroups = {{{"floof-admin", UserClass::super_user},
                                                            {"floof-operator", UserClass::operate},
                                                            {"floof-read", UserClass::read_only}}};

/// The least class that a request needs.
struct OpRule {
  std::string_view op;
  UserClass least;
};
/// Every request that is not for super-users only; "show WHAT" where a `show` needs more than others.
std::span<const OpRule> op_rules();
/// Of a request as config/server/server.h lists them. What nobody knows needs a super-user.
UserClass least_class(const nlohmann::json& request);

/// What Linux knows of a uid.
struct Account {
  std::string name;                 ///< "uid 1000" when it has none
  std::vector<std::string> groups;  ///< those of kClassGroups that he is in
};
Account account_of(uid_t uid);
/// Login name of a user, or "uid 1000".
std::string user_name(uid_t uid);

class Access {
 public:
  /// The class that the configuration gives to a user name; nothing for names that it does not have.
  using Login = std::function<std::optional<UserClass>(const std::string& name)>;
  explicit Access(Login login, std::function<Account(uid_t)> accounts = account_of)
      : login_(std::move(login)), accounts_(std::move(accounts)) {}

  struct User {
    std::string name;
    UserClass user_class = UserClass::none;
  };
  /// The configuration counts at once, Unix groups within kAccountAge.
  User user(uid_t uid);
  /// Whether this user may make the request. The Error says what he lacks and who can give it.
  static Result<> allow(const User& user, const nlohmann::json& request);

  static constexpr std::chrono::seconds kAccountAge{2};

 private:
  struct Known {
    Account account;
    std::chrono::steady_clock::time_point since;
  };
  const Account& account(uid_t uid);

  Login login_;
  std::function<Account(uid_t)> accounts_;
  std::map<uid_t, Known> known_;  ///< asking for each request would be slow where accounts are kept far away
};

}  // namespace floof::config
