// SPDX-License-Identifier: GPL-3.0-or-later
//
// floofctl: one person's (or script's) terminal to a router. Start reading at main; what lines mean is in
// shell/session.h, what each `show` prints is in the features' X_show.cc. The only program that links readline.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <pwd.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/ipc/ipc.h"
#include "shell/pager.h"
#include "shell/session.h"
#include "shell/text.h"

#define FLOOF_FEATURE(name)             \
  namespace floof::name {               \
  void register_show(shell::Registry&); \
  }
#include "show_features.inc"
#undef FLOOF_FEATURE

namespace floof {
namespace {

constexpr std::string_view kInstances = "/run/floof";

constexpr std::string_view kUsage = R"(usage: floofctl [--instance NAME | --run-dir DIR] [-f FILE | WORDS...]
  without words   the shell: '?' explains what may come next, TAB completes, 'configure' changes the configuration
  WORDS           one command, such as: floofctl show interface '| json'
  -f FILE         runs each line of FILE ('-': standard input) and stops at the first error
  --instance NAME which router (default: $FLOOF_INSTANCE, else main), its socket is in /run/floof/NAME
  --run-dir DIR   the same by its folder
  --reference     prints docs/reference/cli.md
)";

volatile sig_atomic_t interrupt_seen = 0;
volatile sig_atomic_t resize_seen = 0;

void on_signal(int number) {
  if (number == SIGWINCH) {
    resize_seen = 1;
  } else {
    interrupt_seen = 1;
  }
}

/// From now on Ctrl-C is noticed instead of ending the program; waiting calls return early.
void catch_signal(int number) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(number, &action, nullptr);
}

struct Options {
  std::string instance;
  std::string run_dir;
  std::string file;
  bool help = false;
  bool reference = false;
  std::vector<std::string> words;
};

Result<Options> parse_options(const std::vector<std::string>& arguments) {
  Options out;
  const char* instance = std::getenv("FLOOF_INSTANCE");
  out.instance = instance != nullptr && *instance != '\0' ? instance : "main";
  for (size_t i = 0; i < arguments.size(); i++) {
    const std::string& word = arguments[i];
    if (!word.starts_with('-') || word == "-") {
      out.words.assign(arguments.begin() + static_cast<ptrdiff_t>(i), arguments.end());
      break;
    }
    if (word == "--help" || word == "-h" || word == "--reference") {
      (word == "--reference" ? out.reference : out.help) = true;
      return out;
    }
    std::string* target = word == "--instance" || word == "-i" ? &out.instance
                          : word == "--run-dir"                ? &out.run_dir
                          : word == "-f" || word == "--file"   ? &out.file
                                                               : nullptr;
    if (target == nullptr) {
      return Error{word, "unknown option", "floofctl --help lists them"};
    }
    if (++i == arguments.size()) {
      return Error{word, "a value is missing behind it", "floofctl --help explains it"};
    }
    *target = arguments[i];
  }
  if (out.instance.find('/') != std::string::npos || out.instance.empty()) {
    return Error{"--instance " + out.instance, "is no name of an instance", "use --run-dir for a folder"};
  }
  if (out.run_dir.empty()) {
    out.run_dir = fmt::format("{}/{}", kInstances, out.instance);
  }
  if (!out.file.empty() && !out.words.empty()) {
    return Error{"-f " + out.file, "cannot be used together with a command", "leave one out"};
  }
  return out;
}

