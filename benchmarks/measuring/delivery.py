"""The delivery that is measured: made once per arguments, kept in the work folder.

Damage is switched off and every file that a peer reads is UTF-8, because the peers stop at a damaged row, or read one
wrongly, and DuckDB knows no GB18030. With damage left in, the night alone can be measured.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from creditaudit.synth import generate
from creditaudit.synth.rows import Layout

if TYPE_CHECKING:
    from pathlib import Path

FIRST_NIGHT = date(2026, 11, 15)
NIGHTS = (FIRST_NIGHT, FIRST_NIGHT + timedelta(days=1))


@dataclass(frozen=True)
class Order:
    """What is to be delivered. Equal orders give equal bytes."""

    accounts: int
    seed: int = 7
    is_damaged: bool = False
    nights: int = len(NIGHTS)

    @property
    def name(self) -> str:
        """Folder name."""
        further = f"-{self.nights}-nights" if self.nights != len(NIGHTS) else ""
        return f"delivery-{self.accounts}-{self.seed}{further}{'-damaged' if self.is_damaged else ''}"


@dataclass(frozen=True)
class Made:
    """A delivery on disk: ``landing/`` with a full and an ordinary night, and ``reference/``."""

    folder: Path
    order: Order
    rows: dict[str, dict[str, int]]
    csv_bytes: dict[str, int]

    @property
    def landing(self) -> Path:
        """Folder of the nights."""
        return self.folder / "landing"

    def night(self, number: int) -> Path:
        """Folder of the full (0) or the ordinary (1) night."""
        return self.landing / NIGHTS[number].isoformat()

    def facts(self) -> dict[str, Any]:
        """Return what a reader must know of it."""
        return {**asdict(self.order), "rows": self.rows, "bytes": self.csv_bytes}


def made(order: Order, work: Path, threads: int) -> Made:
    """Return a delivery, generating it unless the work folder has it."""
    folder = work / order.name
    told = folder / "made.json"
    if not told.exists():
        shutil.rmtree(folder, ignore_errors=True)
        rows = _generate(order, folder, threads)
        sizes = {night.name: _size(night) for night in sorted((folder / "landing").iterdir())}
        told.write_text(json.dumps({"rows": rows, "bytes": sizes}), encoding="utf-8")
    content = json.loads(told.read_text(encoding="utf-8"))
    return Made(folder, order, content["rows"], content["bytes"])


def _generate(order: Order, folder: Path, threads: int) -> dict[str, dict[str, int]]:
    def intact(_self: Layout, _rng: np.random.Generator, count: int, _share: float, _least: int = 0) -> object:
        return np.zeros(count, dtype=np.int8)

    def run(encodings: tuple[str, ...]) -> dict[str, dict[str, int]]:
        return generate(
            folder,
            accounts=order.accounts,
            nights=order.nights,
            seed=order.seed,
            first_night=FIRST_NIGHT,
            encodings=encodings,
            threads=threads,
        ).rows

    if order.is_damaged:
        return run(("utf-8", "utf-8-sig", "gb18030"))
    # Damage is laid out by this method alone; the generator has no switch for it.
    with mock.patch.object(Layout, "plan", intact):
        rows = run(("utf-8",))
    for file in (folder / "landing").glob("*/loss_reports/*.csv"):
        _make_utf8(file)
    return rows


def _make_utf8(file: Path) -> None:
    """Spell a file of the police, some of which are GB18030, in UTF-8, and say so to its control file."""
    content = file.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError:
        content = content.decode("gb18030").encode()
        file.write_bytes(content)
        beside = file.with_name(file.name + ".ctl")
        control = json.loads(beside.read_text(encoding="utf-8"))
        control["sha256"] = hashlib.sha256(content).hexdigest()
        beside.write_text(json.dumps(control) + "\n", encoding="utf-8")


def _size(night: Path) -> int:
    return sum(file.stat().st_size for file in night.rglob("*.csv*") if file.suffix != ".ctl")
