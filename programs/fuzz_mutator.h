// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

namespace floof {

using Input = std::vector<uint8_t>;
inline constexpr size_t kMostInput = 1 << 20;  ///< bytes of an input of floof-fuzz

/// Makes inputs out of others: a few random changes of one, of the kinds that break parsers of packets and of texts.
/// The same inputs in the same order and the same seed make the same ones. One thread.
class Mutator {
 public:
  /// `corpus` must not be empty, and outlive this.
  Mutator(const std::vector<Input>& corpus, uint64_t seed) : corpus_(corpus), random_(seed) {
    for (const Input& input : corpus) {
      most_ = std::max(most_, input.size());
    }
    most_ = std::min(most_ * 2 + 64, kMostInput);
  }

  /// The next one, at most about twice as long as the longest of the corpus.
  Input next() {
    Input out = some();
    for (size_t changes = 1 + below(1 + below(6)); changes > 0; changes--) {
      change(out);
    }
    out.resize(std::min(out.size(), most_));
    return out;
  }

 private:
  struct Range {
    size_t at, size;
  };

  /// Less than `limit`; 0 for 0.
  size_t below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  const Input& some() { return corpus_[below(corpus_.size())]; }
  uint8_t byte() { return static_cast<uint8_t>(random_()); }

  /// A part of an input, more often a short one.
  Range part(const Input& input) {
    const size_t at = below(input.size());
    const size_t left = input.size() - at;
    return {at, std::min(left, 1 + below(below(2) == 0 ? 8 : left))};
  }
  Input copy(const Input& input) {
    const Range range = part(input);
    const auto begin = input.begin() + static_cast<ptrdiff_t>(range.at);
    return {begin, begin + static_cast<ptrdiff_t>(range.size)};
  }
  void insert(Input& input, const Input& what) {
    input.insert(input.begin() + static_cast<ptrdiff_t>(below(input.size() + 1)), what.begin(), what.end());
  }
  void overwrite(Input& input, const Input& what) {
    const size_t at = below(input.size());
    std::copy_n(what.begin(), std::min(what.size(), input.size() - at), input.begin() + static_cast<ptrdiff_t>(at));
  }
  static Input bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

  void change(Input& input) {
    switch (below(input.empty() ? 2 : 14)) {
      case 0:
        insert(input, Input(1 + below(8), byte()));
        break;
      case 1:
        insert(input, copy(some()));
        break;
      case 2:
      case 3:
        input[below(input.size())] ^= static_cast<uint8_t>(1U << below(8));
        break;
      case 4:
        input[below(input.size())] = byte();
        break;
      case 5:
        input[below(input.size())] += static_cast<uint8_t>(below(33) - 16);
        break;
      case 6:
        overwrite(input, special_number());
        break;
      case 7:
        replace_digits(input);
        break;
      case 8:
        erase(input, part(input));
        break;
      case 9:
        insert(input, copy(input));
        break;
      case 10:
        overwrite(input, copy(below(2) == 0 ? input : some()));
        break;
      case 11:
        splice(input, some());
        break;
      case 12:
        input.resize(below(input.size()));
        break;
      default:
        repeat(input);
    }
  }

  static void erase(Input& input, Range range) {
    const auto begin = input.begin() + static_cast<ptrdiff_t>(range.at);
    input.erase(begin, begin + static_cast<ptrdiff_t>(range.size));
  }

  /// A number at which code changes its mind, of one to four bytes, in either order.
  Input special_number() {
    static constexpr uint32_t kNumbers[] = {0,      1,      2,      0x7f,       0x80,       0xff,      0x100,
                                            0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
    const uint32_t number = kNumbers[below(std::size(kNumbers))];
    Input out;
    for (size_t width = size_t{1} << below(3); out.size() < width;) {
      out.push_back(static_cast<uint8_t>(number >> (8 * out.size())));
    }
    if (below(2) == 0) {
      std::reverse(out.begin(), out.end());
    }
    return out;
  }

  /// In a text, the number at or behind some place becomes another.
  void replace_digits(Input& input) {
    static constexpr std::string_view kNumbers[] = {
        "0", "1", "-1", "255", "256", "65536", "4294967295", "4294967296", "1e99", "99999999999999999999"};
    const auto digit = [](uint8_t c) { return c >= '0' && c <= '9'; };
    const auto begin = std::find_if(input.begin() + static_cast<ptrdiff_t>(below(input.size())), input.end(), digit);
    const auto at = begin - input.begin();
    input.erase(begin, std::find_if_not(begin, input.end(), digit));
    const Input number = bytes_of(kNumbers[below(std::size(kNumbers))]);
    input.insert(input.begin() + at, number.begin(), number.end());
  }

  /// The front of one and the back of the other.
  void splice(Input& input, const Input& other) {
    input.resize(below(input.size()));
    input.insert(input.end(), other.begin() + static_cast<ptrdiff_t>(below(other.size())), other.end());
  }

  /// A short part many times: depth and length.
  void repeat(Input& input) {
    const Input what = copy(input);
    Input many;
    for (size_t times = 2 + below(below(4) == 0 ? 2000 : 30); times > 0 && many.size() < most_; times--) {
      many.insert(many.end(), what.begin(), what.end());
    }
    insert(input, many);
  }

  const std::vector<Input>& corpus_;
  std::mt19937_64 random_;
  size_t most_ = 0;
};

}  // namespace floof
