// SPDX-License-Identifier: GPL-3.0-or-later
#include "features/bird/commit/bird_check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/fd.h"
#include "features/bird/commit/bird_blocks.h"
#include "features/bird/talk/bird_reply.h"

extern char** environ;

namespace floof::bird {

namespace {
using Clock = std::chrono::steady_clock;
constexpr size_t kMostOutput = 65536;

struct Started {
  pid_t pid = -1;
  UniqueFd output;
};

Result<Started> start(std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return errno_error(words[0], "pipe");
  }
  Started out{-1, UniqueFd(ends[0])};
  const UniqueFd writing(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, writing.get(), 2);
  std::vector<char*> arguments;
  std::transform(words.begin(), words.end(), std::back_inserter(arguments),
                 [](std::string& word) { return word.data(); });
  arguments.push_back(nullptr);
  const int error = posix_spawnp(&out.pid, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return Error{words[0], std::string("cannot be run: ") + std::strerror(error), "install the package bird2"};
  }
  return out;
}

// Reads until the end of the output; false when `limit` passes first.
bool collect(const Started& child, std::chrono::milliseconds limit, const std::function<void()>& pulse,
             std::string& into) {
  const auto deadline = Clock::now() + limit;
  std::array<char, 4096> buffer{};
  for (;;) {
    if (pulse) {
      pulse();
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      return false;
    }
    pollfd one{child.output.get(), POLLIN, 0};
    if (::poll(&one, 1, static_cast<int>(std::min<int64_t>(left, 100))) <= 0) {
      continue;
    }
    const ssize_t got = read(child.output.get(), buffer.data(), buffer.size());
    if (got == 0 || (got < 0 && errno != EINTR)) {
      return true;
    }
    if (got > 0 && into.size() < kMostOutput) {
      into.append(buffer.data(), static_cast<size_t>(got));
    }
  }
}

std::string line_at(const std::string& text, size_t wanted) {
  size_t start = 0;
  for (size_t line = 1; line < wanted && start != std::string::npos; line++) {
    start = text.find('\n', start);
    start += start != std::string::npos;
  }
  return start == std::string::npos || start >= text.size() ? "" : text.substr(start, text.find('\n', start) - start);
}

/// Lines from `first` to in front of `end`.
std::string_view lines_of(std::string_view text, size_t first, size_t end) {
  size_t start = 0;
  for (size_t line = 1; line < first && start != std::string::npos; line++) {
    start = text.find('\n', start);
    start += start != std::string::npos;
  }
  size_t stop = start;
  for (size_t line = first; line < end && stop != std::string::npos; line++) {
    stop = text.find('\n', stop);
    stop += stop != std::string::npos;
  }
  return start == std::string::npos ? std::string_view() : text.substr(start, stop - start);
}

}  // namespace

Result<BirdSaid> run_bird(std::vector<std::string> words, std::chrono::milliseconds limit,
                          const std::function<void()>& pulse) {
  auto child = start(words);
  if (!child.ok()) {
    return child.error();
  }
  BirdSaid out;
  const bool ended = collect(*child, limit, pulse, out.text);
  if (!ended) {
    kill(child->pid, SIGKILL);
  }
  int status = 0;
  while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    return Error{"bird", fmt::format("bird {} takes too long", words[1]),
                 "make the configuration smaller, or look at `bird raw`"};
  }
  out.good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return out;
}

Result<std::string> run_bird_check(const std::string& program, const std::string& file, std::chrono::milliseconds limit,
                                   const std::function<void()>& pulse) {
  auto said = run_bird({program, "-p", "-c", file}, limit, pulse);
  if (!said) {
    return said.error();
  }
  if (said->good) {
    return std::string();
  }
  return said->text.empty() ? "bird -p failed without a word" : std::move(said->text);
}

namespace {

constexpr std::string_view kCorrect = "correct the text; BIRD 2's manual describes its configuration";

/// The user's text that a complaint about a line of ours behind it is due to: one that does not end what it begins
/// wherever it is, else the one right in front.
const ConfigText::Mark* blamed(const Rendered& rendered, size_t line) {
  const ConfigText::Mark* before = nullptr;
  for (size_t i = 0; i < rendered.marks.size() && rendered.marks[i].line <= line; i++) {
    const ConfigText::Mark& mark = rendered.marks[i];
    const size_t end = i + 1 < rendered.marks.size() ? rendered.marks[i + 1].line : line + 1;
    if (!mark.verbatim) {
      before = mark.line < line ? nullptr : before;
      continue;
    }
    if (!is_whole(lines_of(rendered.text, mark.line, end))) {
      return &mark;
    }
    before = end == line ? &mark : nullptr;
  }
  return before;
}

/// The user's text that defines the name which a line of ours defines after it.
const ConfigText::Mark* redefining(const Rendered& rendered, const std::string& complaint) {
  const size_t end = complaint.find("' already defined"),
               start = end == std::string::npos ? end : complaint.rfind('\'', end - 1);
  if (end == std::string::npos || start == std::string::npos || start + 1 >= end) {
    return nullptr;
  }
  const std::string name = complaint.substr(start + 1, end - start - 1);
  for (size_t i = 0; i < rendered.marks.size(); i++) {
    const ConfigText::Mark& mark = rendered.marks[i];
    const size_t after = i + 1 < rendered.marks.size() ? rendered.marks[i + 1].line : SIZE_MAX;
    if (mark.verbatim && lines_of(rendered.text, mark.line, after).find(name) != std::string_view::npos) {
      return &mark;
    }
  }
  return nullptr;
}

}  // namespace

Error explain(const Rendered& rendered, const std::string& file, const std::string& said) {
  Complaint complaint = parse_complaint(said, file);
  if (complaint.text.find("unexpected END") != std::string::npos) {
    // BIRD has forgotten by then where it was.
    complaint.line = static_cast<size_t>(std::count(rendered.text.begin(), rendered.text.end(), '\n')) + 1;
  }
  const ConfigText::Mark* mark = complaint.line == 0 ? nullptr : rendered.mark_of(complaint.line);
  if (mark != nullptr && mark->verbatim) {
    std::string line = line_at(rendered.text, complaint.line);
    if (line.find("password") != std::string::npos) {
      line = "the line with a password";
    }
    return {mark->path,
            fmt::format("line {}: {}{}", complaint.line - mark->line + mark->text_line, complaint.text,
                        line.empty() ? "" : ": " + line),
            std::string(kCorrect)};
  }
  if (const ConfigText::Mark* text = redefining(rendered, complaint.text)) {
    return {text->path, fmt::format("{}: FloofOS uses this name itself", complaint.text), "choose another name"};
  }
  if (const ConfigText::Mark* text = complaint.line == 0 ? nullptr : blamed(rendered, complaint.line)) {
    return {text->path,
            fmt::format("BIRD refuses what follows the text, which does not end where it should: {}", complaint.text),
            std::string(kCorrect)};
  }
  if (mark != nullptr && !mark->path.empty()) {
    return {mark->path, "BIRD refuses it: " + complaint.text, "change or delete it"};
  }
  return {"bird",
          complaint.line == 0 ? complaint.text
                              : fmt::format("BIRD refuses line {} of bird.conf: {}", complaint.line, complaint.text),
          "the log of floofd and `bird -p` tell more"};
}

}  // namespace floof::bird
