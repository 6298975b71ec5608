# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fuzz target over its corpus (lab/corpora) and random changes of it, by bin/floof-fuzz: see programs/floof_fuzz.cc.

A failure prints the input and how to run it again. With --all longer; test_long.py has libFuzzer find new inputs.
"""

import re
import subprocess

import pytest

from lab.hosts import BIN, TOP

PROGRAM = BIN / "floof-fuzz"
CORPORA = TOP / "lab" / "corpora"
TARGETS = subprocess.run([PROGRAM, "--list"], capture_output=True, text=True, check=True).stdout.split()


def run(folder, *words):
    return subprocess.run([PROGRAM, *words], cwd=folder, capture_output=True, text=True, errors="replace", timeout=600)


def fuzz(target, seconds, folder):
    done = run(folder, target, CORPORA / target, "--seconds", str(seconds))
    assert done.returncode == 0, done.stdout + done.stderr[-20000:]
    print(done.stdout)
    inputs, changes = map(int, re.match(rf"{target}: (\d+) inputs and (\d+) changes of them, seed \d+, slowest", done.stdout).groups())
    assert inputs == len(list((CORPORA / target).iterdir())) and changes > 0


@pytest.mark.parametrize("target", TARGETS)
def test_fuzz(target, tmp_path):
    fuzz(target, 2, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_fuzz_longer(target, tmp_path):
    fuzz(target, 60, tmp_path)


def test_every_target_is_here_and_has_a_corpus():
    files = [name.rpartition("/")[2] for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*_fuzz.cc", ":!programs"], cwd=TOP, capture_output=True, text=True, check=True).stdout.split()]
    assert sorted(TARGETS) == sorted(name.removesuffix("_fuzz.cc") for name in files)
    assert sorted(TARGETS) == sorted(path.name for path in CORPORA.iterdir())
    for target in TARGETS:
        sizes = [path.stat().st_size for path in (CORPORA / target).iterdir()]
        assert 5 <= len(sizes) <= 40 and sum(sizes) <= 65536, f"{target}: {len(sizes)} inputs, {sum(sizes)} bytes"


@pytest.mark.parametrize("text, why", [
    ("a", r"ended by signal 6 \(Aborted\)"),
    ("h", "took more than 1 s of the CPU"),
    ("e", "ended the program with status 0"),
])
def test_what_goes_wrong_is_told_with_its_input(text, why, tmp_path):
    (tmp_path / "bad").write_text(text + "nd more")
    done = run(tmp_path, "selftest", "bad", "--limit", "1")
    assert done.returncode == 1
    assert re.search(rf"floof-fuzz: selftest: input 1 of seed \d+ {why}\n8 bytes: {text.encode().hex()}6e64206d6f7265\n", done.stderr), done.stderr


def test_changes_find_it_the_same_way_each_time(tmp_path):
    (tmp_path / "good").write_text("nothing")
    first, second = (run(tmp_path, "selftest", "good", "--seconds", "60", "--limit", "1", "--seed", "7") for _ in range(2))
    assert first.returncode == 1 and first.stderr == second.stderr
    file = re.search(r"again: floof-fuzz selftest (selftest-7-\d+\.input)\n", first.stderr).group(1)
    number = int(file.split("-")[2].removesuffix(".input"))
    assert number > 1 and (tmp_path / file).read_bytes()[:1] in (b"a", b"h", b"e")
    again = run(tmp_path, "selftest", file, "--limit", "1")
    assert again.returncode == 1 and again.stderr.split("\n")[1] == first.stderr.split("\n")[1]


@pytest.mark.parametrize("words, complaint", [
    (["nonsense", "."], "no target 'nonsense'"),
    (["selftest", "gone"], "gone: No such file or directory"),
    (["selftest"], "usage:"),
    (["selftest", ".", "--seconds", "-1"], "usage:"),
    ([], "usage:"),
])
def test_what_cannot_be_run_is_refused(words, complaint, tmp_path):
    done = run(tmp_path, *words)
    assert done.returncode == 2 and complaint in done.stderr
