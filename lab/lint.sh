#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Checks what the compiler does not: borders between rooms, licences, file sizes, forgotten words; clang-tidy with --tidy.
set -uo pipefail
cd "$(dirname "$0")/.."
bad=0
complain() { if [ -n "$2" ]; then printf '%s\n%s\n\n' "$1" "$2"; bad=1; fi; }
sources=$(git ls-files -co --exclude-standard '*.cc' '*.h' '*.py' '*.sh' '*.cmake')
code=$(printf '%s\n' "$sources" | grep -E '\.(cc|h)$')

complain "base/ includes another room:" "$(grep -nE '#include "(engine|config|shell|features|programs)/' -r base --include=*.cc --include=*.h)"
complain "engine/ includes another room than base/:" "$(grep -nE '#include "(config|shell|features|programs)/' -r engine --include=*.cc --include=*.h)"
complain "config/ includes another room than base/:" "$(grep -nE '#include "(engine|shell|features|programs)/' -r config --include=*.cc --include=*.h)"
complain "shell/ includes another room than base/:" "$(grep -nE '#include "(engine|config|features|programs)/' -r shell --include=*.cc --include=*.h)"
complain "netconf/ includes another room than base/ and config/:" "$(grep -nE '#include "(engine|shell|features|programs)/' -r netconf --include=*.cc --include=*.h)"
complain "DPDK outside engine/ and *_node/_apply/_bench files:" "$(printf '%s\n' "$code" | grep -vE '^engine/|_(node|apply)(_test)?\.(cc|h)$|_bench\.cc$|^programs/(floof_(bench|dataplane)|bench_router|bench_yardstick)' | xargs grep -lE '#include <rte_' 2>/dev/null)"
complain "libyang outside config/ and netconf/:" "$(printf '%s\n' "$code" | grep -vE '^(config|netconf)/' | xargs grep -lE '#include <libyang' 2>/dev/null)"
complain "yaml-cpp outside features/pathvector/:" "$(printf '%s\n' "$code" | grep -v '^features/pathvector/' | xargs grep -lE '#include <yaml-cpp' 2>/dev/null)"
complain "a file without its SPDX line:" "$(printf '%s\n' "$sources" | xargs grep -L 'SPDX-License-Identifier: GPL-3.0-or-later' 2>/dev/null)"
complain "a file over 600 lines:" "$(printf '%s\n' "$sources" | xargs wc -l | awk '$2 != "total" && $1 > 600')"
complain "words that promise work instead of doing it:" "$(printf '%s\n' "$sources" | grep -v '^lab/lint.sh$' | xargs grep -nE '\b(TODO|FIXME|XXX)\b' 2>/dev/null)"
complain "features and each other, folders (docs/architecture.md):" "$(python3 lab/lint_features.py)"
complain "a feature without a README:" "$(for d in features/*/; do [ -f "$d/README.md" ] || echo "$d"; done)"
if [ "${1:-}" = --tidy ]; then
  cmake -S . -B build-tidy -G Ninja -DFLOOF_BUNDLES=OFF >/dev/null && ninja -C build-tidy --quiet floof_yang netconf_yang
  printf '%s\n' "$code" | grep '\.cc$' | xargs -P 2 -n 4 clang-tidy -p build-tidy --quiet || bad=1
fi
[ "$bad" = 0 ] && echo "lint: clean"
exit "$bad"
