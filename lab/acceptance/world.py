# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory of the tables: one router, every peer of peers.py, a validator, a registry, PeeringDB, a web server.

    world (ExaBGP, GoBGP, BIRD, StayRTR, stand-ins) x0 ---- x0 r (FloofOS)
"""

import json

from lab.acceptance import outside, peers, rows as tables, speakers
from lab.hosts import Lab, Since, wait_for
from lab.stand_ins import StandIns

OUTSIDE = "172.20.0.2"  # where the outside world answers


class Validator:
    """StayRTR with a file of payloads; it tells its clients when the file changes."""

    def __init__(self, host, address, entries, port=8282):
        self.host, self.address, self.port = host, address, port
        self.file = host.folder / f"vrps-{port}.json"
        self.publish(entries)

    def publish(self, entries):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(outside.vrp_file(entries))
        fresh.rename(self.file)

    def start(self):
        self.process = self.host.start("stayrtr", "-bind", f"{self.address}:{self.port}", "-metrics.addr",
                                       f"127.0.0.1:{self.port + 1000}", "-cache", self.file, "-checktime=false", "-refresh", 1,
                                       "-rtr.refresh", 30, "-rtr.retry", 5, "-rtr.expire", 600, log=f"stayrtr-{self.port}.log")
        wait_for("the validator listens", lambda: f":{self.port}" in self.host.output("ss", "-ltn"))
        return self

    def configuration(self, name):
        here = f"set bgp rpki server {name}"
        return [f"{here} address {self.address}", f"{here} port {self.port}", f"{here} retry 1", f"{here} refresh 30"]


class World:
    """`table`: the rows to announce, by default all; `who`: the peers, by default all."""

    def __init__(self, prefix, table=None, who=None):
        self.rows = table if table is not None else tables.read_all()
        self.who = who if who is not None else peers.PEERS
        self.lab = Lab(prefix)
        self.world, self.router = self.lab.host("world"), self.lab.router("r")
        self.go = {}
        self.exabgp = speakers.ExaBgp(self.world)

    # -- beginning --------------------------------------------------------------------------------------------------

    def start(self, extra=""):
        lab, world = self.lab, self.world
        for lan in ("x0", "x1"):
            here = [p for p in self.who if p.lan == lan]
            lab.link(self.router, lan, world, lan)
            world.address(lan, *(f"{p.address}/24" for p in here), *(f"{p.address6}/64" for p in here if p.six))
        world.address("x0", f"{OUTSIDE}/24")
        for peer in self.who:
            if peer.speaker == "bird":
                bird = lab.bird(peer.lan)
                lab.link(self.router, peer.lan, bird, "eth0")
                bird.address("eth0", f"{peer.address}/24")
        self.start_outside()
        self.router.boot()
        self.router.commit(peers.router_configuration(self.who) + self.outside_configuration() + extra)
        wait_for("the outside", self.outside_is_known, 30, 0.2)
        self.start_speakers()
        self.wait_until_settled()
        return self

    def start_outside(self):
        """What the rows say of RPKI and the registries; PeeringDB; two blocklists."""
        self.validator = Validator(self.world, OUTSIDE, outside.payloads(self.rows)).start()
        sets, prefixes = outside.registry(self.rows)
        self.others = StandIns(self.world, irr={"port": 4343, "mode": "good", "sets": sets, "prefixes": prefixes},
                               peeringdb={"port": 8080, "mode": "good", **outside.peeringdb(self.who)},
                               web={"port": 8081, "mode": "good", "text": "45.65.0.0/16\n# why\nAS400667\n"})
        self.files = self.router.folder / "files"
        self.files.mkdir()
        aspa = {"customer_asid": 400884, "providers": [400889]}
        in_file = [outside.payload("45.254.0.0/24", 24, outside.STRANGER), *outside.payloads(self.rows, by_file=True)]
        (self.files / "vrps.json").write_text(outside.vrp_file(in_file, [aspa]))
        (self.files / "slurm.json").write_text(outside.slurm_file(self.rows))
        (self.files / "blocked.txt").write_text("45.68.0.0/16\n400668\n")
        for port in (4343, 8080, 8081):
            wait_for("stand-ins", lambda p=port: f":{p}" in self.world.output("ss", "-ltn"))

    def outside_configuration(self):
        files = [f"set bgp {leaf} {self.files / name}" for leaf, name in (
            ("rpki vrp-file", "vrps.json"), ("rpki slurm-file", "slurm.json"), ("blocklist file", "blocked.txt"))]
        return "\n".join([*self.validator.configuration("lab"), *files, f"set bgp irr server {OUTSIDE}:4343",
                          f"set bgp peeringdb url http://{OUTSIDE}:8080/api",
                          f"set bgp blocklist url http://{OUTSIDE}:8081/list"]) + "\n"

    def outside_is_known(self):
        """Everything that can be known of the outside is committed."""
        def unsettled(items):
            return [i["name"] for i in items if i["state"] != "good" and i["name"] not in outside.NOT_KNOWN]
        irr, networks = self.router.show("bgp", "irr"), self.router.show("bgp", "peeringdb")
        rpki, lists = self.router.show("bgp", "rpki"), self.router.show("bgp", "blocklist")
        wanted = {outside.as_set_of(p) for p in self.who if outside.as_set_of(p)}
        missing = wanted - {i["name"].removeprefix("LAB::") for i in irr["as-sets"]}
        return not (missing or unsettled(irr["as-sets"]) or unsettled(networks["lists"]) or unsettled(networks["networks"])
                    or unsettled(networks["ports"])
                    or unsettled(rpki["vrp-files"]) or unsettled(rpki["slurm-files"]) or unsettled(lists["lists"]))

    def sent_by(self, peer):
        return [row.route for row in unique(self.rows) if row.sender is peer]

    def start_speakers(self):
        for peer in self.who:
            mine = self.sent_by(peer)
            if peer.speaker == "exabgp":
                asn = 50001 if "local-as 50001" in peer.settings else peers.ASN
                for address, families in peer.families.items():
                    self.exabgp.add(address, peer.asn, peer.router(":" in address), asn, mine, families)
            elif peer.speaker == "gobgp":
                self.go[peer.name] = speakers.GoBgp(self.world, peer.address, peer.asn, peer.router(False), peers.ASN,
                                                    50051 + len(self.go)).start()
                for route in mine:
                    assert route.path[0] == peer.asn, route
                    self.go[peer.name].announce(strip_first(route))
            else:
                self.start_bird(peer)
        self.exabgp.start()

    def start_bird(self, peer):
        """BIRD says its role, and only BIRD does. It answers on port 179, so each has a namespace."""
        roles = {"provider": "customer", "customer": "provider", "peer": "peer", "rs-client": "rs_server"}
        bird = self.lab.hosts[peer.lan]
        statics = "\n".join("  " + speakers.bird_static(strip_first(route)) for route in self.sent_by(peer))
        bird.configure(f"""router id {peer.address};
