# SPDX-License-Identifier: GPL-3.0-or-later
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only with ./dev test --all")
    if os.geteuid() != 0:
        raise pytest.UsageError("these tests make network namespaces: run them as root (./dev test does)")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items):
    """Files run side by side, each by one worker, for its tests share a lab; unit tests and fuzz targets are nobody's
    neighbours."""
    for item in items:
        if item.path.name not in ("test_unit.py", "test_fuzz.py"):
            item.add_marker(pytest.mark.xdist_group(item.path.name))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test of a lab shows the last lines of every log of that lab."""
    outcome = yield
    report = outcome.get_result()
    lab = item.funcargs.get("lab")
    if report.when == "call" and report.failed and lab is not None:
        for log in sorted(p for p in lab.folder.rglob("*.log") if p.is_file()):
            text = log.read_text(errors="replace").splitlines()[-25:]
            if text:
                report.sections.append((str(log.relative_to(lab.folder)), "\n".join(text)))
