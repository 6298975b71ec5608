# SPDX-License-Identifier: GPL-3.0-or-later
"""Validators that speak RTR and fail in every way: what they said last counts on, and no session is reset.

    r (floofd, BIRD) -- w (BIRD as a neighbour, two stand-ins for validators, StayRTR; see lab/rtr_stand_in.py)
"""

import os
import re
import time

import pytest

from lab.acceptance import outside
from lab.acceptance.world import Validator
from lab.hosts import BIN, Lab, Since, wait_for
from lab.rtr_stand_in import ABOUT, RESET_QUERY, SERIAL_QUERY, RtrStandIns

NEIGHBOUR, STRANGER = 400100, 400998
ROUTES = ("45.30.1.0/24", "45.31.1.0/24", "45.32.1.0/24", "45.33.1.0/24")
INVALID, VALID, UNKNOWN, BY_TWO = ROUTES
FILLING = [[f"45.{100 + i}.0.0/16", 20, 400200 + i] for i in range(16)] + [["2a10:30::/32", 48, 400201], ["2a10:31::/32", 32, 400202]]
# Those that matter are not in the first tenth.
ONE = [*FILLING, ["45.31.0.0/16", 24, NEIGHBOUR], ["45.30.0.0/16", 24, STRANGER]]
TWO = [*FILLING[:9], ["45.33.0.0/16", 24, STRANGER]]
BOTH = len(ONE) + 1
MORE = [*ONE, ["45.32.0.0/16", 24, STRANGER]]
HARMLESS = ["45.200.0.0/16", 16, STRANGER]  # judges none of the routes
PORTS = {"one": 8301, "two": 8302}

ROUTER = """
set interface x0 device host rw
set interface x0 address 172.20.1.1/24
set bgp asn 50000
set bgp router-id 172.20.1.1
set bgp policy open import accept all
set bgp peer n neighbor 172.20.1.2
set bgp peer n remote-as 400100
set bgp peer n policy open
"""

BIRD = """
router id 172.20.1.2;
log stderr all;
timeformat protocol iso long ms;
protocol device {{ }}
protocol static st {{ ipv4; {routes} }}
protocol bgp r {{ local 172.20.1.2 as 400100; neighbor 172.20.1.1 as 50000;
  connect delay time 1; error wait time 1,2; connect retry time 1; debug {{ states }};
  ipv4 {{ import all; export where source = RTS_STATIC; next hop self; }}; }}
"""


def server(name, port, *more):
    return "".join(f"set bgp rpki server {name} {words}\n"
                   for words in ("address 172.20.1.2", f"port {port}", "retry 1", "timeout 1", *more))


@pytest.fixture(scope="module")
def lab():
    with Lab(f"rt{os.getpid()}-") as made:
        made.router("r")
        made.bird("w")
        made.link(made.r, "rw", made.w, "eth0")
        made.w.address("eth0", "172.20.1.2/24")
        made.w.configure(BIRD.format(routes=" ".join(f"route {p} unreachable;" for p in ROUTES)))
        made.w.boot()
        made.rtr = RtrStandIns(made.w, one={"port": PORTS["one"], "mode": "good", "vrps": ONE, "keys": 2},
                               two={"port": PORTS["two"], "mode": "good", "vrps": TWO})
        made.r.boot()
        made.r.commit(ROUTER + server("one", PORTS["one"]) + server("two", PORTS["two"]))
        wait_for("everything is known", lambda: settled(made), 40)
        yield made


@pytest.fixture
def fine(lab):
    """Afterwards, everything is good again and no session was reset."""
    assert settled(lab)
    before = lives(lab)
    yield lab
    if lab.rtr.process.poll() is not None:
        lab.rtr.start()
    lab.rtr.change("one", mode="good", vrps=ONE, text="")
    lab.rtr.change("two", mode="good", vrps=TWO)
    refresh(lab, "take-shrunken")
    wait_for("everything is good again", lambda: settled(lab))
    assert lives(lab) == before


def rpki(lab):
    return lab.r.show("bgp", "rpki")


