"""The facts that a fault verdict rests on, and what each could be instead.

A fact is one thing that a document could show: when the institution could see the notice, what its check answered,
which card was shown. Each has the few other values that a comparison of SPEC 5 to 7 can tell apart. Whether another
value changes the verdict is not decided here: the judgment is run again (:mod:`creditaudit.explain.flips`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.explain.changes import ABOVE_ALL, BELOW_ALL, Change, date_of, instant, with_provenance
from creditaudit.explain.notice_facts import notice_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from creditaudit.explain.changes import Judged
    from creditaudit.explain.worlds import Row, Rows


def changes_of(judged: Judged) -> tuple[Change, ...]:
    """Return every change that can be asked about, in a fixed order."""
    noticed = {(f["notice_source"], f["notice_id"]) for f in judged.faults if f["notice_id"] is not None}
    pairs = [p for p in judged.pairs if (p["notice_source"], p["notice_id"]) in noticed]
    return (
        *_moment(judged),
        *_card_check(judged),
        *_other_checks(judged),
        *_exception(judged),
        *_duty(judged),
        *_card_shown(judged, pairs),
        *(change for pair in pairs for change in notice_changes(judged, pair)),
    )


def _moment(judged: Judged) -> Iterator[Change]:
    first, last = judged.account["moment_from"], judged.account["moment_to"]
    if first == last:
        return

    def at(second: int) -> Callable[[Rows], None]:
        def apply(rows: Rows) -> None:
            rows["standing_accounts"] = [
                {**row, **(instant("agreement", second) if row["agreement_from"] else instant("opened", second))}
                for row in rows["standing_accounts"]
            ]

        return apply

    yield Change("moment", "at_its_first_second", None, is_unknown=True, apply=at(first))
    yield Change("moment", "at_its_last_second", None, is_unknown=True, apply=at(last))


def _card_check(judged: Judged) -> Iterator[Change]:
    known = judged.checks["card_check_result"]
    performed = {f["performed"] for f in judged.faults}
    for value in ("valid", "reported_lost", "error"):
        if known != value and not (value == "reported_lost" and known == "invalid"):
            yield Change(
                "card_check",
                value,
                None,
                is_unknown=known is None and "missing" not in performed,
                apply=_checked(judged, "invalid_card_check", value),
            )
    if "missing" not in performed and "beyond_retention" not in performed:
        yield Change("card_check", "none_was_made", None, is_unknown=known is None, apply=_never_checked(judged))


def _other_checks(judged: Judged) -> Iterator[Change]:
    rules = {(f["rule_id"], f["verdict"]) for f in judged.faults}
    if ("R201", "lead") in rules:
        change = _checked(judged, "network_check", "match_photo")
        yield Change("network_check", "match_photo", None, is_unknown=False, apply=change)
    if ("R202", "violation") in rules:
        change = _checked(judged, judged.checks["person_check_kind"], "pass")
        yield Change("person_check", "pass", None, is_unknown=False, apply=change)
        # A whole log knows of every check; one with gaps may lack the pass.
        unknown = not any(f["covered"] for f in judged.faults if f["rule_id"] == "R202")
        yield Change("in_person", "pass", None, is_unknown=unknown, apply=_checked(judged, "in_person", "pass"))


def _checked(judged: Judged, kind: str, result: str) -> Callable[[Rows], None]:
    """Make the last check of a kind say something: the account's checks of that kind go, one at the moment comes."""
    provider, account = judged.here

    def apply(rows: Rows) -> None:
        _drop_checks(rows, kind)
        last = judged.account["moment_to"]
        check = {
            **{"provider_code": provider, "account_code": account, "check_id": ABOVE_ALL, "session_id": None},
            **{"check_kind": kind, "result": result, **instant("checked", last)},
        }
        rows["standing_verifications"] = [*rows["standing_verifications"], with_provenance(check)]

    return apply


def _never_checked(judged: Judged) -> Callable[[Rows], None]:
    """Make the institution's whole log say that no invalid-card check was made."""
    provider, _ = judged.here
    day = date_of(judged.account["moment_day"])

    def apply(rows: Rows) -> None:
        _drop_checks(rows, "invalid_card_check")
        rows["standing_check_gaps"] = []
        log: Row = {
            **{"night": day, "feed": "verifications", "file": BELOW_ALL, "sha256": None, "provider_code": provider},
            **{"region_code": None, "all_regions": True, "business_codes": None, "all_business": True},
            **{"covers_from": day, "covers_to": day, "delivered": 0},
        }
        rows["standing_full_deliveries"] = [*rows["standing_full_deliveries"], log]

    return apply


