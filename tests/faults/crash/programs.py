"""Processes of the program: forked from one that has imported it, so that two hundred of them start at once.

Run as a module it is that one: it waits for orders on a socket and ends with its standard input.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from creditaudit.audit.columns import returned
from creditaudit.audit.rulebook import RULE_FILE, load_rules, parse_rule, rendered, shipped_rules
from creditaudit.audit.rules_tonight import Rulebook
from creditaudit.book.keys import load_keys, new_key_file
from creditaudit.book.reference import snapshot_of
from creditaudit.known_answers import check_known_answers
from faults.crash.kernel import Listener, Operation, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ORDER = 1 << 16
# No trial takes so long, on whatever machine: a process that is still there waits for something that never comes.
_HANGS = 600

# By the parent, so that no child does it: the command line imports what it needs when it needs it.
_IMPORTED = ("creditaudit.engines.duckdb", "creditaudit.intake.order", "creditaudit.night")


@dataclass
class Process:
    """A process of the program.

    Parameters
    ----------
    pid : int
    said : Path
        File of what it says on stderr.
    connection : socket
        Tells its end.
    """

    pid: int
    said: Path
    connection: socket.socket
    listener: Listener | None = None
    operations: list[Operation] = field(default_factory=list)

    def go(self) -> None:
        """Let it begin."""
        self.connection.sendall(b"g")

    def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is tidied up."""
        os.kill(self.pid, signal.SIGKILL)

    def attend(self, under: Path, decide: Callable[[Operation], int | None]) -> None:
        """Let it begin, and decide on each file operation under a folder: None lets it be done, an errno refuses it.

        Other files' operations are let through. Returns when the process has ended.
        """
        assert self.listener is not None
        self.go()
        for identifier, operation in self.listener.requests(self.connection.fileno()):
            inner = _inner(operation, str(under))
            refusal = None
            if inner is not None:
                self.operations.append(inner)
                refusal = decide(inner)
            self.listener.answer(identifier, refusal)
        self.listener.close()

    def end(self, seconds: float = _HANGS) -> tuple[int, str]:
        """Wait for its end; returns its exit code (negative: the signal) and what it said on stderr.

        Raises
        ------
        TimeoutError
            It runs on.
        """
        self.connection.settimeout(seconds)
        answer = self.connection.recv(_ORDER)
        self.connection.close()
        return int(json.loads(answer)["code"]), self.said.read_text(encoding="utf-8")


def _inner(operation: Operation | None, under: str) -> Operation | None:
    if operation is None or not operation.path.startswith(f"{under}/"):
        return None
    path = os.path.normpath(operation.path)
    return Operation(operation.kind, path[len(under) + 1 :])


class Programs:
    """Starts processes of the program.

    Parameters
    ----------
    folder : Path
        For the socket and what the processes say.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = folder / "orders"
        self._numbers = count()
        tests = Path(__file__).resolve().parents[2]
        self._server = subprocess.Popen(
            [sys.executable, "-m", "faults.crash.programs", str(self._socket)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tests), *sys.path])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._server.stdout is not None
        assert self._server.stdout.readline() == b"ready\n"

    def start(self, arguments: list[str], environment: Mapping[str, str], *, watched: bool = False) -> Process:
        """Make a process that will run the command line with ``arguments`` once it is told to go."""
        said = self._folder / f"said-{next(self._numbers)}"
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_HANGS)
        connection.connect(str(self._socket))
        order = {"arguments": arguments, "environment": dict(environment), "said": str(said), "watched": watched}
        connection.sendall(json.dumps(order).encode())
        answer, handles, _, _ = socket.recv_fds(connection, _ORDER, 1)
        process = Process(int(json.loads(answer)["pid"]), said, connection)
        if watched:
            process.listener = Listener(handles[0])
        return process

    def run(self, arguments: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
        """Run the command line to its end; returns its exit code and what it said on stderr."""
        process = self.start(arguments, environment)
        process.go()
        return process.end()

    def close(self) -> None:
        """End the process from which the others were forked."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()


def _become(order: dict[str, object], connection: socket.socket) -> None:
    """Turn the forked process into one of the program; the caller runs the command line after it."""
    said = os.open(str(order["said"]), os.O_WRONLY | os.O_CREAT, 0o600)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(said, 2)
    os.close(said)
    os.close(nothing)
    answer = json.dumps({"pid": os.getpid()}).encode()
    if order["watched"]:
        listener = listen()
        socket.send_fds(connection, [answer], [listener])
        os.close(listener)
    else:
        connection.sendall(answer)
    os.environ.clear()
    os.environ.update(order["environment"])  # type: ignore[call-overload]
    arguments = order["arguments"]
    assert isinstance(arguments, list)
    sys.argv = ["creditaudit", *arguments]
    assert connection.recv(1) == b"g"
    connection.detach()  # stays open: the parent tells the end, and this end may not come before it


def _tell_ends(running: dict[int, socket.socket]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            with running.pop(pid) as told, contextlib.suppress(BrokenPipeError):
                told.sendall(json.dumps({"code": code}).encode())


def _read_rules() -> None:
    """Read the shipped rules as a night does: the processes forked from this one need not read them again."""
    for folder in shipped_rules().iterdir():
        if folder.joinpath(RULE_FILE).is_file():
            rule = parse_rule(folder.joinpath(RULE_FILE).read_bytes(), f"rules/{folder.name}/{RULE_FILE}")
            returned(rendered(rule))


def _answer_known() -> None:
    """Ask the known-answer persons once: the nights forked from this process are of equal rules and plain files."""
    with tempfile.TemporaryDirectory() as folder:
        key, reference = Path(folder) / "key.json", Path(folder) / "book"
        new_key_file(key, demo=True)
        for table in ("institutions", "duties"):
            snapshot_of(None, table, reference)
        rules = load_rules()
        answered = check_known_answers(
            [],
            night=date(2026, 11, 20),
            rules=Rulebook(rules, rules, {}, (), ()),
            reference=reference,
            keys=load_keys(str(key), reference),
        )
    importlib.import_module("creditaudit.night").check_known_answers = lambda *_, **__: answered


def _serve(path: str) -> bool:
    """Fork a process for every order; returns True in each of them, False when standard input ends."""
    for module in _IMPORTED:
        importlib.import_module(module)
    _read_rules()
    _answer_known()
    orders = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    orders.bind(path)
    orders.listen(64)
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    print("ready", flush=True)  # noqa: T201
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([0, orders, woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
        _tell_ends(running)
        if orders in ready:
            connection, _ = orders.accept()
            order = json.loads(connection.recv(_ORDER))
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in running.values():
                    other.close()
                orders.close()
                _become(order, connection)
                return True
            running[pid] = connection
        if 0 in ready:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            return False


if __name__ == "__main__" and _serve(sys.argv[1]):
    from creditaudit import cli

    cli.main()