def validator(lab, name):
    return {v["name"]: v for v in rpki(lab)["validators"]}[name]


def state(lab, name="one"):
    return validator(lab, name)["state"]


def alarms(lab):
    """Those of validators."""
    return [a for a in lab.r.show("system")["alarms"] if "validator" in a.lower() or "rpki" in a.lower()]


def refresh(lab, *words):
    return lab.r.ctl("bgp", "refresh", "rpki", *words, check=False)


def birdc(lab, *words):
    return lab.r.run("birdc", "-s", lab.r.run_dir / "bird.ctl", *words).stdout


def roas(lab):
    """What BIRD has: "prefix-max AS"."""
    text = birdc(lab, "show", "route", "table", "floof_roa4") + birdc(lab, "show", "route", "table", "floof_roa6")
    return set(re.findall(r"^([0-9a-f.:]+/\S+ +AS\d+)", text, re.MULTILINE))


def taken(lab):
    """Prefixes of the neighbour that were not refused."""
    return set(re.findall(r"^(45\S+)", birdc(lab, "show", "route", "protocol", bgp_protocol(lab)), re.MULTILINE))


def bgp_protocol(lab):
    return next(line.split()[0] for line in birdc(lab, "show", "protocols").splitlines() if re.match(r"\S*_n? *BGP|n +BGP", line))


def refused(lab):
    """prefix -> reason."""
    return {route["prefix"]: route["reason"] for route in lab.r.show("route", "rejected")}


BY_RPKI = {INVALID: "rpki-invalid", BY_TWO: "rpki-invalid"}


def settled(lab):
    return ([v["state"] for v in rpki(lab)["validators"]] == ["good", "good"] and not alarms(lab) and len(roas(lab)) == BOTH
            and refused(lab) == BY_RPKI)


def lives(lab):
    """What changes when a session is reset, however shortly: since when, and how often the neighbour saw it come up."""
    peer = next(p for p in lab.r.show("bgp", "summary")["peers"] if p["name"] == "n")
    log = (lab.w.folder / "bird.log").read_text()
    return peer["state"], Since.of(peer["since"]), log.count("r: State changed to up"), log.count("r: State changed to down")


def count(lab, name="one"):
    return validator(lab, name)["counts"]["VRPs"]


def kept(lab, name="one"):
    found = validator(lab, name)
    return found if found["state"] == "kept" and found["error"] else None


def complains_of(lab, name):
    return any(re.search(rf"\b{name}\b", a) and "counts on" in a for a in alarms(lab))


# -- when all is well -----------------------------------------------------------------------------------------------

def test_payloads_decide_about_routes(fine):
    lab, one = fine, validator(fine, "one")
    assert one["counts"] == {"VRPs": len(ONE)} and one["age-s"] < 60 and one["version"] == 1
    first = lab.rtr.asked("one")[0]
    assert (first["version"], first["type"]) == (1, RESET_QUERY), "router keys come with version 1"
    assert lab.rtr.complaints("one") == [] and lab.rtr.complaints("two") == []
    said = lab.r.ctl("show", "bgp", "rpki").stdout
    assert "one" in said and "two" in said and "good" in said
    assert lab.r.show("route", "rpki", "valid")[0]["prefix"] == VALID


def test_news_come_by_themselves_and_reset_nothing(fine):
    lab, asked = fine, len(fine.rtr.asked("one"))
    serial = validator(lab, "one")["serial"]
    lab.rtr.change("one", vrps=MORE)
    wait_for("the new one counts", lambda: refused(lab) == {**BY_RPKI, UNKNOWN: "rpki-invalid"})
    lab.rtr.change("one", vrps=ONE[:-1])
    wait_for("two are withdrawn", lambda: refused(lab) == {BY_TWO: "rpki-invalid"})
    assert [(q["type"], q["serial"]) for q in lab.rtr.asked("one")[asked:]] == [(SERIAL_QUERY, serial), (SERIAL_QUERY, serial + 1)]
    assert lab.rtr.complaints("one") == []


