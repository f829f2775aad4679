"""What the random deliveries must bring forth at least once, read off SPEC 6.1 and 6.2."""

from __future__ import annotations

# Differences printed per side; the first few tell what is wrong.
DIFFERENT = 6

CLEARANCES = frozenset({"newer_card_shown", "no_card_shown", "transferred_debt", "agreement_unknown"})

_FIRM = ("violation", "undecidable")
_ALL = (*_FIRM, "lead")
_NOT_NEWER = ("same", "presumed_same", "unknown", "older")

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
    "R108": (("violation",), (None,)),
}


def combinations() -> set[tuple[str, str, str | None]]:
    """Return every rule, verdict and relation that can stand in a findings table."""
    return {
        (rule, verdict, relation)
        for rule, (verdicts, relations) in _POSSIBLE.items()
        for verdict in verdicts
        for relation in relations
    }
