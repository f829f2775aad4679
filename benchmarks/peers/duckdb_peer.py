"""The DuckDB script: text from the CSV files, then ``analyst.sql``, then Parquet and CSV out."""

from __future__ import annotations

from pathlib import Path

import duckdb
from csv_delivery import ANSWER, FEEDS, Task, task


def run(asked: Task) -> None:
    """Judge one night's delivery."""
    db = duckdb.connect()
    db.execute(f"SET threads = {asked.threads}; SET preserve_insertion_order = false")
    for feed in FEEDS:
        files = ", ".join(f"'{file}'" for file in asked.files(feed))
        columns = ", ".join(f"{name}: 'VARCHAR'" for name in asked.columns(feed))
        db.execute(
            f"CREATE VIEW {feed} AS SELECT * FROM read_csv([{files}], columns = {{{columns}}}, header = true,"
            " auto_detect = false, delim = ',', quote = '\"', escape = '\"')"
        )
    known_from, known_to = asked.issuances_known()
    db.execute("SET VARIABLE issuances_known_from = CAST(? AS DATE)", [known_from])
    db.execute("SET VARIABLE issuances_known_to = CAST(? AS DATE)", [known_to])
    db.execute(Path(__file__).with_name("analyst.sql").read_text(encoding="utf-8"))
    answer = f"(SELECT {', '.join(ANSWER)} FROM findings ORDER BY ALL)"
    db.execute(f"COPY {answer} TO '{asked.out / 'findings.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    db.execute(f"COPY {answer} TO '{asked.out / 'findings.csv'}' (FORMAT csv, HEADER)")


if __name__ == "__main__":
    run(task(__doc__))
