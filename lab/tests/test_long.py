# SPDX-License-Identifier: GPL-3.0-or-later
"""Long ones, only with ./dev test --all: fuzzing, a router whose daemons die again and again, and many peers with large
as-sets (times are the business of `./dev bench --only bgp`)."""

import os
import random
import signal
import subprocess

import pytest

from lab import bench_bgp
from lab import demo_topology as topology
from lab.hosts import BUILD, Lab, wait_for

pytestmark = pytest.mark.long
TOP = BUILD.parent
FUZZ = TOP / "build-fuzz"


@pytest.fixture(scope="module")
def fuzzers():
    """All fuzz targets, built by clang with libFuzzer, ASan and UBSan."""
    environment = {**os.environ, "CC": "clang", "CXX": "clang++"}
    subprocess.run(["cmake", "-S", TOP, "-B", FUZZ, "-G", "Ninja", "-DFLOOF_FUZZ=ON"], env=environment, check=True, stdout=subprocess.DEVNULL)
    listing = subprocess.run(["ninja", "-C", FUZZ, "-t", "targets", "all"], capture_output=True, text=True, check=True).stdout
    names = sorted({line.split(":")[0] for line in listing.splitlines() if line.split(":")[0].endswith("_fuzz")})
    subprocess.run(["ninja", "-C", FUZZ, "--quiet", *names], check=True)
    return names


def test_every_parser_survives_noise(fuzzers, tmp_path):
    assert fuzzers == sorted(path.name + "_fuzz" for path in (TOP / "lab" / "corpora").iterdir())
    for name in fuzzers:
        found = tmp_path / name
        found.mkdir()
        corpus = TOP / "lab" / "corpora" / name.removesuffix("_fuzz")
        done = subprocess.run([FUZZ / name, "-max_total_time=15", "-timeout=5", "-rss_limit_mb=4096", "-print_final_stats=1", found, corpus],
                              capture_output=True, text=True, cwd=tmp_path, timeout=120)
        assert done.returncode == 0, name + done.stderr[-4000:]
        runs = int(done.stderr.split("stat::number_of_executed_units:")[1].split()[0])
        assert runs > 100, f"{name} ran {runs} inputs"


def test_a_table_is_dumped():
    with Lab(f"fm{os.getpid()}-") as lab:
        lab.router("r1")
        lab.r1.boot()
        lab.r1.commit("set interface e0 device null\nset interface e0 address 192.0.2.1/24\nset bgp asn 64500\n"
                      "set bgp prefix 198.51.100.0/24\nset bgp mrt four interval 10\nset bgp mrt four file rib_%N")
        folder = lab.r1.state_dir / "mrt"
        assert folder.stat().st_mode & 0o777 == 0o750
        wait_for("a dump with the prefix", lambda: bytes([24, 198, 51, 100]) in (folder / "rib_master4").read_bytes(), 30)


def test_daemons_die_again_and_again():
    dice = random.Random(4)
    with Lab(f"fl{os.getpid()}-") as lab:
        topology.build(lab)
        lab.r1.boot()
        lab.r1.commit(topology.interfaces_config(lab), "interfaces")
        topology.attach_hosts(lab)
        lab.r1.commit(topology.BGP_CONFIG, "bgp")
        config = lab.r1.ctl("show", "configuration").stdout

        def sessions_are_up():
            answer = lab.r1.ctl("show", "bgp", "summary", "|", "json", check=False).stdout
            return answer.count('"Established"') == 4

        for _ in range(25):
            wait_for("four sessions", sessions_are_up, 90, 0.2)
            for target in (topology.H2, topology.H2_6, topology.H3):
                wait_for(f"h1 reaches {target}", lambda t=target: lab.h1.ping(t, count=1, check=False), 20)
            victims = dice.sample(["floof-dataplane", "bird", "floofd"], dice.randint(1, 3))
            for program in victims:
                os.kill(lab.r1.pid(program), dice.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGABRT]))
        wait_for("four sessions", sessions_are_up, 90, 0.2)
        assert lab.r1.ctl("show", "configuration").stdout == config
        assert lab.h1.ping(topology.H2, count=20, interval=0.01) == 20


def test_a_commit_of_one_changed_peer_touches_only_that_peer():
    figures, changed = bench_bgp.measure(bench_bgp.SMALL, runs=2)
    assert changed == {"customer-7"}
    assert figures["bgp-memory-floofd"] > 0
