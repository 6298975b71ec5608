# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree keeps to docs/architecture.md, and the checks of that notice who does not. What is made from the code is up to date."""
import subprocess
import types

import pytest

from lab import lint_features
from lab.hosts import BIN, TOP


def test_the_tree_is_clean():
    done = subprocess.run(["bash", "lab/lint.sh"], cwd=TOP, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout == "lint: clean\n", done.stdout + done.stderr


@pytest.fixture
def tree(tmp_path):
    """low has a public header, which middle uses, whose own one high uses."""
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    def write(name, *lines):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines))

    for name, public, uses in [("low", "low.h", ""), ("middle", "parts/middle.h", "low/low.h"), ("high", "", "middle/parts/middle.h")]:
        table = [f"## Public headers\n\n| header | for |\n|---|---|\n| `{public}` | others |"] if public else []
        write(f"features/{name}/README.md", f"# {name}\n", *table, "## Limits\n\n| `x.h` | not meant |")
        write(f"features/{name}/parts/{name}.h", "// ours")
        write(f"features/{name}/{name}.cc", f'#include "features/{name}/parts/{name}.h"', *([f'#include "features/{uses}"'] if uses else []))
    write("features/low/low.h", "// for others")
    assert lint_features.complaints(tmp_path) == []
    return types.SimpleNamespace(top=tmp_path, write=write)


@pytest.mark.parametrize("name, include, complaint", [
    ("high/high.h", "low/parts/low.h", "features/high/high.h:1: features/low/parts/low.h is not among the public headers of features/low/README.md"),
    ("high/high_test.cc", "middle/x.h", "features/high/high_test.cc:1: features/middle/x.h is not among the public headers of features/middle/README.md"),
    ("high/high.h", "gone/gone.h", "features/high/high.h:1: features/gone/gone.h is not among the public headers of features/gone/README.md"),
    ("low/low_daemon.cc", "middle/parts/middle.h", "features in a circle: low -> middle -> low (features/low/low_daemon.cc:1, features/middle/middle.cc:2)"),
])
def test_includes_between_features_are_judged(tree, name, include, complaint):
    tree.write(f"features/{name}", f'#include "features/{include}"')
    assert lint_features.complaints(tree.top) == [complaint]


def test_a_longer_circle_is_told_once_with_its_way(tree):
    tree.write("features/high/README.md", "# high", "## Public headers", "| `parts/high.h` | others |")
    tree.write("features/low/low.cc", '#include "features/high/parts/high.h"')
    assert lint_features.complaints(tree.top) == [
        "features in a circle: high -> middle -> low -> high (features/high/high.cc:2, features/middle/middle.cc:2, features/low/low.cc:1)"]


def test_tests_may_use_what_is_above(tree):
    tree.write("features/low/low_test.cc", '#include "features/middle/parts/middle.h"')
    assert lint_features.complaints(tree.top) == []


def test_a_public_header_that_nobody_needs_is_none(tree):
    tree.write("features/high/README.md", "# high", "## Public headers", "| `parts/high.h` | nobody |")
    assert lint_features.complaints(tree.top) == ["features/high/README.md: the public header parts/high.h is included by no other feature"]


def test_folders_stay_small(tree):
    for number in range(lint_features.MOST_FILES):
        tree.write(f"features/low/parts/more{number}.h", "")
    assert lint_features.complaints(tree.top) == [
        f"features/low/parts/ has {lint_features.MOST_FILES + 1} files; more than {lint_features.MOST_FILES} are hard to find one's way in: make subfolders"]


# -- docs/reference/ is made from the code (`./dev reference`), so that it cannot lie --


@pytest.mark.parametrize("page, words", [
    ("configuration", ["floofd", "--reference"]),
    ("cli", ["floofctl", "--reference"]),
    ("counters", ["floof-dataplane", "--reference", "counters"]),
    ("graph", ["floof-dataplane", "--reference", "graph"]),
])
def test_the_reference_is_what_the_programs_say(page, words):
    said = subprocess.run([BIN / words[0], *words[1:]], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    assert said == (TOP / "docs" / "reference" / f"{page}.md").read_text(), "run ./dev reference and commit what it changes"
