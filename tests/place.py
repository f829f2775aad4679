"""A book, a landing and a key in one folder of a test, and the program run over them."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit import cli
from creditaudit.book.init import init_book
from creditaudit.book.keys import new_key_file
from creditaudit.night import NightOutcome, NightRequest, run_night
from creditaudit.runlog import RunLog

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

MANDATE = "测试授权 test mandate"
Cells = dict[str, str]


@dataclass(frozen=True)
class Spoken:
    """What a command answered."""

    code: int
    out: str
    err: str


class Place:
    """One house: ``desk/book`` with its configuration beside it, a landing, a key.

    Parameters
    ----------
    root : Path
        Folder of the test.
    landing : Path, optional
        A delivery that lies elsewhere.
    """

    def __init__(self, root: Path, landing: Path | None = None) -> None:
        self.root = root
        self.book = root / "desk" / "book"
        self.config = root / "desk" / "creditaudit.toml"
        self.landing = landing or root / "landing"
        self.key = root / "key.json"

    def made(self, reference: Path | None = None) -> Place:
        """Make book, configuration, landing and demonstration key."""
        init_book(self.book, mandate=MANDATE, reference=reference)
        self.landing.mkdir(exist_ok=True)
        new_key_file(self.key, demo=True)
        return self

    def copied(self, root: Path) -> Place:
        """Return the same house in another folder; a landing that lies elsewhere is shared."""
        shutil.copytree(self.root, root, symlinks=True, dirs_exist_ok=True)
        own = self.landing.is_relative_to(self.root)
        return Place(root, None if own else self.landing)

    def deliver(self, night: date, feed: str, rows: Sequence[Cells], *, name: str = "f.csv") -> Path:
        """Write one CSV file with the columns that its rows have."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return self.drop(night, feed, out.getvalue().encode(), name=name)

    def drop(self, night: date, feed: str, content: bytes, *, name: str = "f.csv") -> Path:
        """Write one file of bytes."""
        path = self.landing / night.isoformat() / feed / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def night(
        self,
        day: date,
        *,
        threads: int = 1,
        skips: Mapping[date, str] | None = None,
        log: RunLog | None = None,
        everyone: bool = False,
        engine: str | None = None,
    ) -> NightOutcome:
        """Run a night in this process."""
        request = NightRequest(
            self.book,
            self.landing,
            day,
            key_file=str(self.key),
            skips=dict(skips or {}),
            threads=threads,
            engine=engine,
            everyone=everyone,
        )
        return run_night(request, log or RunLog())

    def environment(self) -> dict[str, str]:
        """Environment of a command: the key, and no seed for hashes."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CREDITAUDIT")}
        return {**kept, "CREDITAUDIT_KEY_FILE": str(self.key), "PYTHONHASHSEED": "random"}

    def asked(self, *arguments: str) -> list[str]:
        """Arguments of ``creditaudit night`` for this house."""
        return ["night", "--book", str(self.book), "--landing", str(self.landing), *arguments]

    def say(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Spoken:
        """Run the command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        umask = os.umask(0o077)
        try:
            with (
                mock.patch.object(sys, "argv", ["creditaudit", *arguments]),
                mock.patch.dict(os.environ, environment or self.environment(), clear=True),
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(err),
            ):
                try:
                    cli.main()
                except SystemExit as ended:
                    code = ended.code if isinstance(ended.code, int) else 0
        finally:
            os.umask(umask)
            cli.Tell.is_json = False
        return Spoken(code, out.getvalue(), err.getvalue())

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Spoken:
        """Run the command line as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "creditaudit.cli", *arguments],
            env=dict(environment or self.environment()),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Spoken(done.returncode, done.stdout, done.stderr)

    def tree(self) -> dict[str, str]:
        """Every file of the book but its lock, with the digest of its bytes."""
        return tree_of(self.book)

    def sealed(self) -> dict[str, str]:
        """Every file of the sealed nights, with the digest of its bytes."""
        return tree_of(self.book / "nights")

    def folder(self, day: date) -> Path:
        """Folder of a sealed night."""
        return self.book / "nights" / day.isoformat()

    def published(self, day: date, table: str) -> pa.Table:
        """One published table of a night."""
        return pq.read_table(self.folder(day) / "published" / f"{table}.parquet")

    def rows(self, day: date, table: str) -> list[dict[str, object]]:
        """Rows of one published table of a night."""
        return self.published(day, table).to_pylist()


def tree_of(folder: Path) -> dict[str, str]:
    """Return path to SHA-256 for files, to the target for links, to nothing for folders; ``.lock`` is left out."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_dir():
            found[name] = ""
        elif name != ".lock":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the paths in which two trees differ."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def parts(folder: Path, columns: Iterable[str]) -> pa.Table:
    """Read all Parquet parts of a folder as one table; no part, no row."""
    tables = [pq.read_table(path, columns=list(columns)) for path in sorted(folder.glob("*.parquet"))]
    return pa.concat_tables(tables) if tables else pa.table({name: pa.array([], pa.string()) for name in columns})
