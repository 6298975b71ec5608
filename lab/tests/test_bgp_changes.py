# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of routes that are there already: VRPs change, policies change, limits are reached, and no session that
BIRD can keep is lost. Sessions are counted on both sides: BIRD's `since`, and how often a neighbour saw it come up."""

import json
import os

import pytest

from lab.acceptance import outside, peers, rows
from lab.acceptance.world import Validator, World
from lab.floof_ipc import Client, Refused
from lab.hosts import wait_for

WHO = [peers.BY_NAME[name] for name in ("transit-a", "transit-b", "customer-list", "customer-a", "peer-open", "inside", "customer-bird")]
TABLE = """
c-1 | transit-a     | 45.30.0.0/22  | + 400801        | 3356:1 | valid | 100 | | | x
c-2 | transit-a     | 45.30.4.0/22  | + 400802 400803 |        |       | 100 | | | x
c-3 | transit-a     | 2a10:30::/32  | + 400801        |        | valid | 100 | | | x
c-4 | customer-list | 45.23.0.0/16  | +               |        |       | 400 | | | x
c-5 | customer-list | 45.24.1.0/24  | +               |        |       | 400 | | | x
c-6 | peer-open     | 45.40.1.0/24  | +               |        |       | 300 | | | x
c-7 | peer-open     | 45.40.2.0/24  | +               |        |       | 300 | | | x
c-8 | peer-open     | 45.40.3.0/24  | +               |        |       | 300 | | | x
c-9 | customer-a    | 45.31.0.0/24  | +               |        | listed | 400 | | | x
c10 | customer-a    | 45.31.1.0/24  | +               |        |       | irr-prefix | | | x
"""


def table():
    return [rows.read_row("changes", rows.IMPORT, [cell.strip() for cell in line.split("|")])
            for line in TABLE.strip().splitlines()]


@pytest.fixture(scope="module")
def world():
    made = World(f"fc{os.getpid()}-", table(), WHO)
    try:
        yield made.start()
    finally:
        made.close()


@pytest.fixture
def lab(world):
    return world.lab


@pytest.fixture
def floofd(world):
    """A client; afterwards the configuration is what it was."""
    with Client(world.router.run_dir / "floofd.sock", timeout=60) as client:
        client.call("discard")
        before = client.call("show-config", path=[], format="set", which="running")["text"]
        yield client
        client.call("discard")
        client.call("load", text=before, format="set", mode="override")
        if client.call("compare")["text"]:
            client.call("commit")
            world.wait_until_settled()


def change(client, text):
    client.call("load", text=text, format="set", mode="merge")
    return client.call("commit")


def ups(world):
    """Neighbour's address -> how often its session came up, as ExaBGP saw it."""
    out = {}
    for line in world.exabgp.log.read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "state" and event["neighbor"]["state"] == "up":
            address = event["neighbor"]["address"]["local"]
            out[address] = out.get(address, 0) + 1
    return out


def lives(world):
    """What changes when a session is reset, however shortly."""
    return {a: (s["since"], s["state"]) for a, s in world.sessions().items()}, ups(world)


def verdict(world, name, prefix):
    found = world.held().get((name, prefix))
    if found is None:
        return None
    route, _, accepted = found
    reasons = [c for c in route.communities if c.startswith(f"{peers.ASN}:1101:")]
    return route.local_pref if accepted else reasons[0].rsplit(":", 1)[1] if reasons else "refused"


def heard(world, name, prefix):
    return world.received().get(name, {}).get(prefix)


def test_a_new_vrp_is_asked_about_routes_that_are_there(world):
    before = lives(world)
    good = outside.payloads(world.rows)
    assert verdict(world, "transit-a", "45.30.0.0/22") == 100
    world.validator.publish([outside.payload("45.30.0.0/22", 22, outside.STRANGER),
                             outside.payload("2a10:30::/32", 32, outside.STRANGER)])
    for prefix in ("45.30.0.0/22", "2a10:30::/32"):
        wait_for(f"{prefix} is refused", lambda p=prefix: verdict(world, "transit-a", p) == "13", 30)
    wait_for("a customer hears it", lambda: heard(world, "customer-list", "45.30.0.0/22") is None)
    assert verdict(world, "transit-a", "45.30.4.0/22") == 100
    world.validator.publish(good)
    for prefix in ("45.30.0.0/22", "2a10:30::/32"):
        wait_for(f"{prefix} is accepted again", lambda p=prefix: verdict(world, "transit-a", p) == 100, 30)
    wait_for("a customer hears it", lambda: heard(world, "customer-list", "45.30.0.0/22") is not None)
    assert lives(world) == before


