# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of lab/acceptance: every row announced by a real speaker to one router, judged in it and on the wire."""

import collections
import os

import pytest

from lab.acceptance import judge, rows
from lab.acceptance.world import World

ROWS = rows.read_all()
IMPORTS = [row for row in ROWS if row.receiver is None]
EXPORTS = [row for row in ROWS if row.receiver is not None]
SENDERS = collections.defaultdict(set)
for _row in ROWS:
    SENDERS[_row.route.prefix].add(_row.sender)


class Measured:
    """One look at everything, for all rows."""

    def __init__(self, world):
        self.held, self.received = world.held(), world.received()

    def of(self, row):
        return self.held.get((row.sender.name, row.route.prefix))


@pytest.fixture(scope="module")
def world():
    made = World(f"fa{os.getpid()}-", ROWS)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture(scope="module")
def measured(world):
    return Measured(world)


@pytest.fixture
def lab(world):
    return world.lab


def name(row):
    return row.id


def test_there_are_rows_enough_and_each_has_a_source():
    assert len(ROWS) >= 200
    assert all(len(row.source) > 5 for row in ROWS)


@pytest.mark.parametrize("row", IMPORTS, ids=name)
def test_import(measured, row):
    held = measured.of(row)
    wrong = judge.judge_import(row, held)
    if len(SENDERS[row.route.prefix]) == 1 or row.accepted:
        wrong += judge.judge_onward(row, held[0] if held else None, measured.received)
    assert not wrong, f"{row.id} ({row.source}):\n  " + "\n  ".join(wrong)


@pytest.mark.parametrize("row", EXPORTS, ids=name)
def test_export(measured, row):
    wrong = judge.judge_export(row, measured.received)
    assert not wrong, f"{row.id} ({row.source}):\n  " + "\n  ".join(wrong)
