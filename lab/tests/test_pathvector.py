# SPDX-License-Identifier: GPL-3.0-or-later
"""lab/pathvector/*.yml, translated by a real floofd, which then has to be content with the result. What each becomes is
in the files beside (features/pathvector/pathvector_test.cc compares them too, without a router)."""

import os
import re

import pytest

from lab.hosts import TOP, Lab

CORPUS = TOP / "lab" / "pathvector"
FILES = sorted(CORPUS.glob("*.yml"))

# What the corpus calls connected.
BASE = """
set system hostname edge
set interface e0 device null
set interface e0 address 192.0.2.1/24
set interface e0 address 2001:db8:0:1::1/64
set interface e1 device null
set interface e1 address 198.51.100.1/24
set interface e1 address 2001:db8:0:2::1/64
set interface e2 device null
set interface e2 address 203.0.113.1/24
set interface e2 address 2001:db8:0:3::1/64
"""


@pytest.fixture(scope="module")
def router():
    with Lab(f"pv{os.getpid()}-") as lab:
        lab.router("r1").boot().commit(BASE, "base")
        yield lab.r1


def lines(path):
    return [line for line in path.read_text().splitlines() if line]


@pytest.mark.parametrize("file", FILES, ids=[f.stem for f in FILES])
def test_a_translation_is_a_configuration(router, file):
    wanted = lines(file.with_suffix(".set"))
    done = router.script(f"configure private\ndiscard\nload pathvector {file}\nshow | display set\ncommit check\ndiscard\nexit\n", check=False)
    if not wanted:
        assert done.returncode != 0
        assert lines(file.with_suffix(".notes"))[0] in done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(wanted)} lines are in the candidate" in done.stdout
    for note in lines(file.with_suffix(".notes")):
        assert note in done.stderr
    shown = set(done.stdout.splitlines())
    for line in wanted:
        # Lists of several leafs, secrets and values with another spelling print differently.
        if " password " not in line and "api-key" not in line and not re.search(r" (ge|le|local-pref) \d+$| prefix \S+$", line):
            assert line in shown, line


def test_what_is_typed(router):
    done = router.ctl("load", "pathvector", "terminal", stdin="asn: 64500\nrpki-enable: false\npears: {}\n")
    assert "2 lines are in the candidate" in done.stdout
    assert "line 3, pears: Pathvector has no such key" in done.stderr
    router.ctl("discard")


def test_every_key_is_explained():
    """docs/bgp.md has a row for each key that the translator knows."""
    keys = (TOP / "features" / "pathvector" / "keys.h").read_text()
    page = (TOP / "docs" / "bgp.md").read_text()
    for table in re.findall(r"string_view (k\w+Keys)\[\] = \{(.*?)\};", keys, re.S):
        part = page.split(f"<!-- {table[0]} -->")[1].split("<!-- end -->")[0]
        explained = set(re.findall(r"`([a-z0-9-]+)`", "\n".join(row.split("|")[1] for row in part.splitlines() if row.startswith("|"))))
        named = set(re.findall(r'"([a-z0-9-]+)"', table[1]))
        assert named == explained, (table[0], named ^ explained)


def squeezed(text):
    return re.sub(r"\s+", " ", text)


def test_the_page_says_what_the_schema_says():
    """The table of checks in docs/bgp.md has each leaf of `import filter` with its description, that of reasons each reason."""
    page = squeezed((TOP / "docs" / "bgp.md").read_text())
    schema = (TOP / "features" / "policy" / "bgp-policy.yang").read_text()
    part = schema[schema.index("container filter {"):schema.index("grouping import {")]
    for leaf, body in re.findall(r"\n      leaf ([\w-]+) \{(.*?)\n      \}", part, re.S):
        description = squeezed(re.findall(r'description "([^"]*)"', body)[-1])
        assert f"| `{leaf}` | {description} |" in page, leaf
    reasons = (TOP / "features" / "policy" / "reason.cc").read_text()
    codes = dict(re.findall(r"  (\w+) = (\d+),", (TOP / "features" / "policy" / "reason.h").read_text()))
    for reason, name, text in re.findall(r'Entry\{Reason::(\w+), "([\w-]+)",\s+"([^"]*)"\}', reasons):
        assert f"| {codes[reason]} | `{name}` | {text} |" in page, name
