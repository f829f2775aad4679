"""What a night's delivery leaves in the book beside the rows themselves (SPEC 3.1, 3.4, 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.book.state import CHECK_GAPS, FULL_DELIVERIES, QUARANTINED_NUMBERS
from creditaudit.intake.admit import quarantined_numbers
from creditaudit.intake.check_gaps import check_gaps
from creditaudit.intake.coverage import full_deliveries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pyarrow as pa

    from creditaudit.intake.admit import Admitted
    from creditaudit.intake.receive import FileReport


def kept_tables(admitted: Sequence[Admitted], reports: Sequence[FileReport], night: date) -> dict[str, pa.Table]:
    """Return tonight's rows of the state tables that are made of reports and quarantine, by table."""
    return {
        QUARANTINED_NUMBERS.name: quarantined_numbers(admitted, reports, night),
        FULL_DELIVERIES.name: full_deliveries(reports, night),
        CHECK_GAPS.name: check_gaps(admitted, reports),
    }
