# SPDX-License-Identifier: GPL-3.0-or-later
"""Many peers with large as-sets: who is touched by a commit, and whether the lists are really there. Times are the
business of `./dev bench --only bgp`."""

import pytest

from lab import bench_bgp


@pytest.mark.long
def test_a_commit_of_one_changed_peer_touches_only_that_peer():
    figures, changed = bench_bgp.measure(bench_bgp.SMALL, runs=2)
    assert changed == {"customer-7"}
    assert figures["bgp-memory-floofd"] > 0
