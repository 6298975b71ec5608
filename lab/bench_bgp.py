# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast bird.conf is made and taken for 500 peers with 100 as-sets of 20k prefixes each, which the cache has already:
one commit of everything, commits of one changed peer, and the memory of floofd. `bird` is what BIRD itself takes."""

import hashlib
import json
import os
import pathlib
import statistics
import time

from lab.floof_ipc import Client
from lab.hosts import Lab, Since, wait_for

FULL = {"peers": 500, "sets": 100, "prefixes": 20_000}
SMALL = {"peers": 50, "sets": 10, "prefixes": 2_000}


def cache_file(folder, name, prefixes, asns, fetched):
    """One as-set in the form of features/outside/outside_cache_daemon.h."""
    body = "".join(f"{p}\n" for p in prefixes) + "".join(f"AS{a}\n" for a in asns)

    def digest(text):
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    head = json.dumps({"format": 1, "kind": "as-set", "name": name, "source": "bench", "sum": digest(body)})
    path = folder / f"as-set-{digest(name)}"
    path.write_text(head + "\n" + body)
    os.chmod(path, 0o600)
    os.utime(path, (fetched, fetched))


def fill_cache(folder, sets, prefixes):
    """Sets that have nothing in common, all /24 of 20.0.0.0 onwards, sorted as the keeper writes them."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = int(time.time())
    for number in range(sets):
        first = (20 << 16) + number * prefixes
        nets = [f"{n >> 16}.{n >> 8 & 255}.{n & 255}.0/24" for n in range(first, first + prefixes)]
        cache_file(folder, f"AS-BENCH-{number}", nets, range(400000 + number * 10, 400000 + number * 10 + 10), now)


def lines(peers, sets):
    out = ["set interface x0 device null", "set interface x0 address 172.20.0.1/16", "set bgp asn 50000", "set bgp router-id 10.255.0.1",
           "set bgp prefix 45.0.0.0/20", "set bgp irr server 172.20.255.254:4343", "set bgp irr refresh 10080",
           "set bgp peeringdb url http://172.20.255.254:8080/api", "set bgp policy customers role provider"]
    for n in range(peers):
        here = f"set bgp peer customer-{n}"
        out += [f"{here} remote-as {400000 + n}", f"{here} neighbor 172.20.{1 + n // 200}.{1 + n % 200}", f"{here} policy customers",
                f"{here} passive", f"{here} import as-set AS-BENCH-{n % sets}"]
    return "\n".join(out) + "\n"


def timed(action):
    start = time.monotonic()
    action()
    return (time.monotonic() - start) * 1000


def rss(pid):
    """Megabytes."""
    line = next(x for x in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def protocols(router):
    """Protocols that wait for their neighbour -> since when they do."""
    text = router.run("birdc", "-s", router.run_dir / "bird.ctl", "show", "protocols").stdout
    words = [line.split() for line in text.splitlines() if line.startswith("bgp_")]
    return {w[0]: Since.of(" ".join(w[4:6])) for w in words if w[6:] == ["Passive"]}


def planned(client):
    """Peers that the next commit touches."""
    words = [step["what"].split() for step in client.call("commit-plan")["steps"]]
    return {w[1] for w in words if w[0] == "peer"}


def measure(size, runs=5):
    """Figures, and the peers that a commit of one changed peer touched."""
    with Lab(f"cg{os.getpid()}-") as lab:
        router = lab.router("r")
        fill_cache(router.state_dir / "outside", size["sets"], size["prefixes"])
        router.boot()
        out = {}
        with Client(router.run_dir / "floofd.sock", timeout=300) as client:
            client.call("load", text=lines(size["peers"], size["sets"]), format="set", mode="merge")
            out["bgp-check"] = timed(lambda: client.call("commit", check=True))
            out["bgp-commit-all"] = timed(lambda: client.call("commit"))
            wait_for("the protocols", lambda: len(protocols(router)) == size["peers"], 60)
            before, changed = protocols(router), set()

            def one_peer(number):
                client.call("edit", words=["set", "bgp", "peer", "customer-7", "import", "local-pref", str(410 + number)])
                client.call("commit")
            out["bgp-commit-1-peer"] = statistics.median(timed(lambda n=n: one_peer(n)) for n in range(runs))
            client.call("edit", words=["set", "bgp", "peer", "customer-7", "import", "local-pref", "409"])
            out["bgp-plan-1-peer"] = timed(lambda: changed.update(planned(client)))
            out["bgp-bird"] = statistics.median(timed(lambda: router.run("birdc", "-s", router.run_dir / "bird.ctl", "configure", "check"))
                                                for _ in range(3))
            assert protocols(router) == before, "a session was restarted"
        out["bgp-memory-floofd"] = rss(router.pid("floofd"))
        out["bgp-memory-bird"] = rss(router.pid("bird"))
        return out, changed


def bgp_scale(quick):
    figures, changed = measure(SMALL if quick else FULL)
    for name, value in figures.items():
        print(f"{name:26} {value:8.1f} {'MB' if 'memory' in name else 'ms'}", flush=True)
    print(f"{'touched by one change':26} {', '.join(sorted(changed)) or 'nobody'}", flush=True)
    return [{"name": name, "megabytes" if "memory" in name else "milliseconds": round(value, 2)} for name, value in figures.items()]
