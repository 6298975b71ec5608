// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stands between the client and libnetconf2 and reads each message before it (RFC 6242: the end marker before the
// client's <hello>, chunks after it when that has base:1.1). What it has to complain of it keeps under a token, and
// passes on, with the attributes of that <rpc>, a <get-schema> for the token, whose answer is the complaint; everything
// else goes on as it came. One thread, which is `run`'s caller.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "netconf/complaint.h"

namespace floof::netconf {

/// Complaints on their way from the intake to the answer. Any thread.
class Complaints {
 public:
  Complaints();
  /// The token that stands for it.
  std::string keep(Complaint complaint);
  /// Once; nothing for what is no token of ours.
  std::optional<Complaint> take(const std::string& token);

 private:
  std::mutex mutex_;
  std::string secret_;  ///< nobody guesses a token
  uint64_t next_ = 1;
  std::map<std::string, Complaint> kept_;
};

/// The message that takes the place of one, or nothing when there is nothing wrong with it. Pure.
std::optional<std::string> judged(const config::Schema& schema, Complaints& complaints, std::string_view message);

/// Splits what a client sends into messages, and puts others in their place. What has no frame that is understood is
/// passed on as it is, from there on. Pure; fuzzed.
class Intake {
 public:
  using Judge = std::function<std::optional<std::string>(std::string_view message)>;
  explicit Intake(Judge judge) : judge_(std::move(judge)) {}

  /// What is to be passed on now that these bytes have come.
  std::string feed(std::string_view bytes);
  /// What is left at the end of input.
  std::string end() { return std::move(input_); }

 private:
  bool take_marked(std::string& out);
  bool take_chunked(std::string& out);

  static constexpr size_t kLongest = size_t{64} << 20;
  Judge judge_;
  std::string input_;
  size_t at_ = 0;        ///< as far as chunks of the message at hand are known
  std::string message_;  ///< they
  bool greeted_ = false, chunked_ = false, lost_ = false;
};

/// Reads `from` until its end and writes to `to`, which it closes.
void run_intake(int from, int to, Intake intake);

}  // namespace floof::netconf