def test_what_one_withdraws_the_other_may_still_say(fine):
    lab = fine
    lab.rtr.change("two", vrps=[*TWO, ONE[-1]])
    assert refresh(lab).returncode == 0 and count(lab, "two") == len(TWO) + 1
    lab.rtr.change("one", vrps=[*ONE[:-1], HARMLESS])
    assert refresh(lab).returncode == 0 and count(lab) == len(ONE)
    wait_for("BIRD has heard", lambda: any(r.startswith("45.200.") for r in roas(lab)))
    assert any(r.startswith("45.30.") for r in roas(lab)) and len(roas(lab)) == BOTH + 1, "each counts once"


# Those that speak in another way than most, but say the truth.
ODD = ["dribble", "always-reset", "other-session", "wrong-session", "error-session", "close-session", "v0-only", "v0-answer",
       "notify-storm"]


@pytest.mark.parametrize("mode", ODD)
def test_an_odd_validator_is_understood(fine, mode):
    lab = fine
    lab.rtr.change("one", mode=mode, vrps=[*ONE, HARMLESS])
    assert refresh(lab).returncode == 0, "at once, not after retry"
    wait_for("its news are known", lambda: state(lab) == "good" and count(lab) == len(ONE) + 1 and not alarms(lab))
    wait_for("BIRD knows them", lambda: len(roas(lab)) == BOTH + 1)
    if mode.startswith("v0"):
        assert validator(lab, "one")["version"] == 0
    if mode.endswith("-session") and mode != "other-session":
        assert [q["type"] for q in lab.rtr.asked("one")[-2:]] == [SERIAL_QUERY, RESET_QUERY]
    if mode in ("v0-only", "always-reset", "notify-storm"):
        lab.rtr.change("one", vrps=ONE)
        wait_for("more news come by themselves", lambda: state(lab) == "good" and count(lab) == len(ONE))


# -- when one fails -------------------------------------------------------------------------------------------------

FAILS = [mode for mode in ABOUT if mode not in (*ODD, "good", "huge")]


@pytest.mark.parametrize("mode", FAILS)
def test_a_validator_that_fails_keeps_what_it_said(fine, mode):
    lab, before = fine, roas(fine)
    lab.rtr.change("one", mode=mode)
    assert refresh(lab).returncode == 1
    found = wait_for("it is kept", lambda: kept(lab))
    assert found["counts"] == {"VRPs": len(ONE)} and complains_of(lab, "one")
    assert state(lab, "two") == "good" and not complains_of(lab, "two")
    assert roas(lab) == before and refused(lab) == BY_RPKI
    assert "kept" in lab.r.ctl("show", "bgp", "rpki").stdout


def test_a_validator_that_fails_does_not_stop_the_other(fine):
    lab = fine
    lab.rtr.change("one", mode="garbage")
    lab.rtr.change("two", vrps=[*TWO, ["45.32.0.0/16", 24, STRANGER]])
    assert refresh(lab).returncode == 1
    wait_for("the other one is heard", lambda: UNKNOWN in refused(lab))
    assert kept(lab) and state(lab, "two") == "good" and refused(lab) == {**BY_RPKI, UNKNOWN: "rpki-invalid"}


def test_a_validator_that_fails_by_itself_is_noticed_without_asking(fine):
    lab = fine
    lab.rtr.change("one", mode="down")
    wait_for("it is missed", lambda: kept(lab) and complains_of(lab, "one"))
    lab.rtr.change("one", mode="good")
    wait_for("it is back", lambda: settled(lab))


def test_validators_that_are_gone_are_noticed(fine):
    lab = fine
    lab.rtr.stop()
    wait_for("both are missed", lambda: kept(lab, "one") and kept(lab, "two"))
    assert complains_of(lab, "one") and complains_of(lab, "two") and refused(lab) == BY_RPKI
    lab.rtr.start()
    wait_for("both are back", lambda: settled(lab))


