"""The card relation of an account to a notice, and standing (SPEC 5 and 6.1)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from reference.intervals import Interval, certainly_after, certainly_before

if TYPE_CHECKING:
    from reference.cells import Row
    from reference.lineage import Account
    from reference.notices import Notice

TEMPORARY_DAYS = timedelta(days=100)
JUST_BEFORE = timedelta(days=90)


def shown_card(account: Account) -> date | None:
    """Return the valid-from of the card shown, or None where SPEC 5 calls it missing.

    A card valid from a later day than the moment was not the card shown.
    """
    if account.opening is None or account.shows_other or account.moment is None:
        return None
    shown: date | None = account.opening.get("card_valid_from")
    return None if shown is None or shown > account.moment.day else shown


def shown_too_late(account: Account) -> bool:
    """Return whether the opening names a card that is valid from after the moment."""
    if account.opening is None or account.shows_other or account.moment is None:
        return False
    shown = account.opening.get("card_valid_from")
    return shown is not None and shown > account.moment.day


def _temporary(card: date, valid_to: set[date], issuances: list[Row]) -> bool:
    if any(end <= card + TEMPORARY_DAYS for end in valid_to):
        return True
    return any(row.get("card_valid_from") == card and row.get("kind") == "temporary" for row in issuances)


def _either_temporary(account: Account, notice: Notice, shown: date, noticed: date, issuances: list[Row]) -> bool:
    """SPEC 12: any sign suffices."""
    opening = account.opening
    if opening is None:
        return False
    if opening.get("document_kind") == "temporary":
        return True
    valid_to = opening.get("card_valid_to")
    shown_ends = set() if valid_to is None else {valid_to}
    return _temporary(shown, shown_ends, issuances) or _temporary(noticed, notice.noticed_valid_to, issuances)


def _relation_to_unknown_card(shown: date, notice: Notice, issuances: list[Row]) -> str:
    """SPEC 5, "Noticed missing"."""
    reported_day = notice.earlier_reported.day
    if shown > reported_day:
        return "newer"
    if shown >= reported_day - JUST_BEFORE:
        return "unknown"
    before = notice.lost if notice.lost is not None else notice.earlier_reported
    for row in issuances:
        collected = row.get("collected_at")
        known_earlier = collected is not None and certainly_before(collected, before)
        if row.get("card_valid_from") == shown and not known_earlier:
            return "unknown"
    return "presumed_same"


def relation(account: Account, notice: Notice, issuances: list[Row]) -> str:
    """Return the first relation of SPEC 5 that applies; ``issuances`` are the person's."""
    shown, noticed = shown_card(account), notice.noticed
    if shown is None or (noticed is None and notice.noticed_unreadable):
        return "unknown"
    if noticed is None:
        return _relation_to_unknown_card(shown, notice, issuances)
    if shown == noticed:
        return "same"
    if shown > noticed:
        return "newer"
    return "unknown" if _either_temporary(account, notice, shown, noticed, issuances) else "older"


def standing(moment: Interval, notice: Notice) -> str:
    """``yes``, ``no`` or ``maybe``: does the loss report still stand at the moment (SPEC 6.1)?"""
    answer = "maybe"
    if notice.withdrawn is None or certainly_before(moment, notice.withdrawn):
        answer = "yes"
    elif certainly_after(moment, notice.withdrawn):
        answer = "no"
    # SPEC 12: with an unreadable withdrawn_at standing is at best maybe.
    return "maybe" if answer == "yes" and notice.withdrawn_unreadable else answer


def after(moment: Interval, notice: Notice) -> str:
    """``yes``, ``no`` or ``maybe``: is the moment after the notice's own reported?"""
    if certainly_after(moment, notice.reported):
        return "yes"
    return "no" if certainly_before(moment, notice.reported) else "maybe"


def after_and_standing(moment: Interval, notice: Notice) -> str | None:
    """SPEC 6.1 "after × standing" as a verdict."""
    answers = {after(moment, notice), standing(moment, notice)}
    if "no" in answers:
        return None
    return "violation" if answers == {"yes"} else "undecidable"
