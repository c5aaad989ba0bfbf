"""Becomes another program: drops root where told to, asks to be stopped when the parent dies, executes it.

Run by path with `python -I -S`, so it needs nothing but the standard library and starts in milliseconds. A separate
process because running Python between fork and exec (`preexec_fn`) can deadlock where threads live.
Arguments: parent's pid, uid, gid, program, its arguments.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def drop_root(uid: int, gid: int) -> None:
    """Take the identity of the account for good; nothing to do when it is ours already."""
    if os.geteuid() == uid:
        return
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int) -> None:
    """Be interrupted (PostgreSQL: a fast shutdown) when the parent is gone, however it went.

    Only after dropping root: a change of user clears the request.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)


if __name__ == "__main__":
    drop_root(int(sys.argv[2]), int(sys.argv[3]))
    die_with(int(sys.argv[1]))
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - the caller names the program
