"""A simple reading of what the generator wrote: plain Python that knows nothing of how the bytes were made."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
INSTANTS = {10: "%Y-%m-%d", 8: "%Y%m%d", 16: "%Y-%m-%d %H:%M", 19: "%Y-%m-%d %H:%M:%S"}


@dataclass
class File:
    """One delivered file: its bytes as text lines, header, sound rows, and lines that are no sound row."""

    path: Path
    night: str
    feed: str
    encoding: str
    rows: list[dict[str, str]]
    broken: int

    @property
    def control(self) -> dict[str, Any] | None:
        beside = self.path.with_name(self.path.name + ".ctl")
        return json.loads(beside.read_text("utf-8")) if beside.exists() else None


def read(path: Path) -> File:
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    try:
        text, encoding = raw.decode("utf-8-sig"), "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
    except UnicodeDecodeError:
        text, encoding = raw.decode("gb18030"), "gb18030"
    header, *lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    names = header.split(",")
    rows, broken = [], 0
    for line in lines:
        if '"' not in line:
            cells = line.split(",")
            if len(cells) == len(names):
                rows.append(dict(zip(names, cells, strict=True)))
            else:
                broken += 1
            continue
        try:
            cells = next(csv.reader(io.StringIO(line), strict=True))
        except csv.Error:
            broken += 1
            continue
        # csv takes a quote inside an unquoted cell for text; the quotes of a sound line come to its cells' count.
        quoted = sum(1 for c in cells if "," in c or '"' in c)
        if len(cells) != len(names) or line.count('"') != 2 * quoted + 2 * "".join(cells).count('"'):
            broken += 1
        else:
            rows.append(dict(zip(names, cells, strict=True)))
    return File(path, path.parts[-3], path.parts[-2], encoding, rows, broken)


def landing(out: Path, *feeds: str) -> list[File]:
    paths = sorted(p for p in (out / "landing").rglob("*.csv*") if p.suffix != ".ctl")
    return [read(p) for p in paths if not feeds or p.parts[-2] in feeds]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def interval(cell: str) -> tuple[datetime, datetime] | None:
    """Return the first and last second that a delivered instant stands for; None for an empty or unreadable one."""
    shape = INSTANTS.get(len(cell))
    if shape is None:
        return None
    try:
        start = datetime.strptime(cell.replace("T", " "), shape)  # noqa: DTZ007
    except ValueError:
        return None
    length = {10: 86_399, 8: 86_399, 16: 59, 19: 0}[len(cell)]
    return start, start + timedelta(seconds=length)


def check_character(first17: str) -> str:
    return "10X98765432"[sum(int(d) * w for d, w in zip(first17, WEIGHTS, strict=True)) % 11]


def person_of(cell: str) -> str | None:
    """Return the citizen number that a cell stands for, or None where it stands for nobody for sure."""
    text = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in cell)
    text = text.replace(" ", "").upper()
    if len(text) == 15 and text.isdigit():
        text = text[:6] + "19" + text[6:]
        text += check_character(text)
    if len(text) != 18 or not text[:17].isdigit() or check_character(text[:17]) != text[17]:
        return None
    try:
        datetime.strptime(text[6:14], "%Y%m%d")  # noqa: DTZ007
    except ValueError:
        return None
    return text


def digest(out: Path) -> str:
    """Return one digest over all files, names and bytes."""
    total = hashlib.sha256()
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(out)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()
