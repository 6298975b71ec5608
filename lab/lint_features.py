# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks what docs/architecture.md says under "Features and each other": a feature includes of another only headers that
the other's README lists under "## Public headers", the list names no header that nobody includes, no features need each
other in a circle (tests and benches aside), and no folder has too many files.

    python3 lab/lint_features.py [FOLDER]
"""
import collections
import pathlib
import re
import subprocess
import sys

MOST_FILES = 40
INCLUDE = re.compile(r'#include "features/(\w+)/([^"]+)"')
NOT_PRODUCT = re.compile(r"_(test|fuzz|bench)\.(cc|h)$")


def listed(readme: pathlib.Path) -> set[str]:
    """The headers in the first column of the table under "## Public headers"."""
    section = re.search(r"^## Public headers\n(.*?)(?=^## |\Z)", readme.read_text(), re.S | re.M) if readme.exists() else None
    return {name for row in re.findall(r"^\|(.*?)\|", section[1] if section else "", re.M) for name in re.findall(r"`([^`]+\.h)`", row)}


def circles(needs: dict[str, set[str]]) -> list[str]:
    """Each feature that comes back to itself, with one way; features of one circle are told once."""
    out, told = [], set()
    for start in sorted(needs):
        came_from = {start: ""}
        queue = collections.deque([start])
        while queue and start not in told:
            for to in sorted(needs.get(at := queue.popleft(), ())):
                if to == start:
                    way = [start, at]
                    while way[-1] != start:
                        way.append(came_from[way[-1]])
                    out.append(" -> ".join(reversed(way)))
                    told.update(way)
                    queue.clear()
                    break
                if to not in came_from:
                    came_from[to] = at
                    queue.append(to)
    return out


def complaints(top: pathlib.Path) -> list[str]:
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=top, capture_output=True, text=True, check=True).stdout.split("\n")
    files = [name for name in names if name and (top / name).is_file()]
    out = []
    public = {path.name: listed(path / "README.md") for path in sorted((top / "features").iterdir()) if path.is_dir()}
    used = {name: set() for name in public}
    why = collections.defaultdict(dict)  # feature -> feature that it needs -> for example by which file
    for name in files:
        if not name.startswith("features/") or not name.endswith((".cc", ".h")):
            continue
        own = name.split("/")[1]
        for number, line in enumerate((top / name).read_text().split("\n"), 1):
            include = INCLUDE.match(line)
            if include is None or include[1] == own:
                continue
            feature, header = include.groups()
            used.setdefault(feature, set()).add(header)
            if header not in public.get(feature, ()):
                out.append(f"{name}:{number}: features/{feature}/{header} is not among the public headers of features/{feature}/README.md")
            if not NOT_PRODUCT.search(name):
                why[own].setdefault(feature, f"{name}:{number}")
    for feature, headers in public.items():
        out += [f"features/{feature}/README.md: the public header {header} is included by no other feature" for header in sorted(headers - used[feature])]
    for circle in circles({feature: set(others) for feature, others in why.items()}):
        steps = circle.split(" -> ")
        out.append(f"features in a circle: {circle} ({', '.join(why[a][b] for a, b in zip(steps, steps[1:]))})")
    sizes = collections.Counter(name.rpartition("/")[0] for name in files if not name.startswith(("docs/", "lab/corpora/", "lab/pathvector/")))
    out += [f"{folder}/ has {size} files; more than {MOST_FILES} are hard to find one's way in: make subfolders" for folder, size in sorted(sizes.items()) if size > MOST_FILES]
    return out


if __name__ == "__main__":
    found = complaints(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    print("\n".join(found))
    sys.exit(1 if found else 0)
