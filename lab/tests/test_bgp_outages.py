# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from outside fails in every way, and what was good counts on: a registry, PeeringDB and a blocklist's
server in turn; and answers that come well but break a `bgp test`.

    r (floofd) -- w (stand-ins, lab/stand_ins.py)
"""

import contextlib
import os
import re

import pytest

from lab import floof_ipc
from lab.hosts import Lab, wait_for
from lab.stand_ins import StandIns

KEY = "good-key"
ITEMS = {"irr": ("AS-TEN", "AS-TWENTY"), "peeringdb": ("400010", "ixp-lans", "never-via-route-servers"),
         "web": ("http://172.20.1.2:8081/list",)}
GROUP = {"irr": "irr", "peeringdb": "peeringdb", "web": "blocklist"}

BASE = """
set interface x0 device host x0
set interface x0 address 172.20.1.1/24
set bgp asn 400001
set bgp router-id 172.20.1.1
set bgp irr server 172.20.1.2:4343
set bgp peeringdb url http://172.20.1.2:8080/api
set bgp peeringdb api-key {key}
set bgp blocklist url http://172.20.1.2:8081/list
set bgp blocklist file {file}
set bgp policy server role rs-client
set bgp peer ten remote-as 400010
set bgp peer ten neighbor 172.20.1.10
set bgp peer ten policy server
set bgp peer ten import as-set AS-TEN
set bgp peer ten import limit auto
set bgp peer twenty remote-as 400020
set bgp peer twenty neighbor 172.20.1.20
set bgp peer twenty policy server
set bgp peer twenty import as-set AS-TWENTY
"""


def network(asn, prefixes, never):
    return {"asn": asn, "name": f"Network {asn}", "irr_as_set": "AS-TEN", "info_prefixes4": prefixes, "info_prefixes6": 20,
            "info_never_via_route_servers": never}


class Outside:
    """What the stand-ins say: as much more as there have been rounds."""

    def __init__(self, host, file):
        self.file, self.round = file, 0
        self.stand_ins = StandIns(host, **self.data())
        self.write_file()

    def data(self):
        more = range(20 + self.round)
        return {"irr": {"port": 4343, "mode": "good", "sets": {"AS-TEN": [400010], "AS-TWENTY": [400020]},
                        "prefixes": {"400010": [f"45.10.{i}.0/24" for i in more], "400020": [f"45.20.{i}.0/24" for i in more]}},
                "peeringdb": {"port": 8080, "mode": "good", "key": KEY, "netixlan": [],
                              "net": [network(400010, 100 + self.round, False), *(network(400100 + i, 10, True) for i in more)],
                              "ixpfx": [{"prefix": f"193.{i}.0.0/22"} for i in more]},
                "web": {"port": 8081, "mode": "good", "text": "".join(f"198.18.{i}.0/24\nAS{400500 + i}\n" for i in more)}}

    def write_file(self):
        self.file.write_text("".join(f"198.19.{i}.0/24\n" for i in range(20 + self.round)))

    def go_on(self, server=None, **trouble):
        """Everything is larger by one than before; one server is in trouble."""
        self.round += 1
        for name, about in self.data().items():
            self.stand_ins.change(name, **about)
        if server:
            self.stand_ins.change(server, **trouble)
        self.write_file()


@pytest.fixture(scope="module")
def lab():
    with Lab(f"fu{os.getpid()}-") as made:
        made.router("r")
        made.host("w")
        made.link(made.r, "x0", made.w, "x0")
        made.w.address("x0", "172.20.1.2/24")
        made.outside = Outside(made.w, made.folder / "block.txt")
        made.r.boot()
        made.r.commit(BASE.format(key=KEY, file=made.outside.file))
        wait_for("all answers", lambda: {i["state"] for i in items(made).values()} == {"good"} and len(items(made)) == 7)
        yield made


def items(lab):
    """Everything that is fetched, by its name."""
    parts = [("irr", "as-sets"), ("peeringdb", "lists"), ("peeringdb", "networks"), ("blocklist", "lists")]
    return {item["name"]: item for group, part in parts for item in lab.r.show("bgp", group)[part]}


def counts(found, names):
    return {name: found[name]["counts"] for name in names}


def alarms(lab):
    return lab.r.show("system")["alarms"]


def refresh(lab, *words):
    return lab.r.ctl("bgp", "refresh", *words, check=False)


HTTP = {"404": "HTTP 404", "429": "HTTP 429", "500": "HTTP 500", "down": "Empty reply", "slow": "no answer in time",
        "cut": "transfer closed", "shrunken": "the answer shrank"}
REGISTRY = {"down": "IRRd", "slow": "no answer within 1 s", "empty": "unknown or empty", "shrunken": "the answer shrank",
            "garbage": "IRRd", "cut": "IRRd", "refusing": "the server says Rate limit exceeded", "huge": "no answer within 1 s|IRRd"}
PEERINGDB = HTTP | {"empty": "the answer is empty|is not in PeeringDB", "garbage": "another form",
                    "huge": "no answer in time|longer than 128 MB"}
WEB = HTTP | {"empty": "the answer is empty", "garbage": "line 1 is neither", "huge": "longer than 128 MB"}
OUTAGES = [*((server, {"mode": mode}, why) for server, table in (("irr", REGISTRY), ("peeringdb", PEERINGDB), ("web", WEB))
             for mode, why in table.items()),
           ("peeringdb", {"key": "another"}, "HTTP 401")]
# Of those that would take long, only the web's huge answer comes to its own end.
IMPATIENT = [("irr", "slow"), ("irr", "huge"), ("peeringdb", "slow"), ("peeringdb", "huge"), ("web", "slow")]


@contextlib.contextmanager
def patience(lab, server, mode):
    leaf = f"bgp {GROUP[server]} timeout"
    if (server, mode) in IMPATIENT:
        lab.r.commit(f"set {leaf} 1")
    yield
    if (server, mode) in IMPATIENT:
        lab.r.commit(f"delete {leaf}")


@pytest.mark.parametrize("server,trouble,why", OUTAGES, ids=[f"{s}-{'-'.join(t.values())}" for s, t, _ in OUTAGES])
def test_the_last_good_answer_counts_and_nothing_else_stops(lab, server, trouble, why):
    failing = ITEMS[server]
    before = items(lab)
    lab.outside.go_on(server, **trouble)
    with patience(lab, server, trouble.get("mode")):
        assert refresh(lab).returncode == 1
    kept = items(lab)
    assert {kept[name]["state"] for name in failing} == {"kept"}
    assert counts(kept, failing) == counts(before, failing)
    for name in failing:
        assert re.search(why, kept[name]["error"]), kept[name]
        assert any(name in a and kept[name]["error"] in a and "counts on" in a for a in alarms(lab)), name
    others = kept.keys() - set(failing)
    assert {kept[name]["state"] for name in others} == {"good"}
    assert not any(name in a for a in alarms(lab) for name in others)
    assert all(counts(kept, [name]) != counts(before, [name]) for name in others), "what is new elsewhere counts"
    lab.outside.go_on()
    assert refresh(lab, GROUP[server]).returncode == 0
    again = items(lab)
    assert {again[name]["state"] for name in failing} == {"good"} and not alarms(lab)
    assert all(counts(again, [name]) != counts(before, [name]) for name in failing), "and so does what is new here then"


def without(prefixes, asn, prefix):
    return {"prefixes": prefixes | {asn: [p for p in prefixes[asn] if p != prefix]}}


# What each item may say so that a `bgp test` fails.
BREAKING = {
    "AS-TEN": lambda data: ("irr", without(data["irr"]["prefixes"], "400010", "45.10.0.0/24")),
    "AS-TWENTY": lambda data: ("irr", without(data["irr"]["prefixes"], "400020", "45.20.0.0/24")),
    ITEMS["web"][0]: lambda data: ("web", {"text": data["web"]["text"] + "45.10.1.0/24\n"}),
}
TESTS = """
set bgp test first route 45.10.0.0/24 from ten path 400010 rpki unknown expect accept
set bgp test second route 45.10.1.0/24 from ten path 400010 rpki unknown expect accept
set bgp test third route 45.20.0.0/24 from twenty path 400020 rpki unknown expect accept
"""


@pytest.mark.parametrize("bad", [["AS-TWENTY"], [ITEMS["web"][0]], ["AS-TEN", "AS-TWENTY"], ["AS-TEN", ITEMS["web"][0]],
                                 list(BREAKING)], ids=lambda bad: f"{len(bad)}-{bad[0]}")
def test_only_what_breaks_a_test_waits(lab, bad):
    lab.r.commit(TESTS)
    before = items(lab)
    lab.outside.go_on()
    for name in bad:
        server, answer = BREAKING[name](lab.outside.stand_ins.data)
        lab.outside.stand_ins.change(server, **answer)
    said = refresh(lab)
    assert said.returncode == 1 and said.stdout.count("cannot be used: bgp test") == len(bad), said.stdout
    after = items(lab)
    assert {name for name, item in after.items() if item["state"] != "good"} == set(bad)
    assert {after[name]["state"] for name in bad} == {"waiting"} and counts(after, bad) == counts(before, bad)
    assert all(counts(after, [name]) != counts(before, [name]) for name in after.keys() - set(bad))
    told = [a for a in alarms(lab) if "cannot be used: bgp test" in a]
    assert len(told) == len(bad) == len(alarms(lab)) and all(any(name in a for a in told) for name in bad)
    lab.outside.go_on()
    assert refresh(lab).returncode == 0, "good answers take their place"
    assert {item["state"] for item in items(lab).values()} == {"good"} and not alarms(lab)
    lab.r.commit("delete bgp test")


def test_a_new_key_counts_though_an_old_question_waits(lab):
    lab.outside.stand_ins.change("peeringdb", mode="slow")
    lab.r.commit("set bgp peeringdb timeout 1")
    asked = len(lab.outside.stand_ins.questions("peeringdb"))
    with floof_ipc.Client(lab.r.run_dir / "floofd.sock") as client:
        client.call("request", what="bgp-refresh", arguments={"group": "peeringdb"})
    wait_for("it is asked", lambda: len(lab.outside.stand_ins.questions("peeringdb")) == asked + 3)
    lab.outside.stand_ins.change("peeringdb", mode="good", key="new")
    lab.r.commit("set bgp peeringdb api-key new")
    wait_for("it is asked with the new key",
             lambda: [q["key"] for q in lab.outside.stand_ins.questions("peeringdb")[asked + 3:]] == ["Api-Key new"] * 3)
    wait_for("the answers count", lambda: {items(lab)[name]["state"] for name in ITEMS["peeringdb"]} == {"good"})
    assert not alarms(lab)
    lab.outside.stand_ins.change("peeringdb", key=KEY)
    lab.r.commit(f"set bgp peeringdb api-key {KEY}\ndelete bgp peeringdb timeout")


def test_refreshes_push_out_nobodys_commit_and_move_no_number(lab):
    def numbers():
        return {e["generation"]: e["index"] for e in lab.r.show("system", "commit") if e["how"] != "refresh"}
    before, newest = numbers(), lab.r.show("system", "commit")[0]["generation"]
    assert newest > len(before) + 10 and {0, 1} <= before.keys(), "many refreshes so far"
    for _ in range(3):
        lab.outside.go_on()
        assert refresh(lab).returncode == 0
    entries = lab.r.show("system", "commit")
    # One of an earlier test's may come late.
    assert entries[0]["generation"] >= newest + 3 and entries[0]["how"] == "refresh" and entries[0]["index"] == 0
    assert numbers() == before and sorted(before.values()) == list(range(len(before)))
    assert sum(e["how"] == "refresh" for e in entries) == 10
    assert "-   timeout 1;" in lab.r.ctl("show", "configuration", "|", "compare", "rollback", "1").stdout
