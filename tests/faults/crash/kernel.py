"""Every file operation of a process, asked about before the kernel does it, whoever in the process does it.

A seccomp filter with a listener (Linux 5.0 and later, no right needed): the watched process stops in front of each
system call that opens, writes, flushes, renames, makes or removes a file, in Python, in DuckDB or in pyarrow, in any
thread, and goes on when the watcher says so. So a test can count them, let one fail, or kill or hold the process there.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape = Literal["fd", "path", "at", "symlink", "symlinkat", "to", "to_at"]

_SYSCALL = {"x86_64": 0, "aarch64": 1}
_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SECCOMP = {"x86_64": 317, "aarch64": 277}

# Kind, number on x86_64 and on aarch64 (-1: it has none), how the arguments name the file, and from which argument on.
_CALLS: tuple[tuple[str, int, int, Shape, int], ...] = (
    ("open", 2, -1, "path", 0),
    ("open", 257, 56, "at", 0),
    ("create", 85, -1, "path", 0),
    ("write", 1, 64, "fd", 0),
    ("write", 20, 66, "fd", 0),
    ("write", 18, 68, "fd", 0),
    ("write", 296, 70, "fd", 0),
    ("write", 328, 287, "fd", 0),
    ("write", 40, 71, "fd", 0),  # sendfile
    ("write", 326, 285, "fd", 2),  # copy_file_range
    ("write", 285, 47, "fd", 0),  # fallocate
    ("fsync", 74, 82, "fd", 0),
    ("fsync", 75, 83, "fd", 0),
    ("truncate", 76, 45, "path", 0),
    ("truncate", 77, 46, "fd", 0),
    ("rename", 82, -1, "to", 0),
    ("rename", 264, 38, "to_at", 0),
    ("rename", 316, 276, "to_at", 0),
    ("link", 86, -1, "to", 0),
    ("link", 265, 37, "to_at", 0),
    ("symlink", 88, -1, "symlink", 0),
    ("symlink", 266, 36, "symlinkat", 0),
    ("mkdir", 83, -1, "path", 0),
    ("mkdir", 258, 34, "at", 0),
    ("unlink", 87, -1, "path", 0),
    ("unlink", 263, 35, "at", 0),
    ("rmdir", 84, -1, "path", 0),
    ("chmod", 90, -1, "path", 0),
    ("chmod", 91, 52, "fd", 0),
    ("chmod", 268, 53, "at", 0),
)

_SET_MODE_FILTER, _NEW_LISTENER, _NO_NEW_PRIVS = 1, 8, 38
_NOTIFY, _ALLOW = 0x7FC00000, 0x7FFF0000
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_AT_FDCWD, _AT_REMOVEDIR = -100, 0x200
_PATH_MAX = 4096
# Bits of open() that are the same on both machines; O_DIRECTORY is not.
_O_PATH = 0o10000000


@dataclass(frozen=True, slots=True)
class Operation:
    """One file operation that a process is about to do."""

    kind: str
    path: str


def _filter() -> bytes:
    """Return the program that sends the calls of ``_CALLS`` to the listener and lets all others through."""
    machine = platform.machine()
    numbers = sorted(n for n in (c[1 + _SYSCALL[machine]] for c in _CALLS) if n >= 0)
    load, equal, give = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 4), (equal, 0, len(numbers) + 1, _ARCH[machine]), (load, 0, 0, 0)]
    steps += [(equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(give, 0, 0, _ALLOW), (give, 0, 0, _NOTIFY)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def listen() -> int:
    """Put this thread, and all that it starts, under a listener; returns the listener's descriptor."""
    code = ctypes.create_string_buffer(_filter())
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    number = _SECCOMP[platform.machine()]
    words = (number, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.addressof(program))
    listener = int(libc.syscall(*map(ctypes.c_long, words)))
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return listener


def cannot_listen() -> str | None:
    """Say why processes cannot be watched on this machine; None: they can."""
    if platform.system() != "Linux" or platform.machine() not in _ARCH:
        return f"file operations are watched on Linux on x86_64 and aarch64 only, not on {platform.machine()}"
    child = os.fork()
    if not child:
        try:
            listen()
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return f"the kernel refuses a listener: {os.strerror(code)}" if code else None


