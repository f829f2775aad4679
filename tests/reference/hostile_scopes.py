"""What full files say of their scope, and what tears holes into it (SPEC 3.1, 7.3 "Covered")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.hostile_cells import DAY, ERAS

if TYPE_CHECKING:
    from datetime import date
    from random import Random

# These deliver everything on the first night, so that a check that is not there is missing.
COMPLETE = frozenset({"B01", "B02", "B04"})
_REGIONS = (None, None, None, "11", "1100", "44", "440300", "31", "6501")
_BUSINESSES = (None, None, None, ["11", "21"], ["81"], ["11", "21", "81"])


def checks_scope(rng: Random, provider_code: str, night: date, *, first: bool) -> dict[str, object] | None:
    """Return the scope keys of one verifications file; None: no ``.ctl`` at all."""
    if first and provider_code in COMPLETE:
        return {
            "kind": "full",
            "provider_code": provider_code,
            "region_code": None,
            "business_codes": None,
            "covers_from": "2012-01-01",
            "covers_to": night.isoformat(),
        }
    kind = rng.choice(("full", "full", "full", "full", "delta", ""))
    if not kind:
        return None
    era = rng.choice(ERAS)
    scope: dict[str, object] = {
        "kind": kind,
        "provider_code": provider_code,
        "region_code": rng.choice(_REGIONS),
        "business_codes": rng.choice(_BUSINESSES),
        "covers_from": rng.choice((era, era - DAY, era + DAY, ERAS[0])).isoformat(),
        "covers_to": rng.choice((era, era - DAY, era + DAY, night, night)).isoformat(),
    }
    if rng.random() < 0.2:  # a scope key that is missing proves nothing
        del scope[rng.choice(("provider_code", "region_code", "business_codes", "covers_from", "covers_to"))]
    return scope


def issuances_scope(rng: Random, night: date, *, last: bool) -> dict[str, object]:
    """Return some of the scope keys of an issuances file; only the last night's may reach to the end (R102)."""
    scope: dict[str, object] = {}
    if rng.random() < 0.85:
        scope["region_code"] = rng.choice((None, None, None, None, "11"))
    first = rng.choice(ERAS[:3]) + rng.choice((-1, 0, 1)) * DAY
    if rng.random() < 0.9:
        scope["covers_from"] = rng.choice(("2012-01-01", first.isoformat()))
    ends = ERAS if last else ERAS[:3]
    end = rng.choice(ends) + rng.choice((-1, 0, 1)) * DAY
    if rng.random() < 0.9:
        scope["covers_to"] = rng.choice((night, end, end)).isoformat() if last else end.isoformat()
    return scope


def is_whole(rng: Random, feed: str, provider_code: str, *, first: bool) -> bool:
    """Decide whether every line of a file is to split: one that does not ends what a full file proves."""
    return feed == "verifications" and ((first and provider_code in COMPLETE) or rng.random() < 0.7)
