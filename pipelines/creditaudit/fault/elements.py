"""What a fault decision rests on, element by element: proven, refuted or missing, with the row that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.fault.grid import WITHOUT_NOTICE, Combination

if TYPE_CHECKING:
    from collections.abc import Mapping

PROVEN, REFUTED, MISSING, NOT_APPLICABLE = "proven", "refuted", "missing", "not_applicable"

# The four of SPEC 7.3; then what else a row of the grid asks about: whether the finding itself is decided, which card
# was shown (R102), whether the log of checks is complete (R202).
ELEMENTS = ("duty", "knowable", "performed", "exception", "verdict", "card", "covered")

_DUTY = {"in_force": PROVEN, "not_in_force": REFUTED, "unknown": MISSING}
_KNOWABLE = {
    "knew": PROVEN,
    "could_have_known": PROVEN,
    "could_not_have_known": REFUTED,
    "undecidable": MISSING,
    "not_applicable": NOT_APPLICABLE,
}
_PERFORMED = {
    "passed": PROVEN,
    "warned": PROVEN,
    "excepted": PROVEN,
    "missing": REFUTED,
    "errored": REFUTED,  # a check that gave no answer is none
    "unknown": MISSING,
    "beyond_retention": MISSING,
}

# What the opening that judges says of the urgent-need exception; one that does not name it refutes it.
EXCEPTION = {
    "followed_up_in_time": PROVEN,
    "not_claimed": REFUTED,
    "not_followed_up_in_time": REFUTED,
    "follow_up_not_recorded": MISSING,
    "no_opening": MISSING,
}


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a finding's fault.

    Parameters
    ----------
    name : str
        One of :data:`ELEMENTS`.
    status : str
        ``proven``, ``refuted``, ``missing``, or ``not_applicable``.
    value : str
        The word that the grid reads; of the exception a key of :data:`EXCEPTION`.
    source : dict
        The row that says so, by column; values as in ``finding_faults`` (instants in seconds, dates in days). Empty:
        nothing speaks of it.
    """

    name: str
    status: str
    value: str
    source: dict[str, Any]


def combination_of(finding: Mapping[str, Any]) -> Combination:
    """Return what the grid looks at, of a row of ``finding_faults``."""
    return Combination(
        finding["rule_id"],
        finding["verdict"],
        "yes" if finding["covered"] else "no",
        finding["knowable"],
        finding["duty"],
        finding["performed"],
    )


def elements(finding: Mapping[str, Any]) -> tuple[Element, ...]:
    """Return the elements of a row of ``finding_faults``: the four of SPEC 7.3 first.

    ``card`` is there for R102 only, ``covered`` for R202 only.
    """
    notice = _given(finding, "notice_source", "notice_id")
    if notice:
        notice |= _given(finding, "visible_basis", "visible_from", "visible_to")
    knowable = finding["knowable"]
    record = _given(finding, "card_check_id") or _given(finding, "covered_by")
    found = [
        Element("duty", _DUTY[finding["duty"]], finding["duty"], _given(finding, "duty_id", "duty_source")),
        Element(
            "knowable",
            _KNOWABLE[knowable],
            knowable,
            _given(finding, "card_check_id") if knowable == "knew" else notice,
        ),
        Element("performed", _PERFORMED[finding["performed"]], finding["performed"], record),
        _exception(finding),
        Element("verdict", MISSING if finding["verdict"] == "undecidable" else PROVEN, finding["verdict"], notice),
    ]
    if finding["rule_id"] == "R102":
        found.append(Element("card", MISSING, "unknown", notice))
    if finding["rule_id"] == "R202":
        source = _given(finding, "person_check_id", "covered_by")
        covered = finding["covered"]
        found.append(Element("covered", PROVEN if covered else MISSING, "yes" if covered else "no", source))
    return tuple(found)


def _exception(finding: Mapping[str, Any]) -> Element:
    state = finding["exception"]
    source = _given(finding, "exception_code", "exception_followed_up_on")
    return Element("exception", EXCEPTION[state], state, source)


def is_settable(name: str, combination: Combination) -> bool:
    """Say whether evidence can speak of an element of a finding at all.

    A finding without a notice asks nothing of visibility, and the registry of cards knows of no deaths (R107).
    """
    if name == "knowable":
        return combination.finding not in WITHOUT_NOTICE and combination.finding != "R107"
    if name == "card":
        return combination.finding == "R102"
    return name != "covered" or combination.finding == "R202"


def _given(finding: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: finding[name] for name in names if finding[name] is not None}