/// Names of the instances whose floofd has a socket here.
std::vector<std::string> running_instances() {
  std::vector<std::string> out;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kInstances, ignored)) {
    if (std::filesystem::exists(entry.path() / "floofd.sock", ignored)) {
      out.push_back(entry.path().filename().string());
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

Error cannot_connect(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0 && errno != EACCES) {
    const std::vector<std::string> others = running_instances();
    const std::string folder = path.substr(0, path.rfind('/'));
    return {path, "no router runs here",
            others.empty() ? fmt::format("start one: floof-init --run-dir {}", folder)
                           : fmt::format("start it with floof-init, or choose one that runs: --instance {}",
                                         fmt::join(others, ", --instance "))};
  }
  if (access(path.c_str(), W_OK) != 0) {
    return {path, "you may not use this router", "become root or a member of the socket's group"};
  }
  return {path, "floofd does not answer",
          "floof-init restarts it in a moment; its log is log/floofd.log beside the socket"};
}

/// The connection to floofd; made when first needed and again after it broke.
class Daemon : public shell::Context {
 public:
  explicit Daemon(std::string socket) : socket_(std::move(socket)) {}

  shell::Answer call(const shell::Json& request, std::chrono::milliseconds limit) override {
    const std::string operation = shell::field(request, "op");
    if (operation == "exec-start") {
      catch_signal(SIGINT);
    }
    shell::Json full = request;
    if (!mode_.empty()) {
      full["as"] = mode_;
    }
    Result<shell::Json> answer = attempt(full, limit);
    if (!answer && broke_ && only_reads(operation)) {
      answer = attempt(full, limit);
    }
    if (!answer) {
      return {{}, {answer.error()}};
    }
    for (const shell::Json& notice : shell::list(*answer, "notices")) {
      notices_.push_back(notice.is_string() ? notice.get<std::string>() : notice.dump());
    }
    const bool fine = shell::flag(*answer, "ok");
    return {*answer, fine ? std::vector<Error>{} : ipc::errors_of(*answer)};
  }
  /// On a connection of its own: who ends the answer closes it, and then everything of it ends.
  shell::Answer stream(shell::Json request, const std::function<bool(shell::Json rows)>& take) override {
    Result<ipc::Client> client = ipc::Client::connect(socket_);
    if (!client) {
      return {{}, {cannot_connect(socket_)}};
    }
    constexpr int kLong = 20;
    int pieces = 0;
    bool ended = false;
    const auto take_piece = [&](const std::string& text) {
      if (++pieces == kLong) {
        setpriority(PRIO_PROCESS, 0, 10);  // the router goes before a long list
      }
      shell::Json piece = shell::Json::parse(text, nullptr, false);
      ended = (piece.is_object() && !take(std::move(piece["data"]))) || interrupted();
      return !ended;
    };
    const auto last = client->call_for_pieces(
        request, {.take = take_piece, .enough = [&] { return ended = ended || interrupted(); }});
    if (ended) {
      return {{{"interrupted", true}}, {}};
    }
    if (!last) {
      return {{}, {last.error()}};
    }
    shell::Json answer = shell::Json::parse(*last, nullptr, false);
    auto errors = shell::flag(answer, "ok") ? std::vector<Error>{} : ipc::errors_of(answer);
    return {std::move(answer), std::move(errors)};
  }
  void edit_as(std::string_view mode) override { mode_ = mode; }
  /// What happened on the router meanwhile and was not asked for, once.
  std::vector<std::string> take_notices() { return std::exchange(notices_, {}); }
  void write(std::string_view text) override { write_all(STDOUT_FILENO, shell::printable(text)); }
  bool interrupted() override {
    const bool seen = interrupt_seen != 0;
    interrupt_seen = 0;
    return seen;
  }

 private:
  static bool only_reads(std::string_view operation) {
    for (const std::string_view reader : {"hello", "show", "show-config", "compare", "history", "complete", "status"}) {
      if (operation == reader) {
        return true;
      }
    }
    return false;
  }

  Result<shell::Json> attempt(const shell::Json& request, std::chrono::milliseconds limit) {
    broke_ = false;
    if (client_ && !client_->alive()) {
      client_.reset();  // floofd has restarted: nothing of this request has gone anywhere yet
    }
    if (!client_) {
      Result<ipc::Client> client = ipc::Client::connect(socket_);
      if (!client) {
        return cannot_connect(socket_);
      }
      client_.emplace(std::move(*client));
    }
    Result<shell::Json> answer = client_->call(request, limit);
    if (!answer) {
      client_.reset();
      broke_ = true;
    }
    return answer;
  }

  std::string socket_;
  std::optional<ipc::Client> client_;
  std::string mode_;
  std::vector<std::string> notices_;
  bool broke_ = false;
};

/// Standard output and error, with a pager and colours when they are a terminal.
class Standard : public shell::Terminal {
 public:
  bool out(std::string_view text, bool paged) override {
    pager_ = pager_ ? std::move(pager_) : std::make_unique<shell::Pager>(paged);
    return pager_->write(text);
  }
  void end(bool all) override {
    if (pager_) {
      pager_->end(all);
      pager_.reset();
    }
  }
  void err(std::string_view text) override { write_all(STDERR_FILENO, text); }
  bool colour_out() const override { return colour_out_; }
  bool colour_err() const override { return colour_err_; }
  size_t columns_out() const override { return shell::columns_of(STDOUT_FILENO); }
  size_t columns_err() const override { return shell::columns_of(STDERR_FILENO); }

 private:
  bool colour_out_ = shell::wants_colour(STDOUT_FILENO);
  bool colour_err_ = shell::wants_colour(STDERR_FILENO);
  std::unique_ptr<shell::Pager> pager_;  ///< of the result that is coming
};

/// The commands of all features.
shell::Registry all_commands() {
  shell::Registry registry;
#define FLOOF_FEATURE(name) floof::name::register_show(registry);
#include "show_features.inc"
#undef FLOOF_FEATURE
  return registry;
}

/// ~/.floofctl_history, readable by its owner only. Lines that set secrets are not kept.
class History {
 public:
  History() {
    const char* home = std::getenv("HOME");
    if (home == nullptr || *home == '\0') {
      return;
    }
    path_ = std::string(home) + "/.floofctl_history";
    UniqueFd file(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file) {
      path_.clear();
      return;
    }
    stifle_history(kMost);
    read_history(path_.c_str());
    history_truncate_file(path_.c_str(), kMost);
  }

  void add(const std::string& line) {
    const HIST_ENTRY* last = history_length > 0 ? history_get(history_base + history_length - 1) : nullptr;
    if (line.find_first_not_of(" \t\n") == std::string::npos || line.front() == ' ' ||
        (last != nullptr && line == last->line)) {
      return;
    }
    // Also where somebody began to write such a word, or wrote it wrong.
    for (const char* secret : {"pass", "psw", "pwd", "secret", "key"}) {
      if (strcasestr(line.c_str(), secret) != nullptr) {
        return;
      }
    }
    add_history(line.c_str());
    if (!path_.empty()) {
      append_history(1, path_.c_str());
    }
  }

 private:
  static constexpr int kMost = 1000;
  std::string path_;
};

/// Lines from a person: readline's callback interface, so that Ctrl-C and window changes are ours to handle.
class LineEditor {
 public:
  explicit LineEditor(shell::Session& session) : session_(session) {
    editor_ = this;
    rl_readline_name = "floofctl";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_initialize();
    rl_bind_key('\t', on_tab);
    rl_bind_key('?', on_question);
    catch_signal(SIGINT);
    catch_signal(SIGWINCH);
  }
  ~LineEditor() { editor_ = nullptr; }
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  /// Nothing at the end of input (Ctrl-D).
  std::optional<std::string> read(const std::string& prompt) {
    done_ = false;
    line_.reset();
    rl_callback_handler_install(prompt.c_str(), on_line);
    while (!done_) {
      pollfd input{STDIN_FILENO, POLLIN, 0};
      if (poll(&input, 1, -1) > 0) {
        rl_callback_read_char();
      }
      if (resize_seen != 0 && !done_) {
        resize_seen = 0;
        rl_resize_terminal();
      }
      if (interrupt_seen != 0) {
        interrupt_seen = 0;
        if (!done_) {
          forget_line();
        }
      }
    }
    return std::move(line_);
  }

 private:
  static void on_line(char* line) {
    rl_callback_handler_remove();
    editor_->done_ = true;
    if (line != nullptr) {
      editor_->line_ = line;
      std::free(line);
    }
  }

  static void forget_line() {
    rl_callback_sigcleanup();
    rl_free_line_state();
    write_all(STDOUT_FILENO, "^C\n");
    rl_replace_line("", 1);
    rl_on_new_line();
    rl_redisplay();
  }

  /// What stands left of the cursor on its line (a pasted block may have several).
  static std::string before_cursor() {
    const std::string text(rl_line_buffer, static_cast<size_t>(rl_point));
    return text.substr(text.rfind('\n') + 1);
  }

  static void show_choices(const shell::Session::Completion& completion) {
    const int point = rl_point;
    rl_point = rl_end;
    rl_redisplay();
    rl_crlf();
    std::fflush(rl_outstream);
    shell::set_screen_columns(shell::columns_of(STDOUT_FILENO));
    const std::string text = shell::Session::choices_text(completion);
    // A pager needs the terminal as it is outside of the editor.
    rl_deprep_terminal();
    shell::page(text);
    rl_prep_terminal(1);
    rl_point = point;
    rl_on_new_line();
    rl_redisplay();
  }

  static int on_question(int, int key) {
    const std::string text = before_cursor();
    if (shell::parse_line(text).in_quotes) {
      return rl_insert(1, key);
    }
    show_choices(editor_->session_.complete(text));
    return 0;
  }

  static void replace_word(const std::string& typed, const std::string& text, bool whole) {
    const int begin = rl_point - static_cast<int>(typed.size());
    rl_begin_undo_group();
    rl_delete_text(begin, rl_point);
    rl_point = begin;
    rl_insert_text(text.c_str());
    if (whole) {
      rl_insert_text(" ");
    }
    rl_end_undo_group();
  }

  static int on_tab(int, int) {
    const std::string text = before_cursor();
    const shell::Session::Completion completion = editor_->session_.complete(text);
    std::vector<std::string> words;
    bool described = false;
    for (const shell::Choice& choice : completion.choices) {
      if (choice.insertable) {
        words.push_back(choice.word);
      }
      described = described || !choice.insertable;
    }
    const std::string typed = text.substr(std::min(completion.begin, text.size()));
    if (words.size() == 1 && (!described || !completion.partial.empty())) {
      replace_word(typed, shell::quote(words[0]), !words[0].ends_with('/'));
      return 0;
    }
    std::string common = words.empty() ? "" : words[0];
    for (const std::string& word : words) {
      const auto end = std::mismatch(common.begin(), common.end(), word.begin(), word.end()).first;
      common.erase(end, common.end());
    }
    if (common.size() > completion.partial.size() && shell::quote(common) == common) {
      replace_word(typed, common, false);
    } else {
      show_choices(completion);
    }
    return 0;
  }

  static inline LineEditor* editor_ = nullptr;
  shell::Session& session_;
  bool done_ = false;
  std::optional<std::string> line_;
};

std::string login_name() {
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : std::to_string(getuid());
}

/// Asks who we are for the prompt. The errors say why there is no answer.
std::vector<Error> greet(Daemon& daemon, shell::Session& session) {
  const shell::Answer hello = daemon.call({{"op", "hello"}}, std::chrono::seconds(10));
  if (hello.ok()) {
    session.set_identity(shell::field(hello.body, "user", login_name()),
                         shell::field(hello.body, "hostname", "router"));
    session.set_class(shell::field(hello.body, "class", ""));
    session.set_changed(shell::flag(hello.body, "changed"));
    session.set_waiting(shell::member(hello.body, "unconfirmed"));
  }
  return hello.errors;
}

int run_shell(Daemon& daemon, Standard& terminal) {
  shell::Session session(daemon, terminal, all_commands(), shell::Session::Kind::interactive);
  if (const std::vector<Error> errors = greet(daemon, session); !errors.empty()) {
    terminal.err(shell::printable(errors[0].text()) + "\n");
    return 1;
  }
  History history;
  LineEditor editor(session);
  int status = 0;
  while (!session.finished()) {
    if (const std::string banner = session.banner(); !banner.empty()) {
      write_all(STDOUT_FILENO, shell::printable(banner) + "\n");
    }
    const std::optional<std::string> line = editor.read(session.prompt());
    if (!line) {
      write_all(STDOUT_FILENO, "\n");
      session.leave();
      break;
    }
    history.add(*line);
    // A pasted block has several lines; what follows a mistake is not run.
    const bool block = line->find('\n') < line->size() - 1;
    status = session.run_script(*line, block ? "pasted line" : "");
    interrupt_seen = 0;
    greet(daemon, session);
    for (const std::string& notice : daemon.take_notices()) {
      terminal.err(shell::printable("*** " + notice) + "\n");
    }
  }
  return status;
}

int run_file(Daemon& daemon, Standard& terminal, const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    char bytes[65536];
    for (ssize_t count = 0; (count = read(STDIN_FILENO, bytes, sizeof bytes)) > 0;) {
      text.write(bytes, count);
    }
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file || !(text << file.rdbuf())) {
      terminal.err(errno_error(path, "cannot read", "give a file with one command on each line").text() + "\n");
      return 1;
    }
  }
  shell::Session session(daemon, terminal, all_commands(), shell::Session::Kind::script);
  const int status = session.run_script(text.str(), path == "-" ? "standard input" : path);
  session.leave();
  return status;
}

