"""A night is a pure function of its inputs (SPEC 2): what may change no sealed byte, and what may change no result."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from place import Place, changed, tree_of
from reference.columns import FEEDS

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from property.conftest import Delivered

# Tables that say what was found; the others name files, rows and lines, which move with the delivery's form.
RESULTS = ("findings", "clearances", "cases", "case_events")

# A sheet names the full file by which an element is proven.
_COVERING = re.compile(r"covered_by [0-9-]+/[^,<]+")


def test_the_delivery_is_worth_comparing(delivered: Delivered) -> None:
    """Equality of empty tables would prove nothing."""
    for table in (*RESULTS, "quarantine", "coverage"):
        assert delivered.first.published(delivered.nights[1], table).num_rows, table


def test_two_books_with_one_and_two_threads_are_byte_identical(delivered: Delivered) -> None:
    """SPEC 2: the same inputs give byte-identical sealed files, whatever the number of threads."""
    second = delivered.fresh("second")
    for day in delivered.nights:
        second.night(day, threads=2)
    assert changed(delivered.first.sealed(), second.sealed()) == []
    assert (second.book / "latest").readlink() == (delivered.first.book / "latest").readlink()


def test_a_night_run_again_changes_nothing_and_says_so(delivered: Delivered) -> None:
    """SPEC 2: a night that is run again over the same inputs changes nothing and says so."""
    place, before = delivered.first, delivered.first.tree()
    for day in delivered.nights:
        assert place.night(day, threads=2).was_sealed
        said = place.say(*place.asked("--night", day.isoformat()))
        assert "was sealed before; nothing changed" in said.err
        assert said.out == ""
    assert changed(before, place.tree()) == []


def test_the_form_of_a_delivery_changes_no_result(delivered: Delivered, tmp_path: Path, rotating_seed: int) -> None:
    """SPEC 2, 3.3: rows in another order, in files whose names sort the other way round, are judged the same."""
    landing = tmp_path / "landing"
    shutil.copytree(delivered.root / "landing", landing)
    for day in delivered.nights:
        for feed in FEEDS:
            _turn_round(landing / day.isoformat() / feed)
    other = delivered.fresh("other", landing)
    for day in delivered.nights:
        other.night(day)
        folders = [place.folder(day) / "published" for place in (delivered.first, other)]
        for table in RESULTS:
            first, second = (pq.read_table(folder / f"{table}.parquet") for folder in folders)
            assert first.equals(second), f"{table} of {day} differs"
        reports = [place.folder(day) / "reports" for place in (delivered.first, other)]
        differing = set(changed(*map(tree_of, reports))) - {"pboc/manifest.json", "pboc/unjudged.csv"}
        for name in sorted(differing):
            assert name.startswith("pboc/cases/"), f"{name}: only what names files may differ"
            first_sheet, second_sheet = (_COVERING.sub("", (folder / name).read_text("utf-8")) for folder in reports)
            assert first_sheet == second_sheet, name
        assert _unjudged(delivered.first, day) == _unjudged(other, day)
        assert _fates(delivered.first, day) == _fates(other, day)


def _turn_round(folder: Path) -> None:
    """Turn the rows of every file round, and rename the files so that the last one sorts first."""
    names = sorted(path.name for path in folder.iterdir() if not path.name.endswith(".ctl"))
    for place, name in enumerate(names):
        path, control = folder / name, folder / f"{name}.ctl"
        content = path.read_bytes()
        text = gzip.decompress(content) if name.endswith(".gz") else content
        turned = _rows_turned(text)
        path.write_bytes(gzip.compress(turned, mtime=0) if name.endswith(".gz") else turned)
        if control.exists():
            _without_digest(control)
        fresh = f"{len(names) - place:02d}_{name}"
        path.rename(folder / fresh)
        if control.exists():
            control.rename(folder / f"{fresh}.ctl")


def _rows_turned(content: bytes) -> bytes:
    """Turn round all lines but the header. No line end of UTF-8 or GB18030 lies within a character."""
    end = b"\n" if b"\n" in content else b"\r"
    lines = [line for line in content.split(end) if line not in {b"", b"\r"}]
    return end.join([*lines[:1], *reversed(lines[1:])]) + end if lines else content


def _without_digest(control: Path) -> None:
    """Take the digest out of a control file: the bytes are others now. What is not JSON stays."""
    try:
        said = json.loads(control.read_text(encoding="utf-8"))
    except ValueError:
        return
    if said.get("sha256") != "00":
        said.pop("sha256", None)
    control.write_text(json.dumps(said), encoding="utf-8")


def _unjudged(place: Place, day: date) -> list[tuple[str, ...]]:
    """Return what the liaison reads of unjudged rows, whatever their files are called and wherever they lie in them."""
    with (place.folder(day) / "reports" / "pboc" / "unjudged.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    return sorted(tuple(cell for name, cell in row.items() if name not in {"文件", "数据行", "物理行"}) for row in rows)


def _fates(place: Place, day: date) -> list[tuple[str, str, str, int]]:
    """How many rows of each feed ended how, whatever their files are called."""
    table = place.published(day, "quarantine").select(["feed", "disposition", "reasons"])
    counted = table.group_by(["feed", "disposition", "reasons"], use_threads=False).aggregate([([], "count_all")])
    return sorted(tuple(row.values()) for row in counted.to_pylist())
