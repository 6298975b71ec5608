// SPDX-License-Identifier: GPL-3.0-or-later
//
// The translation of one peer or template, shared by peer*.cc.
#pragma once

#include "features/pathvector/peer.h"

namespace floof::pathvector {

class Terms {
 public:
  Terms(const Section& section, const Common& common, std::optional<uint32_t> asn, Reader& reader);
  Leafs all();

 private:
  // peer.cc
  void role();
  void session();
  void password();
  void raw(std::string_view key, Words path);
  // peer_import.cc
  void checks();
  void checks_inside();
  void registry();
  void imports();
  void preferences();
  // peer_export.cc
  void exports();
  void announced();
  void limits();
  void limit(std::string_view kind, Words path, bool with_defaults);

  bool yes(std::string_view key, bool otherwise = false) const;
  /// The key of this peer, also when its template has it.
  Found about(std::string_view key) const;
  /// The leaf, without a value, when the key is true.
  void presence(std::string_view key, Words path);
  /// true or false, when the file says so.
  void said(std::string_view key, Words path);
  std::optional<uint64_t> number(std::string_view key, uint64_t least, uint64_t most) const;
  void number(std::string_view key, Words path, uint64_t least, uint64_t most);
  void communities(std::string_view key, const Words& path);
  void address(std::string_view key, Words path);
  void prefixes(std::string_view key, const Words& path);

  const Section& section_;
  const Common& common_;
  Reader& read_;
  std::string role_;
  bool internal_ = false, external_ = true;
  bool whose_ = false;  ///< a peer's, whose AS number is known, and not a template's
  Leafs out_;
};

}  // namespace floof::pathvector
