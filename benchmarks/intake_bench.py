"""One large accounts file read by our intake, beside `pyarrow.csv.read_csv` with final types and `write_table` (zstd).

    python benchmarks/intake_bench.py --size 2000000000 --rounds 3 --out results.json

For each way of writing the file (plain and fully quoted, UTF-8 and GB18030) both programs read the same file in turn,
each as a process of its own with two threads, measured from outside; the best of the rounds counts. Before that, row
count and a digest of each delivered column must be equal. Also: identity numbers checked a second on one core.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from measuring.id_rate import rates
from measuring.measure import Cost, environment, machine, run
from measuring.one_file import ENCODINGS, FORMS, Wanted, delivered_numbers, one_file
from measuring.same_rows import assert_same

PROGRAM = Path(__file__).parent / "peers" / "one_file.py"
THREADS = 2
BOUNDS = {"wall": 1.5, "peak_mib": 2048, "million_a_second": 10}


def measured(wanted: Wanted, given: argparse.Namespace) -> dict[str, Any]:
    """Return what both programs cost over one file."""
    file, rows = one_file(
        wanted, given.size, given.work, accounts=given.accounts, seed=given.seed, threads=THREADS, fresh=given.fresh
    )
    out = given.work / "out"
    out.mkdir(exist_ok=True)
    costs: dict[str, list[Cost]] = {"pyarrow": [], "intake": []}
    digests: dict[str, str] = {}
    for number in range(given.rounds):
        for way, rounds in costs.items():
            target = out / f"{way}.parquet"
            target.unlink(missing_ok=True)
            command = [str(PROGRAM), way, str(file), str(target), "--encoding", wanted.encoding]
            rounds.append(run(command, given.work, environment(THREADS)))
        if number == 0:
            digests = assert_same(out / "pyarrow.parquet", out / "intake.parquet", rows)
    best = {
        way: {of: round(min(getattr(cost, of) for cost in rounds), 3) for of in ("wall", "cpu")}
        | {"peak_mib": round(max(cost.peak_mib for cost in rounds)), "walls": [round(c.wall, 2) for c in rounds]}
        for way, rounds in costs.items()
    }
    found = {
        "file": wanted.name,
        "rows": rows,
        "bytes": file.stat().st_size,
        "ratio": {of: round(best["intake"][of] / best["pyarrow"][of], 2) for of in ("wall", "cpu")},
        "programs": best,
        "digests": digests,
    }
    if not given.keep:
        for path in (file, *out.iterdir()):
            path.unlink()
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=300_000_000, help="bytes of each file, at least")
    parser.add_argument("--files", default=",".join(f"{f}-{e}" for f in FORMS for e in ENCODINGS), help="which")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--accounts", type=int, default=1_000_000, help="accounts of the delivery that is repeated")
    parser.add_argument("--seed", type=int, default=7, help="seed of the delivery")
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work", help="deliveries are kept here")
    parser.add_argument("--keep", action="store_true", help="keep the files, and take those that are there")
    parser.add_argument("--out", type=Path, help="write the results as JSON, too")
    given = parser.parse_args()
    known = {f"{f}-{e}" for f in FORMS for e in ENCODINGS}
    if set(given.files.split(",")) - known or given.rounds < 1:
        parser.error(f"--files takes {','.join(sorted(known))}; --rounds at least 1")
    given.fresh = not given.keep
    return given


def main() -> int:
    given = _arguments()
    given.work.mkdir(parents=True, exist_ok=True)
    around = machine()
    files = []
    for name in given.files.split(","):
        print(name, file=sys.stderr)
        files.append(measured(Wanted(*name.split("-", 1)), given))
    results = {
        "command": f"python benchmarks/intake_bench.py --size {given.size} --files {given.files} "
        f"--rounds {given.rounds} --accounts {given.accounts} --seed {given.seed}",
        "machine": around,
        "threads": THREADS,
        "bounds": BOUNDS,
        "files": files,
        "ids": rates(delivered_numbers(given.work, accounts=given.accounts, seed=given.seed), given.rounds),
    }
    said = json.dumps(results, indent=1, ensure_ascii=False)
    if given.out is not None:
        given.out.write_text(said + "\n", encoding="utf-8")
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
