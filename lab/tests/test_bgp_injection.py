# SPDX-License-Identifier: GPL-3.0-or-later
"""No text of a user can put syntax into bird.conf: with hostile texts in every leaf that takes them it has the same
tokens, one by one, as with harmless ones; only what is between quotes differs. BIRD itself reads each of the files."""

import os
import random
import re

import pytest

from lab.floof_ipc import Client, Refused
from lab.hosts import Lab

BASE = """
set interface x0 device null
set interface x0 address 172.20.0.1/24
set bgp asn 50000
set bgp router-id 10.255.0.1
set bgp prefix 45.0.0.0/20
set bgp policy p import accept all
set bgp peer a remote-as 400100
set bgp peer a neighbor 172.20.0.2
set bgp peer a policy p
set bgp peer a role customer
set bgp peer a advertise-hostname
set bgp peer b remote-as 400200
set bgp peer b neighbor 172.20.0.3
set bgp peer b policy p
set bgp peer b maintenance down
set bgp test t route 10.0.0.0/8
set bgp test t from a
set bgp test t expect reject any
set bgp mrt d table ip4
set bgp rpki server v port 8282
set bgp rpki server v address 172.20.0.9
"""

# Leaf -> a harmless value. Every text, and everything that a pattern has to keep clean.
LEAFS = {
    "system hostname": "harmless",
    "interface x0 description": "harmless",
    "bgp peer a description": "harmless",
    "bgp peer a password": "harmless",
    "bgp peer a shutdown-message": "harmless",
    "bgp peer b shutdown-message": "harmless",
    "bgp peer a tag": "harmless",
    "bgp peer a import as-set": "AS-HARMLESS",
    "bgp peer a import community-add": "3356:1",
    "bgp peer a import community-remove": "3356:*",
    "bgp peer a source": "172.20.0.1",
    "bgp policy p shutdown-message": "harmless",
    "bgp policy p password": "harmless",
    "bgp policy p import as-set": "AS-HARMLESS",
    "bgp mrt d file": "harmless.mrt",
    "bgp rpki server v address": "172.20.0.9",
    "bgp rpki vrp-file": "/nowhere/harmless.json",
    "bgp rpki slurm-file": "/nowhere/harmless.json",
    "bgp irr server": "rr.example.net",
    "bgp irr source": "HARMLESS",
    "bgp peeringdb url": "https://harmless.example/api",
    "bgp peeringdb api-key": "harmless",
    "bgp blocklist file": "/nowhere/harmless.txt",
    "bgp blocklist url": "https://harmless.example/list",
    "bgp bogon asn": "400999",
    "bgp bogon prefix": "45.99.0.0/16",
    "bgp originated-community": "50000:7",
    "bgp test t path": "400100",
}
# Names of objects become symbols; each is an object of its own beside the others.
NAMES = {
    "bgp policy": ["import", "local-pref", "5"],
    "bgp mrt": ["table", "ip6"],
    "bgp rpki server": ["address", "172.20.0.8"],
}

EVIL = "protocol static evil { ipv4; route 0.0.0.0/0 blackhole; }"
CORPUS = [
    '"', '";', "'", "';", "\\", '\\"', "{", "}", "};", ";", "#", "# x", "/*", "*/", "/* x */", "//", "%s%n", "$(reboot)", "`reboot`",
    f'"; }} {EVIL}', f'"; }};\n{EVIL}\n', f"x\n{EVIL}\n", f"x\r\n{EVIL}", f"'; {EVIL} '", f"*/ {EVIL} /*", f"\n{EVIL}",
    'include "/etc/shadow";', '" include "/etc/shadow"; "', "\t", "\r", "\n", "\x0b", "\x0c", "\x1b[2J", "\x7f", "\x01", "\u0085", "\u2028",
    "\u00e9", "\u202e", "\U0001f4a9", "a" * 80, '"' * 80, "a" * 255, "\\n", "\\x22;", "%22;", "&quot;", "172.20.0.9;", '172.20.0.9"', "AS1;",
    "AS-A } ", "1:2);", "3356:*)]); accept; #", "/a\"b", "/a;b", "http://a\"; }", "https://x/';", "400100; accept", "[ 1 ]", "(1,2)",
    "net ~ [ 0.0.0.0/0+ ]", "accept;", "eval 1", "define x = 1;", "%include", "0.0.0.0/0{0,32}", "::/0;", " ", "  x  ", "-x", "--", "",
]
PIECES = ['"', "'", "\\", ";", "{", "}", "#", "/*", "*/", "\n", " ", "a", "reject", "accept", "protocol", "filter", "\t", "1", "%", "\u00ff"]


