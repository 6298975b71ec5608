# SPDX-License-Identifier: GPL-3.0-or-later
"""Data of policies from outside: registries by real bgpq4, PeeringDB, blocklists and RPKI files.

    r1 (floofd) -- w (stand-ins for two registries, PeeringDB and a web server; see lab/stand_ins.py)
"""

import contextlib
import json
import os
import pathlib
import pwd
import re

import pytest

from lab import floof_ipc
from lab.hosts import Lab, wait_for
from lab.stand_ins import StandIns

PREFIX = f"fo{os.getpid()}-"
KEY = "pdb-key-4711"
FEW, MANY = ["45.30.0.0/24"], [f"45.{10 + i // 256}.{i % 256}.0/24" for i in range(300)]

BASE = """
set interface rw device host rw
set interface rw address 172.20.1.1/24
set system login user nobody class read-only
set bgp asn 400001
set bgp router-id 172.20.1.1
set bgp irr server 172.20.1.2:4343
set bgp irr server 172.20.1.2:4344
set bgp irr timeout 10
set bgp peeringdb url http://172.20.1.2:8080/api
set bgp peeringdb api-key {key}
set bgp peeringdb timeout 5
set bgp policy member role peer
set bgp peer ten remote-as 400010
set bgp peer ten neighbor 172.20.1.10
set bgp peer ten policy member
set bgp peer ten import as-set AS-TEN
set bgp peer twenty remote-as 400020
set bgp peer twenty neighbor 172.20.1.20
set bgp peer twenty policy member
set bgp peer twenty import as-set-auto
set bgp peer twenty import limit auto
set bgp peer lost remote-as 400030
set bgp peer lost neighbor 172.20.1.30
set bgp peer lost policy member
set bgp peer lost import as-set AS-LOST
"""


SETS = {"AS-TEN": [400010, 400011], "AS-TWENTY": [400020]}
MORE_SETS = SETS | {"AS-TWENTY": [400020, 400021]}
PREFIXES = {"400010": [*MANY, "2a00:10::/32"], "400011": ["45.29.0.0/16"], "400020": FEW}


def irr(port, source):
    return {"port": port, "mode": "good", "source": source, "sets": SETS, "prefixes": PREFIXES}


def net(asn, **more):
    return {"asn": asn, "name": f"Network {asn}", "irr_as_set": "", "info_prefixes4": 100, "info_prefixes6": 20,
            "info_never_via_route_servers": False, **more}


def port(asn, lan, four, six):
    return {"asn": asn, "ixlan_id": lan, "name": f"IX{lan}", "ipaddr4": four, "ipaddr6": six, "operational": True}


@pytest.fixture(scope="module", name="booted")
def booted_lab():
    with Lab(PREFIX) as made:
        made.router("r1")
        made.host("w")
        made.link(made.r1, "rw", made.w, "eth0")
        made.w.address("eth0", "172.20.1.2/24")
        made.outside = StandIns(
            made.w, irr=irr(4343, "ONE"), irr2=irr(4344, "TWO"),
            peeringdb={"port": 8080, "mode": "good", "key": KEY,
                       "net": [net(400001, irr_as_set="AS-OWN"), net(400020, irr_as_set="LAB::AS-TWENTY"),
                               net(400099, info_never_via_route_servers=True)],
                       "ixpfx": [{"prefix": f"193.{i}.0.0/22"} for i in range(20)],
                       "netixlan": [port(400001, 5, "193.5.0.1", "2001:7f8:5::1"), port(400001, 6, "193.6.0.1", None),
                                    port(400020, 5, "193.5.0.20", "2001:7f8:5::20"), port(400020, 7, "193.7.0.20", None)]},
            web={"port": 8081, "mode": "good", "text": "".join(f"198.18.{i}.0/24\n" for i in range(100)) + "AS400666\n"})
        made.r1.boot()
        made.r1.commit(BASE.format(key=KEY))
        wait_for("everything was asked for", lambda: as_set(made, "AS-TEN")["state"] == "good"
                 and as_set(made, "AS-LOST").get("error"), 20)
        yield made


def registries(lab, sets=SETS, **prefixes):
    """What both say from now on: as at the start, but for this."""
    for server in ("irr", "irr2"):
        lab.outside.change(server, mode="good", sets=sets, prefixes=PREFIXES | {asn[2:]: known for asn, known in prefixes.items()})


