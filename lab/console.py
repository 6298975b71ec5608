# SPDX-License-Identifier: GPL-3.0-or-later
"""Console sessions that are documentation and test at once. A session is text such as

    ann> configure private
    ann# set system hostname edge2
    ann# commit
    commit complete: generation *
    ann# exit

`ann>` and `ann#` are what ann types, in operational and in configuration mode, at a floofctl of her own; the lines below
are what she sees: whole, in order, `*` standing for any text within a line and `...` for any lines. A line that starts
with `$` is an order to the lab: `$ wait 2` waits, `$ kill floofd` kills a program of the router."""

import os
import re
import signal
import time

import pexpect

from lab.hosts import BIN, wait_for

PROMPT = re.compile(r"(?:\[generation[^\]]*\]\r?\n)?(?:\[edit[^\]]*\](?: \*)?(?: \[[^\]]*\])?\r?\n)?[\w-]+@[\w.-]+([>#]) $")


class Person:
    """Somebody at a floofctl. With `echo` readline shows what is typed and draws the prompt anew, as people see it."""

    def __init__(self, router, echo=False, term="dumb", columns=200, rows=200):
        self.child = pexpect.spawn(str(BIN / "floofctl"), ["--run-dir", str(router.run_dir)], encoding="utf-8", timeout=90,
                                   dimensions=(rows, columns), env=os.environ | {"TERM": term, "HOME": str(router.run_dir)})
        if not echo:  # it may have drawn its prompt already, and have the terminal as it needs it
            self.child.setecho(False)
        self.mode = self.await_prompt()[1]

    def await_prompt(self):
        """What came before the next prompt, and whether it is `>` or `#`."""
        text, self.child.buffer = self.child.buffer, ""  # what `expect` has read beyond its pattern
        while True:
            found = PROMPT.search(text)
            if found:
                return text[: found.start()], found.group(1)
            text += self.child.read_nonblocking(65536, timeout=90)

    def type(self, line, mode):
        assert self.mode == mode, f"the prompt is {self.mode}, not {mode}, before: {line}"
        self.child.sendline(line)
        if line in ("exit", "quit") and mode == ">":
            self.child.expect(pexpect.EOF)
            self.mode = None
            return []
        text, self.mode = self.await_prompt()
        lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", x).rstrip() for x in text.replace("\r", "").split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        # readline shows what is typed even though the terminal does not.
        return lines[1:] if lines and lines[0].endswith(line) else lines

    def offered(self, line):
        """Types a line without its end and `?`, gives the words that are offered, and forgets the line by ^C."""
        mark = "@@@"  # the shell shows it when it has shown all before
        self.child.send(line + "?" + mark)
        self.child.expect_exact(mark)
        shown = self.child.before.replace("\r", "").split("\n")
        self.child.send("\x03")
        self.child.expect(r"\^C\r?\n[\w-]+@[\w.-]+[>#] ")
        return [words[0] for words in (x.split("  ") for x in (y[2:] for y in shown if y.startswith("  "))) if words[0]]

    def close(self):
        self.child.close(force=True)


def matches(pattern, line):
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), line) is not None


def compare(expected, seen):
    """None when they fit, else the first expected line that does not."""
    at = 0
    for index, pattern in enumerate(expected):
        if pattern.strip() == "...":
            rest = expected[index + 1:]
            return None if any(compare(rest, seen[start:]) is None for start in range(at, len(seen) + 1)) else pattern
        if at == len(seen) or not matches(pattern.rstrip(), seen[at]):
            return pattern
        at += 1
    return None if at == len(seen) else "nothing more"


def blocks(text):
    """The ```console blocks of a Markdown text, each with the number of its first line."""
    out, current = [], None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() == "```console":
            current = (number + 1, [])
        elif line.strip() == "```" and current:
            out.append(current)
            current = None
        elif current:
            current[1].append(line)
    return out


class Console:
    """Runs sessions against one router of the lab."""

    def __init__(self, router):
        self.router, self.people = router, {}

    def order(self, words):
        if words[0] == "wait":
            time.sleep(float(words[1]))
        elif words[0] == "kill":
            old = self.router.pid(words[1])
            os.kill(old, signal.SIGKILL)
            wait_for(f"{words[1]} is back", lambda: self.router.pid(words[1]) not in (None, 0, old))
            wait_for("the router answers", lambda: self.router.ctl("show", "version", check=False).returncode == 0)
        else:
            raise ValueError(f"unknown order {words}")

    def run(self, first_line, lines):
        inputs = []  # (line number, who, mode, text, expected)
        for number, line in enumerate(lines, first_line):
            typed = re.match(r"([a-z]+)([>#]) ?(.*)", line)
            if line.startswith("$ "):
                inputs.append((number, None, None, line[2:], []))
            elif typed:
                inputs.append((number, typed.group(1), typed.group(2), typed.group(3), []))
            elif inputs:
                inputs[-1][4].append(line)
        for number, who, mode, text, expected in inputs:
            if who is None:
                self.order(text.split())
                continue
            if who not in self.people:
                self.people[who] = Person(self.router)
            seen = self.people[who].type(text, mode)
            wrong = compare(expected, seen)
            assert wrong is None, (f"line {number}: {who}{mode} {text}\nexpected: {wrong}\nseen:\n" + "\n".join(seen))
            if self.people[who].mode is None:
                self.people.pop(who).close()

    def close(self):
        for person in self.people.values():
            person.close()
        self.people = {}
