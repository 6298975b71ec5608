# SPDX-License-Identifier: GPL-3.0-or-later
"""Every unit test program of the build, as CTest knows them, so that one runner tells of all tests."""

import json
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


def test_unit_tests_were_found():
    assert len(programs()) >= 20
