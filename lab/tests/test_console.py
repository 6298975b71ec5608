# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/cli.md, typed into a real router."""

import os
import re
from pathlib import Path

import pytest

from lab.console import Console, Person, blocks
from lab.hosts import Lab, wait_for

ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "docs" / "cli.md"

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
    with Lab(f"ct{os.getpid()}-") as lab:
        console = Console(lab.router("r1").boot())
        try:
            lab.r1.commit(BASE, "base")
            sessions = blocks(TOUR.read_text().replace("/tmp/", f"{lab.folder}/"))
            assert len(sessions) >= 12
            for first_line, lines in sessions:
                console.run(first_line, lines)
        finally:
            console.close()


@pytest.fixture(scope="module")
def pages():
    """A router as features/interface/README.md sets it up, with a BGP neighbour; a packet's time to live has run out."""
    with Lab(f"cp{os.getpid()}-") as lab:
        lab.bird("h1")
        lab.router("r1")
        lab.link(lab.r1, "eth1", lab.h1, "eth1")
        lab.link(lab.r1, "spare", lab.h1, "other")
        lab.r1.address("spare", "203.0.113.1/24")
        lab.r1.run("ip", "link", "set", "spare", "down")
        lab.r1.boot().commit(settings("interface").replace("netns h1", f"netns {lab.h1.netns}"), "interfaces")
        lab.r1.commit("set system hostname edge")
        lab.h1.address("to-r1", "192.0.2.2/24")
        lab.h1.route("198.51.101.0/24", "192.0.2.1")
        lab.h1.configure("""router id 192.0.2.2; protocol device { }
            protocol static { ipv4; route 10.9.0.0/16 blackhole; route 198.51.101.0/24 blackhole; }
            protocol bgp { local as 64501; neighbor 192.0.2.1 as 64500; ipv4 { import all; export all; }; }""")
        lab.h1.boot()
        lab.r1.commit(settings("bgp") + "set bgp peer upstream-a import filter bogon-asns false", "bgp")
        wait_for("the neighbour's route", lambda: lab.r1.show("ip", "route", "198.51.101.9")[0]["fib"]["kind"] == "forward", 30)
        lab.h1.run("ping", "-c1", "-W1", "-t1", "198.51.101.9", check=False)
        yield lab


def settings(feature):
    """The lines of configuration that a feature's README begins with."""
    text = (ROOT / "features" / feature / "README.md").read_text()
    return next(block for block in re.findall(r"```\n(.*?)```", text, re.S) if block.startswith("set "))


def test_what_linux_says_to_itself_is_no_drop(pages):
    """MLD and router solicitations on floof0 and loopbacks: nobody is there, nothing is lost."""
    drops = {d["reason"]: d["packets"] for d in pages.r1.show("dataplane", "drops")}
    assert (drops.get("interface-down", 0), drops.get("multicast-from-kernel", 0)) == (0, 0), drops


@pytest.mark.parametrize("feature", ["interface", "ip", "dataplane", "bgp", "system"])
def test_pages_of_features(pages, feature):
    console = Console(pages.r1)
    try:
        sessions = blocks((ROOT / "features" / feature / "README.md").read_text())
        assert sessions
        for first_line, lines in sessions:
            console.run(first_line, lines)
    finally:
        console.close()


@pytest.fixture(scope="module")
def lab():
    with Lab(f"ck{os.getpid()}-") as made:
        made.router("r1").boot().commit(BASE, "base")
        yield made


# What the examples of the features' pages take for granted.
SURROUNDINGS = """
set interface e0 device null
set interface e0 address 192.0.2.1/24
set interface e1 device null
set interface e1 address 203.0.113.1/24
set interface loop0 address 10.255.0.1/32
set bgp asn 64500
set bgp peer upstream-a neighbor 192.0.2.2 remote-as 64501
set bgp peer twenty neighbor 192.0.2.20 remote-as 64520
"""
EXAMPLES = ["bird", "bond", "dataplane", "irr", "lcp", "ospf", "outside", "peeringdb", "policy", "route", "rpki", "system",
            "vlan"]