int run_words(Daemon& daemon, Standard& terminal, const std::vector<std::string>& words) {
  shell::Session session(daemon, terminal, all_commands(), shell::Session::Kind::script);
  // One argument with blanks cannot be a word of a command: it is a whole line in quotes.
  const bool whole_line = words.size() == 1 && words[0].find(' ') != std::string::npos;
  if (words.back() == "?") {
    shell::set_screen_columns(terminal.columns_out());
    const std::string before = shell::join({words.begin(), words.end() - 1});
    shell::page(shell::Session::choices_text(session.complete(before.empty() ? "" : before + " ")));
    return 0;
  }
  return session.run(whole_line ? shell::parse_line(words[0]) : shell::line_of(words));
}

int run(const std::vector<std::string>& arguments) {
  Standard terminal;
  const Result<Options> options = parse_options(arguments);
  if (!options) {
    terminal.err(options.error().text() + "\n");
    return 2;
  }
  if (options->help) {
    write_all(STDOUT_FILENO, kUsage);
    return 0;
  }
  signal(SIGPIPE, SIG_IGN);
  Daemon daemon(options->run_dir + "/floofd.sock");
  if (options->reference) {
    write_all(STDOUT_FILENO,
              shell::Session(daemon, terminal, all_commands(), shell::Session::Kind::script).reference());
    return 0;
  }
  if (!options->words.empty()) {
    return run_words(daemon, terminal, options->words);
  }
  if (!options->file.empty() || isatty(STDIN_FILENO) != 1) {
    return run_file(daemon, terminal, options->file.empty() ? "-" : options->file);
  }
  return run_shell(daemon, terminal);
}

}  // namespace
}  // namespace floof

int main(int count, char** words) { return floof::run({words + std::min(1, count), words + count}); }
