# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of unit tests, as CTest knows them, so that one runner tells of all tests."""

import json
import os
import subprocess

import pytest

from lab.hosts import BUILD


def files():
    listing = subprocess.run(["ctest", "--test-dir", str(BUILD), "--show-only=json-v1"], capture_output=True, text=True, check=True)
    return {t["name"]: t["command"] for t in json.loads(listing.stdout)["tests"] if "command" in t}


FILES = files()


def run(command, **environment):
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-8000:]
    return done.stdout


def cases(command):
    """Names of what a program runs; a parameter of a case stands behind a #, and is left out."""
    out, suite = [], ""
    for line in run([*command, "--gtest_list_tests"]).splitlines():
        if not line.startswith(" "):
            suite = line.split("#")[0].strip()
        else:
            out.append(suite + line.split("#")[0].strip())
    return out


@pytest.mark.parametrize("name", FILES)
def test_unit(name):
    run(FILES[name])


@pytest.mark.parametrize("variant", ["generic", "avx2", "avx512"])
def test_forwarding_with_every_variant(variant):
    """The same random packets through the fast way with each lookup, and through the general nodes, which must agree.
    A CPU without an instruction set takes the next best."""
    run(FILES["unit.ip.ip_differential_node_test"], FLOOF_FIB_VARIANT=variant)


def test_every_case_belongs_to_a_file():
    """CMake reads the names of the cases out of the files; one that it does not see would never run."""
    assert len(FILES) >= 100
    programs = {}
    for command in FILES.values():
        assert cases(command), command
        programs.setdefault(command[0], []).extend(cases(command))
    for program, run_by_files in programs.items():
        assert set(cases([program])) == set(run_by_files), program


def test_variants_for_better_cpus_keep_their_code_to_themselves():
    """An inline function compiled there would be linked for everybody, and stop an older CPU."""
    objects = sorted(BUILD.glob("CMakeFiles/floof_*.dir/features/**/*_avx*.cc.o"))
    assert len(objects) >= 3
    for path in objects:
        symbols = subprocess.run(["nm", "-C", path], capture_output=True, text=True, check=True).stdout
        assert not [line for line in symbols.splitlines() if " W " in line or " V " in line], path.name