@pytest.mark.parametrize("feature", EXAMPLES)
def test_examples_of_features_are_configurations(lab, feature):
    """Those of interface and bgp run in `pages`."""
    said = lab.r1.script(f"configure private\nload factory-default\n{SURROUNDINGS}{settings(feature)}commit check\ndiscard\nexit\n")
    assert "configuration check succeeds" in said.stdout, said
    having = {p.parent.name for p in ROOT.glob("features/*/README.md") if "```\nset " in p.read_text()}
    assert having == {*EXAMPLES, "interface", "bgp"}, "every page with an example is here"


@pytest.fixture
def ann(lab):
    person = Person(lab.r1, echo=True)
    yield person
    person.close()


def test_questions_inside_of_a_sentence(ann):
    ann.type("configure", ">")
    rest = ann.offered("set bgp peer n1 remote-as 4 ")
    assert {"neighbor", "policy", "import", "<enter>"} <= set(rest) and "remote-as" not in rest
    assert ann.offered("set bgp peer n1 remote-as 4 polic transit imp local-pref 3 neigh") == ["neighbor"]
    assert ann.offered("set bgp peer n1 remote-as 4 policy ") == ["transit"]
    assert "<enter>" not in ann.offered("set bgp peer n1 remote-as ")
    assert ann.offered("set bgp peer n1 neighbor [ 192.0.2.7 ") == ["<address>", "]"]
    after = ann.offered("set bgp test t route 203.0.113.0/24 from a ")
    assert {"expect", "path", "to", "<enter>"} <= set(after) and not {"route", "from"} & set(after)
    reasons = ann.offered("set bgp test t expect reject ")
    assert {"any", "rpki-invalid", "bogon-prefix"} <= set(reasons)
    assert "rpki-not-valid" in ann.offered("set bgp test t expect rej rpki")
    assert {"import", "export"} <= set(ann.offered("edit bgp peer a ")) and "policy" not in ann.offered("edit bgp peer a ")
    assert "[edit" not in "".join(ann.type("compare", "#")), "^C forgets the line"


def test_an_interrupted_load_loads_nothing(ann):
    ann.type("configure", ">")
    for command in ("load merge terminal", "load set terminal", "load override terminal"):
        ann.child.sendline(command)
        ann.child.expect("\\^C to load nothing")
        ann.child.send("set system hostname half-typed\n")
        ann.child.expect("half-typed\r\n")
        ann.child.send("\x03")
        ann.child.expect(r"interrupted; nothing was loaded[^#]*# ")
        assert not ann.type("compare", "#"), "nothing of it is in the candidate"
    ann.child.sendline("load set terminal")
    ann.child.expect("\\^C to load nothing")
    ann.child.send("set system hostname whole\n\x04")
    ann.child.expect(r"@[\w.-]+# ")
    assert "hostname whole" in "\n".join(ann.type("compare", "#"))
    ann.type("discard", "#")


def test_tab_inside_of_a_sentence(ann):
    ann.type("configure", ">")
    ann.type("set bgp peer n1 remote-as 4 neigh\t192.0.2.9 poli\ttr\tdesc\tx", "#")
    assert [line.strip() for line in ann.type("show bgp peer n1 | display set", "#")] == [
        "set bgp peer n1 description x", "set bgp peer n1 remote-as 4", "set bgp peer n1 neighbor 192.0.2.9",
        "set bgp peer n1 policy transit"]
    ann.type("discard", "#")


def test_a_pasted_block_stops_at_its_first_mistake(lab):
    bob = Person(lab.r1, term="xterm")  # a terminal that tells what is pasted
    try:
        bob.type("configure", ">")
        block = "\n".join(f"set bgp peer p{i} remote-as {i} {word} 192.0.2.{i}"
                          for i, word in ((1, "neighbor"), (2, "neighbr"), (3, "neighbor")))
        said = bob.type(f"\x1b[200~{block}\n\x1b[201~", "#")
        assert 'pasted line:2: bgp peer p2 remote-as 2: unknown word "neighbr"; did you mean "neighbor"?' in said
        assert not any(line.strip() == "^" for line in said), "the line above is another one"
        shown = "\n".join(bob.type("show bgp | display set", "#"))
        assert "peer p1 neighbor" in shown and "peer p2" not in shown and "peer p3" not in shown
        bob.type("discard", "#")
    finally:
        bob.close()


