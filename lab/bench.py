# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev bench: cycles per packet and lookup (in process), then TCP throughput h1-h3 through r1 beside a plain copy loop and
packets per second through AF_XDP ports beside testpmd; milliseconds of commits on a large configuration; failover with a
full table (`scale`), floods towards the router (`hostile`), both only when asked for.

    bench.py [PART] [--quick] [--json FILE] [--accept] [--compare REF]

Ratios to the yardsticks are printed beside those of lab/baseline.json, the last that were accepted.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab.bench_af_xdp import af_xdp_io  # noqa: E402
from lab.bench_bgp import bgp_scale  # noqa: E402
from lab.bench_config import config_speed  # noqa: E402
from lab.bench_scale import scale  # noqa: E402
from lab.hostile import hostile  # noqa: E402
from lab.hosts import BIN, Lab, run, wait_for  # noqa: E402

ADDRESS = "10.3.0.2"


TOP = pathlib.Path(__file__).resolve().parent.parent
BASELINE = TOP / "lab" / "baseline.json"


def in_process(program, *words, folder=BIN, show=True):
    """Runs a bench program, shows its table and returns its list of figures."""
    path = pathlib.Path(f"/run/floof-bench-{os.getpid()}.json")
    try:
        text = run(folder / program, "--json", path, *words, timeout=900).stdout
        if show:
            print(text, flush=True)
        return json.loads(path.read_text())
    finally:
        path.unlink(missing_ok=True)


def cycles(quick):
    short = ["--milliseconds", "20", "--runs", "3"] if quick else []
    return (in_process("floof-bench", *short) + in_process("floof-bench", "--workers", *short)
            + in_process("floof-fib-bench", *(["--quick"] if quick else []))
            + in_process("floof-rib-bench", *(["--quick"] if quick else [])))


def iperf(client, server, seconds):
    process = server.start("iperf3", "-s", "-1", log="iperf3.log")
    wait_for("iperf3 listens", lambda: ":5201" in server.output("ss", "-ltn"))
    text = client.output("iperf3", "-c", ADDRESS, "-t", seconds, "-J", timeout=seconds + 30)
    process.wait(20)
    return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e9


def veth_hosts(lab, middle, offload):
    for number, name in ((1, "h1"), (3, "h3")):
        lab.link(middle, f"w{number}", lab.hosts[name], "eth0", checksum_offload=True)
        if not offload:
            for host, device in ((middle, f"w{number}"), (lab.hosts[name], "eth0")):
                host.run("ethtool", "-K", device, "tx", "off", "tso", "off", "gso", "off", "gro", "off", check=False)


def hosts(lab):
    lab.host("h1")
    lab.host("h3")


def address(lab, routed):
    for name, number in (("h1", 1), ("h3", 3)):
        host = lab.hosts[name]
        wait_for("a device", lambda h=host: h.run("ip", "link", "show", "eth0", check=False).returncode == 0)
        if routed:
            host.address("eth0", f"10.{number}.0.2/24")
            host.route("default", f"10.{number}.0.1")
        else:
            host.address("eth0", f"10.{number}.0.2/8")
    wait_for("h1 reaches h3", lambda: lab.h1.ping(ADDRESS, count=1, check=False))


def with_router(ports, seconds):
    """Gbit/s through FloofOS with `tap`, `af-xdp` or `af-packet` ports."""
    with Lab(f"fb{os.getpid()}-") as lab:
        hosts(lab)
        r1 = lab.router("r1")
        if ports != "tap":
            veth_hosts(lab, r1, offload=ports == "af-packet")
        r1.boot()
        lines = []
        for number in (1, 3):
            device = [f"set interface e{number} device tap eth0", f"set interface e{number} device netns {lab.hosts[f'h{number}'].netns}"]
            if ports != "tap":
                device = [f"set interface e{number} device host w{number}", f"set interface e{number} device mode {ports}"]
            lines += [*device, f"set interface e{number} address 10.{number}.0.1/24"]
        r1.commit("\n".join(lines))
        address(lab, routed=True)
        return iperf(lab.h1, lab.h3, seconds)


