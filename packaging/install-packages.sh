#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs Debian packages without letting their daemons start or stay enabled: bird2, frr and the like would otherwise
# run in the machine's own namespace. Root. Arguments: package names.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
made_policy=
before=
units() { systemctl list-unit-files --state=enabled --no-legend 2>/dev/null | awk '{print $1}' | sort || true; }
log=$(mktemp)  # a name that nobody can know before
cleanup() { rm -f "$log"; if [ -n "$made_policy" ]; then rm -f "$policy"; fi; }
trap cleanup EXIT
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  made_policy=1
fi
if command -v systemctl >/dev/null; then before=$(units); fi
apt-get update -q >/dev/null || echo "setup: apt-get update failed; trying with the package lists that are here" >&2
apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1 || { tail -40 "$log"; exit 1; }
if command -v systemctl >/dev/null; then
  for unit in bird.service frr.service exabgp.service gobgpd.service ssh.service stayrtr.service; do
    if units | grep -qx "$unit" && ! grep -qx "$unit" <<<"$before"; then
      systemctl disable -q "$unit" || true
    fi
  done
fi
