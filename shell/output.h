// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "shell/pipes.h"
#include "shell/reply.h"

namespace floof::shell {

/// Where a session's text goes. Gets harmless text (see printable); colours are added only where they are wanted.
class Terminal {
 public:
  virtual ~Terminal() = default;
  /// The next part of a command's result; `paged` allows stopping at each full screen. False: the reader has seen
  /// enough.
  virtual bool out(std::string_view text, bool paged) = 0;
  /// The result is whole: waits until the reader has seen enough. `all` false: what he has not seen yet is not needed.
  virtual void end(bool all) { (void)all; }
  /// Errors and warnings.
  virtual void err(std::string_view text) = 0;
  virtual bool colour_out() const { return false; }
  virtual bool colour_err() const { return false; }
  /// Columns of the screens that they go to; 0: no screen.
  virtual size_t columns_out() const { return 0; }
  virtual size_t columns_err() const { return 0; }
};

/// A command's result on its way through the pipes to the terminal or a file, whole or piece by piece. One thread.
class Output {
 public:
  /// `configuration`: the result is text in the form of the configuration, of which lines are never folded.
  Output(Terminal& terminal, const Pipes& pipes, bool configuration);
  ~Output();

  /// Whole lines of the text for people. False, as below: nobody wants more.
  bool text(std::string_view text);
  /// The data, for `| json`.
  bool data(const Json& data);
  /// The next row of data that are an array.
  bool row(const Json& row);
  /// Whether the rows' text is wanted, or the rows.
  bool wants_rows() const { return pipes_.format == Format::json; }
  bool used() const { return used_; }
  /// The end. `all` false: it is not whole, and put into no file. An Error when a file is not written.
  Result<> end(bool all = true);

 private:
  class File;
  bool pass(std::string text);
  bool pass_filtered(std::string text);

  Terminal& terminal_;
  const Pipes& pipes_;
  const bool prose_;
  Filter filter_;
  std::unique_ptr<File> file_;
  std::string row_;  ///< the last one, whose comma is still to come
  bool used_ = false, rows_ = false, wanted_ = true;
  size_t lines_ = 0;  ///< saved
};

}  // namespace floof::shell
