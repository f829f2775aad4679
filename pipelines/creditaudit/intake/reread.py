"""Rows of a delivered file as they were delivered, by reading it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.errors import RefusedError, UnjudgedFileError, Where
from creditaudit.feeds import FEEDS
from creditaudit.intake import csv_source, parquet_source, readmission
from creditaudit.intake.decode import BLOCK_BYTES, NotThisEncodingError, opened
from creditaudit.intake.landing import ReportFile
from creditaudit.intake.readmission import ReadmissionSource, ReadmittedFile
from creditaudit.intake.receive import PARQUET
from creditaudit.intake.report_xml import ReportSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from creditaudit.intake.receive import FileReport


def raw_lines(report: FileReport, rows: Sequence[int], *, block_bytes: int = BLOCK_BYTES) -> list[str]:
    """Return the raw text of data rows by reading the delivered file again.

    Parameters
    ----------
    report : FileReport
        Of a file that is not refused.
    rows : sequence of int
        1-based data rows, ascending, each at most once.
    block_bytes : int
        Bytes read at a time.

    Returns
    -------
    list of str
        One per row, without the line end; of a Parquet file the row as a CSV line in the file's column order.

    Raises
    ------
    RefusedError
        The file is not what it was when the report was made.
    """
    path = report.file.path
    try:
        with opened(path) as delivery:
            if isinstance(report.file, ReadmittedFile):
                corrected = ReadmissionSource(FEEDS[report.file.feed], report.file.taken)
                found = readmission.raw_rows(corrected.blocks(delivery, path), rows)
            elif isinstance(report.file, ReportFile):
                found = readmission.raw_rows(ReportSource(FEEDS[report.file.feed]).blocks(delivery, path), rows)
            elif report.encoding == PARQUET:
                found = parquet_source.raw_rows(delivery, list(rows))
            else:
                encoding = report.encoding or report.file.profile.encodings[0]
                found = csv_source.raw_rows(
                    delivery, path, encoding, block_bytes, list(rows), profile=report.file.profile
                )
            same = delivery.sha256() == report.sha256
    except (UnjudgedFileError, NotThisEncodingError, pa.ArrowException):
        same, found = False, []
    if not same or len(found) != len(rows):
        raise RefusedError(
            "a delivered file changed while the night was read",
            why="its bytes are no longer those that were typed",
            next_step="wait until the delivery is complete, then run the night again",
            where=Where(f"{report.file.feed}/{report.file.name}"),
        )
    return found