@pytest.fixture(name="lab")
def lab_as_at_the_start(booted):
    """What the registries said at the start is known again after each test, so that each passes alone."""
    yield booted
    before = [dict(booted.outside.data[server]) for server in ("irr", "irr2")]
    registries(booted)
    if before != [booted.outside.data[server] for server in ("irr", "irr2")]:
        refresh(booted, "irr", "take-shrunken")


def as_set(lab, name):
    return next(s for s in lab.r1.show("bgp", "irr")["as-sets"] if s["name"] == name)


def network(lab, asn):
    return next(n for n in lab.r1.show("bgp", "peeringdb")["networks"] if n["name"] == str(asn))


def listed(lab, what):
    return next(i for i in lab.r1.show("bgp", "peeringdb")["lists"] if i["name"] == what)


def bird_text(lab):
    """bird.conf with the sets that it includes."""
    text = (lab.r1.run_dir / "bird.conf").read_text()
    return text + "".join((lab.r1.run_dir / name).read_text() for name in re.findall(r"sets/[0-9a-f_]+\.conf", text))


def alarms(lab):
    return lab.r1.show("system")["alarms"]


def history(lab):
    return lab.r1.show("system", "commit")


def refresh(lab, *words):
    return lab.r1.ctl("bgp", "refresh", *words, check=False)


def test_as_sets_are_fetched_and_what_is_unknown_is_an_alarm(lab):
    ten = as_set(lab, "AS-TEN")
    assert ten["counts"] == {"IPv4 prefixes": 301, "IPv6 prefixes": 1, "AS numbers": 2}
    assert ten["source"] == "172.20.1.2:4343" and ten["peers"] == ["ten"] and ten["age-s"] < 60
    whole = lab.r1.show("bgp", "irr", "AS-TEN")
    assert "2a00:10::/32" in whole["prefixes"] and whole["asns"] == [400010, 400011]
    lost = as_set(lab, "AS-LOST")
    assert lost["state"] == "unknown" and "unknown or empty" in lost["error"] and "counts" not in lost
    assert any("AS-LOST" in a and "unknown or empty" in a for a in alarms(lab))
    assert "AS-LOST: unknown or empty" in lab.r1.ctl("show", "bgp", "irr").stdout


def test_bird_gets_what_is_known_and_refuses_the_rest(lab):
    conf = bird_text(lab)
    assert "45.29.0.0/16" in conf and "193.5.0.0/22" in conf
    assert "AS-LOST" not in [s["name"] for s in lab.r1.show("bgp", "irr")["as-sets"] if s["state"] == "good"]


def test_peeringdb_names_the_as_set_and_the_limits(lab):
    twenty = network(lab, 400020)
    assert twenty["as-set"] == "LAB::AS-TWENTY" and twenty["counts"]["IPv4 prefixes"] == 100
    named = as_set(lab, "LAB::AS-TWENTY")
    assert named["state"] == "good" and named["peers"] == ["twenty"]
    assert listed(lab, "ixp-lans")["counts"]["IPv4 prefixes"] == 20
    assert "import limit 120" in bird_text(lab)
    assert "400020" in lab.r1.ctl("show", "bgp", "peeringdb", "AS400020").stdout


def test_the_first_commit_of_data_is_in_the_history(lab):
    entry = [e for e in history(lab) if e["how"] == "refresh"][-1]
    assert entry["user"] == "floofd" and "AS-TEN +302 prefixes" in entry["comment"]


def test_a_refresh_with_news_is_a_commit_with_a_diff(lab):
    count = len(history(lab))
    registries(lab, AS400010=[*MANY, "45.31.0.0/24", "45.32.0.0/24", "2a00:10::/32"], AS400011=[])
    said = refresh(lab, "irr").stdout
    assert "as-set AS-TEN: +2 -1 prefixes" in said and "unchanged" in said
    newest = history(lab)[0]
    assert newest["how"] == "refresh" and newest["comment"].startswith("refreshed by root: as-set AS-TEN +2 -1 prefixes")
    assert len(history(lab)) == count + 1
    refresh(lab, "irr")
    assert len(history(lab)) == count + 1, "the same answers are no commit"
    conf = bird_text(lab)
    assert "45.32.0.0/24" in conf and "45.29.0.0/16" not in conf


