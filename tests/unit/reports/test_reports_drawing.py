"""Timelines: what is known within bounds is hatched over them, what is known to the second is not (SPEC 4, 10.3)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from markupsafe import escape

from creditaudit.reports.drawing import Mark, bars, timeline, when
from unit.kit import seconds

DAY = 86_399
SVG = "{*}"


def drawn(*marks: Mark, at: tuple[int, int] | None = None) -> ET.Element:
    labels = [escape(mark.about) for mark in marks]
    return ET.fromstring(str(timeline(marks, labels, at=at, title="<t>", pattern="h")))  # noqa: S314 - made here


def test_an_interval_is_told_as_it_was_given() -> None:
    start = seconds("2024-01-12")
    assert when(start, start + DAY) == "2024-01-12"
    assert when(start + 36_000, start + 36_059) == "2024-01-12 10:00"
    assert when(start, start) == "2024-01-12 00:00:00"
    assert when(start, None) == "2024-01-12 → …"
    assert when(start, start + 3 * 86_400) == "2024-01-12 – 2024-01-15"


def test_what_is_uncertain_is_hatched_over_its_bounds_and_a_second_is_a_point() -> None:
    start = seconds("2024-01-12")
    tree = drawn(Mark("lost", start, start + 10 * 86_400), Mark("check", start + 86_400, start + 86_400))
    [span] = tree.findall(f".//{SVG}rect[@class='span']")
    assert span.get("fill") == "url(#h)"
    assert len(tree.findall(f".//{SVG}pattern[@id='h']")) == 1
    [point] = tree.findall(f".//{SVG}circle")
    left, wide = float(span.get("x", "")), float(span.get("width", ""))
    assert left < float(point.get("cx", "")) < left + wide
    assert abs((float(point.get("cx", "")) - left) / wide - 0.1) < 0.01  # a tenth of the way


def test_without_a_later_bound_it_is_hatched_to_the_edge() -> None:
    start = seconds("2024-01-12")
    tree = drawn(Mark("visible", start, None), Mark("moment", start + 86_400, start + 86_400))
    [span] = tree.findall(f".//{SVG}rect[@class='span']")
    assert float(span.get("x", "")) + float(span.get("width", "")) == 590


def test_a_day_among_years_is_still_seen_and_stays_in_the_picture() -> None:
    first, last = seconds("2000-01-01"), seconds("2026-01-01")
    tree = drawn(*(Mark("lost", day, day + DAY) for day in (first, last)), at=(first, first))
    for span in tree.findall(f".//{SVG}rect[@class='span']"):
        assert float(span.get("width", "")) >= 6
        assert 230 <= float(span.get("x", "")) <= 590
    assert len(tree.findall(f".//{SVG}rect[@class='at']")) == 1


def test_labels_and_titles_are_text() -> None:
    tree = drawn(Mark("lost", 0, 0, "<script>alert(1)</script>"))
    assert tree.get("aria-label") == "<t>"
    assert not tree.findall(f".//{SVG}script")
    assert "<script>alert(1)</script>" in "".join(tree.itertext())


def test_bars_have_parts_in_proportion_and_their_sum() -> None:
    tree = ET.fromstring(str(bars([(escape("a&b"), [("one", 30), ("two", 10)]), (escape("c"), [])], title="t")))  # noqa: S314
    one, two = (tree.find(f".//{SVG}rect[@class='{kind}']") for kind in ("one", "two"))
    assert one is not None
    assert two is not None
    assert float(one.get("width", "")) == 3 * float(two.get("width", ""))
    assert [t.text for t in tree.findall(f".//{SVG}text[@class='when']")] == ["40", "0"]
    assert ET.fromstring(str(bars([], title="t"))) is not None  # noqa: S314
