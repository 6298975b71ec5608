# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/bgp.md, typed into a real router between two upstreams and a route server."""

import os
import re

import pytest

from lab.console import Console, blocks
from lab.hosts import TOP, Lab, wait_for

PAGE = TOP / "docs" / "bgp.md"

BIRD = """
router id 172.30.{n}.2;
protocol device {{ }}
protocol static announced {{ ipv4; {routes} }}
protocol bgp tour {{
  local 172.30.{n}.2 as {asn};
  neighbor 172.30.{n}.1 as 3000;
  local role {role};
  connect delay time 1;
  ipv4 {{ import all; export filter {{ {export} accept; }}; }};
}}
"""

NEIGHBOURS = {
    "up-a": (1, 3001, "provider", ["20.1.0.0/16", "10.0.0.0/8", "20.2.0.0/25", "0.0.0.0/0", "21.1.2.0/24"], ""),
    "up-b": (2, 3002, "provider", ["20.1.0.0/16", "20.3.0.0/16"], ""),
    "rs": (3, 3003, "rs_server", ["20.8.0.0/16", "20.9.0.0/16"], "if net = 20.9.0.0/16 then bgp_path.prepend(174);"),
}

TRANSLATED = """# what load pathvector reads on the page
asn: 3000
router-id: 172.30.1.1
rtr-server: 172.30.1.53:3323
templates:
  upstream: {role: customer, local-pref: 90}

peers:
  Up A:
    asn: 3009
    template: upstream
    optimize-inbound: true
    neighbors: [172.30.1.9]
"""


class Tour(Console):
    """`$ wait bgp`: until each session has told what it has."""

    def order(self, words):
        if words != ["wait", "bgp"]:
            return super().order(words)
        wanted = {name: len(routes) for name, (_, _, _, routes, _) in NEIGHBOURS.items()}

        def told():
            peers = {p["name"]: p for p in self.router.show("bgp", "summary")["peers"]}
            return all(peers[name]["received"] == count and peers[name]["exported"] == 1 for name, count in wanted.items())

        return wait_for("all sessions are established", told, 40)


@pytest.fixture(scope="module")
def lab():
    with Lab(f"bgptour{os.getpid()}-") as lab:
        lab.router("r1")
        for name, (number, asn, role, routes, export) in NEIGHBOURS.items():
            host = lab.bird(name)
            lab.link(lab.r1, f"eth{number - 1}", host, "eth0")
            host.address("eth0", f"172.30.{number}.2/24")
            lines = " ".join(f"route {route} blackhole;" for route in routes)
            host.configure(BIRD.format(n=number, asn=asn, role=role, routes=lines, export=export))
            host.boot()
        lab.r1.boot()
        yield lab


def test_the_tour(lab):
    (lab.folder / "floof-tour.yml").write_text(TRANSLATED)
    console = Tour(lab.r1)
    try:
        sessions = blocks(PAGE.read_text().replace("/tmp/", f"{lab.folder}/"))
        assert len(sessions) >= 4
        # The promise: from nothing to an exchange in fifteen commands, configure and commit included.
        commands = [line for line in sessions[0][1] if re.match(r"ann[>#] (configure|set|commit)", line)]
        assert len(commands) == 15
        for first_line, lines in sessions:
            console.run(first_line, lines)
    finally:
        console.close()
    for name in NEIGHBOURS:
        heard = lab.hosts[name].birdc("show", "route", "protocol", "tour").stdout
        assert "21.1.0.0/22" in heard and heard.count("unicast") == 1, heard
