// SPDX-License-Identifier: GPL-3.0-or-later
#include "shell/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/fd.h"
#include "base/file.h"
#include "shell/text.h"

namespace floof::shell {

namespace {

constexpr std::string_view kRed = "\x1b[31m", kGreen = "\x1b[32m", kBold = "\x1b[1m", kPlain = "\x1b[0m";

std::string coloured_difference(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const std::string_view colour = line.starts_with('+')   ? kGreen
                                    : line.starts_with('-') ? kRed
                                    : line.starts_with('[') ? kBold
                                                            : "";
    out += colour.empty() ? fmt::format("{}\n", line) : fmt::format("{}{}{}\n", colour, line, kPlain);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// As it stands inside an array.
std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    out.append(out.empty() ? "  " : "\n  ").append(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace

/// A file beside the one to be, which takes its place when it is whole; pipes and devices are written to.
class Output::File {
 public:
  explicit File(std::string path) : path_(std::move(path)) {
    std::error_code ignored;
    const auto about = std::filesystem::status(path_, ignored);
    if (std::filesystem::exists(about) && !std::filesystem::is_regular_file(about)) {
      fd_.reset(open(path_.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    } else {
      beside_ = path_ + ".XXXXXX";
      fd_.reset(mkostemp(beside_.data(), O_CLOEXEC));
    }
    good_ = static_cast<bool>(fd_);
    note();
  }
  ~File() {
    if (!beside_.empty()) {
      unlink(beside_.c_str());
    }
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool write(std::string_view text) {
    good_ = good_ && write_all(fd_.get(), text);
    note();
    return good_;
  }
  Result<> end() {
    if (good_ && !beside_.empty()) {
      good_ = rename(beside_.c_str(), path_.c_str()) == 0;
      note();
      beside_.clear();
    }
    errno = error_;
    return good_ ? Result<>()
                 : errno_error(path_, "writing", "give the name of a file in a folder where you may write");
  }

 private:
  void note() { error_ = good_ || error_ != 0 ? error_ : errno; }

  const std::string path_;
  std::string beside_;  ///< empty: a device, or done
  UniqueFd fd_;
  bool good_ = false;
  int error_ = 0;
};

Output::Output(Terminal& terminal, const Pipes& pipes, bool configuration)
    : terminal_(terminal),
      pipes_(pipes),
      prose_(pipes.format == Format::text && !configuration && pipes.save_to.empty()),
      filter_(pipes) {}
Output::~Output() = default;

bool Output::text(std::string_view text) {
  std::string harmless = printable(text);
  if (!harmless.empty() && harmless.back() != '\n') {
    harmless += '\n';
  }
  return pass(std::move(harmless));
}

bool Output::data(const Json& data) { return pass(json_text(data)); }

bool Output::row(const Json& row) {
  std::string before = rows_ ? row_ + ",\n" : "[\n";
  rows_ = true;
  row_ = indented(json_text(row));
  return pass(std::move(before));
}

bool Output::pass(std::string text) {
  used_ = true;
  return pass_filtered(filter_.feed(std::move(text)));
}

bool Output::pass_filtered(std::string text) {
  if (!pipes_.save_to.empty()) {
    file_ = file_ ? std::move(file_) : std::make_unique<File>(pipes_.save_to);
    lines_ += static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
    wanted_ = file_->write(text) && wanted_;
    return wanted_;
  }
  text = prose_ ? fold(text, terminal_.columns_out()) : text;
  const bool difference = pipes_.format == Format::compare || text.starts_with("[edit");
  if (difference && terminal_.colour_out()) {
    text = coloured_difference(text);
  }
  wanted_ = (text.empty() || terminal_.out(text, pipes_.paged())) && wanted_;
  return wanted_;
}

Result<> Output::end(bool all) {
  if (rows_) {
    pass(row_ + "\n]\n");
  }
  if (used_) {
    pass_filtered(filter_.end());
  }
  Result<> saved;
  if (file_ && !all) {
    saved = Error{pipes_.save_to, "is not written: the result is not whole", ""};
  } else if (file_) {
    saved = file_->end();
    if (saved) {
      terminal_.out(fmt::format("saved {} lines to {}\n", lines_, pipes_.save_to), pipes_.paged());
    }
  }
  terminal_.end(all);
  return saved;
}

}  // namespace floof::shell
