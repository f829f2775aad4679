"""The grid of SPEC 7.3: row by row as the page has it, whole, and refused when it is not."""

from __future__ import annotations

import re
from dataclasses import astuple, fields
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from creditaudit.cases.strength import strengths
from creditaudit.errors import UsageError
from creditaudit.fault import decide as room
from creditaudit.fault.grid import (
    COVERED,
    DUTY,
    FAULTS,
    KNOWABLE,
    PERFORMED,
    VERDICTS,
    Combination,
    can_be,
    combinations,
    read_grid,
    shipped_grid,
)

if TYPE_CHECKING:
    from creditaudit.engines import Engine

TEXT = (resources.files("creditaudit.fault") / "grid.csv").read_text(encoding="utf-8")

# The table of SPEC 7.3, as it stands there: finding, knowable, duty, performed, fault.
PAGE = """
| R105 | · | · | · | no_fault_indicated |
| R202, covered | · | · | · | fault_indicated |
| R202 | · | · | · | needs_evidence |
| R201 lead | · | · | · | needs_evidence |
| R108 | · | in_force | · | fault_indicated |
| R108 | · | not_in_force | · | no_fault_indicated |
| R108 | · | unknown | · | needs_evidence |
| · | · | · | warned | fault_indicated |
| · | · | · | excepted | no_fault_indicated |
| · | could_not_have_known | · | · | no_fault_indicated |
| · | · | not_in_force | · | no_fault_indicated |
| · | · | unknown | · | needs_evidence |
| · | undecidable | · | · | needs_evidence |
| R102, or verdict undecidable or lead | · | in_force | · | needs_evidence |
| · | could_have_known | in_force | missing, errored | fault_indicated |
| · | could_have_known | in_force | beyond_retention | fault_unproven |
| · | · | · | · | needs_evidence |
"""
ROWS = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in PAGE.strip().splitlines()]
FINDINGS = {
    "·": lambda c: True,
    "R105": lambda c: c.finding == "R105",
    "R202, covered": lambda c: c.finding == "R202" and c.covered == "yes",
    "R202": lambda c: c.finding == "R202",
    "R201 lead": lambda c: c.finding == "R201" and c.verdict == "lead",
    "R108": lambda c: c.finding == "R108",
    "R102, or verdict undecidable or lead": lambda c: c.finding == "R102" or c.verdict in {"undecidable", "lead"},
}


def page(combination: Combination) -> tuple[int, str]:
    """Row and fault as the page says, first row that matches."""
    for number, (finding, knowable, duty, performed, fault) in enumerate(ROWS, start=1):
        cells = ((knowable, combination.knowable), (duty, combination.duty), (performed, combination.performed))
        if FINDINGS[finding](combination) and all(w == "·" or said in w.split(", ") for w, said in cells):
            return number, fault
    raise AssertionError(combination)


def test_every_combination_is_decided_as_the_page_says() -> None:
    """SPEC 7.3: the first row that matches; row numbers and faults are those of the page."""
    grid = shipped_grid()
    found = {c: (grid.decide(c).row, grid.decide(c).fault) for c in combinations()}
    assert len(found) == sum(map(len, VERDICTS.values())) * len(COVERED) * len(KNOWABLE) * len(DUTY) * len(PERFORMED)
    assert {c: said for c, said in found.items() if said != page(c)} == {}


def test_the_rows_are_those_of_the_page_one_by_one() -> None:
    grid = shipped_grid()
    assert sorted({line.row for line in grid.lines}) == list(range(1, len(ROWS) + 1))
    assert [grid.lines_of(n)[0].fault for n in range(1, len(ROWS) + 1)] == [row[-1] for row in ROWS]
    assert {row[-1] for row in ROWS} == set(FAULTS)
    columns = [field.name for field in fields(Combination)]
    for number, (_, *cells, _) in enumerate(ROWS, start=1):
        for line in grid.lines_of(number):
            said = dict(zip(columns, line.cells, strict=True))
            for name, cell in zip(("knowable", "duty", "performed"), cells, strict=True):
                assert said[name] == (None if cell == "·" else frozenset(cell.split(", "))), (number, name)


def test_the_engine_decides_as_the_grid_does(engine: Engine) -> None:
    """One source of truth: the same CSV, applied in SQL, over every combination."""
    every = [dict(zip([f.name for f in fields(Combination)], astuple(c), strict=True)) for c in combinations()]
    for row in every:
        row["rule_id"], row["covered"] = row.pop("finding"), row["covered"] == "yes"
    engine.load("fault_facts", pa.Table.from_pylist(every))
    engine.load("fault_grid", shipped_grid().as_table())
    engine.table("fault_rows", room._ROWS)
    rows = engine.fetch("SELECT * FROM fault_rows").to_pylist()
    found = {
        (r["rule_id"], r["verdict"], "yes" if r["covered"] else "no", r["knowable"], r["duty"], r["performed"]): (
            r["grid_row"],
            r["fault"],
        )
        for r in rows
    }
    assert found == {astuple(c): page(c) for c in combinations()}


