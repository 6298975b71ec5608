# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests ask r1, the router of their lab, of its BGP sessions."""

import json

from lab.hosts import Since, wait_for


def data(lab, *words):
    """What any command says as JSON."""
    return json.loads(lab.r1.ctl(*words, "|", "json").stdout)


def peers(lab):
    """Of `show bgp summary`, by name."""
    return {peer["name"]: peer for peer in data(lab, "show", "bgp", "summary")["peers"]}


def established(lab, *names):
    wait_for("sessions", lambda: all(peers(lab)[name]["state"] == "Established" for name in names), 30)


def since(lab, name):
    return Since.of(peers(lab)[name]["since"])