@pytest.mark.parametrize("line, some", [
    ("show bgp peer ", {"<name>", "a"}),
    ("show bgp peer a ", {"received", "advertised", "rejected", "<enter>"}),
    ("clear bgp peer ", {"<name>", "a", "all"}),
    ("clear bgp peer a ", {"soft", "hard"}),
    ("bgp maintenance ", {"<name>", "a", "all"}),
    ("bgp maintenance a ", {"drain", "down", "off"}),
    ("explain route 192.0.2.0/24 from ", {"<peer>", "a"}),
    ("explain route 192.0.2.0/24 from a rpki ", {"valid", "invalid", "unknown"}),
    ("show route where ", {"origin-as", "local-pref", "not"}),
    ("show route where not rpki ", {"valid", "invalid", "unknown"}),
    ("show route where local-pref >= 100 ", {"med", "<enter>"}),
    ("show route import ", {"<peer>", "a"}),
    ("show route rejected peer ", {"<name>", "a"}),
    ("show configuration bgp peer ", {"a"})])
def test_questions_about_bgp(ann, line, some):
    assert some <= set(ann.offered(line))


def test_a_line_of_a_script_may_end_in_a_pipe(lab):
    for words in (["show", "interface", "| json"], ["show", "interface", "|", "json"], ["show interface | json"]):
        assert lab.r1.ctl(*words).stdout.startswith("["), words
    assert lab.r1.ctl("show", "interface", "| match ^e0 | count").stdout == "Count: 1 lines\n"


WIDE = """
set interface uplink-frankf device null
set interface uplink-frankf description "the way to the provider in Frankfurt, second floor, rack seven"
set interface uplink-frankf address 2001:db8:1234:5678:9abc:def0:1234:5678/64
set interface uplink-frankf address 198.51.100.1/24
set bgp peer a-peer-with-a-name-that-is-rather-long-to-have remote-as 4200001234
set bgp peer a-peer-with-a-name-that-is-rather-long-to-have neighbor 2001:db8:1234:5678:9abc:def0:1234:9999
set bgp peer a-peer-with-a-name-that-is-rather-long-to-have policy transit
set route 203.0.113.0/24 via 198.51.100.2
"""


@pytest.mark.parametrize("columns", [40, 80])
def test_what_is_shown_fits_the_screen(lab, columns):
    """No line is wider than the screen, unless it is one word or to be copied; a wide screen has all of it."""
    lab.r1.commit(WIDE, "a comment with more words than one would think that anybody needs to say what he has done")
    person = Person(lab.r1, columns=columns)
    try:
        for what in ("interface", "interface uplink-frankf", "interface counters", "interface devices", "bgp summary",
                     "bgp peer a", "ip route", "ip6 route", "ip neighbor", "route", "protocols", "feeds", "system", "bfd",
                     "system commit", "system logging", "dataplane drops all", "dataplane nodes all", "dataplane workers",
                     "bgp rpki", "bgp irr", "bgp peeringdb", "bgp blocklist"):
            shown = person.type("show " + what, ">")
            assert shown and not [x for x in shown if len(x) > columns and " " in x.strip()], (what, shown)
        assert not [x for x in person.type("help", ">") if len(x) > columns]
        refused = person.type("show nothing", ">")
        assert len(refused) > 1 and not [x for x in refused if len(x) > columns], refused
        assert set(re.sub(r"[,;]", "", " ".join(refused)).split()) >= {"unknown", "dataplane", "interface", "configuration"}
        long = "2001:db8:1234:5678:9abc:def0:1234:5678/64"
        assert any(long in x for x in person.type("show interface", ">"))
        table = person.type("show interface | match frankfurt", ">")
        assert "rack seven" in " ".join(" ".join(table).split()), "a filter gets everything"
        # Each time anew: a packet may be counted between the two.
        wait_for("both say the same", lambda: "".join(person.type("show interface | json", ">")) ==
                 "".join(lab.r1.ctl("show", "interface", "| json").stdout.split("\n")))
    finally:
        person.close()


