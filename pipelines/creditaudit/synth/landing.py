"""Files of a landing: header, body piece by piece, and the control file beside."""

import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from creditaudit.feeds import FEEDS
from creditaudit.synth.institutions import Provider
from creditaudit.synth.pieces import Piece
from creditaudit.synth.scenarios import Plan

_HOLD = 1 << 18
_COVERS_FROM: Final = "2004-01-01"
_BUREAU: Final = ("inquiries", "objections", "fraud_alerts", "account_renames", "impostors")


@dataclass(frozen=True)
class Habit:
    """How one file is written and what its control file says.

    Attributes
    ----------
    control
        A control file lies beside it.
    provider_code
        Named in the control file; None for files of the registries and the bureau.
    """

    encoding: str = "utf-8"
    line_end: bytes = b"\n"
    gzip: bool = False
    control: bool = True
    provider_code: str | None = None


class _File:
    """One file being written. Bytes are held back and appended in blocks, so that open files never pile up."""

    def __init__(self, path: Path, habit: Habit, header: bytes) -> None:
        self.path = path
        self.rows = 0
        self.habit = habit
        self._digest = hashlib.sha256()
        self._held = bytearray()
        # wbits 31 writes a gzip header with no name and mtime 0.
        self._deflate = zlib.compressobj(1, zlib.DEFLATED, 31) if habit.gzip else None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        mark = "\ufeff".encode() if habit.encoding == "utf-8-sig" else b""
        self.write(mark + header + habit.line_end, 0)

    def write(self, body: bytes, rows: int) -> None:
        self.rows += rows
        data = body if self._deflate is None else self._deflate.compress(body)
        self._digest.update(data)
        if len(self._held) + len(data) > _HOLD:
            self._flush(data)
        else:
            self._held += data

    def _flush(self, data: bytes = b"") -> None:
        with self.path.open("ab", buffering=0) as out:
            out.write(self._held)
            out.write(data)
        self._held.clear()

    def close(self) -> str:
        if self._deflate is not None:
            tail = self._deflate.flush()
            self._digest.update(tail)
            self._held += tail
        self._flush()
        return self._digest.hexdigest()


class Landing:
    """All files of all nights.

    Parameters
    ----------
    root
        The landing folder.
    issuances_cover
        The control file of the first night's issuances claims every day and region.
    """

    def __init__(self, root: Path, houses: Sequence[Provider], plan: Plan, *, issuances_cover: bool) -> None:
        self._root = root
        self._houses = houses
        self._by_code = {h.code: h for h in houses}
        self._plan = plan
        self._cover = issuances_cover
        self._files: dict[tuple[int, str, str], _File] = {}

    def night_name(self, night: int) -> str:
        """Return the business date of a night."""
        return str(np.datetime64(self._plan.first_day + night, "D"))

    def _habit(self, feed: str, part: str) -> Habit:
        house = self._by_code.get(part)
        if house is None:
            encoding = "gb18030" if part in {"part2", "police2"} else "utf-8"
            return Habit(encoding, b"\n", part == "registry2", part not in {"part2"} and feed != "impostors")
        control = (house.index + len(feed)) % 9 != 0 or feed == "accounts"
        return Habit(house.encoding, house.line_end, house.gzip, control, house.code)

    def file(self, night: int, feed: str, part: str) -> _File:
        """Return the file, begun with its header if it is new."""
        key = (night, feed, part)
        if key not in self._files:
            habit = self._habit(feed, part)
            name = f"{part}.csv.gz" if habit.gzip else f"{part}.csv"
            header = ",".join(c.name for c in FEEDS[feed].columns).encode()
            self._files[key] = _File(self._root / self.night_name(night) / feed / name, habit, header)
        return self._files[key]

    def add(self, piece: Piece) -> None:
        """Append rows to their file."""
        self.file(piece.night, piece.feed, piece.part).write(piece.body, piece.rows)

    def close(self) -> dict[str, dict[str, int]]:
        """Write what is expected though empty, and the control files; return rows by night and feed."""
        for night in range(self._plan.nights):
            for house in self._houses:
                self.file(night, "accounts", house.code)
            self.file(night, "loss_reports", "police1")
            self.file(night, "invalid_cards", "registry1")
        for feed in _BUREAU:
            self.file(0, feed, "part1" if feed == "inquiries" else "police" if feed == "impostors" else "bureau")
        rows: dict[str, dict[str, int]] = {}
        for (night, feed, _), file in sorted(self._files.items()):
            digest = file.close()
            if file.habit.control:
                control = self._control(night, feed, file.habit, file.rows, digest)
                beside = file.path.with_name(file.path.name + ".ctl")
                beside.write_text(json.dumps(control, ensure_ascii=False) + "\n", encoding="utf-8")
            of_night = rows.setdefault(self.night_name(night), {})
            of_night[feed] = of_night.get(feed, 0) + file.rows
        return rows

    def _control(self, night: int, feed: str, habit: Habit, rows: int, digest: str) -> dict[str, object]:
        control: dict[str, object] = {"rows": rows, "sha256": digest}
        control["kind"] = "full" if night == 0 and feed not in _BUREAU else "delta"
        if habit.provider_code is not None:
            control["provider_code"] = habit.provider_code
        control |= {"region_code": None, "business_codes": None}
        control["covers_from"] = _COVERS_FROM if night == 0 else self.night_name(night - 1)
        control["covers_to"] = self.night_name(night)
        if feed == "issuances" and not self._cover:
            del control["region_code"]
        return control
