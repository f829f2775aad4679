"""Which finding names a case: violations before undecidables before leads (SPEC 6, last paragraph)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

_PROVEN = ("R101", "R107", "R102", "R203", "R201", "R202", "R204", "R104", "R108", "R105")
_LEADS = (
    "R102",
    "R201",
    "R109",
    "R402",
    "R107",
    "R401",
    "R302",
    "R301",
    "R105",
    "R106",
    "R103",
)


def strengths(rules: Iterable[str] = ()) -> pa.Table:
    """Return rule_id, verdict, place (1 = strongest): every pair that a case can rest on.

    Parameters
    ----------
    rules : iterable of str
        Rules that may give any verdict. SPEC 6 has no place for a rule of the house, nor for a verdict that only a
        house's text of a shipped rule gives: such a pair has the weakest place of its verdict, beside the one that
        SPEC names last. Without any: the pairs of SPEC alone.
    """
    ordered = [
        *((rule, "violation") for rule in _PROVEN),
        *((rule, "undecidable") for rule in _PROVEN),
        *((rule, "lead") for rule in _LEADS),
    ]
    placed = {pair: place for place, pair in enumerate(ordered, start=1)}
    weakest = {verdict: place for (_, verdict), place in placed.items()}
    for rule in sorted(set(rules)):
        for verdict, place in weakest.items():
            placed.setdefault((rule, verdict), place)
    return pa.table(
        {
            "rule_id": [rule for rule, _ in placed],
            "verdict": [verdict for _, verdict in placed],
            "place": pa.array(list(placed.values()), type=pa.int32()),
        }
    )


# What a finding looks at beside the notice that it names: where such a feed is missing or incomplete, it says so. The
# fault lane reads the checks of every rule that it decides.
_CARD = ("accounts", "openings", "issuances")
_LANE = (*_CARD, "verifications")
_FEEDS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("R101", "R102", "R104", "R105", "R107"), _LANE),
    **dict.fromkeys(("R103", "R106", "R402"), _CARD),
    **dict.fromkeys(("R108", "R201", "R202"), ("accounts", "openings", "verifications")),
    "R109": (*_CARD, "invalid_cards", "loss_reports"),
    "R203": ("accounts", "openings", "impostors"),
    "R204": ("accounts", "fraud_alerts"),
    "R301": ("accounts",),
    "R302": ("accounts", "invalid_cards"),
    "R401": ("accounts", "inquiries"),
}


def rule_feeds() -> pa.Table:
    """Return rule_id, feed: the feeds on which a rule's finding rests, beside that of its notice."""
    rows = [(rule, feed) for rule, feeds in _FEEDS.items() for feed in feeds]
    return pa.table({"rule_id": [rule for rule, _ in rows], "feed": [feed for _, feed in rows]})