def test_the_verdicts_are_those_that_a_case_can_rest_on() -> None:
    known = {(r["rule_id"], r["verdict"]) for r in strengths().to_pylist()}
    assert {(rule, verdict) for rule, verdicts in VERDICTS.items() for verdict in verdicts} <= known


def test_every_row_says_why_in_two_languages_and_what_it_rests_on() -> None:
    for line in shipped_grid().lines:
        assert any("\u4e00" <= letter <= "\u9fff" for letter in line.why_zh)
        assert line.why_en.isascii()
        assert line.clause.startswith("SPEC 7.")


@pytest.mark.parametrize(
    ("combination", "possible"),
    [
        (("R101", "violation", "no", "could_have_known", "in_force", "missing"), False),
        (("R101", "violation", "yes", "could_have_known", "in_force", "missing"), True),
        (("R101", "violation", "yes", "knew", "in_force", "missing"), False),
        (("R101", "violation", "yes", "could_have_known", "in_force", "warned"), False),
        (("R101", "violation", "no", "knew", "unknown", "excepted"), True),
        (("R101", "violation", "no", "not_applicable", "unknown", "unknown"), False),
        (("R108", "violation", "no", "undecidable", "unknown", "unknown"), False),
        (("R108", "violation", "no", "not_applicable", "unknown", "warned"), True),
        (("R107", "lead", "no", "could_have_known", "unknown", "passed"), False),
        (("R201", "violation", "no", "not_applicable", "unknown", "excepted"), False),
        (("R201", "lead", "no", "not_applicable", "unknown", "warned"), False),
        (("R201", "lead", "no", "not_applicable", "unknown", "excepted"), True),
    ],
)
def test_what_cannot_happen_is_known(combination: tuple[str, ...], possible: bool) -> None:
    assert can_be(Combination(*combination)) is possible


def changed_line(number: int, **cells: str) -> str:
    """The shipped grid with cells of one line (1-based, the header is 1) changed."""
    lines = TEXT.splitlines()
    names = lines[0].split(",")
    head, rest = lines[number - 1].split(",")[:8], ",".join(lines[number - 1].split(",")[8:])
    for name, value in cells.items():
        head[names.index(name)] = value
    lines[number - 1] = ",".join([*head, rest])
    return "\n".join(lines) + "\n"


def without_line(number: int) -> str:
    lines = TEXT.splitlines()
    return "\n".join([*lines[: number - 1], *lines[number:]]) + "\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed_line(2, finding="R999"), "line 2, column finding.*'R999' is none of R101, "),
        (changed_line(2, finding="R106"), "line 2, column finding"),
        (changed_line(5, verdict="Lead"), "line 5, column verdict"),
        (changed_line(3, covered="true"), "line 3, column covered"),
        (changed_line(11, knowable="could_not"), "line 11, column knowable"),
        (changed_line(12, duty=""), "line 12, column duty"),
        (changed_line(17, performed="missing|lost"), "line 17, column performed.*'lost'"),
        (changed_line(17, performed="missing, errored"), "line 17"),
        (changed_line(9, fault="guilty"), "line 9, column fault.*'guilty'"),
        (changed_line(4, row="4"), "line 4, column row.*without a gap"),
        (changed_line(4, row="x"), "line 4, column row"),
        (changed_line(2, row="0"), "line 2, column row"),
        (changed_line(16, fault="no_fault_indicated"), "line 16, column fault.*disagree"),
        (without_line(19), "no row decides R101, "),
        (changed_line(2, finding="*"), "line 3: nothing that can happen comes to this row"),
        (changed_line(18, performed="missing"), "line 18: nothing that can happen"),
        (TEXT.replace("row,finding", "rows,finding"), "line 1: the header"),
        (TEXT + "18,R101\n", "line 20: 2 cells"),
        (TEXT + '18,"R101\n', "line 20: a quote"),
        ("", "line 1: the header"),
        (TEXT.replace(",SPEC 7.1\n", ", \n", 1), "line 11, column clause.*empty"),
    ],
)
def test_a_grid_that_is_not_whole_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(UsageError, match="grid of faults cannot be used") as refused:
        read_grid(text)
    flat = str(refused.value).replace("]: ", ": ")
    assert refused.value.exit_code == 2
    assert re.search(said, flat), flat
