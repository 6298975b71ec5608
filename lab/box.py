# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that is only a dataplane, told over its socket what to do."""

import json

from lab.floof_ipc import Dataplane
from lab.hosts import BIN, wait_for


class Box:
    """A router that is only a dataplane, in the namespace of host `r`."""

    def __init__(self, lab, name="r"):
        self.host = lab.host(name)
        self.instance = self.host.netns
        self.ports = lab.host(f"{name}-ports")
        self.run_dir = self.host.folder / "run"
        self.run_dir.mkdir()
        self.interfaces = {}
        self.route = {"feeds": False}
        self.vrfs = []  # further ones
        self.more = {}  # other parts of the desired state

    def boot(self):
        self.process = self.host.start(BIN / "floof-dataplane", "--instance", self.instance, "--run-dir", self.run_dir,
                                       "--no-huge")
        wait_for("the dataplane answers", self.answers, 10)
        return self

    def answers(self):
        assert self.process.poll() is None, f"it ended with status {self.process.poll()}"
        return self.client().call("ping")

    def client(self):
        return Dataplane(self.run_dir)

    def desired(self):
        return {"generation": 1, "instance": self.instance, "dataplane": {"workers": 1, "buffers": 4096},
                "interfaces": [{"name": n, **i} for n, i in self.interfaces.items()],
                "route": [{"vrf": 0, "name": "default", **self.route}, *self.vrfs], **self.more}

    def apply(self, **options):
        with self.client() as client:
            return client.apply(self.desired(), **options)

    def show(self, what, **arguments):
        with self.client() as client:
            return client.show(what, **arguments)

    def interface(self, name):
        return next(i for i in self.show("interface") if i["name"] == name)

    def drops(self):
        return {d["reason"]: d["packets"] for d in self.show("drops") if d["packets"]}

    def link(self, name):
        """Linux's view of the interface's TAP."""
        return json.loads(self.host.output("ip", "-j", "link", "show", "dev", name))[0]

    def addresses(self, name):
        entry = json.loads(self.host.output("ip", "-j", "address", "show", "dev", name))[0]
        return {f"{a['local']}/{a['prefixlen']}" for a in entry["addr_info"] if not a["local"].startswith("fe80")}

    def wait_link(self, name, state):
        wait_for(f"{name} is {state}", lambda: self.interface(name)["link"] == state, 5)


def attach(box, name, host, addresses, number, **more):
    """Interface `name` of the box, whose TAP's Linux end `to-r` is in `host`, with .2 / ::2 of each subnet there."""
    box.interfaces[name] = {"device": {"type": "tap", "name": f"to-{name}", "netns": host.netns}, "addresses": addresses, **more}


def settle_host(host, device, number):
    host.address(device, f"192.0.{number}.2/24", f"2001:db8:{number}::2/64")
    host.route("default", f"192.0.{number}.1")
    host.route("::/0", f"2001:db8:{number}::1", device)