def test_long_help_is_grouped_and_paged(lab):
    person = Person(lab.r1, echo=True, term="xterm", columns=80, rows=24)
    try:
        person.type("configure", ">")
        person.child.send("set bgp peer a ?")
        person.child.expect("Possible completions:")
        person.child.expect("\n:")  # less waits
        person.child.send("G")
        person.child.expect("Routes:")
        person.child.send("q")
        person.child.expect_exact("set bgp peer a ")
        person.child.send("\x03")
    finally:
        person.close()
    text = lab.r1.ctl("set", "bgp", "peer", "a", "?").stdout
    groups = re.findall(r"^(\S.*):$", text, re.M)
    assert groups == ["Possible completions", "Operation", "Session", "Routes"], text


def test_words_of_other_routers(lab):
    same = {"show interfaces": "show interface", "show interfaces e0": "show interface e0", "show arp": "show ip neighbor",
            "show ipv6 route": "show ip6 route", "show ipv6 neighbors": "show ip6 neighbor",
            "show configuration commands": "show configuration | display set",
            "show configuration commands bgp": "show configuration bgp | display set",
            "show running-config": "show configuration", "show ip route default": "show ip route 0.0.0.0/0"}

    def shown(words):  # a packet may come between two looks at the counters, or a second go by
        text = re.sub(r"\b\d\d:\d\d:\d\d\b", "AGE", lab.r1.ctl(words).stdout)
        return re.sub(r"^(  (?:received|sent|to Linux) .*)", lambda line: re.sub(r" +\d+", " N", line[0]), text, flags=re.M)

    for typed, meant in same.items():
        assert shown(typed) == shown(meant) != "", typed
    lab.r1.commit("set interface e7 device null mac 0200.5E00.0107 address 203.0.114.1/24 address 2001:db8:7::1/64\n"
                  "set route default via 203.0.114.2\nset route default via 2001:db8:7::2", "other words")
    lines = lab.r1.ctl("show configuration commands").stdout
    for line in ("set interface e7 mac 02:00:5e:00:01:07", "set route 0.0.0.0/0 via 203.0.114.2",
                 "set route ::/0 via 2001:db8:7::2"):
        assert line in lines.split("\n"), lines


def test_tab_offers_files(lab, ann, tmp_path):
    (tmp_path / "one-file.conf").write_text("set interface e6 device null\n")
    (tmp_path / "folder").mkdir()
    ann.type("configure", ">")
    assert ann.offered(f"load merge {tmp_path}/") == ["<file>", f"{tmp_path}/folder/", f"{tmp_path}/one-file.conf"]
    said = ann.type(f"load merge {tmp_path}/on\t", "#")[-1]
    assert re.fullmatch(r"loaded: \d+ lines are new and 0 are gone; 'compare' shows what commit would change", said), said
    ann.type(f"save {tmp_path}/fo\tsaved", "#")
    assert (tmp_path / "folder" / "saved").stat().st_mode & 0o777 == 0o600
    ann.type(f"run show interface | save {tmp_path}/fo\tshown", "#")
    assert (tmp_path / "folder" / "shown").stat().st_mode & 0o777 == 0o600
    assert any("comment that explains" in x for x in rollback_choices(lab, ann))
    ann.type("discard", "#")
    ann.type("exit", "#")
    assert ann.type("clear counters", ">") == ["the counters of interfaces, nodes and drops are zero"]


def rollback_choices(lab, person):
    lab.r1.commit("set system hostname edge", "base again")
    lab.r1.commit("set interface e0 description x", "comment that explains")
    return lab.r1.ctl("rollback", "?").stdout.split("\n")
