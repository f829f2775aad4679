"""What the fixed deliveries must bring forth at least once, read off SPEC 6 and 7."""

from __future__ import annotations

CLEARANCES = frozenset({"newer_card_shown", "no_card_shown", "transferred_debt", "agreement_unknown"})

_FIRM = ("violation", "undecidable")
_ALL = (*_FIRM, "lead")
_NOT_NEWER = ("same", "presumed_same", "unknown", "older")
_NONE = (None,)

# Rule to (verdicts, relations): every pair of the two can happen.
_POSSIBLE: dict[str, tuple[tuple[str, ...], tuple[str | None, ...]]] = {
    "R101": (_FIRM, ("same", "presumed_same")),
    "R102": (_ALL, ("unknown",)),
    "R103": (("lead",), ("unknown",)),
    "R104": (_FIRM, ("same", "older")),
    "R105": (_ALL, _NOT_NEWER),
    "R106": (("lead",), ("same", "presumed_same")),
    # A cancelled notice is judged whatever the relation; R107 lead: only cancelled_other.
    "R107": (_ALL, ("same", "newer", "older", "unknown", "presumed_same")),
    "R108": (("violation",), _NONE),
    "R109": (("lead",), _NONE),
    "R201": (("violation", "lead"), _NONE),
    "R202": (("violation",), _NONE),
    "R203": (("violation",), _NONE),
    "R204": (_FIRM, _NONE),
    "R301": (("lead",), _NONE),
    "R302": (("lead",), _NONE),
    "R401": (("lead",), _NONE),
    "R402": (("lead",), _NOT_NEWER),
}
RULES = frozenset(_POSSIBLE)

KNOWABLE = {"knew", "could_have_known", "could_not_have_known", "undecidable", "not_applicable"}
DUTY = {"in_force", "not_in_force", "unknown", "not_applicable"}
PERFORMED = {"passed", "warned", "excepted", "errored", "missing", "beyond_retention", "unknown", "not_applicable"}
FAULT = {"fault_indicated", "needs_evidence", "fault_unproven", "no_fault_indicated", "not_applicable"}
GRID_ROWS = set(range(1, 18))

# SPEC 3.4, tier 2; a dropped cell is bad_type or impossible_date (the optional columns have no list of codes).
_SPLITTER = {"wrong_cell_count", "quote_in_unquoted", "text_after_quote", "unclosed_quote"}
_CELLS = {"required_empty", "bad_type", "bad_code", "impossible_date", "reserved_area"}
_KEYS = {"stale", "duplicate", "conflict"}
ROW_CODES = _SPLITTER | _CELLS | _KEYS | {"dropped bad_type", "dropped impossible_date"}


def combinations(rules: frozenset[str] = RULES) -> set[tuple[str, str, str | None]]:
    """Return every rule, verdict and relation that can stand in a findings table of these rules."""
    return {
        (rule, verdict, relation)
        for rule, (verdicts, relations) in _POSSIBLE.items()
        for verdict in verdicts
        for relation in relations
        if rule in rules
    }
