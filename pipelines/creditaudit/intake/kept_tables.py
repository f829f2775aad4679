"""What a night's delivery leaves in the book beside the rows themselves (SPEC 3.1, 3.4, 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.proof_state import ACCOUNT_DELIVERIES
from creditaudit.book.state import CHECK_GAPS, FULL_DELIVERIES, QUARANTINED_NUMBERS
from creditaudit.intake.account_files import account_deliveries, open_account_files
from creditaudit.intake.admit import quarantined_numbers
from creditaudit.intake.check_gaps import check_gaps
from creditaudit.intake.coverage import full_deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.engines import Engine
    from creditaudit.intake.admit import Admitted
    from creditaudit.intake.receive import FileReport


def kept_tables(
    engine: Engine, admitted: Sequence[Admitted], every: Sequence[FileReport], folder: Path, night: date
) -> dict[str, pa.Table]:
    """Return tonight's rows of the state tables that are made of reports and quarantine, by table.

    Names what proofs read of tonight's files of accounts (``intake/account_files.py``), refused ones too.

    Parameters
    ----------
    engine : Engine
    admitted : sequence of Admitted
        Of all feeds.
    every : sequence of FileReport
        Of all files, also refused ones.
    folder : Path
        The night's, with its intake.
    night : date
    """
    open_account_files(engine, every, folder)
    reports = [report for report in every if report.refused is None]
    return {
        ACCOUNT_DELIVERIES.name: account_deliveries(engine, admitted, reports, night),
        QUARANTINED_NUMBERS.name: quarantined_numbers(admitted, reports, night),
        FULL_DELIVERIES.name: full_deliveries(reports, night),
        CHECK_GAPS.name: check_gaps(admitted, reports),
    }
