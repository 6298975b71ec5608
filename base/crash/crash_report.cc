// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/crash/crash_report.h"

#include <dirent.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FLOOF_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLOOF_SANITIZED 1
#endif

namespace floof::crash {

namespace {

#ifdef FLOOF_SANITIZED
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr int kMostFrames = 64;
constexpr int kMostThreads = 64;
constexpr size_t kMostMaps = 256 << 10;
// A thread that does not answer (in the kernel, or stopped) is left out: the successor waits for our end.
constexpr int kThreadMilliseconds = 20, kAllMilliseconds = 150;

// All that the handler touches is here: it neither allocates nor locks.
char report_path[512];
std::atomic<pid_t> leader{0};  ///< the thread that crashed first; it writes
std::atomic<pid_t> turn{0};    ///< the thread whose turn it is to write
std::atomic<pid_t> written{0};

pid_t this_thread() { return static_cast<pid_t>(syscall(SYS_gettid)); }

class ReportWriter {
 public:
  void open() { fd_ = ::open(report_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600); }
  ReportWriter& text(std::string_view what) {
    for (const char c : what) {
      if (used_ == bytes_.size()) {
        flush();
      }
      bytes_[used_++] = c;
    }
    return *this;
  }
  ReportWriter& number(uint64_t value, unsigned base = 10) {
    char digits[24];
    size_t at = sizeof digits;
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return text({digits + at, sizeof digits - at});
  }
  void flush() {
    for (size_t at = 0; fd_ >= 0 && at < used_;) {
      const ssize_t count = ::write(fd_, bytes_.data() + at, used_ - at);
      if (count <= 0) {
        break;
      }
      at += static_cast<size_t>(count);
    }
    used_ = 0;
  }

 private:
  int fd_ = -1;
  std::array<char, 4096> bytes_{};
  size_t used_ = 0;
};
ReportWriter report;  // one thread has its turn at a time

void sleep_a_millisecond() {
  const timespec time{0, 1'000'000};
  nanosleep(&time, nullptr);
}

/// After a jump to nowhere, the caller is on the stack: to the unwinder it looks as if that call had come back.
void undo_wild_jump(ucontext_t& at) {
  auto& pc = at.uc_mcontext.gregs[REG_RIP];
  auto& top = at.uc_mcontext.gregs[REG_RSP];
  uintptr_t back = 0;
  const iovec to{&back, sizeof back};
  const iovec from{reinterpret_cast<void*>(top), sizeof back};
  if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) == static_cast<ssize_t>(sizeof back)) {
    pc = static_cast<greg_t>(back);
    top += static_cast<greg_t>(sizeof back);
  }
}

void write_thread(ucontext_t& at, bool wild) {
  char name[17] = {};
  prctl(PR_GET_NAME, name);
  report.text("thread ").text(name).text("\n");
  const auto frame = [](uintptr_t address) { report.text("frame ").number(address, 16).text("\n"); };
  frame(static_cast<uintptr_t>(at.uc_mcontext.gregs[REG_RIP]));
  report.flush();  // whatever the stack looks like
  if (wild) {
    undo_wild_jump(at);
  }
  void* const pc = reinterpret_cast<void*>(at.uc_mcontext.gregs[REG_RIP]);
  std::array<void*, kMostFrames> frames;
  const int count = backtrace(frames.data(), kMostFrames);
  // The handler's own come first, then where the thread was, which is written already.
  const auto end = frames.begin() + count;
  auto next = std::find(frames.begin(), end, pc);
  next += next != end && !wild ? 1 : 0;
  for (; next != end; ++next) {
    frame(reinterpret_cast<uintptr_t>(*next));
  }
  report.flush();
}

/// Another thread that was told to write where it is, or crashed as well: the leader ends us all.
[[noreturn]] void follow(ucontext_t& at) {
  const pid_t self = this_thread();
  while (true) {
    if (turn.load() == self && written.load() != self) {
      write_thread(at, false);
      written.store(self);
    }
    sleep_a_millisecond();
  }
}

