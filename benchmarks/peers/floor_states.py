"""Read, sort by key and write the rows in force of every table, and nothing else: what a complete state costs at least.

python floor_states.py --state BOOK/nights/<night>/state --out DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

from creditaudit.book.files import listed
from creditaudit.book.state import TABLES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True, help="state/ of a night that wrote complete states")
    parser.add_argument("--out", type=Path, required=True, help="empty folder")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    settings = {"threads": given.threads, "memory_limit": "2GiB", "temp_directory": str(given.out / ".spill")}
    with duckdb.connect(config=settings) as db:
        for name, table in TABLES.items():
            files = [str(path) for path in listed(given.state / name)]
            if files:
                order = ", ".join(table.key) or "ALL"
                target = given.out / f"{name}.parquet"
                db.execute(
                    f"COPY (SELECT * FROM read_parquet(?) ORDER BY {order}) TO '{target}'"
                    " (FORMAT parquet, COMPRESSION zstd)",
                    [files],
                )


if __name__ == "__main__":
    main()
