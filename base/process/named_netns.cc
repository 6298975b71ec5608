// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/process/named_netns.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "base/fd.h"

namespace floof {

namespace {

constexpr const char* kFolder = "/run/netns";
constexpr decltype(std::declval<struct statfs>().f_type) kNamespaceFs = 0x6e736673;  // linux/magic.h NSFS_MAGIC

std::string path_of(const std::string& name) { return std::string(kFolder) + "/" + name; }

bool is_namespace(const std::string& path) {
  struct statfs about {};
  return statfs(path.c_str(), &about) == 0 && about.f_type == kNamespaceFs;
}

pid_t parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  pid_t parent = 0;
  while (file >> word) {
    if (word == "PPid:") {
      file >> parent;
      break;
    }
  }
  return parent;
}

// Whose mounts the rest of the machine sees: process 1, or where a sandbox hides it, our oldest visible ancestor.
std::string folder_of_mount_owner() {
  std::string found = "/proc/self";
  for (pid_t pid = getpid(); pid > 0; pid = parent_of(pid)) {
    std::string folder = "/proc/" + std::to_string(pid);
    if (UniqueFd(open((folder + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC))) {
      found = std::move(folder);
    }
  }
  return found;
}

// Runs `work` (0 or an errno) in a child that moved to the mounts of the owner.
template <typename Work>
int in_mounts_of(const std::string& owner, Work work) {
  const pid_t child = fork();
  if (child < 0) {
    return errno;
  }
  if (child == 0) {
    const UniqueFd mounts(open((owner + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
    if (mounts) {
      [[maybe_unused]] const int moved = setns(mounts.get(), CLONE_NEWNS);
    }
    _exit(work());
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

// As iproute2 does it: the folder is a shared mount, so that names reach the namespaces of `ip netns exec`.
int share_folder() {
  mkdir(kFolder, 0755);
  if (mount("", kFolder, "none", MS_SHARED | MS_REC, nullptr) == 0) {
    return 0;
  }
  if (errno != EINVAL || mount(kFolder, kFolder, "none", MS_BIND | MS_REC, nullptr) != 0 ||
      mount("", kFolder, "none", MS_SHARED | MS_REC, nullptr) != 0) {
    return errno;
  }
  return 0;
}

int make_here(const std::string& path) {
  if (is_namespace(path)) {
    return 0;
  }
  if (const int code = share_folder(); code != 0) {
    return code;
  }
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444));
  if (!file || unshare(CLONE_NEWNET) != 0 || mount("/proc/self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0) {
    return errno;
  }
  return 0;
}

}  // namespace

Result<void> make_named_netns(const std::string& name) {
  const std::string path = path_of(name);
  const std::string owner = folder_of_mount_owner();
  errno = in_mounts_of(owner, [&path] { return make_here(path); });
  if (errno != 0) {
    return errno_error(path, "cannot make the network namespace", "run as root");
  }
  // Without propagation from there to here the name is repeated among our own mounts.
  if (!is_namespace(path)) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, 0444));
    if (mount((owner + "/root" + path).c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
      return errno_error(path, "cannot mount the network namespace");
    }
  }
  return {};
}

Result<void> remove_named_netns(const std::string& name) {
  const std::string path = path_of(name);
  errno = in_mounts_of(folder_of_mount_owner(), [&path] {
    if (umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL && errno != ENOENT) {
      return errno;
    }
    return unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
  });
  if (errno != 0) {
    return errno_error(path, "cannot remove the network namespace");
  }
  if (is_namespace(path)) {
    umount2(path.c_str(), MNT_DETACH);
    unlink(path.c_str());
  }
  return {};
}

Result<void> set_loopback_up() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (!socket || ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) {
    return errno_error("lo", "cannot read the state of the loopback device");
  }
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return errno_error("lo", "cannot set the loopback device up", "run as root");
  }
  return {};
}

}  // namespace floof
