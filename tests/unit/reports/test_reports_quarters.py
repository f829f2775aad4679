"""Figures per institution and quarter as a page shows them: what is under five is hidden (SPEC 8.5)."""

from __future__ import annotations

import pyarrow as pa
import pytest

from creditaudit.reports.quarters import MOST_ROWS, quarters_shown, shown
from creditaudit.tables import INSTITUTIONS

NUMBER = "110105194912310021"


def table(*rows: tuple[str, str | None, str, int]) -> pa.Table:
    names = ("provider_code", "quarter", "measure", "value")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=INSTITUTIONS)


@pytest.mark.parametrize(("figure", "text"), [(0, "0"), (1, "<5"), (4, "<5"), (5, "5"), (1234, "1234")])
def test_figures_under_five_are_hidden(figure: int, text: str) -> None:
    assert shown(figure) == text


def test_newest_quarters_come_first_and_accounts_alone_say_nothing() -> None:
    rows, left_out = quarters_shown(
        table(
            ("B01", None, "findings:R301", 9),
            ("B01", "2023Q4", "accounts_judged", 4),
            ("B01", "2023Q4", "findings:R101", 5),
            ("B01", "2024Q1", "accounts_judged", 4),
            ("B02", "2023Q4", "fault:needs_evidence", 1),
            ("B02", "2024Q2", "reappeared", 2),
        )
    )
    assert rows == [
        {"provider_code": "B02", "quarter": "2024Q2", "figures": {"reappeared": "<5"}},
        {"provider_code": "B01", "quarter": "2023Q4", "figures": {"accounts_judged": "<5", "findings:R101": "5"}},
        {"provider_code": "B02", "quarter": "2023Q4", "figures": {"fault:needs_evidence": "<5"}},
        {"provider_code": "B01", "quarter": "-", "figures": {"findings:R301": "9"}},
    ]
    assert left_out == 0


def test_a_page_has_an_end_and_says_what_is_beyond_it() -> None:
    rows, left_out = quarters_shown(table(*((f"B{n:04}", "2024Q1", "reappeared", 5) for n in range(MOST_ROWS + 2))))
    assert (len(rows), left_out) == (MOST_ROWS, 2)


def test_an_institutions_code_that_reads_as_a_persons_number_is_not_shown() -> None:
    rows, _ = quarters_shown(table((NUMBER, "2024Q1", "reappeared", 5)))
    assert NUMBER not in str(rows)