def corpus():
    dice = random.Random(5)
    return CORPUS + ["".join(dice.choice(PIECES) for _ in range(dice.randint(2, 12))) for _ in range(60)]


TOKEN = re.compile(r"""\s+ | \#[^\n]* | /\*.*?\*/ | (?P<string>"[^"\n]*") | (?P<symbol>'[^'\n]*') | (?P<word>[A-Za-z_][\w]*) |
                       (?P<number>[0-9a-fA-F.:/]+) | (?P<sign>.)""", re.VERBOSE | re.DOTALL)


def tokens(text):
    """What BIRD's lexer sees; texts between double quotes and symbols between single ones count as one whatever they say."""
    out = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup
        if kind:
            out.append(kind if kind in ("string", "symbol") else match.group())
    return out


@pytest.fixture(scope="module")
def lab():
    with Lab(f"fi{os.getpid()}-") as made:
        made.router("r").boot()
        yield made


@pytest.fixture
def floofd(lab):
    with Client(lab.r.run_dir / "floofd.sock", timeout=60) as client:
        client.call("discard")
        client.call("load", text=BASE, format="set", mode="override")
        for path, value in LEAFS.items():
            client.call("edit", words=["set", *path.split(), value])
        client.call("commit")
        yield client
        client.call("discard")


def rendered(lab):
    return (lab.r.run_dir / "bird.conf").read_text()


def try_values(client, text):
    """Puts a text into every leaf that takes it and returns these leafs."""
    taken = []
    for path, harmless in LEAFS.items():
        words = path.split()
        try:
            client.call("edit", words=["set", *words, text])
            taken.append(path)
        except Refused:
            continue
        if words[-1] in ("as-set", "tag", "community-add", "community-remove", "server", "source", "file", "url", "asn",
                         "prefix", "originated-community") and harmless != text and path != "bgp peer a source" and path != "bgp mrt d file" \
                and path != "bgp peeringdb url":
            client.call("edit", words=["delete", *words, harmless])  # lists: one instead of the other
    return taken


def test_the_lexer_sees_through_texts():
    assert tokens('a "x; }" \'b\' # c ; "\n;/* " */ 10.0.0.0/8') == ["a", "string", "symbol", ";", "10.0.0.0/8"]


def test_texts_stay_texts(lab, floofd):
    wanted = tokens(rendered(lab))
    assert len(wanted) > 500
    accepted = 0
    for text in corpus():
        taken = try_values(floofd, text)
        accepted += len(taken)
        try:
            floofd.call("commit")
        except Refused as refused:
            # A judge in words of the field is fine; BIRD's parser must never be the one who notices.
            assert "BIRD" not in str(refused), (text, taken, str(refused))
            floofd.call("discard")
            continue
        found = rendered(lab)
        if not any(path.split()[-1] in ("source", "address", "prefix", "asn", "path", "community-add") for path in taken):
            assert tokens(found) == wanted, (text, taken)
        assert "evil" not in tokens(found), (text, taken)
        floofd.call("load", text=BASE, format="set", mode="override")
        for path, value in LEAFS.items():
            floofd.call("edit", words=["set", *path.split(), value])
        floofd.call("commit")
    assert accepted > len(corpus()), "most texts fit somewhere"


def test_names_stay_names(lab, floofd):
    for text in [*corpus(), "a.b:c-d_e", "_", "0", "9:9", "protocol", "accept", "filter", "master4", "floof_own"]:
        before = rendered(lab)
        for path, rest in NAMES.items():
            try:
                floofd.call("edit", words=["set", *path.split(), text, *rest])
            except Refused:
                continue
        try:
            floofd.call("commit")
        except Refused as refused:
            assert "BIRD" not in str(refused), (text, str(refused))
        found = rendered(lab)
        assert "evil" not in tokens(found), text
        floofd.call("discard")
        floofd.call("rollback", to=1 if found != before else 0)
        floofd.call("commit")


@pytest.mark.parametrize("leaf", ["raw", "import raw-first", "import raw-checked", "import raw-last", "export raw-first", "export raw-last"])
def test_raw_text_is_checked_by_bird_before_the_commit(lab, floofd, leaf):
    before = rendered(lab)
    floofd.call("edit", words=["set", "bgp", "peer", "a", *leaf.split(), "this is no configuration"])
    with pytest.raises(Refused, match="bgp peer a .*raw"):
        floofd.call("commit")
    assert rendered(lab) == before


def test_raw_text_is_for_privileged_users(lab, floofd):
    floofd.call("edit", words=["set", "bgp", "peer", "a", "import", "raw-last", "bgp_med = 5;"])
    floofd.call("commit")
    assert "bgp_med = 5;" in rendered(lab)
