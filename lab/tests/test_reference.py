# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reference/ is made from the code (`./dev reference`), so that it cannot lie: here the two are compared."""

import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("FLOOF_BUILD", TOP / "build")) / "bin"


@pytest.mark.parametrize("page, words", [
    ("configuration", ["floofd", "--reference"]),
    ("cli", ["floofctl", "--reference"]),
    ("counters", ["floof-dataplane", "--reference", "counters"]),
    ("graph", ["floof-dataplane", "--reference", "graph"]),
])
def test_the_reference_is_what_the_programs_say(page, words):
    said = subprocess.run([PROGRAMS / words[0], *words[1:]], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
    assert said == (TOP / "docs" / "reference" / f"{page}.md").read_text(), "run ./dev reference and commit what it changes"