class Listener:
    """The watcher's end.

    Parameters
    ----------
    descriptor : int
        From :func:`listen`, in this process; closed with the listener.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        machine = platform.machine()
        self._calls = {c[1 + _SYSCALL[machine]]: c for c in _CALLS}

    def requests(self, ended: int) -> Iterator[tuple[int, Operation | None]]:
        """Yield the identifier of each waiting call and what it is; None: no file of a path.

        Ends when ``ended`` can be read.
        """
        poll = select.poll()
        poll.register(ended, select.POLLIN | select.POLLHUP)
        poll.register(self.descriptor, select.POLLIN)
        while True:
            ready = dict(poll.poll())
            if ready.get(self.descriptor, 0) & select.POLLIN:
                notice = bytearray(80)
                try:
                    fcntl.ioctl(self.descriptor, _RECEIVE, notice, True)
                except OSError as error:  # killed between the poll and this
                    if error.errno not in {errno.ENOENT, errno.EINTR}:
                        raise
                    continue
                identifier, task, _, number, _, _, *arguments = struct.unpack("QIIiIQ6Q", notice)
                try:
                    yield identifier, self._operation(task, number, arguments)
                except (FileNotFoundError, ProcessLookupError):  # killed meanwhile
                    continue
            elif self.descriptor in ready:  # nobody is left under the filter
                poll.unregister(self.descriptor)
            elif ended in ready:
                return

    def answer(self, identifier: int, refusal: int | None) -> None:
        """Let a call be done, or fail with an errno."""
        flags = 0 if refusal else _CONTINUE
        try:
            fcntl.ioctl(self.descriptor, _SEND, bytearray(struct.pack("QqiI", identifier, 0, -(refusal or 0), flags)))
        except OSError as error:
            if error.errno != errno.ENOENT:  # killed meanwhile
                raise

    def close(self) -> None:
        """Let go of the process: calls still waiting fail."""
        os.close(self.descriptor)

    def _operation(self, task: int, number: int, arguments: list[int]) -> Operation | None:
        kind, _, _, shape, first = self._calls[number]
        path = _path(task, shape, arguments[first:])
        if path is None:
            return None
        if kind == "open":
            flags = arguments[1 if shape == "path" else 2]
            if flags & _O_PATH:
                return None
            kind = "create" if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else "read"
            kind = "list" if flags & os.O_DIRECTORY else kind
        elif kind == "unlink" and shape == "at" and arguments[2] & _AT_REMOVEDIR:
            kind = "rmdir"
        return Operation(kind, path)


def _path(task: int, shape: Shape, arguments: list[int]) -> str | None:
    if shape == "fd":
        return _of_descriptor(task, arguments[0])
    at = {"path": (None, 0), "at": (0, 1), "to": (None, 1), "to_at": (2, 3), "symlink": (None, 1), "symlinkat": (1, 2)}
    folder, name = at[shape]
    if not arguments[name]:
        return None
    text = _text(task, arguments[name])
    if os.path.isabs(text):  # noqa: PTH117 - as the kernel reads it, no object made
        return text
    number = ctypes.c_int(arguments[folder]).value if folder is not None else _AT_FDCWD
    base = os.readlink(f"/proc/{task}/cwd") if number == _AT_FDCWD else _of_descriptor(task, number)  # noqa: PTH115
    return None if base is None else f"{base}/{text}"


def _of_descriptor(task: int, number: int) -> str | None:
    try:
        path = os.readlink(f"/proc/{task}/fd/{number}")  # noqa: PTH115
    except FileNotFoundError:
        return None
    return path if path.startswith("/") else None


def _text(task: int, address: int) -> str:
    """Read a path in the memory of the watched process."""
    memory = os.open(f"/proc/{task}/mem", os.O_RDONLY)
    try:
        # Not across a page that may not be there.
        most = min(_PATH_MAX, 4096 - address % 4096)
        found = os.pread(memory, most, address)
        if b"\0" not in found:
            found += os.pread(memory, _PATH_MAX, address + most)
    finally:
        os.close(memory)
    return os.fsdecode(found.split(b"\0", 1)[0])