log stderr all;
protocol device {{ }}
protocol static {{ ipv4;
{statics}
}}
protocol bgp up {{ local {peer.address} as {peer.asn}; neighbor {peer.router(False)} as {peers.ASN};
  local role {roles[peer.role]}; require roles on; connect delay time 1; error wait time 1, 2;
  ipv4 {{ import all; export where source = RTS_STATIC; next hop self; }};
}}
""")
        bird.boot()

    # -- what there is now ------------------------------------------------------------------------------------------

    def birdc(self, *words):
        return speakers.birdc(self.router.run_dir / "bird.ctl", *words)

    def sessions(self):
        """Neighbour's address -> what BIRD says of it."""
        out = {}
        for block in self.birdc("show", "protocols", "all").split("\n\n"):
            lines = [line.strip() for line in block.splitlines()]
            named = dict(line.split(":", 1) for line in lines if ":" in line)
            address = named.get("Neighbor address", "").strip()
            if address:
                name = next(line for line in lines if " BGP " in line).split()[0]
                since = next(line for line in lines if " BGP " in line).split()
                counts = [line.replace(",", " ").split() for line in lines if line.startswith("Routes:")]
                out[address] = {"protocol": name, "state": named.get("BGP state", "").strip(), "since": Since.of(" ".join(since[4:6])),
                                "exported": sum(int(words[words.index("exported") - 1]) for words in counts)}
        return out

    def held(self):
        """(peer, prefix) -> (Route, entry of BIRD, accepted)."""
        owner = {session["protocol"]: address for address, session in self.sessions().items()}
        out = {}
        for accepted, words in ((True, ("show", "route", "all")), (False, ("show", "route", "filtered", "all"))):
            for entry in speakers.bird_routes(self.birdc(*words)):
                peer = peers.BY_ADDRESS.get(owner.get(entry["protocol"]))
                if peer:
                    out[peer.name, entry["prefix"]] = (speakers.bird_route(entry), entry, accepted)
        return out

    def received(self):
        """peer name -> prefix -> Route, as it arrived there."""
        out = {}
        for address, table in self.exabgp.tables().items():
            out.setdefault(peers.BY_ADDRESS[address].name, {}).update(table)
        for name, go in self.go.items():
            out[name] = go.received()
        for p in self.who:
            if p.speaker == "bird":
                text = self.lab.hosts[p.lan].birdc("show", "route", "all", "protocol", "up").stdout
                out[p.name] = {e["prefix"]: speakers.bird_route(e) for e in speakers.bird_routes(text)}
        return out

    # -- waiting ----------------------------------------------------------------------------------------------------

    def wait_until_settled(self):
        """Every session is up, everything sent has come, and every peer holds as many routes as it was sent."""
        addresses = {address for p in self.who for address in p.addresses()}
        wait_for("sessions", lambda: addresses <= {a for a, s in self.sessions().items() if s["state"] == "Established"}, 60)
        self.missing = set()
        expected = {(row.sender.name, row.route.prefix) for row in unique(self.rows) if row.sender and row.verdict != "lost"}

        def arrived():
            self.missing = expected - set(self.held())
            return not self.missing
        try:
            wait_for("routes", arrived, 20, 0.3)
        except AssertionError:
            pass  # the rows that miss something tell
        wait_for("announcements", self.announced, 30, 0.3)

    def announced(self):
        tables_now, sessions = self.received(), self.sessions()
        counts = {}
        for address, session in sessions.items():
            name = peers.BY_ADDRESS[address].name if address in peers.BY_ADDRESS else None
            if name:
                counts[name] = counts.get(name, 0) + session["exported"]
        return all(len(tables_now.get(name, {})) == count for name, count in counts.items())

    def close(self):
        self.lab.close()


def strip_first(route):
    return speakers.dataclasses.replace(route, path=route.path[1:])


def unique(rows):
    """One row of each announcement."""
    return list({(row.sender, row.route.prefix): row for row in rows}.values())


def dump(world):
    """For people: everything the router holds."""
    return json.dumps({f"{k[0]} {k[1]}": [v[2], v[1]] for k, v in world.held().items()}, indent=1)
