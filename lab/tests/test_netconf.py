# SPDX-License-Identifier: GPL-3.0-or-later
"""NETCONF as ncclient sees it: a real sshd inside the router's namespace starts floof-netconf as its subsystem."""

import ctypes
import os
import re
import socket
import subprocess
import threading

import pytest
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.transport import ssh

from lab.floof_ipc import Client, Refused
from lab.hosts import BIN, TOP, Lab, run, wait_for

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # ncclient's own
ssh.TICK = 0.01  # seconds between two looks at its queue
PORT = 8830
NETCONF = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
BASE = """
set system hostname edge
set interface e0 device null
set interface e0 address 192.0.2.1/24
set interface e2 device null
set bgp asn 65000
set bgp peer a remote-as 64500
set bgp peer a neighbor 192.0.2.2
set bgp peer a password swordfish
set groups small interface <*> mtu 1400
set interface e2 apply-groups small
"""
SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/hostkey
PidFile none
AuthorizedKeysFile {folder}/key.pub
StrictModes no
UsePAM {pam}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem netconf {bin}/floof-netconf --run-dir {run_dir}
"""


def start_sshd(router):
    """Its /run is its own, so that the system's sshd and its folder there do not matter."""
    folder = router.folder / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("hostkey", "key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name)
    with open("/etc/shadow") as shadow:  # without PAM, sshd takes ! for a locked account
        locked = any(line.startswith("root:!") for line in shadow)
    config = folder / "sshd_config"
    config.write_text(SSHD.format(port=PORT, folder=folder, bin=BIN, run_dir=router.run_dir, pam="yes" if locked else "no"))
    router.start("sh", "-c", f"mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd && exec /usr/sbin/sshd -D -e -f {config}",
                 log="sshd.log")
    wait_for("sshd listens", lambda: f":{PORT}" in router.output("ss", "-Hltn"))


@pytest.fixture(scope="module")
def lab():
    with Lab(f"nc{os.getpid()}-") as made:
        made.router("r1").boot().commit(BASE, "base")
        start_sshd(made.r1)
        yield made


def socket_in(netns):
    """A connection to sshd from inside the namespace; only the thread that makes it goes there."""
    made = []

    def work():
        fd = os.open(f"/run/netns/{netns}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000) == 0:
                made.append(socket.create_connection(("127.0.0.1", PORT), 10))
        finally:
            os.close(fd)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return made[0]


@pytest.fixture
def connect(lab):
    """Opens NETCONF sessions, which end with the test, with nothing left in the candidate."""
    opened = []

    def one():
        session = manager.connect(host="127.0.0.1", port=PORT, sock=socket_in(lab.r1.netns), username="root",
                                  key_filename=str(lab.r1.folder / "ssh" / "key"), allow_agent=False,
                                  look_for_keys=False, hostkey_verify=False, timeout=90)
        opened.append(session)
        return session

    yield one
    for session in opened:
        if session.connected:
            session.close_session()
    wait_for("all sessions have ended", lambda: "floof-netconf" not in names_of_processes(lab.r1))
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        client.call("discard")


def names_of_processes(router):
    pids = run("ip", "netns", "pids", router.netns).stdout.split()
    return [open(f"/proc/{pid}/comm").read().strip() for pid in pids]


@pytest.fixture
def router(connect):
    return connect()


def config(inside, attributes=""):
    return (f'<config {NETCONF} xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><configuration xmlns="urn:floof:root" {attributes}>'
            f"{inside}</configuration></config>")


def interface(name, inside="", operation=""):
    extra = f' nc:operation="{operation}"' if operation else ""
    return f'<interface xmlns="urn:floof:interface"{extra}><name>{name}</name>{inside}</interface>'


def edit(session, inside, **options):
    session.edit_config(config(inside), target="candidate", **options)


def hostname(name):
    return f'<system xmlns="urn:floof:system"><hostname>{name}</hostname></system>'


def refused(call, *arguments, **options):
    with pytest.raises(RPCError) as caught:
        call(*arguments, **options)
    return caught.value


def set_form(lab, which="running"):
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        return client.call("show-config", path=[], format="set", which=which)["text"].splitlines()


def running_hostname(lab):
    return next(line.split()[-1] for line in set_form(lab) if line.startswith("set system hostname"))


def test_capabilities_and_session_ids(router, connect):
    for name in (":candidate", ":validate:1.1", ":confirmed-commit:1.1", ":rollback-on-error", ":xpath", ":base:1.1"):
        assert name in router.server_capabilities, name
    assert ":writable-running" not in router.server_capabilities and ":startup" not in router.server_capabilities
    other = connect()
    assert router.session_id != other.session_id
    assert "module floof-interface {" in router.get_schema("floof-interface").data
    library = router.get(filter=("subtree", '<yang-library xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library"/>')).data_xml
    assert "<name>floof-bgp</name>" in library


def test_filters(router):
    whole = router.get_config("running").data_xml
    assert "swordfish" not in whole and "<password>$F1$" in whole and "<hostname>edge</hostname>" in whole
    inside = '<configuration xmlns="urn:floof:root"><interface xmlns="urn:floof:interface">{}</interface></configuration>'

    def asked(filter):
        text = router.get_config("running", filter=filter).data_xml
        return re.sub(r"\s+", "", re.sub(r'<\?xml.*?\?>|\sxmlns(:\w+)?="[^"]*"', "", text))

    assert asked(("subtree", inside.format("<name>e0</name><address/>"))) == (
        "<data><configuration><interface><name>e0</name><address>192.0.2.1/24</address></interface></configuration></data>")
    both = asked(("subtree", inside.format("<device/>")))
    assert both.count("<interface>") == 2 and "<address>" not in both
    assert asked(("subtree", inside.format("<name>e2</name>"))) == (
        "<data><configuration><interface><name>e2</name><device><null/></device><apply-groups>small</apply-groups>"
        "</interface></configuration></data>")
    assert asked(("subtree", inside.format("<name>e7</name>"))) == "<data/>"
    names = {"r": "urn:floof:root", "i": "urn:floof:interface"}
    assert asked(("xpath", (names, "/r:configuration/i:interface[i:name='e0']/i:address"))) == (
        "<data><configuration><interface><name>e0</name><address>192.0.2.1/24</address></interface></configuration></data>")
    assert refused(router.get_config, "running", filter=("xpath", (names, "/r:configuration["))).tag


def test_edit_validate_commit(lab, router):
    edit(router, interface("e1", "<device><null/></device><mtu>1400</mtu>"))
    assert "set interface e1 mtu 1400" in set_form(lab, "candidate") and "set interface e1 mtu 1400" not in set_form(lab)
    router.validate("candidate")
    router.commit()
    assert "set interface e1 mtu 1400" in set_form(lab)
    assert "e1" in [i["name"] for i in lab.r1.show("interface")]
    assert "netconf" in lab.r1.ctl("show", "system", "commit").stdout.splitlines()[1]


def test_mistakes_are_told_with_their_place_and_change_nothing(lab, router):
    before = set_form(lab, "candidate")
    error = refused(edit, router, hostname("lost") + interface("e0", "<mtu>7</mtu>"))
    assert (error.tag, error.path) == ("invalid-value", "/floof-root:configuration/floof-interface:interface[name='e0']/mtu")
    assert "68 to 9216" in error.message
    assert "nonsense" in refused(edit, router, "<nonsense/>").message
    assert set_form(lab, "candidate") == before
    edit(router, '<bgp xmlns="urn:floof:bgp"><peer><name>a</name><policy>no-such</policy></peer></bgp>')
    for call in (lambda: router.validate("candidate"), router.commit):
        error = refused(call)
        assert error.path == "/floof-root:configuration/floof-bgp:bgp/peer[name='a']/policy", error
    router.discard_changes()
    assert set_form(lab, "candidate") == before
    dangling = '<bgp xmlns="urn:floof:bgp"><peer><name>a</name><policy>no-such</policy></peer></bgp>'
    refused(edit, router, dangling, test_option="test-then-set")
    edit(router, hostname("fine"), test_option="test-only")
    assert set_form(lab, "candidate") == before


def test_what_nobody_knows_is_refused(lab, router):
    """RFC 6241, appendix A: nothing that the client wrote is dropped without a word."""
    before = set_form(lab, "candidate")
    e0 = "/floof-root:configuration/floof-interface:interface[name='e0']"

    def interface_with(attributes, inside=""):
        return f'<interface xmlns="urn:floof:interface" {attributes}><name>e0</name>{inside}</interface>'

    for text, tag, path, info in (
            (interface_with('operation="delete"'), "unknown-attribute", e0, ("operation", "interface")),
            (interface_with('operation="replace"'), "unknown-attribute", e0, ("operation", "interface")),
            (interface_with('nonsense="1"'), "unknown-attribute", e0, ("nonsense", "interface")),
            (interface_with("", '<mtu nonsense="1">1400</mtu>'), "unknown-attribute", e0 + "/mtu", ("nonsense", "mtu")),
            (interface_with('nc:operation="destroy"'), "bad-attribute", e0, ("operation", "interface")),
            (interface_with("", "<nonsense/>"), "unknown-element", e0, ("nonsense",)),
            (interface_with("", '<mtu xmlns="urn:example">1400</mtu>'), "unknown-namespace", e0, ("mtu", "urn:example"))):
        error = refused(edit, router, text)
        assert (error.tag, error.path) == (tag, path), (text, error, error.path)
        assert all(word in error.info for word in info), (text, error.info)
        assert set_form(lab, "candidate") == before
    edit(router, '<interface xmlns="urn:floof:interface" xmlns:fc="urn:floof:cli" fc:inactive="true"><name>e5</name></interface>')
    assert "deactivate interface e5" in set_form(lab, "candidate")
    router.discard_changes()


def test_operations_of_elements(lab, router):
    refused_create = refused(edit, router, interface("e0", "", "create"))
    assert (refused_create.tag, refused_create.path) == (
        "data-exists", "/floof-root:configuration/floof-interface:interface[name='e0']")
    assert refused(edit, router, interface("e9", "", "delete")).tag == "data-missing"
    assert refused(edit, router, interface("e9", "<mtu nc:operation='merge'>1400</mtu>"), default_operation="none").tag == "data-missing"
    edit(router, interface("e9", "", "remove"))
    edit(router, interface("e0", "<description>x</description><mtu>1400</mtu>"))
    edit(router, interface("e0", "<mtu nc:operation='delete'/>"), default_operation="none")
    e0 = [line for line in set_form(lab, "candidate") if line.startswith("set interface e0 ")]
    assert sorted(e0) == ["set interface e0 address 192.0.2.1/24", "set interface e0 description x", "set interface e0 device null"]
    edit(router, interface("e0", "<device><null/></device>", "replace"))
    assert [line for line in set_form(lab, "candidate") if line.startswith("set interface e0 ")] == ["set interface e0 device null"]
    router.edit_config(config(hostname("alone")), target="candidate", default_operation="replace")
    assert set_form(lab, "candidate") == ["set system hostname alone"]
    router.copy_config(source="running", target="candidate")
    assert set_form(lab, "candidate") == set_form(lab)
    everything = router.get_config("running").data_xml.replace("data", "config")
    router.edit_config(re.sub(r"<\?xml.*?\?>", "", everything), target="candidate", default_operation="replace")
    assert set_form(lab, "candidate") == set_form(lab), "what is shown can be loaded"


def history(lab):
    with Client(lab.r1.run_dir / "floofd.sock") as client:
        return client.call("history")


def test_a_confirmed_commit_expires_or_stays(lab, router):
    edit(router, hostname("brief"))
    router.commit(confirmed=True, timeout="1")
    wait_for("it goes back", lambda: "unconfirmed" not in history(lab), 10)
    assert [entry["how"] for entry in history(lab)["data"][:2]] == ["confirm expired", "netconf"]
    assert running_hostname(lab) == "edge"
    assert refused(router.commit).tag == "operation-failed", "too late"
    edit(router, hostname("kept"))
    router.commit(confirmed=True)
    assert 590 < history(lab)["unconfirmed"]["seconds"] <= 600
    router.commit()
    assert "unconfirmed" not in history(lab) and running_hostname(lab) == "kept"
    edit(router, hostname("edge"))
    router.commit(confirmed=True, timeout="60")
    router.cancel_commit()
    assert running_hostname(lab) == "kept"
    edit(router, hostname("edge"))
    router.commit()


def test_who_may_confirm(lab, router, connect):
    edit(router, hostname("mine"))
    router.commit(confirmed=True, timeout="60")
    other = connect()
    assert refused(other.commit).tag == "in-use"
    assert refused(other.cancel_commit).tag == "invalid-value"
    router.close_session()
    wait_for("it goes back with its session", lambda: running_hostname(lab) == "edge", 5)
    edit(other, hostname("ours"))
    other.commit(confirmed=True, timeout="60", persist="token")
    other.close_session()
    third = connect()
    assert running_hostname(lab) == "ours"
    assert refused(third.commit, persist_id="wrong").tag == "invalid-value"
    third.commit(persist_id="token")
    assert running_hostname(lab) == "ours"
    edit(third, hostname("edge"))
    third.commit()


def test_locks(lab, router, connect):
    router.lock("candidate")
    other = connect()
    error = refused(other.lock, "candidate")
    assert error.tag == "lock-denied" and f"<session-id>{router.session_id}</session-id>" in re.sub(r"\s|nc:", "", error.info)
    assert refused(router.lock, "candidate").tag == "lock-denied"
    assert refused(edit, other, hostname("theirs")).tag == "in-use"
    assert refused(other.commit).tag == "in-use"
    assert refused(other.unlock, "candidate").tag == "operation-failed"
    with Client(lab.r1.run_dir / "floofd.sock") as client, pytest.raises(Refused):
        client.call("edit", words=["set", "system", "hostname", "cli"])
    edit(router, hostname("unfinished"))
    other.kill_session(router.session_id)
    wait_for("the lock is free", lambda: not locked(other))
    assert set_form(lab, "candidate") == set_form(lab), "what was not committed went with the lock"
    other.unlock("candidate")
    with other.locked("running"), other.locked("candidate"):
        edit(other, hostname("locked"))
        other.commit()
        edit(other, hostname("edge"))
        other.commit()


def locked(session):
    try:
        session.lock("candidate")
    except RPCError:
        return True
    return False


def test_a_confirmed_commit_and_a_floofctl_user(lab, router):
    edit(router, hostname("both"))
    router.commit(confirmed=True, timeout="60")
    lab.r1.script("configure\nset system hostname edge\ncommit\nexit\n")
    router.close_session()
    assert running_hostname(lab) == "edge"


def test_the_example_of_the_documentation(lab):
    page = (TOP / "docs" / "netconf.md").read_text()
    program = re.search(r"```python\n(.*?)```", page, re.S).group(1)
    there = 'host="192.0.2.1", port=830'
    assert there in program
    here = f'host="127.0.0.1", port={PORT}, key_filename="{lab.r1.folder}/ssh/key", allow_agent=False'
    done = lab.r1.run("/usr/bin/python3", "-", stdin=program.replace(there, here))
    said = re.search(r"(?m)^invalid-value .*$", page).group(0)
    assert done.stdout.splitlines()[0] == said
    assert "<mtu>1400</mtu>" in done.stdout and "made by ncclient" not in done.stdout
    assert 'description "made by ncclient"' in "\n".join(set_form(lab))


def test_a_class_counts_here_too(lab):
    lab.r1.script("configure\nset system login user nobody class read-only\ncommit\nexit\n")
    hello = f"<hello {NETCONF}><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>"
    asked = ["<get-config><source><running/></source></get-config>", "<commit/>", "<discard-changes/>",
             "<lock><target><candidate/></target></lock>", "<close-session/>"]
    rpcs = [f'<rpc message-id="{number}" {NETCONF}>{text}</rpc>' for number, text in enumerate(asked)]
    program = subprocess.Popen(["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", lab.program("floof-netconf"),
                                "--run-dir", lab.r1.run_dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with program:
        program.stdin.write("]]>]]>".join([hello, *rpcs, ""]))
        program.stdin.flush()
        answers = program.stdout.read().split("]]>]]>")[1:]
    assert "<hostname>edge</hostname>" in answers[0] and "&lt;hidden&gt;" in answers[0] and "$F1$" not in answers[0]
    assert all("<error-tag>access-denied</error-tag>" in answer for answer in answers[1:4]), answers
    assert "<ok/>" in answers[4]


def test_the_program_says_what_is_wrong_with_its_arguments(lab):
    done = run(BIN / "floof-netconf", "--nonsense", check=False)
    assert done.returncode == 2 and "usage" in done.stderr
    done = run(BIN / "floof-netconf", "--run-dir", lab.folder / "nowhere", check=False)
    assert done.returncode == 1 and "nowhere" in done.stderr
