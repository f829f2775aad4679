"""Scoring and training on a million cases: seconds and peak memory, against the targets of docs/scoring.md.

``make bench-score`` (``CASES=1000000``). The cases are drawn, not delivered: what is measured begins where the judgment
ends, and ends where the tracking of cases begins.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from creditaudit.book.case_state import CASE_FACTS
from creditaudit.book.keys import Key, Keyring
from creditaudit.engines import open_engine
from creditaudit.scoring.features import Lookups, as_matrix, feature_matrix
from creditaudit.scoring.fit import labelled_model, tail_model
from creditaudit.scoring.lookups import freeze_lookups
from creditaudit.scoring.outcomes import Labels
from creditaudit.scoring.score import score_cases

SEED = 20261120
TARGETS = {"score": (20.0, 1.5), "train": (60.0, None), "train_labelled": (60.0, None)}
_WHOLE = ("days_from_loss", "phase", "relation", "institutions_30d", "burst_7d", "region_away", "channel")
_WHOLE_TO = (400, 3, 4, 5, 6, 3, 3)


def facts(rows: int) -> pa.Table:
    """Return drawn facts of cases, schema ``CASE_FACTS``."""
    rng = np.random.default_rng(SEED)
    place = rng.integers(1, 32, rows)
    columns: dict[str, pa.Array] = {
        "night": pa.repeat(pa.scalar(20_000, pa.int32()), rows).cast(pa.date32()),
        "provider_code": _texts("B", rng.integers(0, 500, rows)),
        "subject": _texts("account:A", np.arange(rows)),
        "rule_id": pa.repeat("R103", rows),
        "verdict": pa.array(np.array(["violation", "undecidable", "lead"])[(place - 1) // 10 % 3]),
        "place": pa.array(place, pa.int32()),
        "product": _texts("D1|", rng.integers(0, 60, rows)),
        "region": _texts("11", rng.integers(1000, 9999, rows)),
        "operator_token": _texts("o", rng.integers(0, 50_000, rows)),
        "phone_token": _texts("p", rng.integers(0, rows, rows)),
        "handler_token": pa.nulls(rows, pa.string()),
        "amount": _numbers(rng, np.round(np.exp(rng.normal(11, 1.5, rows)))),
        "overdue": _numbers(rng, np.where(rng.random(rows) < 0.8, 0.0, rng.random(rows))),
        "out_of_hours": _numbers(rng, (rng.random(rows) < 0.1).astype(float)),
        "name_conflict": _numbers(rng, np.where(rng.random(rows) < 0.9, 0.0, 1.0)),
        "evidence": pa.array(rng.integers(0, 5, rows).astype(float)),
        "checks": _numbers(rng, rng.integers(0, 3, rows).astype(float)),
    }
    for name, end in zip(_WHOLE, _WHOLE_TO, strict=True):
        columns[name] = _numbers(rng, rng.integers(0, end, rows).astype(float))
    return pa.table({name: columns[name] for name in CASE_FACTS.schema.names}).cast(CASE_FACTS.schema)


def _texts(head: str, numbers: np.ndarray) -> pa.Array:
    return pa.array(np.char.add(head, numbers.astype(str)))


def _numbers(rng: np.random.Generator, values: np.ndarray) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) < 0.1)


def measured(what: str, file: Path) -> dict[str, float | int | str]:
    """Run one part in this process; seconds of the part alone, peak memory of the process."""
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=2, memory_limit="1GiB")
        if what == "score":
            engine.scan("standing_case_facts", [file], CASE_FACTS.schema)
            engine.table("some_facts", "SELECT * FROM standing_case_facts WHERE operator_token LIKE 'o1%' LIMIT 20000")
            small = tail_model(as_matrix(feature_matrix(engine, facts="some_facts")), _lookups())
            engine.table("findings", "SELECT provider_code, subject FROM standing_case_facts")
            begun, spent = time.perf_counter(), time.process_time()
            scored = score_cases(engine, small).num_rows
        else:
            engine.scan("training_facts", [file], CASE_FACTS.schema)
            columns = "provider_code, substr(subject, 9) AS account_code"
            engine.table(
                "standing_openings",
                f"SELECT {columns}, operator_token AS operator_id, phone_token AS phone,"
                " handler_token AS handler_id_norm FROM training_facts",
            )
            engine.table(
                "standing_accounts",
                f"SELECT {columns}, subject AS id_norm, split_part(product, '|', 1) AS account_type,"
                " split_part(product, '|', 2) AS business_code, region AS region_code, 'CNY' AS currency,"
                " CAST(amount AS BIGINT) AS amount FROM training_facts",
            )
            engine.table("addressed_regions", "SELECT NULL::VARCHAR AS provider_code, NULL::VARCHAR AS region_code")
            begun, spent = time.perf_counter(), time.process_time()
            frozen = freeze_lookups(engine, Keyring((Key("K", "active", b"\x07" * 32),)))
            matrix = as_matrix(feature_matrix(engine, frozen.known, facts="training_facts"))
            if what == "train":
                tail_model(matrix, frozen.lookups)
            else:
                known = _labels(matrix)
                labelled_model(matrix, matrix[known.place], known, [str(n) for n in known.place], frozen.lookups)
            scored = len(matrix)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
        engine.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"part": what, "cases": scored, "seconds": round(seconds, 2), "cpu": round(cpu, 2), "gib": round(peak, 2)}


def _lookups() -> Lookups:
    products = {f"D1|{n}": 60_000.0 + n for n in range(60)}
    return Lookups({"product_amount": products, "operator_hits": {f"o{n}": 0.01 for n in range(50_000)}})


def _labels(matrix: np.ndarray) -> Labels:
    place = np.arange(0, len(matrix), 20)  # one case in twenty has an outcome
    risk = np.nan_to_num(matrix[place, 5]) - np.nan_to_num(matrix[place, 0]) / 100
    return Labels(place, (risk > np.median(risk)).astype(float), np.ones(len(place)), {})


def main() -> None:
    """Measure each part in a process of its own, and print one line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--part", choices=sorted(TARGETS))
    parser.add_argument("--facts", type=Path, help="what another process of this benchmark has drawn")
    asked = parser.parse_args()
    if asked.part and asked.facts:
        print(json.dumps(measured(asked.part, asked.facts)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "facts.parquet"
        pq.write_table(facts(asked.cases), file)
        _told(file, [asked.part] if asked.part else list(TARGETS))


def _told(file: Path, parts: list[str]) -> None:
    for part in parts:
        most_seconds, most_gib = TARGETS[part]
        command = [sys.executable, __file__, "--facts", str(file), "--part", part]
        found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        bound = f"<= {most_seconds:g} s" + (f", <= {most_gib:g} GiB" if most_gib else "")
        print(
            f"{part:<15} {found['cases']:>9} cases  {found['seconds']:>7} s  ({found['cpu']} s of processor)"
            f"  {found['gib']} GiB  target at 1 M: {bound}",
            flush=True,
        )


if __name__ == "__main__":
    main()
