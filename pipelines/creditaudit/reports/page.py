"""``night.html``: one self-contained page on a night (SPEC 10.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from creditaudit.book.files import write_bytes
from creditaudit.reports.drawing import bars
from creditaudit.reports.dress import both, both_codes, heard, part, plain, policy, template
from creditaudit.reports.quiet import doubts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    import pyarrow as pa

    from creditaudit.reports.pictures import Picture

# A page is for reading: of more lines it gives the number. All of them are in the manifest and the published tables.
MOST_LINES: Final = 300
MOST_INSTITUTIONS: Final = 1_000
# Counts of the table of institutions, and the words of their columns.
INSTITUTION_COLUMNS: Final = (
    ("cases", "cases"),
    ("new_cases", "new"),
    ("violations", "violations"),
    ("undocumented_duties", "undocumented_short"),
    ("only_replaced_cards", "only_r103"),
    ("data_quality", "data_quality"),
    ("without_recipient", "without_recipient"),
)
_VERDICTS: Final = (("violation", "one"), ("undecidable", "two"), ("lead", "three"))


@dataclass(frozen=True)
class Listing:
    """Lines that a page has room for, and how many it has not."""

    rows: Sequence[Any]
    left_out: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        """Let a template ask for what goes with the lines."""
        try:
            return self.extra[name]
        except KeyError:
            raise AttributeError(name) from None


def write_page(
    path: Path,
    *,
    night: date,
    mandate: str,
    summary: dict[str, Any],
    coverage: pa.Table,
    inputs: list[dict[str, Any]],
    is_demo: bool,
    pictures: Sequence[Picture] = (),
) -> None:
    """Render the page. It asks nothing of the network and holds no ID number, name or phone.

    Parameters
    ----------
    path : Path
    night : date
    mandate : str
    summary : dict
        As the manifest has it.
    coverage : pyarrow.Table
        Schema ``creditaudit.tables.COVERAGE``.
    inputs : list of dict
        The files of the night, as the manifest has them.
    is_demo : bool
        Tokens are made with the public key.
    pictures : sequence of Picture
        Of the first new cases, in the order of the queue.
    """
    style, script = part("page.css"), part("page.js")
    institutions = _institutions(summary["institutions"])
    shown = Markup('<span class="shown">{}</span>').format(len(institutions.rows))
    delivered = _delivered(coverage, inputs, night)
    text = template("night.html.j2").render(
        w=both,
        c=both_codes,
        heard=heard,
        more=_more,
        policy=Markup(policy(style, script)),  # noqa: S704 - quotes of ours
        style=style,
        script=script,
        night=night.isoformat(),
        mandate=mandate,
        summary=summary,
        is_demo=is_demo,
        has_findings=bool(summary["findings_by_rule"]),
        doubts=[both(key, **values) for key, values in doubts(summary)],
        changes=_listed(summary.get("changes", ())),
        overdue=_overdue(summary.get("overdue")),
        scoring=_scoring(summary.get("scoring")),
        shadow=summary.get("shadow", ()),
        quarantined=_listed(summary["quarantined_by_reason"]),
        refused=_listed([i for i in inputs if i["refused"] is not None]),
        unseen=_listed(list(_unseen(summary))),
        pictures=pictures,
        institutions=institutions,
        institution_columns=INSTITUTION_COLUMNS,
        filter_shown=both("filter_shown", shown=shown, all=len(institutions.rows)),
        coverage=_listed(delivered),
        disputed=_listed(summary["disputed_characters"]),
        charts={"findings": _findings_chart(summary), "rows": _rows_chart(delivered)},
    )
    write_bytes(path, text.encode())


def _listed(rows: Sequence[Any], **extra: Any) -> Listing:
    return Listing(rows[:MOST_LINES], max(0, len(rows) - MOST_LINES), extra)


def _more(listing: Listing) -> Markup:
    if not listing.left_out:
        return Markup("")
    return Markup('<p class="note">{}</p>').format(both("more_lines", n=listing.left_out))


def _institutions(rows: Sequence[Mapping[str, Any]]) -> Listing:
    """Return those with most new cases first; a page of ten thousand institutions has the first thousand."""
    order = sorted(rows, key=lambda r: (-r["new_cases"], -r["violations"], -r["cases"], r["provider_code"]))
    left = order[MOST_INSTITUTIONS:]
    extra = {
        "more": len(left),
        "more_cases": sum(r["cases"] for r in left),
        "more_new": sum(r["new_cases"] for r in left),
    }
    return Listing(order[:MOST_INSTITUTIONS], len(left), extra)


def _overdue(given: Any) -> Listing | None:
    """Return the overdue list; None: the summary has none."""
    if given is None:
        return None
    rows = list(given)
    return _listed(rows, institutions=len({row["provider_code"] for row in rows}))


def _scoring(given: Any) -> list[tuple[str, str]]:
    """Return what the summary says of scores, flat: name and figure."""
    if not isinstance(given, dict):
        return []
    told: list[tuple[str, str]] = []
    for name, value in given.items():
        if value is None or value == []:
            continue
        if isinstance(value, bool):
            told.append((name, "yes" if value else "no"))
            continue
        if isinstance(value, dict):
            told += [(f"{name} {inner}", str(one)) for inner, one in value.items()]
        elif isinstance(value, list):
            told.append((name, "; ".join(map(_flat, value))))
        else:
            told.append((name, str(value)))
    return told[:MOST_LINES]


def _flat(value: Any) -> str:
    return " ".join(map(str, value.values())) if isinstance(value, dict) else str(value)


def _delivered(coverage: pa.Table, inputs: list[dict[str, Any]], night: date) -> list[dict[str, Any]]:
    """Return the files of the night with the profile that each was read by."""
    profiles = {(i["folder"], i["feed"], i["file"]): i["profile"] for i in inputs}
    rows: list[dict[str, Any]] = coverage.to_pylist()
    for row in rows:
        folder, _, name = row["file"].rpartition("/")
        row["profile"] = profiles.get((folder or night.isoformat(), row["feed"], name)) or ""
    return rows


# Counts of the summary that are told where they are not nought, and lists of it, each with the words for it.
_COUNTS: Final = (
    ("suggestions", "suggestions"),
    ("no_suggestions", "numbers_without_suggestions"),
    ("readmitted", "readmitted_rows"),
    ("undocumented", "undocumented_duties"),
)
_LISTS: Final = (
    ("refused_decision", "refused_decisions"),
    ("late_file", "late_files"),
    ("unapproved_rule", "unapproved_rules"),
)


def _unseen(summary: Mapping[str, Any]) -> Iterator[Markup]:
    """Yield what else could not be seen, one line each."""
    ignored = summary["ignored_notices"].items()
    yield from (both("ignored_notice", what=reason, n=rows) for reason, rows in ignored if rows)
    yield from (both("contradicted", what=" ".join(pair)) for pair in summary["contradicted_renames"])
    if summary["unjudged"]:
        yield both("unjudged", n=summary["unjudged"], m=summary["unjudged_without_recipient"])
    yield from (
        both("recalled", by=one["by"], on=one["decided_on"], why=one["reason"], what=what, sha=one["sha256"][:16])
        for one in summary.get("recalled", ())
        for what in one["files"]
    )
    others = summary.get("other_id_types", ())
    yield from (both("other_id_types", what=row["provider_code"], n=row["rows"]) for row in others)
    yield from (both(key, n=summary[name]) for key, name in _COUNTS if summary[name])
    yield from (both(key, what=what) for key, name in _LISTS for what in summary[name])
    yield from (Markup("<bdi>{}</bdi>").format(plain(warning)) for warning in summary["warnings"])


def _findings_chart(summary: Mapping[str, Any]) -> Markup:
    by_rule = groupby(summary["findings_by_rule"], key=lambda row: row["rule_id"])
    rows = []
    for rule, found in by_rule:
        figures = {row["verdict"]: row["rows"] for row in found}
        rows.append((escape(plain(rule)), [(kind, figures.get(verdict, 0)) for verdict, kind in _VERDICTS]))
    return bars(rows, title=heard("chart_findings"))


def _rows_chart(delivered: Sequence[Mapping[str, Any]]) -> Markup:
    figures: dict[str, list[int]] = {}
    for row in delivered:
        counts = figures.setdefault(row["feed"], [0, 0])
        counts[0] += row["accepted"] or 0
        counts[1] += row["quarantined"] or 0
    rows = [
        (both_codes(feed, tag="tspan"), [("one", accepted), ("two", quarantined)])
        for feed, (accepted, quarantined) in sorted(figures.items())
    ]
    return bars(rows, title=heard("chart_rows"))
