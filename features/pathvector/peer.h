// SPDX-License-Identifier: GPL-3.0-or-later
//
// A peer, or a template, as leafs of ours. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "features/pathvector/reader.h"

namespace floof::pathvector {

/// What the file says about all peers.
struct Common {
  uint32_t asn = 0;
  bool no_announce = false, no_accept = false, accept_default = false, rpki = true;
  bool refuses_default = false;  ///< in so many words
  std::vector<std::string> add_on_import, add_on_export;
};

/// A peer with its template: what the peer says wins, value by value. Either may be absent.
class Section {
 public:
  Section(Found own, Found under) : own_(std::move(own)), under_(std::move(under)) {}
  Found get(std::string_view key) const;
  /// Where the peer, or else the template, stands.
  const Found& place() const { return own_ ? own_ : under_; }

 private:
  Found own_, under_;
};

/// One peer of ours: sessions of a peer that differ in interface or own address become peers of their own.
struct Sessions {
  std::string interface, source;
  std::vector<std::string> neighbors;
};

/// Everything but what only a peer says (name, remote-as, neighbor, source, interface, description, disabled). `asn` is
/// the peer's, when it is known.
Leafs leafs_of(const Section& section, const Common& common, std::optional<uint32_t> asn, Reader& read);
/// What the peer itself announces of its sessions, by interface and own address.
std::vector<Sessions> sessions_of(const Section& section, Reader& read);

}  // namespace floof::pathvector
