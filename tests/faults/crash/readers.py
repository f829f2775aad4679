"""A reader in a process of its own, who looks at the last sealed night again and again.

Run as a module it is that reader; it knows the book's format only from SPEC 9, not from the program.
"""

from __future__ import annotations

import hashlib
import json
import select
import subprocess
import sys
from pathlib import Path
from typing import Self


class Reader:
    """Looks until the with block ends; then ``looks`` and ``wrong`` say how often, and what it saw that may not be."""

    def __init__(self, book: Path) -> None:
        self._book = book
        self.looks = 0
        self.wrong: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", __file__, str(self._book)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "looking\n"
        return self

    def __exit__(self, *_: object) -> None:
        out, _err = self._process.communicate()
        if self._process.returncode:
            self.wrong = [f"the reader ended with {self._process.returncode}"]
            return
        told = json.loads(out)
        self.looks, self.wrong = told["looks"], told["wrong"]


def look(book: Path) -> list[str]:
    """Look at the night that ``latest`` points to, and at the last one by its name: what is wrong with them."""
    named = sorted(p.name for p in (book / "nights").iterdir() if not p.name.startswith("."))
    return [wrong for night in {(book / "latest").resolve(), book / "nights" / named[-1]} for wrong in _of(night)]


def _of(night: Path) -> list[str]:
    manifest = json.loads((night / "manifest.json").read_bytes())
    wrong = [] if manifest["night"] == night.name else [f"{night.name} holds the manifest of {manifest['night']}"]
    entries = {entry["path"]: entry for entry in manifest["files"]}
    there = {p.relative_to(night).as_posix() for p in night.rglob("*") if p.is_file()}
    wrong += [f"{night.name}: {name} is not as listed" for name in sorted(there ^ {*entries, "manifest.json"})]
    for name, entry in entries.items():
        content = (night / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            wrong.append(f"{night.name}: {name} is not what was sealed")
        if name.endswith(".parquet") and not (content.startswith(b"PAR1") and content.endswith(b"PAR1")):
            wrong.append(f"{night.name}: {name} is half a table")
    return wrong


def _watch(book: Path) -> None:
    print("looking", flush=True)  # noqa: T201
    looks, wrong = 0, []
    while True:
        try:
            wrong += look(book)
        except (OSError, ValueError, KeyError) as error:
            wrong.append(f"a reader was stopped: {error!r}")
        looks += 1
        # Pauses, so that the readers do not take the machine from the nights; ends with standard input.
        if wrong or select.select([0], [], [], 0.25)[0]:
            break
    print(json.dumps({"looks": looks, "wrong": wrong[:5]}))  # noqa: T201


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
