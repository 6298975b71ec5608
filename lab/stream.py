# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that flow while something else happens, and how many of them were lost."""

import re
import signal
import subprocess
import tempfile

from lab.hosts import PATIENCE, wait_for


class Stream:
    """A ping in the background, 100 packets a second unless told; it flows when the constructor returns."""

    def __init__(self, host, address, interval=0.01):
        # A file: a pipe that nobody reads is full after a thousand replies, and ping waits instead of sending.
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(host.words("ping", "-n", "-i", str(interval), address), stdout=self.output)
        try:
            wait_for(f"replies of {address}", lambda: len(self._replies()) >= 20)
        except AssertionError:
            self.process.kill()
            raise

    def _replies(self):
        self.output.seek(0)
        return {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl=", self.output.read())}

    def lost(self, enough=0):
        """Ends it, after at least `enough` replies: how many packets were lost, and how many were sent. Those after the
        last reply are still on their way."""
        wait_for(f"{enough} replies", lambda: len(self._replies()) >= enough)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10 * PATIENCE)
        replies = self._replies()
        self.output.close()
        return max(replies) - len(replies), max(replies)
