# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev demo: starts the lab, tells its story, leaves it running (or cleans up with --once).

    demo.py [--once]      the story
    demo.py stop          removes the running lab
    demo.py shell HOST    enters a host
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import demo_topology as topology  # noqa: E402
from lab.hosts import BIN, Lab, remove_namespaces, run, wait_for  # noqa: E402

PREFIX = "floof-"
FOLDER = pathlib.Path("/run/floof-demo")
BOLD, DIM, END = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


def say(text):
    print(f"\n{BOLD}{text}{END}", flush=True)


def console(prompt, command, output):
    print(f"{DIM}{prompt}{END} {command}")
    text = output.rstrip()
    if text:
        print("    " + text.replace("\n", "\n    "), flush=True)


def ctl(router, *words):
    done = router.ctl(*words)
    console("r1>", " ".join(words), done.stdout)
    return done.stdout


def configure(router, lines, commit="commit"):
    """Types lines into one floofctl session, and shows the session."""
    lines = [l for l in lines.strip().splitlines() if l.strip()]
    for line in lines:
        print(f"{DIM}r1#{END} {line}")
    router.script("configure\n" + "\n".join(lines) + "\nexit\n")
    console("r1#", "compare", router.ctl("compare").stdout)
    console("r1#", commit, router.script(f"configure\n{commit}\nexit\n").stdout)


def iperf(lab, seconds=2):
    server = lab.h3.start("iperf3", "-s", "-1", log="iperf3.log")
    wait_for("iperf3 listens", lambda: ":5201" in lab.h3.output("ss", "-ltn"))
    text = lab.h1.output("iperf3", "-c", topology.H3, "-t", seconds, "-J", timeout=seconds + 20)
    server.wait(10)
    return json.loads(text)["end"]["sum_received"]["bits_per_second"]


def sessions_up(router, count):
    peers = router.show("bgp", "summary")["peers"]
    return sum(p["state"] == "Established" for p in peers) == count


def story(lab):
    say("1. A lab of network namespaces: hosts h1 h2 h3, routers t1 (BIRD, AS 64501) and t2 (FRR, AS 64502), and r1: FloofOS")
    topology.build(lab)
    r1 = lab.r1.boot()
    print("    h1 -- r1 -- t1 -- h2\n    h3 --  |  - t2 -- h2")

    say("2. Interfaces: nothing acts before commit")
    configure(r1, topology.interfaces_config(lab), 'commit comment "interfaces"')
    topology.attach_hosts(lab)
    wait_for("h1 reaches r1", lambda: lab.h1.ping("10.1.0.1", count=1, check=False))
    ctl(r1, "show", "interface")

    say("3. BGP to t1 and t2, IPv4 and IPv6; t1 is preferred")
    configure(r1, topology.BGP_CONFIG, 'commit comment "BGP to two transits"')
    wait_for("four BGP sessions", lambda: sessions_up(r1, 4), 30)
    ctl(r1, "show", "bgp", "summary")

    say("4. h1 reaches h2 by the routes that t1 announces; every packet goes through the userspace dataplane")
    wait_for("h1 reaches h2", lambda: lab.h1.ping(topology.H2, count=1, check=False), 20)
    wait_for("h1 reaches h2 by IPv6", lambda: lab.h1.ping(topology.H2_6, count=1, check=False), 20)
    ctl(r1, "show", "ip", "route", topology.H2)
    console("h1$", f"traceroute -n {topology.H2}",
            lab.h1.output("traceroute", "-n", "-q", "1", "-w", "2", topology.H2, timeout=60))
    console("h1$", f"traceroute -n {topology.H2_6}",
            lab.h1.output("traceroute", "-n", "-q", "1", "-w", "2", topology.H2_6, timeout=60))

    say("5. Throughput: one TCP stream from h1 to h3 through r1")
    console("h1$", f"iperf3 -c {topology.H3}", f"{iperf(lab) / 1e9:.1f} Gbit/s")

    say("6. The link to t1 is cut: the traffic moves to t2")
    loss = cut_link(lab)
    print(f"    {loss}")
    ctl(r1, "show", "ip", "route", topology.H2)

    say("7. A mistake is refused before anything is touched")
    done = r1.script("configure\nset route 192.0.2.0/24 via 10.99.0.1\ncommit\n", check=False)
    console("r1#", "set route 192.0.2.0/24 via 10.99.0.1; commit", done.stdout + done.stderr)
    r1.ctl("discard")

    say("8. A change, and a rollback")
    configure(r1, "set interface e1 mtu 1400", 'commit comment "smaller MTU on e1"')
    ctl(r1, "show", "system", "commit")
    print(f"{DIM}r1#{END} rollback 1")
    r1.script("configure\nrollback 1\nexit\n")
    console("r1#", "compare", r1.ctl("compare").stdout)
    console("r1#", "commit", r1.script("configure\ncommit\nexit\n").stdout)
    ctl(r1, "show", "dataplane", "drops")


def cut_link(lab):
    """Cuts r1-t1 under a ping at 100 packets a second and tells what was lost."""
    ping = subprocess.Popen(lab.h1.words("ping", "-n", "-i", "0.01", "-c", "500", topology.H2), stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    lab.t1.run("ip", "link", "set", "eth0", "down")
    text, _ = ping.communicate(timeout=60)
    summary = [l for l in text.splitlines() if "packet loss" in l]
    wait_for("h1 reaches h2 by t2", lambda: lab.h1.ping(topology.H2, count=1, check=False), 20)
    return "ping at 100 packets a second meanwhile: " + (summary[0] if summary else "no summary")


def clean(folder=FOLDER):
    record = folder / "pids"
    if record.exists():
        for pid in record.read_text().split():
            try:
                os.kill(int(pid), signal.SIGTERM)
            except ProcessLookupError:
                continue
            wait_for(f"process {pid} ends", lambda p=pid: not pathlib.Path(f"/proc/{p}").exists() or zombie(p), 30)
    remove_namespaces(PREFIX)
    shutil.rmtree(folder, ignore_errors=True)


def zombie(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def demo(once):
    clean()
    lab = Lab(PREFIX, FOLDER)
    finished = False
    try:
        story(lab)
        finished = True
        (FOLDER / "pids").write_text(f"{lab.r1.init.pid}\n")
    finally:
        if once or not finished:
            lab.close()
            clean()
    if once:
        say("The lab is gone again.")
    else:
        say("The lab is running.")
        print("    enter r1:  ./dev shell r1      (also t1 t2 h1 h2 h3)\n    stop it:   ./dev demo stop")


def shell(words):
    if not words:
        sys.exit("dev shell: which host? r1 t1 t2 h1 h2 h3")
    name, rest = words[0], words[1:]
    netns = PREFIX + name
    if netns not in run("ip", "netns", "list").stdout.split():
        sys.exit(f"dev shell: no host '{name}' is running; start the lab with ./dev demo")
    if name == "r1":
        inner = [str(BIN / "floofctl"), "--run-dir", str(FOLDER / "r1" / "run"), *rest]
    else:
        inner = rest or [os.environ.get("SHELL", "/bin/bash")]
    os.execvp("ip", ["ip", "netns", "exec", netns, *inner])


def main(words):
    if words[:1] == ["stop"]:
        clean()
        print("The lab is stopped.")
    elif words[:1] == ["shell"]:
        shell(words[1:])
    elif words in ([], ["--once"]):
        demo(once=bool(words))
    else:
        sys.exit("usage: ./dev demo [--once | stop]")


if __name__ == "__main__":
    main(sys.argv[1:])
