"""What DuckDB says of a query that it has answered, as counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.runlog import Meter


def count(meter: Meter, told: str, on_disk: int = 0) -> None:
    """Add one query.

    Parameters
    ----------
    meter : Meter
    told : str
        The engine's profile of the query, JSON.
    on_disk : int
        Bytes of tables that are kept in a file, for want of memory.
    """
    profile = json.loads(told)
    meter.statements += 1
    # Without "system" it was answered out of statistics, without a plan.
    spilled = profile["system"]["peak_temp_dir_size"] if "system" in profile else 0
    meter.spilled_bytes = max(meter.spilled_bytes, spilled + on_disk)
    for scan in _scans(profile.get("operator", [])):
        meter.scanned_rows += scan["rows_scanned"]
        # All files of one scan are of one table, and lie in folders of one name.
        folder = Path(scan["extra_info"]["Filename(s)"].split(", ")[0]).parent.name
        meter.scans[folder] += scan["rows_scanned"]


def _scans(operators: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what read Parquet files, at any depth."""
    todo = [*operators]
    while todo:
        one = todo.pop()
        todo += one.get("children", ())
        if one["extra_info"].get("Function") == "READ_PARQUET":
            yield one
