"""No damaged row is read wrongly in silence, no other row is touched, and the damaged line is named."""

from __future__ import annotations

import os
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest

from corpus.damages import DAMAGES, ROWS, Damaged, corpus, row
from corpus.dialects import COLUMNS, FORMS
from creditaudit.intake.landing import DeliveredFile
from creditaudit.intake.receive import receive

if TYPE_CHECKING:
    from pathlib import Path

NIGHT = date(2026, 11, 20)
ONE_IN = 10


def typed(values: tuple[str, ...]) -> dict[str, Any]:
    """Return what a row must become, read by the standard library."""
    cells: dict[str, Any] = {name: value or None for name, value in zip(COLUMNS, values, strict=True)}
    opened = datetime.fromisoformat(cells.pop("opened_at"))
    cells["report_date"] = date.fromisoformat(cells["report_date"])
    cells["closed_on"] = date.fromisoformat(cells["closed_on"]) if cells["closed_on"] else None
    return {**cells, "amount": int(cells["amount"]), "opened_from": opened, "opened_to": opened + timedelta(0)}


GOOD = [typed(row(number)) for number in range(ROWS)]


def read(files: list[Damaged], folder: Path) -> list[tuple[Damaged, Any, list[dict[str, Any]], list[dict[str, Any]]]]:
    delivered = []
    for number, file in enumerate(files):
        path = folder / f"{number}.csv"
        path.write_bytes(file.content)
        delivered.append(DeliveredFile("accounts", path.name, path, profile=file.form.profile))
    scratch = folder / "scratch"
    scratch.mkdir()
    reports = receive(delivered, night=NIGHT, scratch=scratch, workers=2, max_quarantine_share=1.0)
    parts = [[pq.read_table(p).to_pylist() if p else [] for p in (r.typed_part, r.quarantine_part)] for r in reports]
    return [(file, report, *part) for file, report, part in zip(files, reports, parts, strict=True)]


def complaint(file: Damaged, report: Any, accepted: list[dict[str, Any]], lost: list[dict[str, Any]]) -> str | None:
    """Say what is wrong with how a damaged file was read."""
    if report.refused is not None:
        return f"refused: {report.refused}"
    if report.delivered != len(accepted) + sum(r["disposition"] == "row_quarantined" for r in lost):
        return "rows were lost or made up"
    got = [{name: r[name] for name in GOOD[0]} for r in accepted]
    if got != [good for number, good in enumerate(GOOD) if number != file.position]:
        return f"{len(got)} rows accepted, and not exactly the undamaged ones"
    if [r["line"] for r in lost] != list(file.lines):
        return f"lines {[r['line'] for r in lost]} named instead of {list(file.lines)}"
    return None


def silent(files: list[Damaged], folder: Path) -> list[str]:
    found = ((file.name, complaint(file, *rest)) for file, *rest in read(files, folder))
    return [f"{name}: {said}" for name, said in found if said is not None]


def test_undamaged_files_are_read_exactly(tmp_path):
    files = [
        Damaged(form.name, form, -1, form.file([form.line(form.cells(row(n))) for n in range(ROWS)]), range(0))
        for form in FORMS
    ]
    assert silent(files, tmp_path) == []


def test_the_corpus_is_as_large_as_it_says():
    names = [file.name for file in corpus()]
    assert len(names) == len(set(names)) >= 5_000
    assert {name.split()[0] for name in names} == set(DAMAGES)
    assert {name.split()[1] for name in names} == {form.name for form in FORMS}
    assert {name.split()[2] for name in names} == set(COLUMNS)


def test_a_slice_of_the_corpus(rotating_seed, tmp_path):
    files = [file for number, file in enumerate(corpus()) if number % ONE_IN == rotating_seed % ONE_IN]
    assert silent(files, tmp_path) == []


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("CORPUS_FULL"), reason="make test-corpus")
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_whole_corpus(form, tmp_path):
    assert silent([file for file in corpus() if file.form is form], tmp_path) == []
