"""Reading a night's files and refusing those that break the contract (SPEC 3.1, 3.4 tier 1)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reference.cells import BadTypeError, Row, read_date, type_row
from reference.columns import EXPECTED_FEEDS, FEEDS, REGISTRIES
from reference.split import RefusedFileError, decode, split, unpack

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

MAX_QUARANTINE_SHARE = 0.20
SMALL_FILE_ROWS = 50


@dataclass
class DeliveredFile:
    """One file of one feed, with its rows, or with the reason why it is refused."""

    feed: str
    name: str
    control: dict[str, Any] = field(default_factory=dict)
    encoding: str | None = None
    rows: list[Row] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    refused: str | None = None

    @property
    def full(self) -> bool:
        """Without ``kind`` a file is a delta (SPEC 3.1)."""
        return self.refused is None and self.control.get("kind") == "full"

    def covers(self, key: str) -> date | None:
        """Return covers_from or covers_to, or None where it is missing or no date: it then proves nothing."""
        text = self.control.get(key)
        if not isinstance(text, str):
            return None
        try:
            return read_date(text, key)
        except BadTypeError:
            return None


def _read_control(path: Path, delivered: bytes) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        control = json.loads(path.read_bytes().decode("utf-8-sig"))
    except ValueError as error:
        raise RefusedFileError(f"its .ctl is not JSON: {error}") from error
    if not isinstance(control, dict):
        raise RefusedFileError("its .ctl is not a JSON object")
    stated = control.get("sha256")
    if stated is not None and str(stated).lower() != hashlib.sha256(delivered).hexdigest():
        raise RefusedFileError("sha256 disagrees with its .ctl")
    return control


def _check_header(feed: str, header: list[str]) -> list[str]:
    """Refuse a bad header; returns the unknown columns."""
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise RefusedFileError(f"a column name twice: {twice}")
    missing = [column.name for column in FEEDS[feed] if column.required and column.name not in header]
    if missing:
        raise RefusedFileError(f"missing required column: {missing}")
    known = {column.name for column in FEEDS[feed]}
    return [name for name in header if name not in known]


def _read_rows(file: DeliveredFile, path: Path, night: date) -> None:
    delivered = path.read_bytes()
    file.control = _read_control(path.with_name(path.name + ".ctl"), delivered)
    content = unpack(path.name, delivered)
    if not content:
        raise RefusedFileError("a file of zero bytes")
    text, file.encoding = decode(content)
    header, lines = split(text)
    file.unknown_columns = _check_header(file.feed, header)
    stated = file.control.get("rows")
    if stated is not None and stated != len(lines):
        raise RefusedFileError(f"its .ctl says {stated} rows, it has {len(lines)}")
    rows: list[Row] = []
    for number, line in enumerate(lines, start=1):
        row = Row(file.feed, night, path.name, number, line.line, line.text)
        if line.cells is None:
            row.reasons = [str(line.reason)]
        else:
            type_row(row, dict(zip(header, line.cells, strict=True)), night)
        rows.append(row)
    # Asked before 3.3, so that stale, duplicate and conflict never count.
    bad = sum(1 for row in rows if row.reasons)
    if len(rows) >= SMALL_FILE_ROWS and bad > MAX_QUARANTINE_SHARE * len(rows):
        raise RefusedFileError(f"{bad} of {len(rows)} rows quarantined")
    file.rows = rows


def read_night(landing: Path, night: date) -> list[DeliveredFile]:
    """Read every file delivered for the night, ordered by feed and name."""
    files: list[DeliveredFile] = []
    for feed in FEEDS:
        folder = landing / night.isoformat() / feed
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir(), key=lambda found: found.name):
            if not path.name.endswith((".csv", ".csv.gz")):
                continue
            file = DeliveredFile(feed, path.name)
            try:
                _read_rows(file, path, night)
            except RefusedFileError as error:
                file.refused = str(error)
            files.append(file)
    return files


def exit_code_of(files: list[DeliveredFile]) -> tuple[int, list[str]]:
    """Return the exit code that the files give by themselves, and the notes; volume is asked elsewhere."""
    notes: list[str] = []
    code = 0
    for feed in FEEDS:
        delivered = [file for file in files if file.feed == feed]
        refused = [file for file in delivered if file.refused is not None]
        if feed in EXPECTED_FEEDS and not delivered:
            notes.append(f"missing: {feed}")
            code = code or 5
        for file in refused:
            fatal = feed in REGISTRIES or (feed in EXPECTED_FEEDS and len(refused) == len(delivered))
            notes.append(f"{'refused' if fatal else 'incomplete'}: {feed}: {file.refused}: {file.name}")
            code = 3 if fatal or code == 3 else 5
    return code, notes
