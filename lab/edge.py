# SPDX-License-Identifier: GPL-3.0-or-later
"""What several labs have in common: s sends packets through a TAP of r1, which has a link to each of a and b."""

from lab.hosts import wait_for

SOURCE = """
set interface es device tap eth0
set interface es device netns {s}
set interface es address 10.9.0.1/24
set interface es address 2001:db8:9::1/64
"""
UPSTREAMS = """
set interface ra device host ra
set interface ra address 172.20.1.1/24
set interface ra address 2001:db8:a::1/64
set interface rb device host rb
set interface rb address 172.20.2.1/24
set interface rb address 2001:db8:b::1/64
"""
OPEN = """
set bgp policy open import accept all
set bgp policy open import trust
set bgp policy open export accept none
"""


def source_is_ready(s):
    """After the commit: s has its end, its addresses, and r1 as its router."""
    wait_for("s has its TAP", lambda: s.run("ip", "link", "show", "eth0", check=False).returncode == 0)
    s.address("eth0", "10.9.0.2/24", "2001:db8:9::2/64")
    s.route("default", "10.9.0.1")
    s.route("default", "2001:db8:9::1")