def test_an_answer_that_shrank_is_taken_when_one_says_so(fine):
    lab = fine
    lab.rtr.change("one", mode="shrunken")
    assert refresh(lab).returncode == 1
    assert f"shrank from {len(ONE)} to 2 VRPs" in kept(lab)["error"]
    said = refresh(lab, "take-shrunken")
    assert said.returncode == 0 and f"-{len(ONE) - 2} VRPs" in said.stdout
    assert state(lab) == "good" and not alarms(lab)
    wait_for("the route is accepted", lambda: refused(lab) == {BY_TWO: "rpki-invalid"})
    lab.rtr.change("one", mode="good")
    wait_for("it grows by itself", lambda: settled(lab))


def test_the_limit_of_shrinking(fine):
    lab = fine

    def say(vrps):
        lab.rtr.change("one", vrps=vrps)
        return refresh(lab).returncode
    assert say(ONE[6:]) == 0 and count(lab) == len(ONE) - 6, "30 % are taken"
    assert say(ONE) == 0 and count(lab) == len(ONE)
    assert say(ONE[7:]) == 1 and kept(lab) and count(lab) == len(ONE), "35 % are not"
    assert say([["45.32.0.0/16", 24, STRANGER], *ONE[7:]]) == 0 and count(lab) == len(ONE) - 6, "what it says is followed meanwhile"
    wait_for("BIRD knows", lambda: any(r.startswith("45.32.") for r in roas(lab)))
    lab.r.commit("set bgp rpki shrink-limit 80")
    say(ONE[-5:])
    wait_for("another limit counts", lambda: state(lab) == "good" and count(lab) == 5)
    lab.r.commit("delete bgp rpki shrink-limit")


def test_nothing_is_never_taken(fine):
    lab = fine
    lab.rtr.change("one", mode="empty")
    assert refresh(lab, "take-shrunken").returncode == 1
    assert "empty" in wait_for("it is kept", lambda: kept(lab))["error"] and refused(lab) == BY_RPKI


def test_what_a_validator_says_of_its_error_is_shown_but_does_nothing(fine):
    lab = fine
    lab.rtr.change("one", mode="error", text="of\x1b[31m no\nset system hostname evil\x00\udcff ‮ x" + "y" * 3000)
    refresh(lab)
    found = wait_for("it is kept", lambda: kept(lab))
    shown = found["error"] + lab.r.ctl("show", "bgp", "rpki").stdout.replace("\n", "") + "".join(alarms(lab))
    assert "no" in found["error"] and shown.isascii() and shown.isprintable() and len(found["error"]) < 500


def test_a_validator_without_end_fills_no_memory(fine):
    lab, pid = fine, fine.r.pid("floofd")

    def memory(what):
        status = open(f"/proc/{pid}/status").read()
        return int(re.search(rf"{what}:\s+(\d+)", status).group(1)) // 1024
    with open(f"/proc/{pid}/clear_refs", "w") as clear:
        clear.write("5")  # the peak
    before = memory("VmRSS")
    lab.rtr.change("one", mode="huge")
    asks = lab.r.start(BIN / "floofctl", "--run-dir", lab.r.run_dir, "bgp", "refresh", "rpki")
    answers = 0
    while asks.poll() is None:
        lab.r.show("system")
        answers += 1
    assert answers > 2 and wait_for("it is kept", lambda: kept(lab))
    assert memory("VmHWM") - before < 400, "MiB"
    assert lab.r.pid("floofd") == pid and refused(lab) == BY_RPKI
    wait_for("it is given back", lambda: memory("VmRSS") - before < 200)


# -- when we fail ---------------------------------------------------------------------------------------------------

def kill(lab, program, meanwhile=lambda: None):
    pid = lab.r.pid(program)
    os.kill(pid, 9)

    def back():
        meanwhile()
        return lab.r.pid(program) not in (0, pid)
    wait_for(f"{program} is back", back)


