// SPDX-License-Identifier: GPL-3.0-or-later
//
// floof-fuzz: every fuzz target of the tree in one program of the ordinary build, sanitized or not, for `./dev test`.
// It has no coverage to follow, so it lives off its corpus, which libFuzzer found (lab/corpora): each input as it is,
// then random changes of them until the time is over. A child runs the target, with the input in memory that both see:
// however it ends, the parent still has what ended it.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/digits.h"
#include "base/file.h"
#include "programs/fuzz_mutator.h"

#define FLOOF_FUZZ(name) extern "C" int fuzz_##name(const uint8_t* data, size_t size);
#include "fuzz_targets.inc"
#undef FLOOF_FUZZ

namespace floof {
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds on the wall for one input, on a machine that has little time for us.
constexpr unsigned kPatience = 300;

constexpr const char* kUsage =
    "usage: floof-fuzz --list\n"
    "       floof-fuzz TARGET FILE-OR-FOLDER... [--seconds S] [--seed N] [--limit S]\n"
    "Runs the inputs in the files, then changes of them for S seconds (0), chosen by the seed N (random). An input "
    "may\n"
    "take --limit seconds of the CPU (10).\n";

/// For tests of this program: it goes wrong in the way that the first byte says.
int fuzz_selftest(const uint8_t* data, size_t size) {
  switch (size != 0 ? data[0] : 0) {
    case 'a':
      abort();
    case 'e':
      exit(0);
    case 'h':
      for (volatile bool forever = true; forever;) {
      }
  }
  return 0;
}

struct Target {
  const char* name;
  int (*run)(const uint8_t* data, size_t size);
};

constexpr Target kTargets[] = {
#define FLOOF_FUZZ(name) {#name, fuzz_##name},
#include "fuzz_targets.inc"
#undef FLOOF_FUZZ
    {"selftest", fuzz_selftest},
};

struct Options {
  const Target* target = nullptr;
  std::vector<Input> corpus;
  uint64_t seconds = 0, seed = 0, limit = 10;
};

/// What the child tells, in memory shared with the parent.
struct Shared {
  uint64_t runs = 0;
  double slowest = 0;  ///< seconds
  bool finished = false;
  size_t size = 0;
  uint8_t input[kMostInput];  ///< the one that runs, or ran last
};

void run_one(const Options& options, Shared& shared, const Input& input) {
  // An allocation of exactly its size: the sanitizer notices each byte beyond.
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[input.size()]);
  std::copy(input.begin(), input.end(), bytes.get());
  std::copy(input.begin(), input.end(), shared.input);
  shared.size = input.size();
  shared.runs++;
  const itimerval limit{{}, {static_cast<time_t>(options.limit), 0}};
  setitimer(ITIMER_PROF, &limit, nullptr);  // SIGPROF ends what computes too long,
  alarm(kPatience);                         // SIGALRM what waits for something
  const auto start = Clock::now();
  (void)options.target->run(bytes.get(), input.size());
  shared.slowest = std::max(shared.slowest, std::chrono::duration<double>(Clock::now() - start).count());
}

[[noreturn]] void child(const Options& options, Shared& shared) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const rlimit no_core{};
  setrlimit(RLIMIT_CORE, &no_core);
#ifndef __SANITIZE_ADDRESS__  // it takes terabytes of addresses
  const rlimit memory{4ULL << 30, 4ULL << 30};
  setrlimit(RLIMIT_DATA, &memory);
#endif
  for (const Input& input : options.corpus) {
    run_one(options, shared, input);
  }
  if (options.seconds > 0) {
    Mutator mutator(options.corpus, options.seed);
    const auto end = Clock::now() + std::chrono::seconds(options.seconds);
    do {
      run_one(options, shared, mutator.next());
    } while (Clock::now() < end);
  }
  shared.finished = true;
  exit(0);  // and the sanitizer looks for leaks
}

/// Why the child ended, or an empty text when it has done its work.
std::string complaint(int status, const Options& options, const Shared& shared) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return signal == SIGPROF   ? fmt::format("took more than {} s of the CPU", options.limit)
           : signal == SIGALRM ? fmt::format("took more than {} s", kPatience)
                               : fmt::format("ended by signal {} ({})", signal, strsignal(signal));
  }
  if (!shared.finished) {
    return fmt::format("ended the program with status {}", WEXITSTATUS(status));
  }
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("was the last, then status {}", WEXITSTATUS(status));
}

