// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/init_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "base/ipc/ipc.h"
#include "base/log.h"

namespace floof {

namespace {
constexpr size_t kMaxClients = 64;

InitServer::Json refuse(std::string reason) { return ipc::failure(Error{"", std::move(reason), ""}); }
}  // namespace

Result<std::unique_ptr<InitServer>> InitServer::listen(EventLoop& loop, const std::string& path, Commands commands) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{path, "is too long for a socket's path", "use a run directory with a path below 90 characters"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  std::unique_ptr<InitServer> server(new InitServer(loop, path, std::move(commands)));
  server->listener_.reset(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ::unlink(path.c_str());
  if (!server->listener_ ||
      bind(server->listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path.c_str(), 0600) != 0 || ::listen(server->listener_.get(), 32) != 0) {
    return errno_error(path, "cannot listen");
  }
  loop.watch(server->listener_.get(), EPOLLIN, [raw = server.get()](uint32_t) { raw->accept_one(); });
  return server;
}

InitServer::~InitServer() {
  if (listener_) {
    loop_.unwatch(listener_.get());
    ::unlink(path_.c_str());
  }
  for (const auto& [fd, client] : clients_) {
    loop_.unwatch(fd);
  }
}

void InitServer::accept_one() {
  UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client || clients_.size() >= kMaxClients) {
    return;
  }
  const int fd = client.get();
  clients_.emplace(fd, std::move(client));
  loop_.watch(fd, EPOLLIN, [this, fd](uint32_t) { serve(fd); });
}

void InitServer::serve(int socket) {
  const auto close_client = [&] {
    loop_.unwatch(socket);
    clients_.erase(socket);
  };
  auto packet = receive_packet(socket);
  if (!packet && errno == ECONNRESET) {
    packet = receive_packet(socket);  // it died with answers unread: that comes before what it had said
  }
  if (!packet) {
    return errno == EAGAIN ? void() : close_client();
  }
  if (packet->text.empty()) {
    return close_client();
  }
  const Answer answer = handle(std::move(*packet));
  // A peer that leaves its answers unread until the socket is full is cut off; a dead one may have said more.
  if (!send_packet(socket, answer.json.dump(-1, ' ', false, Json::error_handler_t::replace), answer.fd) &&
      errno != EPIPE && errno != ECONNRESET) {
    close_client();
  }
}

InitServer::Answer InitServer::handle(Packet packet) {
  const Json request = Json::parse(packet.text, nullptr, false);
  if (!request.is_object()) {
    return {refuse("the request is not a JSON object")};
  }
  const auto text = [&request](const char* key) {
    const auto found = request.find(key);
    return found != request.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string op = text("op");
  if (op == "list") {
    Json keys = Json::array();
    for (const auto& [key, fd] : kept_) {
      keys.push_back(key);
    }
    return {{{"ok", true}, {"keys", std::move(keys)}}};
  }
  if (op == "put" || op == "get" || op == "drop") {
    const std::string key = text("key");
    if (key.empty() || key.size() > kMaxKey) {
      return {refuse("a key has 1 to 128 bytes")};
    }
    return store(op, key, std::move(packet.fd));
  }
  return {commands_(request)};
}

InitServer::Answer InitServer::store(const std::string& op, const std::string& key, UniqueFd fd) {
  const auto found = kept_.find(key);
  if (op == "get") {
    if (found == kept_.end()) {
      return {{{"ok", false}}};
    }
    return {{{"ok", true}}, found->second.get()};
  }
  if (op == "drop") {
    kept_.erase(key);
    return {{{"ok", true}}};
  }
  if (!fd) {
    return {refuse("'put' came without a descriptor")};
  }
  if (found == kept_.end() && kept_.size() >= kMaxKept) {
    return {refuse("no more descriptors are kept")};
  }
  kept_[key] = std::move(fd);
  return {{{"ok", true}}};
}

}  // namespace floof
