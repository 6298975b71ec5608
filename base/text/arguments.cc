// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/text/arguments.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <system_error>

namespace floof {

namespace fs = std::filesystem;

std::string Arguments::value(const std::string& option) const {
  const auto after_last = values.upper_bound(option);
  return values.contains(option) ? std::prev(after_last)->second : std::string();
}

Result<Arguments> parse_arguments(int argc, char** argv, const std::set<std::string>& own_values,
                                  const std::set<std::string>& own_flags, const std::string& usage) {
  Arguments out;
  std::error_code ignored;
  out.bin_dir = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::map<std::string, std::string*> shared = {{"--instance", &out.instance},
                                                      {"--run-dir", &out.run_dir},
                                                      {"--state-dir", &out.state_dir},
                                                      {"--bin-dir", &out.bin_dir}};
  for (int i = 1; i < argc; i++) {
    const std::string option = argv[i];
    if (own_flags.contains(option)) {
      out.flags.insert(option);
      continue;
    }
    const auto text = shared.find(option);
    if (text == shared.end() && !own_values.contains(option)) {
      return Error{option, "is not understood", usage};
    }
    if (++i >= argc || *argv[i] == '\0') {
      return Error{option, "needs a value", usage};
    }
    if (text != shared.end()) {
      *text->second = argv[i];
    } else {
      out.values.emplace(option, argv[i]);
    }
  }
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  if (out.instance.size() > 32 || !std::all_of(out.instance.begin(), out.instance.end(), plain)) {
    return Error{"--instance " + out.instance, "is not a name", "use at most 32 letters, digits, '-' and '_'"};
  }
  out.run_dir = out.run_dir.empty() ? "/run/floof/" + out.instance : out.run_dir;
  out.state_dir = out.state_dir.empty() ? "/var/lib/floof/" + out.instance : out.state_dir;
  return out;
}

Result<void> make_folder(const std::string& path, unsigned mode) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) {
    return Error{path, "cannot make the folder: " + code.message(), "run as root"};
  }
  if (chmod(path.c_str(), mode) != 0) {
    return errno_error(path, "cannot set the folder's mode", "run as root");
  }
  return {};
}

}  // namespace floof
