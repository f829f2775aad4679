"""The sample nights as text: what is published, as CSV, and the files of every recipient, as they are.

``make golden`` writes them anew; a change needs a line under "Findings" in CHANGELOG.md.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from creditaudit.book.init import init_book
from creditaudit.book.keys import load_keys, new_key_file
from creditaudit.book.layout import open_book
from creditaudit.intake.order import delivered_nights
from creditaudit.night import NightRequest, run_night
from creditaudit.responses import respond
from creditaudit.runlog import RunLog

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "data" / "samples"
EXPECTED = Path(__file__).parent / "expected"
# The manifests name the program's lock file, which changes more often than what is found.
LEFT_OUT = ("manifest.json",)
# Of the sheets of cases, those of the last night: there is one per case and recipient.
SHEETS = "cases"


def run_samples(folder: Path, *, threads: int = 2, engine: str | None = None, most: int | None = None) -> Path:
    """Run the sample nights, or so many of them, with the answers between, into a book with the demonstration key."""
    new_key_file(folder / "demo.key", demo=True)
    book = folder / "book"
    init_book(book, mandate="Golden run on synthetic data.", reference=SAMPLES / "reference")
    key = str(folder / "demo.key")
    for night in delivered_nights(SAMPLES / "landing")[:most]:
        request = NightRequest(book, SAMPLES / "landing", night, key_file=key, threads=threads, engine=engine)
        run_night(request, RunLog())
        answers = SAMPLES / "answers" / f"{night}.csv"
        if answers.is_file():
            answered = respond(open_book(book), answers, load_keys(key, book))
            assert (answered.taken, answered.refused) == (1, 0), "the answers are of another book"
    return book


def rendered(book: Path) -> dict[str, bytes]:
    """Return file name to bytes for every sealed night of a book."""
    files: dict[str, bytes] = {}
    nights = sorted((book / "nights").iterdir())
    for night in nights:
        for table in sorted((night / "published").glob("*.parquet")):
            files[f"{night.name}/{table.stem}.csv"] = as_csv(pq.read_table(table))
        for report in sorted((night / "reports").rglob("*")):
            is_kept = report.parent.name != SHEETS or night == nights[-1]
            if report.is_file() and report.name not in LEFT_OUT and is_kept:
                files[f"{night.name}/reports/{report.relative_to(night / 'reports').as_posix()}"] = report.read_bytes()
    return files


def as_csv(table: pa.Table) -> bytes:
    """Return a table as CSV with every cell as text."""
    out = pa.BufferOutputStream()
    pa_csv.write_csv(table, out)
    return out.getvalue().to_pybytes()


def write() -> None:
    """Write the expected files anew."""
    with tempfile.TemporaryDirectory() as folder:
        files = rendered(run_samples(Path(folder)))
    shutil.rmtree(EXPECTED, ignore_errors=True)
    for name, content in files.items():
        target = EXPECTED / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    sys.stdout.write(f"{len(files)} files\n")


if __name__ == "__main__":
    write()