def test_the_next_server_is_asked_when_one_is_down(lab):
    lab.outside.change("irr", mode="down")
    refresh(lab, "irr")
    ten = as_set(lab, "AS-TEN")
    assert (ten["state"], ten["source"]) == ("good", "172.20.1.2:4344")


def test_one_failing_peer_stops_no_other(lab):
    registries(lab, MORE_SETS, AS400021=["45.33.0.0/24"], AS400010=FEW)
    said = refresh(lab, "irr").stdout
    assert "AS-TEN: the answer shrank" in said and "LAB::AS-TWENTY: +1 prefixes" in said
    assert as_set(lab, "LAB::AS-TWENTY")["counts"]["IPv4 prefixes"] == 2
    assert "AS-TEN: +1 -301 prefixes" in refresh(lab, "irr", "take-shrunken").stdout
    assert as_set(lab, "AS-TEN")["state"] == "good"


def test_the_cache_survives_a_restart_without_the_outside(lab):
    lab.outside.change("irr", mode="down")
    lab.outside.change("irr2", mode="down")
    asked = len(lab.outside.questions("peeringdb"))
    folder = lab.r1.state_dir / "outside"
    assert {oct(f.stat().st_mode & 0o777) for f in folder.iterdir()} == {"0o600"}
    damaged = next(f for f in folder.iterdir() if f.name.startswith("ixp-lans"))
    damaged.write_text(damaged.read_text().replace("193.5", "193.4"))
    pid = lab.r1.pid("floofd")
    os.kill(pid, 9)
    wait_for("floofd is back", lambda: lab.r1.pid("floofd") not in (0, pid) and as_set(lab, "AS-TEN")["state"] == "good")
    assert "45.30.0.0/24" in bird_text(lab)
    wait_for("what was damaged is fetched again", lambda: listed(lab, "ixp-lans")["state"] == "good")
    again = lab.outside.questions("peeringdb")[asked:]
    assert [q["question"] for q in again] == ["/api/ixpfx?fields=prefix"], "what is fresh is not asked for"


def test_the_key_is_seen_by_nobody(lab):
    lab.outside.change("peeringdb", mode="slow")
    with floof_ipc.Client(lab.r1.run_dir / "floofd.sock") as client:
        client.call("request", what="bgp-refresh", arguments={"group": "peeringdb"})
        asked = wait_for("curl runs", lambda: [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                                               if p.read_bytes().startswith(b"curl\0--disable")])
        for path in asked:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                status = path.with_name("status").read_text()
                assert not re.search(r"^Uid:.*\b0\b", status, re.M) and "NoNewPrivs:\t1" in status, "it is not root"
            for name in ("cmdline", "environ"):
                try:
                    assert KEY.encode() not in path.with_name(name).read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    pass
    assert lab.outside.questions("peeringdb")[-1]["key"] == f"Api-Key {KEY}"
    lab.outside.change("peeringdb", mode="good")
    wait_for("it ends", lambda: refresh(lab, "peeringdb").returncode == 0)
    assert KEY not in lab.r1.ctl("show", "bgp", "peeringdb", "|", "json").stdout
    assert KEY not in json.dumps(alarms(lab)) + lab.r1.ctl("show", "configuration").stdout
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        reader = floof_ipc.Client(lab.r1.run_dir / "floofd.sock")
    finally:
        os.seteuid(0)
    with reader:
        for form in ("set", "json"):
            seen = json.dumps(reader.call("show-config", path=["bgp"], format=form, which="running"))
            assert "peeringdb" in seen and KEY not in seen and "$F1$" not in seen
        assert KEY not in json.dumps(reader.call("show", what="bgp-peeringdb"))
        with pytest.raises(floof_ipc.Refused):
            reader.call("request", what="bgp-refresh")
    for log in lab.r1.run_dir.rglob("*.log"):
        assert KEY not in log.read_text(errors="replace")


