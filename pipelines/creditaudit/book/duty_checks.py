"""What a table of duties may not say: asked when it is read, before the work of a night (SPEC 7.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from creditaudit.feeds import VERIFICATIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

STATUSES = ("in_force", "not_in_force")
CHECK_KINDS = VERIFICATIONS.by_name["check_kind"].codes
_REQUIRED = ("duty_id", "check_kind", "status")
_REGION = re.compile(r"[0-9]+", re.ASCII)


def first_flaw(columns: Mapping[str, Sequence[str | date | None]], lines: Sequence[int]) -> tuple[int, str, str] | None:
    """Return the first thing that makes a table of duties unusable, or None.

    Parameters
    ----------
    columns : mapping
        The columns of ``duties`` by name, in file order; None: the cell is empty.
    lines : sequence of int
        1-based line of each row.

    Returns
    -------
    tuple of (line, column, why) or None
    """
    known: dict[str, int] = {}
    for place, line in enumerate(lines):
        row = {name: values[place] for name, values in columns.items()}
        for name in _REQUIRED:
            if row[name] is None:
                return line, name, "it is empty"
        duty_id = str(row["duty_id"])
        if duty_id in known:
            return line, "duty_id", f"{duty_id} stands on line {known[duty_id]} too"
        known[duty_id] = line
        for name, words in (("check_kind", CHECK_KINDS), ("status", STATUSES)):
            if row[name] not in words:
                return line, name, f"{row[name]!r} is none of {', '.join(words)}"
        region = row["region_code"]
        if region is not None and region != "*" and not _REGION.fullmatch(str(region)):
            return line, "region_code", "it is neither digits (a prefix) nor *"
        first, last = row["in_force_from"], row["in_force_to"]
        if first is not None and last is not None and str(last) < str(first):
            return line, "in_force_to", f"{last} is before in_force_from, {first}"
    return None
