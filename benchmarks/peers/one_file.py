"""One accounts file to Parquet: by `pyarrow.csv.read_csv` with final types and `write_table` (zstd), or by our intake.

``one_file.py pyarrow|intake FILE OUT``. Nothing is imported that the chosen way does not need.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

NIGHT = date(2026, 11, 15)
THREADS = 2


def by_pyarrow(file: Path, out: Path, encoding: str) -> None:
    """Read the file as one table and write it."""
    import pyarrow as pa  # noqa: PLC0415 - the other way must not pay for it
    import pyarrow.parquet as pq  # noqa: PLC0415 - the other way must not pay for it
    from floor_csv import types  # noqa: PLC0415 - the other way must not pay for it
    from pyarrow import csv  # noqa: PLC0415 - the other way must not pay for it

    pa.set_cpu_count(THREADS)
    with file.open(encoding=encoding) as lines:
        columns = [name.strip('"') for name in lines.readline().rstrip("\n").split(",")]
    options = csv.ConvertOptions(
        column_types=types(columns, pa.date32()), strings_can_be_null=True, null_values=["", "长期", "0000-00-00"]
    )
    table = csv.read_csv(file, csv.ReadOptions(encoding=encoding), convert_options=options)
    pq.write_table(table, out, compression="zstd")


def by_intake(file: Path, out: Path) -> None:
    """Receive the file as a night would; whoever compares finds refused and quarantined rows missing."""
    import pyarrow as pa  # noqa: PLC0415 - the other way must not pay for it

    from creditaudit.intake.landing import DeliveredFile  # noqa: PLC0415 - the other way must not pay for it
    from creditaudit.intake.receive import receive  # noqa: PLC0415 - the other way must not pay for it

    pa.set_cpu_count(THREADS)
    delivered = DeliveredFile("accounts", file.name, file)
    [report] = receive([delivered], night=NIGHT, scratch=out.parent, workers=THREADS)
    if report.refused is not None or report.typed_part is None:
        raise SystemExit(f"refused: {report.refused}")
    report.typed_part.rename(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=("pyarrow", "intake"))
    parser.add_argument("file", type=Path)
    parser.add_argument("out", type=Path, help="Parquet file, in a folder that is there")
    parser.add_argument("--encoding", default="utf-8", help="what the library is told; the intake finds it itself")
    given = parser.parse_args()
    if given.way == "pyarrow":
        by_pyarrow(given.file, given.out, given.encoding)
    else:
        by_intake(given.file, given.out)


if __name__ == "__main__":
    main()