def test_files_and_lists(lab):
    vrps = {"roas": [{"prefix": f"45.{i}.0.0/16", "maxLength": 24, "asn": f"AS{400000 + i}", "ta": "lab"} for i in range(50)],
            "aspas": [{"customer_asid": 400010, "providers": [400020]}]}
    files = {name: lab.folder / name for name in ("vrps.json", "slurm.json", "block.txt")}
    files["vrps.json"].write_text(json.dumps(vrps))
    files["slurm.json"].write_text(json.dumps({
        "slurmVersion": 1, "validationOutputFilters": {"prefixFilters": [{"asn": 400001}], "bgpsecFilters": []},
        "locallyAddedAssertions": {"prefixAssertions": [{"asn": 65000, "prefix": "45.99.0.0/16"}], "bgpsecAssertions": []}}))
    files["block.txt"].write_text("# bad\n203.0.113.0/24\nAS400667 # worse\n")
    lab.r1.commit(f"""
set bgp rpki vrp-file {files['vrps.json']}
set bgp rpki slurm-file {files['slurm.json']}
set bgp blocklist file {files['block.txt']}
set bgp blocklist url http://172.20.1.2:8081/list""")

    def states():
        rpki, lists = lab.r1.show("bgp", "rpki"), lab.r1.show("bgp", "blocklist")["lists"]
        return [i["state"] for i in rpki["vrp-files"] + rpki["slurm-files"] + lists]
    wait_for("everything is read", lambda: states() == ["good"] * 4)
    conf = bird_text(lab)
    assert "45.99.0.0/16" in conf and "45.7.0.0/16" in conf and "45.1.0.0/16" not in conf
    assert "198.18.7.0/24" in conf and "203.0.113.0/24" in conf and "400666" in conf and "400667" in conf
    files["vrps.json"].write_text('{"roas": [')
    assert refresh(lab, "rpki").returncode == 1
    assert lab.r1.show("bgp", "rpki")["vrp-files"][0]["counts"]["VRPs"] == 50
    files["vrps.json"].write_text(json.dumps(vrps | {"roas": vrps["roas"][:20]}))
    assert "shrank from 50 to 20 VRPs" in refresh(lab, "rpki").stdout
    files["vrps.json"].write_text(json.dumps(vrps | {"roas": vrps["roas"][:49]}))
    assert "-1 VRPs" in refresh(lab, "rpki").stdout


def test_a_commit_that_waits_for_confirmation_is_not_disturbed(lab):
    lab.r1.script("configure\nset system hostname waiting\ncommit confirmed 10\nexit\n")
    registries(lab, MORE_SETS, AS400021=["45.33.0.0/24", "45.34.0.0/24"])
    generation = history(lab)[0]["generation"]
    assert "waits for its confirmation" in refresh(lab, "irr").stdout
    assert as_set(lab, "LAB::AS-TWENTY")["state"] == "waiting"
    assert history(lab)[0]["generation"] == generation
    lab.r1.script("configure\ncommit\nexit\n")
    wait_for("it is committed then", lambda: as_set(lab, "LAB::AS-TWENTY")["counts"]["IPv4 prefixes"] == 3)
    assert history(lab)[0]["how"] == "refresh"


def test_one_answer_that_cannot_be_used_stops_no_other(lab):
    registries(lab, MORE_SETS, AS400021=["45.33.0.0/24"])
    refresh(lab, "irr")
    lab.r1.commit("set bgp test own route 45.33.0.0/24 from twenty path \"400020 400021\" rpki unknown expect accept")
    registries(lab, MORE_SETS, AS400010=[*PREFIXES["400010"], "45.35.0.0/24"], AS400021=["45.34.0.0/24", "45.36.0.0/24"])
    said = refresh(lab, "irr")
    assert said.returncode == 1 and "AS-TEN: +1 prefixes" in said.stdout and "cannot be used: bgp test own" in said.stdout
    conf = bird_text(lab)
    assert "45.35.0.0/24" in conf and "45.33.0.0/24" in conf and "45.36.0.0/24" not in conf
    bad = as_set(lab, "LAB::AS-TWENTY")
    assert bad["state"] == "waiting" and "cannot be used" in bad["error"]
    assert any("LAB::AS-TWENTY" in a and "cannot be used" in a for a in alarms(lab))
    assert not any("AS-TEN" in a for a in alarms(lab))
    lab.r1.commit("delete bgp test own")
    assert "LAB::AS-TWENTY" in refresh(lab, "irr").stdout
    wait_for("it is committed then", lambda: "45.36.0.0/24" in bird_text(lab))
    assert not any("cannot be used" in a for a in alarms(lab))