def test_a_new_route_object_is_asked_about_routes_that_are_there(world):
    before, (sets, prefixes) = lives(world), outside.registry(world.rows)
    assert verdict(world, "customer-a", "45.31.1.0/24") == "9"
    more = {**prefixes, 400200: [*prefixes[400200], "45.31.1.0/24"]}
    world.others.change("irr", sets=sets, prefixes=more)
    world.router.ctl("bgp", "refresh", "irr")
    wait_for("the new one is accepted", lambda: verdict(world, "customer-a", "45.31.1.0/24") == 400)
    wait_for("others hear it", lambda: heard(world, "transit-a", "45.31.1.0/24") is not None)
    world.others.change("irr", mode="down")
    world.router.ctl("bgp", "refresh", "irr", check=False)
    assert verdict(world, "customer-a", "45.31.1.0/24") == 400, "the last good answer counts"
    world.others.change("irr", mode="good", prefixes=prefixes)
    world.router.ctl("bgp", "refresh", "irr", "take-shrunken")
    wait_for("refused again", lambda: verdict(world, "customer-a", "45.31.1.0/24") == "9")
    assert lives(world) == before


def test_a_validator_that_dies_is_believed_until_it_expires_and_a_second_one_counts_too(world, floofd):
    state = lambda name: {v["name"]: v["state"] for v in world.router.show("bgp", "rpki")["validators"]}[name]  # noqa: E731
    stranger = outside.payload("45.30.0.0/22", 22, outside.STRANGER)
    good = outside.payloads(world.rows)
    world.validator.publish([*(one for one in good if one["prefix"] != stranger["prefix"]), stranger])
    wait_for("it is refused", lambda: verdict(world, "transit-a", "45.30.0.0/22") == "13", 30)
    world.validator.process.kill()
    world.validator.process.wait()
    wait_for("it is missed", lambda: state("lab") == "kept", 30)
    world.router.ctl("clear", "bgp", "peer", "transit-a", "soft", "in")
    assert verdict(world, "transit-a", "45.30.0.0/22") == "13"
    second = Validator(world.world, world.validator.address, [outside.payload("45.30.4.0/22", 22, outside.STRANGER)], 8292).start()
    change(floofd, "\n".join(second.configuration("other")))
    wait_for("the second one is heard", lambda: verdict(world, "transit-a", "45.30.4.0/22") == "13", 30)
    assert verdict(world, "transit-a", "45.30.0.0/22") == "13"
    world.validator.publish(good)
    world.validator.start()
    wait_for("the first one is back", lambda: verdict(world, "transit-a", "45.30.0.0/22") == 100, 60)
    change(floofd, "delete bgp rpki server other")
    wait_for("what it said counts no more", lambda: verdict(world, "transit-a", "45.30.4.0/22") == 100, 30)
    second.process.kill()
    second.process.wait()


def test_a_new_file_of_payloads_is_asked_about_routes_that_are_there(world):
    before, file = lives(world), world.files / "vrps.json"
    old = file.read_text()
    said = json.loads(old)
    file.write_text(json.dumps({**said, "roas": [*said["roas"], outside.payload("45.40.1.0/24", 24, outside.STRANGER)]}))
    world.router.ctl("bgp", "refresh", "rpki")
    wait_for("it is refused", lambda: verdict(world, "peer-open", "45.40.1.0/24") == "13")
    file.write_text(old)
    world.router.ctl("bgp", "refresh", "rpki", "take-shrunken")
    wait_for("it is accepted again", lambda: verdict(world, "peer-open", "45.40.1.0/24") == 300)
    assert lives(world) == before


