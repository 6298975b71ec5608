# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever PeeringDB, a registry and a blocklist's server say, it never becomes syntax of bird.conf: hostile texts in
every place of their answers, asked for by the router's own means (real bgpq4)."""

import os

import pytest

from lab.hosts import Lab, run, wait_for
from lab.stand_ins import StandIns
from lab.tests.test_bgp_injection import EVIL, corpus, tokens

BASE = """
set interface x0 device host x0
set interface x0 address 172.20.1.1/24
set bgp asn 50000
set bgp router-id 172.20.1.1
set bgp irr server 172.20.1.2:4343
set bgp irr shrink-limit 100
set bgp peeringdb url http://172.20.1.2:8080/api
set bgp peeringdb shrink-limit 100
set bgp blocklist url http://172.20.1.2:8081/list
set bgp policy p role provider
set bgp peer named remote-as 400020
set bgp peer named neighbor 172.20.1.20
set bgp peer named policy p
set bgp peer named import as-set-auto
set bgp peer listed remote-as 400030
set bgp peer listed neighbor 172.20.1.30
set bgp peer listed policy p
set bgp peer listed import as-set AS-LISTED
"""
# Words that may stand in bird.conf beside those of a harmless one: none but numbers.
HARMLESS = {"string", "symbol"}


def network(text):
    return {"asn": 400020, "name": text, "irr_as_set": text, "info_prefixes4": 10, "info_prefixes6": 10,
            "info_never_via_route_servers": False}


@pytest.fixture(scope="module")
def lab():
    with Lab(f"fh{os.getpid()}-") as made:
        made.router("r")
        made.host("w")
        made.link(made.r, "x0", made.w, "x0")
        made.w.address("x0", "172.20.1.2/24")
        made.outside = StandIns(
            made.w, irr={"port": 4343, "mode": "good", "sets": {"AS-LISTED": [400030], "AS-NAMED": [400020]},
                         "prefixes": {"400030": ["45.30.0.0/24"], "400020": ["45.20.0.0/24"]}},
            peeringdb={"port": 8080, "mode": "good", "net": [network("AS-NAMED")], "ixpfx": [{"prefix": "193.0.0.0/22"}], "netixlan": []},
            web={"port": 8081, "mode": "good", "text": "192.88.98.0/24\n"})
        made.r.boot()
        made.r.commit(BASE)
        wait_for("the answers", lambda: all(p in rendered(made) for p in ("45.30.0.0/24", "45.20.0.0/24", "192.88.98.0/24")), 30)
        yield made


def rendered(lab):
    conf = (lab.r.run_dir / "bird.conf").read_text()
    return conf + "".join(path.read_text() for path in sorted((lab.r.run_dir / "sets").glob("*.conf"))
                          if path.name in conf)


def say(lab, text):
    lab.outside.change("peeringdb", net=[network(text)], ixpfx=[{"prefix": "193.0.0.0/22"}, {"prefix": text}])
    lab.outside.change("irr", sets={"AS-LISTED": [400030], "AS-NAMED": [400020], text.upper(): [400020]},
                       prefixes={"400030": ["45.30.0.0/24", text], "400020": ["45.20.0.0/24", text]})
    lab.outside.change("web", text=f"192.88.98.0/24\n{text}\n")


def test_answers_stay_data(lab):
    words = {token for token in tokens(rendered(lab)) if token.isidentifier()}
    asked = {server: len(lab.outside.questions(server)) for server in ("irr", "peeringdb", "web")}
    texts = [t for t in corpus() if t.strip()][::2]
    for text in texts:
        say(lab, text)
        lab.r.ctl("bgp", "refresh", check=False)
        found = rendered(lab)
        strange = {token for token in tokens(found) if token.isidentifier()} - words - HARMLESS
        assert not {word for word in strange if not word.startswith(("floof_", "true"))}, (text, strange)
        assert EVIL not in found, text
    for server, before in asked.items():
        assert len(lab.outside.questions(server)) >= before + len(texts), f"{server} was not asked each time"
    run("birdc", "-s", lab.r.run_dir / "bird.ctl", "configure", "check")
    say(lab, "AS-NAMED")
    lab.r.ctl("bgp", "refresh", check=False)
    wait_for("the good answers count again", lambda: "45.20.0.0/24" in rendered(lab))
