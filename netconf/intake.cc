// SPDX-License-Identifier: GPL-3.0-or-later
#include "netconf/intake.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/file.h"

namespace floof::netconf {

namespace {

constexpr std::string_view kMark = "]]>]]>";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    out += c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '"' ? "&quot;" : std::string(1, c);
  }
  return out;
}

/// An <rpc> for the same answer, with its attributes (RFC 6241, 4.1).
std::string in_place_of(const config::XmlElement& rpc, const std::string& token) {
  std::string out = "<rpc xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"";
  size_t number = 0;
  for (const config::XmlAttribute& attribute : rpc.attributes) {
    const std::string prefix = attribute.space.empty() ? "" : fmt::format("a{}:", number++);
    if (!prefix.empty()) {
      out += fmt::format(" xmlns:a{}=\"{}\"", number - 1, escaped(attribute.space));
    }
    out += fmt::format(" {}{}=\"{}\"", prefix, attribute.name, escaped(attribute.value));
  }
  return out + "><get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>" + token +
         "</identifier></get-schema></rpc>";
}

}  // namespace

Complaints::Complaints() {
  std::array<unsigned char, 16> bytes{};
  (void)!getrandom(bytes.data(), bytes.size(), 0);
  for (const unsigned char byte : bytes) {
    secret_ += fmt::format("{:02x}", byte);
  }
}

std::string Complaints::keep(Complaint complaint) {
  const std::lock_guard lock(mutex_);
  constexpr size_t kMost = 1000;  // of a client that asks and reads no answers
  if (kept_.size() >= kMost) {
    kept_.clear();
  }
  std::string token = fmt::format("refused-{}-{}", secret_, next_++);
  kept_.insert_or_assign(token, std::move(complaint));
  return token;
}

std::optional<Complaint> Complaints::take(const std::string& token) {
  const std::lock_guard lock(mutex_);
  auto found = kept_.extract(token);
  return found ? std::optional(std::move(found.mapped())) : std::nullopt;
}

std::optional<std::string> judged(const config::Schema& schema, Complaints& complaints, std::string_view message) {
  config::Position where;
  const auto rpc = config::read_xml(message, where);
  if (!rpc || rpc->name != "rpc") {
    return std::nullopt;
  }
  auto complaint = find_complaint(schema, *rpc);
  return complaint ? std::optional(in_place_of(*rpc, complaints.keep(std::move(*complaint)))) : std::nullopt;
}

std::string Intake::feed(std::string_view bytes) {
  input_ += bytes;
  std::string out;
  while (!lost_ && (chunked_ ? take_chunked(out) : take_marked(out))) {
  }
  lost_ = lost_ || input_.size() > kLongest;
  if (lost_) {
    out += std::exchange(input_, {});
  }
  return out;
}

/// One message up to its mark. False: there is no whole one.
bool Intake::take_marked(std::string& out) {
  const size_t end = input_.find(kMark, at_);
  if (end == std::string::npos) {
    at_ = input_.size() - std::min(input_.size(), kMark.size() - 1);
    return false;
  }
  const std::string message = input_.substr(0, end);
  input_.erase(0, end + kMark.size());
  at_ = 0;
  out += judge_(message).value_or(message);
  out += kMark;
  if (!std::exchange(greeted_, true)) {
    chunked_ = message.find("urn:ietf:params:netconf:base:1.1") != std::string::npos;
  }
  return true;
}

/// Chunks up to the end of a message: \n#LENGTH\n, the bytes, ..., \n##\n. False: there is no whole one.
bool Intake::take_chunked(std::string& out) {
  constexpr size_t kHead = 14;  // the longest beginning of a chunk
  while (at_ < input_.size()) {
    const std::string_view rest = std::string_view(input_).substr(at_);
    if (rest.starts_with("\n##\n")) {
      const size_t end = at_ + 4;
      if (const auto other = judge_(message_)) {
        out += fmt::format("\n#{}\n{}\n##\n", other->size(), *other);
      } else {
        out.append(input_, 0, end);
      }
      input_.erase(0, end);
      at_ = 0;
      message_.clear();
      return true;
    }
    const size_t line = rest.find('\n', 1);
    if (line == std::string_view::npos && rest.size() <= kHead) {
      return false;
    }
    size_t length = 0;
    const char* digits_end = rest.data() + std::min(line, rest.size());
    const bool begins = rest.starts_with("\n#") && line != std::string_view::npos;
    const auto [stopped, code] = begins ? std::from_chars(rest.data() + 2, digits_end, length)
                                        : std::from_chars_result{rest.data(), std::errc::invalid_argument};
    if (code != std::errc() || stopped != digits_end || length == 0 || length > kLongest) {
      lost_ = true;
      return false;
    }
    if (rest.size() < line + 1 + length) {
      return false;
    }
    message_ += rest.substr(line + 1, length);
    at_ += line + 1 + length;
  }
  return false;
}

void run_intake(int from, int to, Intake intake) {
  std::array<char, 65536> bytes;
  while (true) {
    const ssize_t count = read(from, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0 || !write_all(to, intake.feed({bytes.data(), static_cast<size_t>(count)}))) {
      break;
    }
  }
  write_all(to, intake.end());
  close(to);
}

}  // namespace floof::netconf
