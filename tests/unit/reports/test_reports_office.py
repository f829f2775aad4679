"""The files opened for real, in LibreOffice without a window (SPEC 10.2). It skips where there is none: see README."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from report_desk import Desk, case

from creditaudit.masking import Mask
from creditaudit.reports.recipients import Recipient
from creditaudit.reports.sheets import EXCEPTIONS, plain

if TYPE_CHECKING:
    from pathlib import Path

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")
pytestmark = pytest.mark.skipif(
    OFFICE is None and not os.environ.get("OFFICE_REQUIRED"), reason="no LibreOffice here (README, Tests)"
)
# What a spreadsheet would run, round or lose its zeros of.
HOSTILE = (
    *("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x","y")', "=a,b", "\t=1+1", "+86 10"),
    *("123456789012345678", "1234567890123456", "0000000000000000000", "-123456789012345678", "'", "'x", "'=1+1"),
)
HARMLESS = ("110***********002X", "B01-A1", "汉字账户", "x123456789012345678", "a=b", '说"明,', "𠀀", "１２３")
CODES = (*HOSTILE, *HARMLESS)
# Numbers that LibreOffice gives the encodings of a CSV file.
CHARSETS = {"utf-8-sig": 76, "gb18030": 85}
OFFICE_NS, TABLE_NS, TEXT_NS = (
    f"{{urn:oasis:names:tc:opendocument:xmlns:{name}:1.0}}" for name in ("office", "table", "text")
)
Cell = tuple[str | None, str | None, str]


def opened(path: Path, encoding: str) -> list[list[Cell]]:
    """Open a CSV file; returns of each cell what it is, the formula that it runs, and the text that it shows."""
    assert OFFICE, "OFFICE_REQUIRED is set, and there is no LibreOffice: install libreoffice-calc or -calc-nogui"
    out = path.parent / "opened"
    subprocess.run(
        [
            OFFICE,
            f"-env:UserInstallation={(path.parent / 'profile').as_uri()}",
            "--headless",
            f"--infilter=CSV:44,34,{CHARSETS[encoding]},1",
            *("--convert-to", "fods", "--outdir", str(out), str(path)),
        ],
        check=True,
        capture_output=True,
        timeout=240,
    )
    root = ET.parse(out / f"{path.stem}.fods").getroot()  # noqa: S314 - LibreOffice wrote it
    rows = [
        [cell for node in row.iter(f"{TABLE_NS}table-cell") for cell in _cells(node)]
        for row in root.iter(f"{TABLE_NS}table-row")
    ]
    return [row for row in rows if any(shown for _, _, shown in row)]


def _cells(node: ET.Element) -> list[Cell]:
    times = int(node.get(f"{TABLE_NS}number-columns-repeated", "1"))
    lines = ["".join(_said(paragraph)) for paragraph in node.findall(f"{TEXT_NS}p")]
    cell = (node.get(f"{OFFICE_NS}value-type"), node.get(f"{TABLE_NS}formula"), "\n".join(lines))
    return [cell] * min(times, len(EXCEPTIONS))


def _said(node: ET.Element) -> list[str]:
    """Return a text with the blanks and tabs that the format writes as elements."""
    found = [node.text or ""]
    for child in node:
        if child.tag == f"{TEXT_NS}tab":
            found.append("\t")
        elif child.tag == f"{TEXT_NS}s":
            found.append(" " * int(child.get(f"{TEXT_NS}c", "1")))
        else:
            found += _said(child)
        found.append(child.tail or "")
    return found


@pytest.mark.parametrize("encoding", CHARSETS)
def test_cells_come_back_as_the_same_text(desk: Desk, encoding: str) -> None:
    reader = Recipient("r", "pboc_liaison", Mask(3, 4), encoding, "zh")
    cases = [case(n, change="new", account_code=code, subject=f"{n}", reasons=code) for n, code in enumerate(CODES)]
    desk.write(cases, reader)
    header, *rows = opened(desk.folder / "r" / "exceptions.csv", encoding)
    titles = [shown for _, _, shown in header]
    assert titles[: len(EXCEPTIONS)] == [c.title_zh for c in EXCEPTIONS]
    assert len(rows) == len(CODES)
    assert all(formula is None for row in rows for _, formula, _ in row)
    for name in ("account_code", "reasons"):
        cells = [row[[c.name for c in EXCEPTIONS].index(name)] for row in rows]
        assert {kind for kind, _, _ in cells} == {"string"}
        assert sorted(plain(shown) for _, _, shown in cells) == sorted(CODES)
    masked = {row[[c.name for c in EXCEPTIONS].index("id_masked")] for row in rows}
    assert masked == {("string", None, "110***********002X")}


def test_without_the_mark_they_would_run_or_be_mangled(tmp_path: Path) -> None:
    """What the mark is for: the same cells as they are, opened by the same program."""
    bare = ["=1+1", "+1", '=HYPERLINK("http://x","y")', "123456789012345678", "0000000000000000000"]
    out = io.StringIO(newline="")
    csv.writer(out).writerows([code, "x"] for code in bare)
    (tmp_path / "bare.csv").write_bytes(out.getvalue().encode("utf-8-sig"))
    found = [row[0] for row in opened(tmp_path / "bare.csv", "utf-8-sig")]
    assert [formula is not None for _, formula, _ in found] == [True, False, True, False, False]
    assert not {shown for _, _, shown in found} & set(bare)
