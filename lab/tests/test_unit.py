# SPDX-License-Identifier: GPL-3.0-or-later
"""Every unit test program of the build, as CTest knows them, so that one runner tells of all tests."""

import json
import os
import subprocess

import pytest

from lab.hosts import BUILD


def programs():
    listing = subprocess.run(["ctest", "--test-dir", str(BUILD), "--show-only=json-v1"], capture_output=True, text=True, check=True)
    return [(t["name"], t["command"]) for t in json.loads(listing.stdout)["tests"] if "command" in t]


@pytest.mark.parametrize("command", [pytest.param(c, id=n) for n, c in programs()])
def test_unit(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]


@pytest.mark.parametrize("variant", ["generic", "avx2", "avx512"])
def test_forwarding_with_every_variant(variant):
    """The same random packets through the fast way with each lookup, and through the general nodes, which must agree.
    A CPU without an instruction set takes the next best."""
    done = subprocess.run([BUILD / "ip_differential_node_test"], env=os.environ | {"FLOOF_FIB_VARIANT": variant}, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]


def test_unit_tests_were_found():
    assert len(programs()) >= 20


def test_variants_for_better_cpus_keep_their_code_to_themselves():
    """An inline function compiled there would be linked for everybody, and stop an older CPU."""
    objects = sorted(BUILD.glob("CMakeFiles/floof_*.dir/features/**/*_avx*.cc.o"))
    assert len(objects) >= 3
    for path in objects:
        symbols = subprocess.run(["nm", "-C", path], capture_output=True, text=True, check=True).stdout
        assert not [line for line in symbols.splitlines() if " W " in line or " V " in line], path.name