def _drop_checks(rows: Rows, kind: str) -> None:
    rows["standing_verifications"] = [r for r in rows["standing_verifications"] if r["check_kind"] != kind]


def _exception(judged: Judged) -> Iterator[Change]:
    opening = judged.opening or {}
    claimed = opening.get("exception_code") is not None
    followed = opening.get("exception_followed_up_on") is not None
    day = date_of(judged.account["moment_day"])
    if judged.checks["card_check_result"] not in {"reported_lost", "invalid"}:
        return
    cells: Row
    if judged.checks["is_excepted"]:
        cells = {"exception_code": None, "exception_followed_up_on": None}
        yield Change("exception", "not_documented", None, is_unknown=False, apply=_opened(judged, cells))
    else:
        cells = {"exception_code": "urgent_need", "exception_followed_up_on": day}
        unknown = claimed and not followed
        yield Change("exception", "followed_up_in_time", None, is_unknown=unknown, apply=_opened(judged, cells))


def _opened(judged: Judged, cells: Row) -> Callable[[Rows], None]:
    """Change the cells of the openings, or make one."""
    provider, account = judged.here

    def apply(rows: Rows) -> None:
        openings = rows["standing_openings"] or [
            with_provenance({"provider_code": provider, "account_code": account}),
        ]
        rows["standing_openings"] = [{**row, **cells} for row in openings]

    return apply


def _duty(judged: Judged) -> Iterator[Change]:
    """Ask what a document on the duty could say, for each check that a finding asks about."""
    known = {f["check_kind"]: f["duty"] for f in judged.faults}
    for kind, duty in sorted(known.items()):
        for value in ("in_force", "not_in_force"):
            if duty != value:
                yield Change("duty", value, kind, is_unknown=duty == "unknown", apply=_bound(judged, kind, value))


def _bound(judged: Judged, kind: str, status: str) -> Callable[[Rows], None]:
    """Put a row into the calendar that names all that the account has, so that it wins (SPEC 7.2)."""
    account, opening, institution = judged.account, judged.opening or {}, judged.institution or {}
    day = date_of(account["moment_day"])
    row = {
        **{"duty_id": BELOW_ALL, "check_kind": kind, "provider_code": account["provider_code"]},
        **{"institution_kind": institution.get("kind") or "*"},
        **{"region_code": account["region_code"] or institution.get("region_code") or "*"},
        **{"business_code": account["business_code"] or "*", "account_type": account["account_type"]},
        **{"channel": opening.get("channel") or "*", "in_force_from": day, "in_force_to": day},
        **{"documented_to": day, "status": status, "source": None, "row": 0},
    }

    def apply(rows: Rows) -> None:
        rows["duties"] = [*rows["duties"], row]

    return apply


def _card_shown(judged: Judged, pairs: Iterable[Row]) -> Iterator[Change]:
    """Ask what another card would say: the card of a notice, one issued after the report, one from long before."""
    account = judged.account
    if account["document_kind"] == "other":
        return
    unknown = account["shown_on"] is None
    asked: dict[str, int] = {}
    for pair in pairs:
        if pair["noticed_on"] is not None:
            asked.setdefault("the_card_of_the_notice", pair["noticed_on"])
        newer = max(pair["noticed_on"] or 0, pair["reported_on"]) + 1
        if newer <= account["moment_day"]:
            asked["a_card_issued_after_the_report"] = newer
        elif pair["noticed_on"] is not None and pair["noticed_on"] < account["moment_day"]:
            asked["a_later_card"] = account["moment_day"]
        asked.setdefault("a_card_from_long_before", (pair["noticed_on"] or pair["reported_on"]) - 366)
    for value, day in asked.items():
        if day != account["shown_on"]:
            apply = _opened(judged, {"card_valid_from": date_of(day)})
            yield Change("card_shown", value, None, is_unknown=unknown, apply=apply)
    if any(f["rule_id"] == "R108" for f in judged.faults):
        apply = _opened(judged, {"card_valid_to": date_of(account["moment_day"])})
        yield Change("card_shown", "still_valid_at_the_moment", None, is_unknown=False, apply=apply)