def wake_up(quick):
    """Round trips h1-h3 of single pings, 50 ms apart, so that the router has gone to sleep before each: two wake-ups
    of the router and one of h3."""
    with Lab(f"fb{os.getpid()}-") as lab:
        hosts(lab)
        r1 = lab.router("r1")
        r1.boot()
        r1.commit("\n".join(f"set interface e{n} device tap eth0\nset interface e{n} device netns {lab.hosts[f'h{n}'].netns}\n"
                            f"set interface e{n} address 10.{n}.0.1/24" for n in (1, 3)))
        address(lab, routed=True)
        text = lab.h1.output("ping", "-n", "-i", "0.05", "-c", 40 if quick else 200, ADDRESS, timeout=60)
    trips = sorted(float(t) * 1000 for t in re.findall(r"time=([0-9.]+) ms", text))
    figure = {"name": "wake-up-ping", "p50_us": round(trips[len(trips) // 2]), "p99_us": round(trips[len(trips) * 99 // 100]),
              "max_us": round(trips[-1]), "runs": len(trips)}
    print("wake-up-ping    round trip of two wake-ups: p50 {p50_us} us, p99 {p99_us} us, max {max_us} us, of {runs}".format(**figure), flush=True)
    return [figure]


def with_copy_loop(ports, seconds):
    """Gbit/s through a loop that only copies, between the same kinds of devices."""
    with Lab(f"fb{os.getpid()}-") as lab:
        hosts(lab)
        middle = lab.host("m")
        if ports == "tap":
            lab.hosts["h1"].start(BIN / "floof-copy-loop", "tap", lab.h1.netns, "eth0", lab.h3.netns, "eth0")
        else:
            veth_hosts(lab, middle, offload=ports == "af-packet")
            middle.start(BIN / "floof-copy-loop", "packet", "w1", "w3")
        address(lab, routed=False)
        return iperf(lab.h1, lab.h3, seconds)


def throughput(quick):
    rounds, seconds = (1, 2) if quick else (3, 4)
    entries = []
    for ports in ("tap", "af-packet", "af-xdp"):
        pairs = [(with_copy_loop(ports, seconds), with_router(ports, seconds)) for _ in range(rounds)]
        loop = statistics.median(p[0] for p in pairs)
        router = statistics.median(p[1] for p in pairs)
        entries.append({"name": f"tcp-{ports}", "gbit_per_second": round(router, 2), "copy_loop_gbit_per_second": round(loop, 2),
                        "ratio": round(router / loop, 2), "runs": rounds})
        print(f"tcp-{ports:10}  router {router:6.2f} Gbit/s   copy loop {loop:6.2f} Gbit/s   ratio {router / loop:.2f}", flush=True)
    return entries


def ratios(entries):
    """What can be compared between machines: ratios to what was measured beside it."""
    found = {}
    for entry in entries:
        for field in ("ratio_to_l3fwd", "ratio_to_rte_fib", "gain", "ratio"):
            if entry.get(field) is not None:
                found[entry["name"]] = round(entry[field], 2)
                break
    return found


def beside_baseline(entries):
    accepted = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    print("ratio to the yardstick   now  accepted")
    for name, now in ratios(entries).items():
        print(f"{name:22} {now:>6.2f}  {accepted.get(name, ''):>8}")


def compare(ref, quick):
    """Builds floof-bench of another commit and lets the two take turns."""
    with tempfile.TemporaryDirectory(prefix="floof-compare-") as folder:
        other = pathlib.Path(folder) / "tree"
        run("git", "-C", TOP, "worktree", "add", "--detach", other, ref)
        try:
            run("cmake", "-S", other, "-B", other / "build", "-G", "Ninja", timeout=300)
            run("ninja", "-C", other / "build", "floof-bench", timeout=1800)
            words = ["--milliseconds", "20", "--runs", "3"] if quick else ["--runs", "5"]
            old, new = {}, {}
            for _ in range(3):
                for figures, folder_of in ((old, other / "build" / "bin"), (new, BIN)):
                    for name, ratio in ratios(in_process("floof-bench", *words, folder=folder_of, show=False)).items():
                        figures.setdefault(name, []).append(ratio)
        finally:
            run("git", "-C", TOP, "worktree", "remove", "--force", other)
    print(f"ratio to l3fwd      {ref[:12]:>12}      here")
    for name in new:
        before = statistics.median(old[name]) if name in old else None
        now = statistics.median(new[name])
        print(f"{name:20} {before if before is not None else '':>11} {now:>9.2f}" + (f"  {now / before - 1:+.0%}" if before else ""))


PARTS = {"cycles": cycles, "wake-up": wake_up, "tcp": throughput, "af-xdp-io": af_xdp_io, "config": config_speed,
         "bgp": bgp_scale, "scale": scale, "hostile": hostile}


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    parser.add_argument("part", nargs="?", metavar="PART", choices=PARTS, help=f"one part: {', '.join(PARTS)}")
    parser.add_argument("--only", metavar="PART", choices=PARTS, help="the same")
    parser.add_argument("--json", metavar="FILE", help="write all figures as a list of objects")
    parser.add_argument("--accept", action="store_true", help="write the ratios into lab/baseline.json")
    parser.add_argument("--compare", metavar="REF", help="only: cycles per packet of another commit beside this one's")
    options = parser.parse_args()
    options.only = options.only or options.part
    if options.compare:
        compare(options.compare, options.quick)
        return
    wanted = [options.only] if options.only else [name for name in PARTS if name not in ("scale", "hostile")]
    entries = [e for name in wanted for e in PARTS[name](options.quick)]
    beside_baseline(entries)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(entries, indent=1) + "\n")
    if options.accept:
        accepted = json.loads(BASELINE.read_text()) if options.only and BASELINE.exists() else {}
        BASELINE.write_text(json.dumps({**accepted, **ratios(entries)}, indent=1) + "\n")


if __name__ == "__main__":
    main()
