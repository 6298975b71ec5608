# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds a process as a debugger does. One that is only stopped (SIGSTOP) counts as hung, and is replaced."""
import contextlib
import ctypes
import os
from pathlib import Path

SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000

_ptrace = ctypes.CDLL(None, use_errno=True).ptrace
_ptrace.restype = ctypes.c_long
_ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


class Held:
    """All threads of the process stand still meanwhile. To be left by the thread that has entered it."""

    def __init__(self, pid):
        self.pid, self.threads = pid, []

    def __enter__(self):
        for path in Path(f"/proc/{self.pid}/task").iterdir():
            thread = int(path.name)
            for request in (SEIZE, INTERRUPT):
                if _ptrace(request, thread, None, None) != 0:
                    raise OSError(ctypes.get_errno(), f"ptrace of thread {thread}")
            self.threads.append(thread)
        for thread in self.threads:
            os.waitpid(thread, WALL)
        return self

    def __exit__(self, *_):
        for thread in reversed(self.threads):
            if _ptrace(DETACH, thread, None, None) != 0:  # it was killed: nobody else hears of it before we did
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(thread, WALL)
