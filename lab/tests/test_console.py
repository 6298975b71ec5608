# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/cli.md, typed into a real router."""

from pathlib import Path

from lab.console import Console, blocks
from lab.hosts import Lab

TOUR = Path(__file__).resolve().parents[2] / "docs" / "cli.md"

BASE = """
set system hostname edge
set interface e0 device null
set interface e0 address 192.0.2.1/24
set bgp asn 65000
set bgp policy transit import accept all
set bgp policy transit import trust
set bgp policy transit export accept originated
set bgp peer a remote-as 64500
set bgp peer a neighbor 192.0.2.2
set bgp peer a policy transit
"""


def test_the_tour():
    with Lab("tour-") as lab:
        console = Console(lab.router("r1").boot())
        try:
            lab.r1.commit(BASE, "base")
            sessions = blocks(TOUR.read_text())
            assert len(sessions) >= 12
            for first_line, lines in sessions:
                console.run(first_line, lines)
        finally:
            console.close()
            for name in ("floof-tour.conf", "floof-tour.patch"):
                (Path("/tmp") / name).unlink(missing_ok=True)
