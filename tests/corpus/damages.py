"""The damages of the corpus. Each turns one row into other lines, or cannot be done to that cell of that form.

Two damages are left out because no reader can see them: a line end that falls into the first cell leaves a second line
that is a whole row with a shorter first cell; and in a form without quotes a stray quote is a letter of its cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from corpus.dialects import COLUMNS, FORMS, REQUIRED, Form

ROWS = 7
POSITIONS = (0, 1, 3, 5, 6)
_LAST = len(COLUMNS) - 1

# Form, cells as they stand in the file, damaged column → lines in place of the row; None: cannot be done.
Damage = Callable[[Form, list[str], int], "list[str] | None"]


def row(number: int) -> tuple[str, ...]:
    """Return the values of a good row; neighbours differ in every column that can differ."""
    return (
        f"B1900{number}000H0001",
        f"A{number:05d}",
        ("张三", "李四", "王·五", "欧阳六")[number % 4],
        "10",
        ("11010119900307401", "65010219851121302", "32050719700615206")[number % 3] + "0",
        ("D1", "R2", "deposit")[number % 3],
        ("82", "", "11")[number % 3],
        f"2020-02-0{number + 1} 10:11:1{number}",
        "CNY",
        str(100 + number),
        ("", f"2021-03-0{number + 1}")[number % 2],
        str(number),
        f"11010{number}",
        f"2026-11-0{number + 1}",
    )


def _with(cells: list[str], column: int, *texts: str) -> list[str]:
    return [*cells[:column], *texts, *cells[column + 1 :]]


def _lost_separator(form: Form, cells: list[str], column: int) -> list[str] | None:
    if form.is_fixed or column == _LAST:
        return None
    return [form.line([*cells[:column], cells[column] + cells[column + 1], *cells[column + 2 :]])]


def _spare_separator(form: Form, cells: list[str], column: int) -> list[str] | None:
    return None if form.is_fixed else [form.line(_with(cells, column, cells[column], ""))]


def _lost_cell(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column))]


def _doubled_cell(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, cells[column], cells[column]))]


def _shifted_left(form: Form, cells: list[str], column: int) -> list[str] | None:
    return None if form.is_fixed else [form.line([*_with(cells, column), ""])]


def _shifted_right(form: Form, cells: list[str], column: int) -> list[str] | None:
    # The date at the end gives way to the region before it: six digits are no date.
    return None if form.is_fixed or column == _LAST else [form.line(_with(cells, column, "", cells[column])[:-1])]


def _cut(form: Form, cells: list[str], column: int) -> list[str] | None:
    kept = cells[column][: len(cells[column]) // 2]
    return [form.line([*cells[:column], kept])] if column or kept.strip() else None


def _broken(form: Form, cells: list[str], column: int) -> list[str] | None:
    if form.is_multiline or (not form.is_fixed and column in {0, _LAST}):
        return None
    half = len(cells[column]) // 2
    first, second = [*cells[:column], cells[column][:half]], [cells[column][half:], *cells[column + 1 :]]
    if form.is_quoted and not half:
        return None
    return [form.line(first), form.line(second)]


def _emptied(form: Form, cells: list[str], column: int) -> list[str] | None:
    blank = " " * len(cells[column]) if form.is_fixed else form.quote * 2 if form.is_quoted else ""
    if form.is_fixed and len(form.bytes(blank)) != len(form.bytes(cells[column])):
        return None
    return [form.line(_with(cells, column, blank))] if COLUMNS[column] in REQUIRED else None


def _quote_before(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, form.quote + cells[column]))] if form.quote else None


def _quote_inside(form: Form, cells: list[str], column: int) -> list[str] | None:
    bare = cells[column][1:-1] if form.is_quoted else cells[column]
    if not form.quote or len(bare) < 2:
        return None
    cell = cells[column]
    return [form.line(_with(cells, column, cell[: len(cell) // 2] + form.quote + cell[len(cell) // 2 :]))]


def _quote_behind(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, cells[column] + form.quote))] if form.quote else None


def _lost_opening(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, cells[column][1:]))] if form.is_quoted else None


def _lost_closing(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, cells[column][:-1]))] if form.is_quoted else None


def _text_behind(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, cells[column] + "x"))] if form.is_quoted or form.is_fixed else None


def _lost_letter(form: Form, cells: list[str], column: int) -> list[str] | None:
    return [form.line(_with(cells, column, cells[column][1:]))] if form.is_fixed else None


DAMAGES: dict[str, Damage] = {
    "lost_separator": _lost_separator,
    "spare_separator": _spare_separator,
    "lost_cell": _lost_cell,
    "doubled_cell": _doubled_cell,
    "shifted_left": _shifted_left,
    "shifted_right": _shifted_right,
    "cut": _cut,
    "broken": _broken,
    "emptied": _emptied,
    "quote_before": _quote_before,
    "quote_inside": _quote_inside,
    "quote_behind": _quote_behind,
    "lost_opening": _lost_opening,
    "lost_closing": _lost_closing,
    "text_behind": _text_behind,
    "lost_letter": _lost_letter,
}


@dataclass(frozen=True)
class Damaged:
    """One file with one damaged row.

    Parameters
    ----------
    name : str
        Damage, form, column and position.
    form : Form
    position : int
        Which row was damaged, from 0.
    content : bytes
    lines : range
        1-based lines that the row has become.
    """

    name: str
    form: Form
    position: int
    content: bytes
    lines: range


def corpus() -> Iterator[Damaged]:
    """Yield every file of the corpus, always in the same order."""
    for form in FORMS:
        rows = [form.cells(row(number)) for number in range(ROWS)]
        whole = [form.line(cells) for cells in rows]
        for damage, change in DAMAGES.items():
            for column, name in enumerate(COLUMNS):
                for position in POSITIONS:
                    lines = change(form, rows[position], column)
                    if lines is None or lines == [whole[position]]:
                        continue
                    first = position + 1 + form.has_header
                    yield Damaged(
                        f"{damage} {form.name} {name} {position}",
                        form,
                        position,
                        form.file([*whole[:position], *lines, *whole[position + 1 :]]),
                        range(first, first + len(lines)),
                    )
