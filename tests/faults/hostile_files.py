"""Files that want to fill the memory, the disk or the time of whoever reads them, or that lie about what they are.

Run as a program it reads them all, one after the other, and says of each what became of it, how long it took and how
much memory the process has had by then: ``python -m faults.hostile_files FOLDER [NAME …]``.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import resource
import sys
import time
import zipfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from credit_reports import envelope
from creditaudit.intake.landing import DeliveredFile, ReportFile
from creditaudit.intake.profile import DEFAULT_PROFILE, Profile
from creditaudit.intake.receive import read_file
from creditaudit.source_settings import SourceSettings
from reference.small import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NIGHT = date(2026, 11, 20)
HEADER = ",".join(ACCOUNT).encode() + b"\n"
ROW = ",".join(ACCOUNT.values()).encode() + b"\n"
MIB = 1 << 20
LONG = 60 * MIB  # a line just short of the longest that is taken


def _sparse(path: Path, head: bytes, size: int) -> None:
    """Write a file of any length that takes no room: NULs behind its head."""
    path.write_bytes(head)
    os.truncate(path, size)


def _packed(path: Path, piece: bytes, times: int, head: bytes = HEADER) -> None:
    """Write gzip members: the packed piece is made once, however often it stands there."""
    member = gzip.compress(piece, mtime=0)
    path.write_bytes(gzip.compress(head, mtime=0) + member * times)


def _columns(count: int) -> bytes:
    return b",".join([*(name.encode() for name in ACCOUNT), *(b"c%d" % place for place in range(count))])


def _repeated(text: str, rows: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, dtype=np.int32)), pa.array([text]))


def _table(path: Path, rows: int, *, keeps_kind: bool = False, **more: str) -> None:
    """Write rows that all say the same: a dictionary of one text a column, and next to nothing for the rows."""
    cells = {**ACCOUNT, **more}
    pq.write_table(
        pa.table({name: _repeated(text, rows) for name, text in cells.items()}), path, store_schema=keeps_kind
    )


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({name: [text] * 3 for name, text in ACCOUNT.items()}), out, store_schema=False)
    return out.getvalue()


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("x.csv", HEADER + b"\0" * (8 * MIB))
    return out.getvalue()


def _lying_rows() -> bytes:
    """A footer that states other rows than there are: every place in it where the number 3 may stand as a count."""
    data = bytearray(_parquet())
    footer = data.index(b"\x16\x06", len(data) - int.from_bytes(data[-8:-4], "little") - 8)
    data[footer + 1] = 0x7E  # 63 in the footer's zigzag
    return bytes(data)


RECORDS = Profile("r", SourceSettings(feed="accounts", files="*", multiline=True))
# What the process that reads them all may take: memory that it may ask for, and seconds of a processor.
MOST_MEMORY, MOST_SECONDS = 4 << 30, 400

LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%b">' % (ord("b") + place, b"&%c;" % (ord("a") + place) * 10) for place in range(9)
)

# Name of the file (its ending says how it is read) to what writes it, and what the refusal must say.
FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "line_of_a_gigabyte.csv": (lambda p: _sparse(p, HEADER, 1 << 30), "line 2 is longer"),
    "first_line_of_a_gigabyte.csv": (lambda p: _sparse(p, b"x", 1 << 30), "line 1 is longer"),
    "line_of_a_gigabyte.csv.gz": (lambda p: _packed(p, b"x" * (64 * MIB), 16), "line 2 is longer"),
    "lines_without_end.csv.gz": (lambda p: _packed(p, b"\n" * (64 * MIB), 64), "more than 200 times"),
    "rows_without_end.csv.gz": (lambda p: _packed(p, ROW * 200_000, 400), "more than 200 times"),
    "cells_without_end.csv": (lambda p: p.write_bytes(HEADER + b"," * LONG), "read: 1 quarantined"),
    "quotes_without_end.csv": (lambda p: p.write_bytes(HEADER + b'"' * LONG), "read: 1 quarantined"),
    "record_without_end.csv": (lambda p: p.write_bytes(HEADER + b'"' + b"x\n" * (3 * MIB)), "quarantined"),
    "header_without_end.csv": (lambda p: p.write_bytes(b"," * LONG), "header is longer"),
    "columns_100000.csv": (lambda p: p.write_bytes(_columns(100_000) + b"\n" + ROW), "100007 columns"),
    "columns_100000.parquet": (
        lambda p: pq.write_table(pa.table({f"c{place}": ["x"] for place in range(100_000)}), p),
        "100000 columns",
    ),
    "zip.csv": (lambda p: p.write_bytes(_zipped()), "neither UTF-8|header"),
    "gzip_in_name_alone.csv.gz": (lambda p: p.write_bytes(HEADER + ROW), "gzip"),
    "gzip_in_gzip.csv.gz": (
        lambda p: p.write_bytes(gzip.compress(gzip.compress(b"\0" * (64 * MIB)))),
        "neither|header",
    ),
    "dictionary.parquet": (lambda p: _table(p, 300_000, name="y" * 1_000_000), "more than 1000 times"),
    "dictionary_kept.parquet": (
        lambda p: _table(p, 300_000, keeps_kind=True, name="y" * 1_000_000),
        "more than 1000 times",
    ),
    "rows_of_nothing.parquet": (lambda p: _table(p, 20_000_000, **dict.fromkeys(ACCOUNT, "")), "more than 1000 times"),
    "lies_about_rows.parquet": (lambda p: p.write_bytes(_lying_rows()), "no readable Parquet"),
    "text_that_is_none.parquet": (
        lambda p: p.write_bytes(_parquet().replace(b"B01", b"\xff\xfe\xfd")),
        "no readable Parquet|cannot be read as text",
    ),
    "footer_of_four_gigabytes.parquet": (
        lambda p: p.write_bytes(b"PAR1" + b"\xff" * 4 + b"PAR1"),
        "no readable Parquet",
    ),
    "laughs.xml": (lambda p: p.write_bytes(LAUGHS + b"]><l>&j;</l>"), "document type"),
    "laughs_inside.xml": (lambda p: p.write_bytes(envelope(LAUGHS + b"]><l>&j;</l>")), "document type"),
    "outside.xml": (
        lambda p: p.write_bytes(b'<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><l>&a;</l>'),
        "document type",
    ),
    "deep.xml": (lambda p: p.write_bytes(b"<a>" * 1_000_000), "levels"),
    "wide.xml": (lambda p: p.write_bytes(b"<l>" + b"<a/>" * 1_000_000 + b"</l>"), "elements"),
    "attributes.xml": (
        lambda p: p.write_bytes(b"<l " + b" ".join(b'a%d=""' % place for place in range(100_000)) + b"/>"),
        "no Msg",
    ),
    "long.xml": (lambda p: _sparse(p, b"<l>", 1 << 30), "longer than"),
    "long_inside.xml": (
        lambda p: p.write_bytes(envelope(b"").replace(b"<ReportMessage>", b"<ReportMessage>" + b"AAAA" * (7 * MIB))),
        "the report is not XML",
    ),
}


def main(folder: Path, names: Sequence[str]) -> None:
    """Write and read files; one JSON object a line."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    for name in names:
        path = folder / name
        FILES[name][0](path)
        kind = ReportFile if name.endswith(".xml") else DeliveredFile
        begun = time.process_time()
        profile = RECORDS if name.startswith("record") else DEFAULT_PROFILE
        told = read_file(kind("accounts", name, path, profile=profile), night=NIGHT, scratch=folder, part="p")
        _say(name, told.refused or f"read: {told.quarantined} quarantined", begun)
        path.unlink()


def _say(name: str, outcome: str, begun: float) -> None:
    # Of this program alone: ru_maxrss has what the process that began it held, too.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    said = {"file": name, "outcome": outcome, "seconds": round(time.process_time() - begun, 2), "peak_mib": peak}
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:] or list(FILES))