def test_floofd_dies_and_the_validators_are_gone(fine):
    lab, before, seen = fine, roas(fine), []
    lab.rtr.stop()
    wait_for("both are missed", lambda: kept(lab, "one") and kept(lab, "two"))

    def look():
        seen.append(roas(lab) == before)
    kill(lab, "floofd", look)
    wait_for("what they said is read from disk", lambda: look() or kept(lab, "one") and kept(lab, "two"))
    wait_for("BIRD is told by the new one", lambda: look() or rpki(lab)["served"]["readers"] >= 1)
    look()
    assert all(seen) and refused(lab) == BY_RPKI
    assert [v["counts"]["VRPs"] for v in rpki(lab)["validators"]] == [len(ONE), len(TWO)]
    assert complains_of(lab, "one") and complains_of(lab, "two")


def test_floofd_dies_and_the_data_change_meanwhile(fine):
    lab, seen = fine, []
    lab.rtr.change("one", notify=False)
    lab.rtr.change("one", vrps=MORE)
    kill(lab, "floofd", lambda: seen.append(len(roas(lab)) >= BOTH))
    wait_for("the news are heard", lambda: seen.append(len(roas(lab)) >= BOTH) or UNKNOWN in refused(lab))
    assert all(seen)
    lab.rtr.change("one", notify=True)


def test_a_damaged_cache_is_fetched_again(fine):
    lab, folder = fine, fine.r.state_dir / "outside"
    file = next(f for f in folder.iterdir() if "validator" in f.name and str(STRANGER) in f.read_text() and "45.30" in f.read_text())
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text(file.read_text().replace("45.30", "45.32"))
    kill(lab, "floofd")
    wait_for("it is good", lambda: settled(lab))


def test_bird_dies(lab):
    assert settled(lab)
    lab.rtr.stop()
    wait_for("both are missed", lambda: kept(lab, "one") and kept(lab, "two"))
    kill(lab, "bird")
    wait_for("it knows all again", lambda: len(roas(lab)) == BOTH, 30)
    wait_for("the session is back", lambda: lives(lab)[0] == "Established", 30)
    wait_for("the routes are judged", lambda: refused(lab) == BY_RPKI, 30)
    lab.rtr.start()
    wait_for("everything is good again", lambda: settled(lab))


@pytest.mark.long
def test_a_bird_that_knows_no_payloads_is_an_alarm(fine):
    """Nothing would be refused by RPKI; who asks and goes away knows nothing either, and it stays an alarm."""
    lab = fine
    birdc(lab, "disable", "floof_validators")
    wait_for("it is an alarm", lambda: any("BIRD does not ask" in a for a in alarms(lab)), 30)
    assert "has not got them" in lab.r.ctl("show", "bgp", "rpki").stdout
    birdc(lab, "enable", "floof_validators")
    wait_for("BIRD knows them again", lambda: not alarms(lab) and refused(lab) == BY_RPKI, 30)


def test_the_router_starts_without_validators(lab):
    assert settled(lab)
    lab.rtr.stop()
    lab.r.stop()
    assert "terminate" not in (lab.r.run_dir / "log" / "floof-dataplane.log").read_text()
    lab.r.boot()
    wait_for("what they said counts", lambda: kept(lab, "one") and kept(lab, "two") and len(roas(lab)) == BOTH, 40)
    wait_for("the session is back", lambda: lives(lab)[0] == "Established", 40)
    wait_for("the routes are judged", lambda: refused(lab) == BY_RPKI, 40)
    lab.rtr.start()
    wait_for("everything is good again", lambda: settled(lab))


def test_what_a_silent_validator_said_expires(lab):
    assert settled(lab)
    lab.r.commit("set bgp rpki server one expire 600\nset bgp rpki server two expire 86400")
    lab.rtr.stop()
    lab.r.stop()
    for file in (lab.r.state_dir / "outside").glob("validator-*"):
        os.utime(file, (time.time() - 900, time.time() - 900))
    lab.r.boot()
    wait_for("one has expired", lambda: [v["state"] for v in rpki(lab)["validators"]] == ["expired", "kept"]
             and len(roas(lab)) == len(TWO), 40)
    assert any("one" in a and "counts no more" in a for a in alarms(lab)) and complains_of(lab, "two")
    wait_for("the routes are judged by the other", lambda: refused(lab) == {BY_TWO: "rpki-invalid"}, 40)
    lab.rtr.start()
    wait_for("everything is good again", lambda: settled(lab))
    lab.r.commit("delete bgp rpki server one expire\ndelete bgp rpki server two expire")