/// True when it took its turn.
bool ask(pid_t thread, int& patience) {
  turn.store(thread);
  if (syscall(SYS_tgkill, getpid(), thread, SIGABRT) != 0) {
    return false;
  }
  for (int waited = 0; waited < kThreadMilliseconds && patience > 0; waited++, patience--) {
    sleep_a_millisecond();
    if (written.load() == thread) {
      return true;
    }
  }
  return false;
}

void ask_others(pid_t self) {
  const int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  alignas(dirent64) char bytes[4096];
  int patience = kAllMilliseconds, asked = 0;
  long count = 0;
  while (folder >= 0 && (count = syscall(SYS_getdents64, folder, bytes, sizeof bytes)) > 0) {
    for (long at = 0; at < count && patience > 0 && asked < kMostThreads;) {
      const auto* entry = reinterpret_cast<const dirent64*>(bytes + at);
      at += entry->d_reclen;
      pid_t thread = 0;
      for (const char* c = entry->d_name; *c >= '0' && *c <= '9'; c++) {
        thread = thread * 10 + (*c - '0');
      }
      if (thread != 0 && thread != self) {
        asked++;
        ask(thread, patience);
      }
    }
  }
  turn.store(0);
}

void write_maps() {
  report.text("maps\n");
  const int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  static char bytes[4096];
  ssize_t count = 0;
  for (size_t all = 0; maps >= 0 && all < kMostMaps && (count = read(maps, bytes, sizeof bytes)) > 0;) {
    report.text({bytes, static_cast<size_t>(count)});
    all += static_cast<size_t>(count);
  }
  report.text("end\n").flush();
}

[[noreturn]] void die(int number) {
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  sigaction(number, &plain, nullptr);
  sigset_t mine;
  sigemptyset(&mine);
  sigaddset(&mine, number);
  syscall(SYS_tgkill, getpid(), this_thread(), number);
  pthread_sigmask(SIG_UNBLOCK, &mine, nullptr);
  _exit(128 + number);
}

void on_crash(int number, siginfo_t* info, void* context) {
  auto& at = *static_cast<ucontext_t*>(context);
  const pid_t self = this_thread();
  pid_t nobody = 0;
  if (!leader.compare_exchange_strong(nobody, self)) {
    follow(at);
  }
  const bool sent = info->si_code <= 0;
  const auto address = sent ? 0 : reinterpret_cast<uintptr_t>(info->si_addr);
  report.open();
  report.text("crash ").number(static_cast<uint64_t>(number)).text(sent ? " from " : " at ");
  report.number(sent ? static_cast<uint64_t>(info->si_pid) : address, sent ? 10 : 16).text("\n");
  const auto pc = static_cast<uintptr_t>(at.uc_mcontext.gregs[REG_RIP]);
  write_thread(at, number == SIGSEGV && !sent && address == pc);
  ask_others(self);
  write_maps();
  die(number);
}

}  // namespace

std::string report_file(const std::string& run_dir, std::string_view program, pid_t pid) {
  return run_dir + "/crash/" + std::string(program) + "." + std::to_string(pid);
}

void install(const std::string& run_dir, std::string_view program) {
  if (kSanitized) {
    return;
  }
  mkdir((run_dir + "/crash").c_str(), 0700);
  const std::string path = report_file(run_dir, program, getpid());
  if (path.size() >= sizeof report_path) {
    return;  // longer than any socket of the run folder could be
  }
  std::memcpy(report_path, path.c_str(), path.size() + 1);
  std::array<void*, 4> frames;
  backtrace(frames.data(), static_cast<int>(frames.size()));  // loads the unwinder, which the handler could not
  static Stack stack;
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) {
    sigaddset(&action.sa_mask, number);
  }
  for (const int number : kSignals) {
    sigaction(number, &action, nullptr);
  }
}

void leave_open(sigset_t& set) {
  for (const int number : kSignals) {
    sigdelset(&set, number);
  }
}

Stack::Stack() : memory_(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {
  if (memory_ != MAP_FAILED) {
    stack_t stack{};
    stack.ss_sp = memory_;
    stack.ss_size = kBytes;
    sigaltstack(&stack, nullptr);
  }
}

Stack::~Stack() {
  if (memory_ != MAP_FAILED) {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(memory_, kBytes);
  }
}

}  // namespace floof::crash
