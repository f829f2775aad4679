"""What a night without findings proves: ``quiet, proven``, or ``quiet, unproven because …`` (SPEC 2, 10.1, 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from creditaudit.reports.words import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def doubts(summary: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield why nothing of the night is *quiet, proven*: name and values of a text of ours; nothing: it is."""
    for feed in summary["stale"]:
        yield "because_stale", {"feed": feed}
    if summary["unjudged"]:
        yield "because_unjudged", {"n": summary["unjudged"]}
    if summary["refused_files"]:
        yield "because_refused", {"n": summary["refused_files"]}
    known = summary["known_answers"]
    if not known["answers"]:
        yield "because_no_known_answers", {}
    for unproven in known["unproven"]:
        yield f"because_{unproven['why']}", {"rule": unproven["rule"]}


def quiet(summary: Mapping[str, Any]) -> str | None:
    """Return what the night says of its silence, in English for the summary; None: it has findings."""
    if summary["findings_by_rule"]:
        return None
    reasons = [say("en", key, **values) for key, values in doubts(summary)]
    return f"quiet, unproven because {'; '.join(reasons)}" if reasons else "quiet, proven"