int tell_failure(const Options& options, const Shared& shared, const std::string& why) {
  const char* name = options.target->name;
  const std::string_view input(reinterpret_cast<const char*>(shared.input), shared.size);
  std::string hex;
  for (const char c : input.substr(0, 8192)) {
    hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  }
  fmt::print(stderr, "floof-fuzz: {}: input {} of seed {} {}\n{} bytes: {}{}\n", name, shared.runs, options.seed, why,
             shared.size, hex, input.size() > 8192 ? "..." : "");
  const std::string file = fmt::format("{}-{}-{}.input", name, options.seed, shared.runs);
  if (const auto written = replace_file(file, input); !written) {
    fmt::print(stderr, "{}\n", written.error().text());
  } else {
    fmt::print(stderr, "again: floof-fuzz {} {}\n", name, file);
  }
  return 1;
}

int fuzz(const Options& options) {
  void* const memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    fmt::print(stderr, "floof-fuzz: no memory: {}\n", strerror(errno));
    return 2;
  }
  auto& shared = *new (memory) Shared;
  const pid_t pid = fork();
  if (pid == 0) {
    child(options, shared);
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) {
    fmt::print(stderr, "floof-fuzz: no child: {}\n", strerror(errno));
    return 2;
  }
  if (const std::string why = complaint(status, options, shared); !why.empty()) {
    return tell_failure(options, shared, why);
  }
  fmt::print("{}: {} inputs and {} changes of them, seed {}, slowest {:.3f} ms\n", options.target->name,
             options.corpus.size(), shared.runs - options.corpus.size(), options.seed, shared.slowest * 1000);
  return 0;
}

/// Adds a file, or those of a folder in the order of their names, so that a seed means the same everywhere.
bool add_inputs(const std::string& path, std::vector<Input>& corpus) {
  std::error_code error;
  std::vector<std::string> files{path};
  if (std::filesystem::is_directory(path, error)) {
    files.clear();
    for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
      files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
  }
  for (const std::string& file : files) {
    const auto text = read_file(file);
    if (!text || text->size() > kMostInput) {
      fmt::print(stderr, "floof-fuzz: {}: {}\n", file, text ? "too large" : strerror(errno));
      return false;
    }
    corpus.emplace_back(text->begin(), text->end());
  }
  return !error;
}

bool parse(std::span<char*> words, Options& out) {
  out.seed = std::random_device()();
  const std::pair<std::string_view, uint64_t*> numbers[] = {
      {"--seconds", &out.seconds}, {"--seed", &out.seed}, {"--limit", &out.limit}};
  for (size_t i = 0; i < words.size(); i++) {
    const std::string_view word = words[i];
    const auto* number = std::find_if(std::begin(numbers), std::end(numbers), [&](auto& n) { return n.first == word; });
    if (number != std::end(numbers)) {
      const auto value = i + 1 < words.size() ? whole_number(words[++i]) : std::nullopt;
      if (!value) {
        return false;
      }
      *number->second = *value;
    } else if (out.target == nullptr) {
      const auto* target =
          std::find_if(std::begin(kTargets), std::end(kTargets), [&](auto& t) { return t.name == word; });
      if (target == std::end(kTargets)) {
        fmt::print(stderr, "floof-fuzz: no target '{}'; see floof-fuzz --list\n", word);
        return false;
      }
      out.target = target;
    } else if (!add_inputs(words[i], out.corpus)) {
      return false;
    }
  }
  return out.target != nullptr && !out.corpus.empty() && out.limit != 0;
}

}  // namespace
}  // namespace floof

int main(int argc, char** argv) {
  using namespace floof;
  if (argc == 2 && std::string_view(argv[1]) == "--list") {
    for (const Target& target : kTargets) {
      if (target.run != fuzz_selftest) {
        fmt::print("{}\n", target.name);
      }
    }
    return 0;
  }
  Options options;
  if (!parse(std::span(argv, static_cast<size_t>(argc)).subspan(1), options)) {
    fmt::print(stderr, "{}", kUsage);
    return 2;
  }
  return fuzz(options);
}