def test_match_finds_common_exchanges(lab):
    said = lab.r1.ctl("bgp", "match", "AS400020").stdout
    assert "IX5" in said and "IX7" not in said and "Our as-set: AS-OWN" in said
    assert "set bgp peer as400020 neighbor 193.5.0.20\n" in said and "neighbor 2001:7f8:5::20" in said
    data = json.loads(lab.r1.ctl("bgp", "match", "400020", "AS400001", "|", "json").stdout)
    assert data["exchanges"] == [{"exchange": "IX5", "own": ["193.5.0.1", "2001:7f8:5::1"],
                                  "other": ["193.5.0.20", "2001:7f8:5::20"]}]


def test_ports_of_a_network_are_asked_for_when_its_routers_may_name_each_other(lab):
    """`filter next-hop same-as`: on our subnet an address that PeeringDB has for the network, too."""
    def ports():
        return next((p for p in lab.r1.show("bgp", "peeringdb", "AS400020")["ports"]), {"state": "none"})
    before = lab.outside.data["peeringdb"]["netixlan"]
    lab.outside.change("peeringdb", netixlan=[*before, port(400020, 8, "172.20.1.21", None)])
    said = lab.r1.commit("set bgp peer twenty import filter next-hop same-as").stderr
    assert "ports at exchanges is not known (yet), so filter next-hop same-as of twenty" in said
    wait_for("the ports", lambda: ports()["state"] == "good")
    assert ports()["counts"] == {"IPv4 addresses": 3, "IPv6 addresses": 1} and "172.20.1.21" in ports()["addresses"]
    assert "if ! (bgp_next_hop = 172.20.1.20 || bgp_next_hop = 172.20.1.21) then" in bird_text(lab), "and none of other LANs"
    lab.outside.change("peeringdb", netixlan=before)
    assert "PeeringDB ports of AS400020: the answer shrank from 3 to 2 IPv4 addresses" in refresh(lab, "peeringdb").stdout
    assert ports()["state"] == "kept" and "172.20.1.21" in bird_text(lab)
    lab.outside.change("peeringdb", netixlan=[])
    assert "PeeringDB ports of AS400020: -4 addresses" in refresh(lab, "peeringdb", "take-shrunken").stdout
    assert ports()["state"] == "good" and "if ! (bgp_next_hop = 172.20.1.20) then" in bird_text(lab)
    lab.outside.change("peeringdb", netixlan=before)
    lab.r1.commit("delete bgp peer twenty import filter next-hop")
    assert "AS400020" in lab.r1.ctl("bgp", "match", "AS400020").stdout


def test_other_sources_are_asked_at_once(lab):
    asked = len(lab.outside.questions("irr"))
    lab.r1.commit("set bgp irr source ONE")
    wait_for("asked again with the source", lambda: any(q["question"] == "!sONE" for q in lab.outside.questions("irr")[asked:]))
    wait_for("taken", lambda: as_set(lab, "AS-TEN")["state"] == "good")


def test_validators_are_shown(lab):
    cache = lab.w.folder / "cache.json"
    cache.write_text(json.dumps({"metadata": {}, "roas": [{"prefix": "45.10.0.0/22", "maxLength": 22, "asn": "AS400010"}]}))
    lab.w.start("stayrtr", "-bind", "172.20.1.2:8282", "-metrics.addr", "127.0.0.1:9847", "-cache", cache, "-checktime=false")
    lab.r1.commit("set bgp rpki server one address 172.20.1.2 port 8282 retry 1")
    wait_for("the validator has answered", lambda: [v["state"] for v in lab.r1.show("bgp", "rpki")["validators"]] == ["good"])
    wait_for("BIRD knows it", lambda: lab.r1.show("bgp", "rpki")["served"] == {"vrps": 1, "serial": 1, "readers": 1})
    shown = lab.r1.ctl("show", "bgp", "rpki").stdout
    assert "172.20.1.2 port 8282  good   yes" in shown and "BIRD is told 1 VRPs, serial 1\n" in shown


@pytest.mark.long
def test_the_timer_refreshes_by_itself(lab):
    lab.r1.commit("set bgp irr refresh 1")
    before = history(lab)[0]["generation"]
    registries(lab, AS400010=[*MANY, "45.33.0.0/24", "2a00:10::/32"], AS400011=[])
    wait_for("a commit by the timer", lambda: history(lab)[0]["generation"] > before, 100)
    newest = history(lab)[0]
    assert newest["how"] == "refresh" and newest["comment"].startswith("refreshed by timer: as-set AS-TEN"), newest
