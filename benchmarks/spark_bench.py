"""The judgment of everyone on DuckDB and on Spark, side by side: time, memory of all processes, the same answer.

    python benchmarks/spark_bench.py --book BOOK --copies 1,10 --work DIR

The rows in force of a book are written as often as asked, each copy with persons and codes of its own, and judged from
those files by each engine in a process of its own: notices, lineage, sift, every rule, chains, knowable, duty,
performed. What both find must be equal, row by row. Run it in the environment of `make test-spark`.

With ``--skewed`` every account of the second copy has one number, as where a system fills in a placeholder, and a tenth
of those of the third belong to one person whose card was reported lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from creditaudit.audit.judgment import find_raw
from creditaudit.audit.rulebook import load_rules
from creditaudit.book.layout import open_book
from creditaudit.book.reference import read
from creditaudit.book.state import TABLES, open_states
from creditaudit.cases.strength import strengths
from creditaudit.engines import Engine, open_engine, open_spark
from creditaudit.fault.decide import decide
from creditaudit.night_engine import STATE

# What tells a person, an account or a row of one copy from those of another.
OWN = frozenset(
    (
        *("id_norm", "handler_id_norm", "account_code", "original_account_code", "settlement_account_code", "check_id"),
        *("session_id", "event_id", "withdraws_event_id", "report_no", "person_ref", "inquiry_id", "alert_id"),
        *("old_account_code", "new_account_code"),
    )
)
ONCE = frozenset({"full_deliveries", "check_gaps", "readmitted_rows", "absent_accounts"})
FINDING = "rule_id, subject, provider_code, account_code, notice_source, notice_id, verdict"
FAULT = f"{FINDING.replace('rule_id, ', '')}, rule_id, knowable, duty, duty_id, performed, fault"


# Whose accounts those of the second copy are said to be, and those of a tenth of the third.
PLACEHOLDER = "(SELECT min(id_norm) FROM standing_accounts WHERE id_status = 'ok')"
REPORTED = "(SELECT max(id_norm) FROM standing_loss_reports WHERE id_status = 'ok')"
SKEWED = (
    f"CASE WHEN c.k = 1 THEN {PLACEHOLDER} WHEN c.k = 2 AND hash(s.account_code) % 10 = 0 THEN {REPORTED}"
    " WHEN c.k = 0 THEN s.id_norm ELSE s.id_norm || '#' || c.k END AS id_norm"
)
LEAST_SKEWED = 3


def write_copies(book: Path, copies: int, out: Path, *, is_skewed: bool) -> None:
    """Write the rows in force of a book, ``copies`` times, as one file a table."""
    if out.exists():
        return
    if is_skewed and copies < LEAST_SKEWED:
        raise SystemExit("--skewed needs three copies or more")
    opened = open_book(book)
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=2, memory_limit="4GiB", reads=opened.root)
        open_states(engine, opened, None, STATE)
        for table in STATE:
            schema = TABLES[table].schema
            numbered = "SELECT 0 AS k" if table in ONCE else f"SELECT range AS k FROM range({copies})"
            listed = ", ".join(
                SKEWED
                if is_skewed and (table, name) == ("accounts", "id_norm")
                else f"CASE WHEN c.k = 0 THEN s.{name} ELSE s.{name} || '#' || c.k END AS {name}"
                if name in OWN
                else f"s.{name}"
                for name in schema.names
            )
            batches = engine.stream(f"SELECT {listed} FROM standing_{table} AS s CROSS JOIN ({numbered}) AS c", 122_880)
            with pq.ParquetWriter(out / f"{table}.parquet", schema, compression="zstd") as writer:
                for batch in batches:
                    writer.write_batch(batch.cast(schema))
        engine.close()


def spent() -> tuple[int, float]:
    """Return what this process and all that it started hold in memory, in MiB, and their CPU seconds."""
    parents: dict[int, int] = {}
    pages: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(stat.parent.name)
        parents[pid], pages[pid], ticks[pid] = int(fields[1]), int(fields[21]), int(fields[11]) + int(fields[12])
    seen = {int(Path("/proc/self").resolve().name)}
    for _ in range(4):  # as deep as these processes lie
        seen |= {child for child, parent in parents.items() if parent in seen}
    cpu = sum(ticks.get(one, 0) for one in seen) / os.sysconf("SC_CLK_TCK")
    return sum(pages.get(one, 0) for one in seen) * 4096 // 2**20, cpu


def judged(engine: Engine, book: Path, rows: Path) -> dict[str, Any]:
    """Judge everyone; returns wall and CPU seconds and digests of what was found."""
    opened = open_book(book)
    night = opened.sealed[-1]
    rules = load_rules()
    for table in ("institutions", "duties"):
        engine.load(table, read(opened.folder(night) / "reference", table))
    begun, before = time.monotonic(), spent()[1]
    for table in STATE:
        engine.scan(f"standing_{table}", [rows / f"{table}.parquet"], TABLES[table].schema)
    find_raw(engine, rules, night, None)
    decide(engine, night, strengths(rule.rule_id for rule in rules))
    seconds = time.monotonic() - begun
    told: dict[str, Any] = {"seconds": round(seconds, 1), "cpu": round(spent()[1] - before, 1)}
    for name, columns, table in (("findings", FINDING, "raw_findings"), ("faults", FAULT, "finding_faults")):
        found = engine.fetch(f"SELECT {columns} FROM {table} ORDER BY {columns}")
        said = hashlib.sha256()
        for column in found.columns:
            said.update("\x1f".join(map(str, column.to_pylist())).encode())
        told |= {f"{name}_rows": found.num_rows, name: said.hexdigest()[:16]}
    return told


def rows_of(given: argparse.Namespace, copies: str) -> Path:
    """Return the folder of the copies."""
    folder: Path = given.work / f"rows-{copies}{'-skewed' if given.skewed else ''}"
    return folder


def measure(given: argparse.Namespace) -> None:
    """Judge with one engine, in this process."""
    peak, is_done = [0], threading.Event()

    def watch() -> None:
        while not is_done.wait(0.2):
            peak[0] = max(peak[0], spent()[0])

    threading.Thread(target=watch, daemon=True).start()
    rows = rows_of(given, given.copies)
    settings = dict(one.split("=", 1) for one in given.conf)
    with tempfile.TemporaryDirectory(dir=given.work) as folder, ExitStack() as stack:
        scratch = Path(folder)
        engine: Engine
        if given.engine == "spark":
            spark = open_spark(scratch, threads=given.threads, memory_limit=given.memory, settings=settings)
            engine = stack.enter_context(stack.enter_context(spark).engine())
        else:
            engine = open_engine(scratch, threads=given.threads, memory_limit=given.memory, reads=given.work)
        told = judged(engine, given.book, rows)
    is_done.set()
    accounts = pq.read_metadata(rows / "accounts.parquet").num_rows
    sys.stdout.write(json.dumps({"engine": given.engine, "accounts": accounts, **told, "peak_mib": peak[0]}) + "\n")


def main() -> None:
    """Measure every number of copies with every engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--book", type=Path, required=True, help="a book with sealed nights")
    parser.add_argument("--copies", default="1")
    parser.add_argument("--work", type=Path, required=True, help="rows are kept here")
    parser.add_argument("--skewed", action="store_true", help="one number in a million rows, one person in 100,000")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="3GiB", help="of DuckDB, or of Spark's driver")
    parser.add_argument("--conf", action="append", default=[], help="spark.…=value")
    parser.add_argument("--engines", default="duckdb,spark")
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.engine:
        measure(given)
        return
    for copies in given.copies.split(","):
        write_copies(given.book, int(copies), rows_of(given, copies), is_skewed=given.skewed)
        found = set()
        for engine in given.engines.split(","):
            command = [
                sys.executable,
                __file__,
                "--book",
                str(given.book),
                "--copies",
                copies,
                "--work",
                str(given.work),
            ]
            command += ["--threads", str(given.threads), "--memory", given.memory, "--engine", engine]
            command += [part for one in given.conf for part in ("--conf", one)] + ["--skewed"] * given.skewed
            said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            sys.stdout.write(said)
            sys.stdout.flush()
            told = json.loads(said)
            found.add((told["findings"], told["faults"]))
        assert len(found) == 1, "the engines do not agree"


if __name__ == "__main__":
    main()