# -- other configurations -------------------------------------------------------------------------------------------

def test_a_validator_is_taken_away_and_given_back(fine):
    lab = fine
    lab.rtr.change("two", mode="slow")
    wait_for("it is asked", lambda: refresh(lab).returncode == 1 and kept(lab, "two"))
    lab.r.commit("delete bgp rpki server two")
    wait_for("its data are gone", lambda: refused(lab) == {INVALID: "rpki-invalid"} and len(roas(lab)) == len(ONE))
    wait_for("nobody misses it", lambda: [v["name"] for v in rpki(lab)["validators"]] == ["one"] and not alarms(lab))
    lab.rtr.change("two", mode="good")
    lab.r.commit(server("two", PORTS["two"]))
    wait_for("they are back", lambda: settled(lab))


def test_a_validator_that_never_answered_is_unknown(fine):
    lab = fine
    lab.r.commit(server("none", 8399))
    wait_for("it is unknown", lambda: state(lab, "none") == "unknown" and validator(lab, "none").get("error"))
    assert any(re.search(r"\bnone\b", a) and "nothing is known" in a for a in alarms(lab))
    assert refused(lab) == BY_RPKI and len(roas(lab)) == BOTH
    lab.r.commit("delete bgp rpki server none")
    wait_for("nobody misses it", lambda: not alarms(lab))


def test_a_validator_by_name_is_asked_at_each_of_its_addresses(fine):
    """`localhost` is ::1 first, where nobody listens."""
    lab = fine
    RtrStandIns(lab.r, here={"port": 8303, "host": "127.0.0.1", "vrps": [HARMLESS]})
    lab.r.commit(server("here", 8303).replace("172.20.1.2", "localhost"))
    wait_for("it is heard", lambda: state(lab, "here") == "good" and len(roas(lab)) == BOTH + 1)
    lab.r.commit("delete bgp rpki server here")
    wait_for("it is gone", lambda: len(roas(lab)) == BOTH)


def test_stayrtr(fine):
    lab = fine
    entries = [outside.payload(*one) for one in FILLING]
    stay = Validator(lab.w, "172.20.1.2", [*entries, outside.payload("45.32.0.0/16", 24, STRANGER)]).start()
    lab.r.commit(server("stay", stay.port).replace("set bgp rpki server stay retry 1\n", ""))
    wait_for("it is heard", lambda: refused(lab) == {**BY_RPKI, UNKNOWN: "rpki-invalid"})
    assert validator(lab, "stay")["counts"] == {"VRPs": len(FILLING) + 1}
    # A restart, with the default of 90 s for `retry`: its session is another one, and it knows nothing of the old.
    stay.process.kill()
    stay.process.wait()
    wait_for("it is missed", lambda: kept(lab, "stay"))
    stay.publish([*entries, outside.payload("45.33.0.0/16", 24, NEIGHBOUR)])
    stay.start()
    wait_for("it is heard again", lambda: state(lab, "stay") == "good" and refused(lab) == {INVALID: "rpki-invalid"})
    stay.publish([*entries, outside.payload("45.31.0.0/16", 16, STRANGER)])
    # AS400100 is valid by the other one.
    wait_for("its news are heard", lambda: validator(lab, "stay")["state"] == "good" and refused(lab) == BY_RPKI)
    stay.publish(entries[:2])
    wait_for("it shrank", lambda: kept(lab, "stay"), 30)
    assert any(r.startswith("45.31.0.0/16-16") for r in roas(lab))
    stay.process.kill()
    stay.process.wait()
    wait_for("it is dead", lambda: "shrank" not in kept(lab, "stay")["error"])
    assert any(r.startswith("45.31.0.0/16-16") for r in roas(lab))
    lab.r.commit("delete bgp rpki server stay")
    wait_for("its data are gone", lambda: len(roas(lab)) == BOTH)