IMPORTS = [
    ("set bgp peer transit-a import filter max-path-length 2", "transit-a", "45.30.4.0/22", "5"),
    ("set bgp peer transit-a import local-pref 123", "transit-a", "45.30.4.0/22", 123),
    ("set bgp policy ordinary import local-pref 234", "peer-open", "45.40.1.0/24", 234),
    ("set bgp peer customer-list import prefix-reject 45.23.0.0/16", "customer-list", "45.23.0.0/16", "31"),
    ("set bgp blocklist prefix 45.40.0.0/16", "peer-open", "45.40.2.0/24", "26"),
    ("set bgp bogon asn 400803", "transit-a", "45.30.4.0/22", "4"),
    ("set bgp peer-lock 400803", "transit-a", "45.30.4.0/22", "24"),
    ("set bgp peer transit-a import transit-lock 400801", "transit-a", "45.30.4.0/22", "25"),
    ("set bgp peer transit-a import filter rpki require-valid", "transit-a", "45.30.4.0/22", "12"),
    ("set bgp peer peer-open maintenance drain", "peer-open", "45.40.1.0/24", 0),
]


@pytest.mark.parametrize("line, name, prefix, wanted", IMPORTS, ids=[i[0][8:] for i in IMPORTS])
def test_a_policy_judges_again_without_a_reset(world, floofd, line, name, prefix, wanted):
    before, old = lives(world), verdict(world, name, prefix)
    assert old != wanted
    floofd.call("load", text=line, format="set", mode="merge")
    steps = floofd.call("commit-plan")["steps"]
    assert not [step for step in steps if step["interrupts"]], steps
    floofd.call("commit")
    wait_for("the new verdict", lambda: verdict(world, name, prefix) == wanted)
    change(floofd, line.replace("set", "delete", 1).rsplit(" ", 1)[0] if "local-pref" in line or "max-path" in line
           or line.endswith(("drain", "require-valid")) else line.replace("set", "delete", 1))
    wait_for("the old verdict", lambda: verdict(world, name, prefix) == old)
    assert lives(world) == before


def test_an_export_policy_announces_again_without_a_reset(world, floofd):
    before = lives(world)
    change(floofd, "set bgp peer transit-a export prepend 2\nset bgp peer transit-a export community-add 3356:70")
    wait_for("prepended", lambda: heard(world, "transit-a", "45.23.0.0/16").path == (50000, 50000, 50000, 400220))
    assert "3356:70" in heard(world, "transit-a", "45.23.0.0/16").communities
    change(floofd, "set bgp peer transit-a export accept originated")
    wait_for("withdrawn", lambda: heard(world, "transit-a", "45.23.0.0/16") is None)
    assert heard(world, "peer-open", "45.23.0.0/16") is not None
    assert lives(world) == before


RESETS = [
    "set bgp peer peer-open hold-time 90", "set bgp peer peer-open passive", "set bgp peer peer-open add-paths rx",
    "set bgp peer peer-open allow-local-as 2",
]


def test_the_plan_says_which_session_resets_and_only_that_one_does(world, floofd):
    for line in RESETS:
        (since, before) = lives(world)
        floofd.call("load", text=line, format="set", mode="merge")
        told = [step["what"] for step in floofd.call("commit-plan")["steps"] if step["interrupts"]]
        assert len(told) == 1 and "peer-open" in told[0], (line, told)
        floofd.call("commit")
        address = peers.BY_NAME["peer-open"].address
        wait_for(f"{line}: up again", lambda: ups(world).get(address, 0) == before[address] + 1, 60)
        wait_for("settled", lambda: world.sessions()[address]["state"] == "Established", 30)
        (now, after) = lives(world)
        assert {a for a in now if now[a] != since[a]} == {address}, line
        assert {a for a in after if after[a] != before[a]} == {address}, line


def test_ttl_security_takes_nothing_from_whoever_may_be_further_away(world, floofd):
    """ExaBGP sends with a time to live of 1; RFC 5082 wants 255."""
    address = peers.BY_NAME["peer-open"].address
    change(floofd, "set bgp peer peer-open ttl-security\nset bgp peer peer-open hold-time 102")
    wait_for("the session is lost", lambda: world.sessions()[address]["state"] != "Established", 30)
    assert "ttl security on;" in (world.router.run_dir / "bird.conf").read_text()


