"""The floor under the intake: ``pyarrow.csv.read_csv`` with final types, and ``write_table`` with zstd, file by file.

Reads accounts and openings, takes every cell's word for it, and keeps nothing but the values.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from csv_delivery import Task, task
from pyarrow import csv

FEEDS = ("accounts", "openings")
DAYS = ("report_date", "closed_on", "card_valid_from", "card_valid_to", "exception_followed_up_on")
INSTANTS = ("opened_at", "agreement_at")
NUMBERS = ("amount", "balance", "overdue_amount")


def types(columns: list[str], day: pa.DataType) -> dict[str, pa.DataType]:
    """Return the final type of each column."""
    kinds = dict.fromkeys(columns, pa.string())
    kinds |= {name: day for name in DAYS if name in kinds}
    kinds |= {name: pa.timestamp("s") for name in INSTANTS if name in kinds}
    return kinds | {name: pa.int64() for name in NUMBERS if name in kinds}


def run(asked: Task) -> None:
    """Type one night's accounts and openings."""
    pa.set_cpu_count(asked.threads)
    for feed in FEEDS:
        # A file has one way of writing days. The library reads 20260101 as a timestamp, not as a date.
        dashed, compact = (
            csv.ConvertOptions(
                column_types=types(asked.columns(feed), day),
                strings_can_be_null=True,
                null_values=["", "长期", "00000000"],
                timestamp_parsers=[csv.ISO8601, "%Y%m%d"],
            )
            for day in (pa.date32(), pa.timestamp("s"))
        )
        for file in asked.files(feed):
            try:
                table = csv.read_csv(file, convert_options=dashed)
            except pa.ArrowInvalid:  # told by the first block
                table = csv.read_csv(file, convert_options=compact)
            pq.write_table(table, asked.out / f"{feed}-{file.name}.parquet", compression="zstd")


if __name__ == "__main__":
    run(task(__doc__))
