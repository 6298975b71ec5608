// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/init_client.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/ipc/ipc.h"
#include "base/ipc/seqpacket.h"
#include "base/process/process.h"

namespace floof {

Result<InitClient> InitClient::connect(const std::string& run_dir, std::chrono::milliseconds limit) {
  const std::string path = run_dir + "/init.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{path, "is too long for a socket's path", "use a run directory with a path below 90 characters"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  // The kernel applies the limits to connect, send and receive alike.
  const timeval time{limit.count() / 1000, limit.count() % 1000 * 1000};
  if (!socket || setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0 ||
      setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0 ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return errno_error(path, "cannot connect", "is floof-init running?");
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && process_stopped(peer.pid)) {
    return Error{path, "floof-init (process " + std::to_string(peer.pid) + ") is stopped",
                 "start another floof-init, which takes over, or have it go on (kill -CONT)"};
  }
  return InitClient(std::move(socket), path);
}

Result<InitClient::Answer> InitClient::call(const Json& request, int fd) {
  if (!socket_) {
    return Error{path_, "the connection is closed", "connect again"};
  }
  const auto fail = [this](std::string reason) {
    socket_.reset();
    return Error{path_, std::move(reason), "is floof-init running?"};
  };
  if (const auto sent = send_packet(socket_.get(), request.dump(-1, ' ', false, Json::error_handler_t::replace), fd);
      !sent) {
    return fail(sent.error().reason);
  }
  auto packet = receive_packet(socket_.get());
  if (!packet) {
    return fail(errno == EAGAIN ? "floof-init does not answer in time" : packet.error().reason);
  }
  if (packet->text.empty()) {
    return fail("floof-init closed the connection");
  }
  Json json = Json::parse(packet->text, nullptr, false);
  if (!json.is_object() || !json.contains("ok") || !json["ok"].is_boolean()) {
    return fail("floof-init's answer is garbage");
  }
  return Answer{std::move(json), std::move(packet->fd)};
}

Result<void> InitClient::simple(const Json& request) {
  const auto answer = call(request);
  if (!answer) {
    return answer.error();
  }
  if (!answer->json["ok"].get<bool>()) {
    return ipc::errors_of(answer->json).front();
  }
  return {};
}

Result<void> InitClient::put(const std::string& key, int fd) {
  const auto answer = call({{"op", "put"}, {"key", key}}, fd);
  if (!answer) {
    return answer.error();
  }
  if (!answer->json["ok"].get<bool>()) {
    return ipc::errors_of(answer->json).front();
  }
  return {};
}

Result<std::optional<UniqueFd>> InitClient::get(const std::string& key) {
  auto answer = call({{"op", "get"}, {"key", key}});
  if (!answer) {
    return answer.error();
  }
  if (!answer->json["ok"].get<bool>()) {
    return std::optional<UniqueFd>();
  }
  if (!answer->fd) {
    return Error{path_, "floof-init sent no descriptor for '" + key + "'", "is the limit of open files reached?"};
  }
  return std::optional<UniqueFd>(std::move(answer->fd));
}

Result<void> InitClient::drop(const std::string& key) { return simple({{"op", "drop"}, {"key", key}}); }

Result<std::vector<std::string>> InitClient::list() {
  const auto answer = call({{"op", "list"}});
  if (!answer) {
    return answer.error();
  }
  std::vector<std::string> keys;
  const auto found = answer->json.find("keys");
  if (found != answer->json.end() && found->is_array()) {
    for (const auto& key : *found) {
      if (key.is_string()) {
        keys.push_back(key.get<std::string>());
      }
    }
  }
  return keys;
}

Result<void> InitClient::restart(const std::string& program) {
  return simple({{"op", "restart"}, {"program", program}});
}

Result<void> InitClient::start(const std::string& program) { return simple({{"op", "start"}, {"program", program}}); }

Result<void> InitClient::acknowledge_crashes() { return simple({{"op", "acknowledge-crashes"}}); }

Result<InitClient::Json> InitClient::status() {
  auto answer = call({{"op", "status"}});
  if (!answer) {
    return answer.error();
  }
  return std::move(answer->json);
}

}  // namespace floof