def test_a_role_that_does_not_fit_ends_the_session(world, floofd):
    """RFC 9234, 4.2: roles that do not match, and none at all where one is required. ExaBGP has none."""
    def last_error(name):
        said = world.birdc("show", "protocols", "all", f"'bgp_{name}'")
        return next((line.split(":", 1)[1].strip() for line in said.splitlines() if "Last error" in line), "")
    before = lives(world)[0]
    change(floofd, "set bgp peer customer-bird role peer\nset bgp peer peer-open require-role")
    for name in ("customer-bird", "peer-open"):
        wait_for(f"{name} is refused", lambda: "role" in last_error(name).lower(), 60)
        assert world.sessions()[peers.BY_NAME[name].address]["state"] != "Established"
    alone = {peers.BY_NAME[name].address for name in ("customer-bird", "peer-open")}
    assert {a: life for a, life in lives(world)[0].items() if a not in alone} == {a: b for a, b in before.items() if a not in alone}


def test_a_limit_blocks_what_is_too_much(world, floofd):
    def accepted():
        return {prefix for (name, prefix), (_, _, fine) in world.held().items() if name == "peer-open" and fine}
    assert len(accepted()) == 3
    # What is there already stays, so the session begins anew.
    change(floofd, "set bgp peer peer-open import limit ip4 2\nset bgp peer peer-open import limit action block\n"
                   "set bgp peer peer-open hold-time 101")
    address = peers.BY_NAME["peer-open"].address
    wait_for("two of three", lambda: world.sessions()[address]["state"] == "Established" and len(accepted()) == 2, 60)


def test_a_limit_ends_the_session(world, floofd):
    before = lives(world)
    address = peers.BY_NAME["peer-open"].address
    change(floofd, "set bgp peer peer-open import limit ip4 2\nset bgp peer peer-open import limit action disable\n"
                   "set bgp peer peer-open hold-time 100")
    wait_for("it is down", lambda: world.sessions()[address]["state"] != "Established", 30)
    name = world.sessions()[address]["protocol"]
    wait_for("it says why", lambda: "limit" in world.birdc("show", "protocols", "all", f"'{name}'").lower())
    others = {a: life for a, life in lives(world)[0].items() if a != address}
    assert others == {a: life for a, life in before[0].items() if a != address}


TESTS = [
    ("route 45.30.9.0/24 from transit-a\nset bgp test t path \"400100 400801\"\nset bgp test t expect accept", None),
    ("route 10.1.0.0/16 from transit-a\nset bgp test t expect reject bogon-prefix", None),
    ("route 10.1.0.0/16 from transit-a\nset bgp test t expect accept", "bogon-prefix"),
    ("route 45.30.9.0/24 from transit-a\nset bgp test t path \"400100 64999\"\nset bgp test t expect accept", "bogon-asn"),
    ("route 45.30.9.0/24 from transit-a\nset bgp test t rpki invalid\nset bgp test t expect reject rpki-invalid", None),
    ("route 45.30.9.0/24 from transit-a\nset bgp test t to peer-open\nset bgp test t expect accept", "peer-open"),
    ("route 45.23.0.0/16 from customer-list\nset bgp test t to peer-open\nset bgp test t expect accept", None),
    ("route 45.23.0.0/16 from customer-list\nset bgp test t expect accept\nset bgp test t expect local-pref 399", "399"),
]


@pytest.mark.parametrize("lines, complaint", TESTS)
def test_a_commit_that_breaks_a_policy_test_is_refused(world, floofd, lines, complaint):
    first, rest = lines.split("\n", 1)
    prefix, peer = first.split()[1], first.split()[3]
    text = f"set bgp test t route {prefix}\nset bgp test t from {peer}\n{rest}"
    floofd.call("load", text=text, format="set", mode="merge")
    if complaint is None:
        floofd.call("commit")
        return
    with pytest.raises(Refused) as refused:
        floofd.call("commit")
    assert complaint in str(refused.value) and "bgp test t" in str(refused.value)
    assert "bgp test" not in floofd.call("show-config", path=[], format="set", which="running")["text"]


def test_a_policy_that_breaks_an_older_test_is_refused(world, floofd):
    change(floofd, "set bgp test keep route 45.30.9.0/24\nset bgp test keep from transit-a\nset bgp test keep expect accept")
    before = lives(world)
    with pytest.raises(Refused, match="bgp test keep"):
        change(floofd, "set bgp blocklist prefix 45.30.0.0/16")
    assert lives(world) == before
