"""Pictures in a page: a timeline of intervals and bars, as SVG without styles or scripts of their own.

What is known within bounds only is hatched over them; what is known to the second is solid. No colour says anything
that no text says.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY, _MINUTE = 86_399, 59
# Of the drawing, in units of its own: labels on the left, when it was on the right, time between them.
WIDTH, _LEFT, _RIGHT, ROW = 760, 230, 590, 18
_TICKS = 4
# The least that is seen of an interval, however long the years around it are.
_SEEN = 6.0


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that happened, as far as it is known when.

    Parameters
    ----------
    kind : str
        A word of ``event_…`` of :data:`creditaudit.reports.words.WORDS`.
    start : int
        Seconds since 1970-01-01 00:00:00, wall clock; the earliest.
    end : int or None
        The latest; None: no bound is known.
    about : str
        What it is told of: a notice or a check; may be empty.
    result : str
        Of a check: its answer.
    """

    kind: str
    start: int
    end: int | None
    about: str = ""
    result: str = ""


def when(start: int, end: int | None) -> str:
    """Return an interval of seconds as it was given: a day, a minute, a second; else its two ends."""
    if end is None:
        return f"{day(start)} → …"
    length = end - start
    if length == _DAY and start % (_DAY + 1) == 0:
        return day(start)
    if length == _MINUTE and start % (_MINUTE + 1) == 0:
        return f"{_moment(start):%Y-%m-%d %H:%M}"
    if length == 0:
        return f"{_moment(start):%Y-%m-%d %H:%M:%S}"
    return f"{day(start)} – {day(end)}"


def timeline(
    marks: Sequence[Mark], labels: Sequence[Markup], *, at: tuple[int, int] | None, title: str, pattern: str
) -> Markup:
    """Return a timeline as SVG.

    Parameters
    ----------
    marks : sequence of Mark
        In the order of their rows.
    labels : sequence of Markup
        One or more ``text`` bodies per mark, escaped already, as ``<tspan>`` or plain.
    at : tuple of (int, int) or None
        The moment of the identity check, drawn through all rows.
    title : str
        What it is a picture of, for whoever hears the page.
    pattern : str
        Id of the hatching, unique in its page.
    """
    known = [second for mark in marks for second in (mark.start, mark.end) if second is not None]
    known += at or ()
    first, last = (min(known), max(known)) if known else (0, 1)
    span = max(last - first, _DAY)
    first, span = first - span // 20, span + span // 10

    def x(second: int) -> float:
        return _LEFT + (_RIGHT - _LEFT) * (second - first) / span

    foot = ROW * len(marks) + 4
    parts = [
        f'<svg class="time" viewBox="0 0 {WIDTH} {foot + 18}" role="img" aria-label="{escape(title)}">',
        f'<defs><pattern id="{escape(pattern)}" width="5" height="5" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect class="bed" width="5" height="5"/>'
        '<rect class="ink" width="2" height="5"/></pattern></defs>',
    ]
    for tick in range(_TICKS + 1):
        second = first + span * tick // _TICKS
        anchor = ("start", "middle", "end")[(tick > 0) + (tick == _TICKS)]
        at_tick = f"{x(second):.1f}"
        parts.append(
            f'<line class="grid" x1="{at_tick}" x2="{at_tick}" y1="0" y2="{foot}"/>'
            f'<text class="tick" x="{at_tick}" y="{foot + 13}" text-anchor="{anchor}">{day(second)}</text>'
        )
    if at is not None:
        begins, wide = x(at[0]), max(x(at[1]) - x(at[0]), 0.5)
        parts.append(f'<rect class="at" x="{begins:.1f}" y="0" width="{wide:.1f}" height="{foot}"/>')
    for row, (mark, label) in enumerate(zip(marks, labels, strict=True)):
        parts.append(_row(mark, label, top=row * ROW, left=x(mark.start), pattern=pattern, right=_right(mark, x)))
    parts.append("</svg>")
    return Markup("".join(parts))  # noqa: S704 - figures of ours; every text in it is escaped


def _right(mark: Mark, x: Callable[[int], float]) -> float:
    return float(_RIGHT) if mark.end is None else x(mark.end)


def _row(mark: Mark, label: Markup, *, top: int, left: float, right: float, pattern: str) -> str:
    """Return one row: what, where in time, when; a night draws thousands, so that it is put together plainly."""
    base = top + 13
    text = f'<text class="what" x="0" y="{base}">{escape(label)}</text>'
    told = f'<text class="when" x="{_RIGHT + 8}" y="{base}">{when(mark.start, mark.end)}</text>'
    if mark.end is not None and mark.end == mark.start:
        shape = f'<circle class="sure" cx="{left:.1f}" cy="{top + 9}" r="4"/>'
    else:
        wide = max(right - left, _SEEN)
        start = min(left, _RIGHT - wide) if right - left >= _SEEN else left - (_SEEN - (right - left)) / 2
        shape = (
            f'<rect class="span" x="{start:.1f}" y="{top + 4}" width="{wide:.1f}" height="10"'
            f' fill="url(#{escape(pattern)})"/>'
        )
    return text + shape + told


def bars(rows: Sequence[tuple[Markup, Sequence[tuple[str, int]]]], *, title: str) -> Markup:
    """Return horizontal bars, each in parts, with the figure of the whole at its end.

    Parameters
    ----------
    rows : sequence of (label, parts)
        A part is the class of its colour and its figure.
    title : str
        What it is a picture of.
    """
    most = max((sum(figure for _, figure in parts) for _, parts in rows), default=0) or 1
    height = 20 * len(rows) + 4
    drawn = [Markup('<svg class="bars" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, height, title)]
    for row, (label, parts) in enumerate(rows):
        top, left = row * 20, 150.0
        drawn.append(Markup('<text class="what" x="0" y="{}">{}</text>').format(top + 14, label))
        for kind, figure in parts:
            wide = 540.0 * figure / most
            if figure:
                drawn.append(
                    Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="12"/>').format(
                        kind, left, top + 4, max(wide, 1.0)
                    )
                )
            left += max(wide, 1.0) if figure else 0.0
        whole = sum(figure for _, figure in parts)
        drawn.append(Markup('<text class="when" x="{:.1f}" y="{}">{}</text>').format(left + 6, top + 14, whole))
    drawn.append(Markup("</svg>"))
    return Markup("").join(drawn)


def _moment(second: int) -> datetime:
    return _EPOCH + timedelta(seconds=second)


def day(second: int) -> str:
    """Return the day of a second, ``YYYY-MM-DD``."""
    return f"{_moment(second):%Y-%m-%d}"
