"""The facts that a fault verdict rests on, and what each could be instead.

A fact is one thing that a document could show: when the institution could see the notice, what its check answered,
which card was shown. Each has the few other values that a comparison of SPEC 5 to 7 can tell apart. Whether another
value changes the verdict is not decided here: the judgment is run again (:mod:`creditaudit.explain.flips`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from creditaudit.explain.worlds import Row, Rows

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_BELOW_ALL = "\x01"  # a made check sorts first among equals, and a made duty wins every tie
_TEXT_ABOVE_ALL = "\U0010ffff"


@dataclass(frozen=True)
class Change:
    """One fact with another value.

    Parameters
    ----------
    fact : str
        ``card_check``, ``visible``, ``duty`` …; the words of ``words.py`` name them.
    value : str
        The other value.
    about : str or None
        The notice (``loss_reports L1``), where the fact is one of a notice.
    is_unknown : bool
        The fact is not known today: a document could settle it. Otherwise what is known would have to be wrong.
    apply : callable
        Makes the change in a world's rows; gives new rows, never changes one in place.
    """

    fact: str
    value: str
    about: str | None
    is_unknown: bool
    apply: Callable[[Rows], None]

    @property
    def slot(self) -> tuple[str, str | None]:
        """What the change speaks of: two changes of one slot exclude each other."""
        return self.fact, self.about


@dataclass(frozen=True)
class Judged:
    """What the judgment says of one account as it is, in the engine's units (days, seconds)."""

    account: Row
    pairs: tuple[Row, ...]
    findings: tuple[Row, ...]
    checks: Row
    opening: Row | None
    faults: tuple[Row, ...]
    institution: Row | None

    @property
    def here(self) -> tuple[str, str]:
        """The account's newest codes."""
        return self.account["provider_code"], self.account["account_code"]


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
        *(change for pair in pairs for change in _notice(judged, pair)),
    )


def _moment(judged: Judged) -> Iterator[Change]:
    first, last = judged.account["moment_from"], judged.account["moment_to"]
    if first == last:
        return

    def at(second: int) -> Callable[[Rows], None]:
        def apply(rows: Rows) -> None:
            rows["standing_accounts"] = [
                {**row, **(_instant("agreement", second) if row["agreement_from"] else _instant("opened", second))}
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
        yield Change("in_person", "pass", None, is_unknown=True, apply=_checked(judged, "in_person", "pass"))


def _checked(judged: Judged, kind: str, result: str) -> Callable[[Rows], None]:
    """Make the last check of a kind say something: the account's checks of that kind go, one at the moment comes."""
    provider, account = judged.here

    def apply(rows: Rows) -> None:
        _drop_checks(rows, kind)
        last = judged.account["moment_to"]
        check = {
            **{"provider_code": provider, "account_code": account, "check_id": _TEXT_ABOVE_ALL, "session_id": None},
            **{"check_kind": kind, "result": result, **_instant("checked", last)},
        }
        rows["standing_verifications"] = [*rows["standing_verifications"], _with_provenance(check)]

    return apply


def _never_checked(judged: Judged) -> Callable[[Rows], None]:
    """Make the institution's whole log say that no invalid-card check was made."""
    provider, _ = judged.here
    day = _date(judged.account["moment_day"])

    def apply(rows: Rows) -> None:
        _drop_checks(rows, "invalid_card_check")
        rows["standing_check_gaps"] = []
        log: Row = {
            **{"night": day, "feed": "verifications", "file": _BELOW_ALL, "sha256": None, "provider_code": provider},
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
    day = _date(judged.account["moment_day"])
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
            _with_provenance({"provider_code": provider, "account_code": account}),
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
    day = _date(account["moment_day"])
    row = {
        **{"duty_id": _BELOW_ALL, "check_kind": kind, "provider_code": account["provider_code"]},
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
            apply = _opened(judged, {"card_valid_from": _date(day)})
            yield Change("card_shown", value, None, is_unknown=unknown, apply=apply)
    if any(f["rule_id"] == "R108" for f in judged.faults):
        apply = _opened(judged, {"card_valid_to": _date(account["moment_day"])})
        yield Change("card_shown", "still_valid_at_the_moment", None, is_unknown=False, apply=apply)


def _notice(judged: Judged, pair: Row) -> Iterator[Change]:
    source, key = pair["notice_source"], pair["notice_id"]
    about = f"{source} {key}"
    moment = judged.account["moment_from"], judged.account["moment_to"]

    def told(stem: str, second: int | None) -> Callable[[Rows], None]:
        return _registry(source, key, stem, second)

    visible_known = pair["visible_to"] is not None
    overlaps = not (pair["visible_from"] > moment[1] or (visible_known and pair["visible_to"] < moment[0]))
    if pair["kind"] != "cancelled":  # SPEC 7.1: the registry of cards does not tell of deaths
        if moment[0] - 1 >= pair["reported_from"] and not (visible_known and pair["visible_to"] < moment[0]):
            yield Change(
                "visible", "before_the_moment", about, is_unknown=overlaps, apply=told("visible", moment[0] - 1)
            )
        if pair["visible_from"] <= moment[1]:
            yield Change(
                "visible", "after_the_moment", about, is_unknown=overlaps, apply=told("visible", moment[1] + 1)
            )
    stem = "reported" if source == "loss_reports" else "effective"
    if pair["is_after"] == "maybe":
        for name, second in (("first", pair["reported_from"]), ("last", pair["reported_to"])):
            if pair["reported_from"] != pair["reported_to"]:
                yield Change("reported", f"at_its_{name}_second", about, is_unknown=True, apply=told(stem, second))
    if pair["kind"] == "lost":
        yield from _loss(pair, about, moment)
    else:
        yield Change("withdrawn", "the_event_was_annulled", about, is_unknown=False, apply=_annulled(pair))


def _loss(pair: Row, about: str, moment: tuple[int, int]) -> Iterator[Change]:
    """Yield what a lost notice's own times could be."""
    source, key = pair["notice_source"], pair["notice_id"]
    if pair["standing"] != "no" and moment[0] - 1 >= pair["reported_from"]:
        unread = bool(pair["withdrawn_unreadable"]) or pair["standing"] == "maybe"
        apply = _withdrawn(pair, moment[0] - 1)
        yield Change("withdrawn", "before_the_moment", about, is_unknown=unread, apply=apply)
    if pair["standing"] != "yes":
        unread = pair["standing"] == "maybe"
        yield Change("withdrawn", "not_at_all", about, is_unknown=unread, apply=_withdrawn(pair, None))
    if source == "loss_reports" and pair["lost_from"] is not None and pair["lost_from"] <= moment[1] + 1:
        unsure = pair["lost_to"] >= moment[0] and pair["lost_from"] <= moment[1]
        if moment[1] + 1 <= pair["reported_to"]:
            apply = _registry(source, key, "lost", moment[1] + 1)
            yield Change("lost", "after_the_moment", about, is_unknown=unsure, apply=apply)
        if unsure:
            yield Change(
                "lost", "before_the_moment", about, is_unknown=True, apply=_registry(source, key, "lost", moment[0] - 1)
            )
    if pair["relation"] == "unknown":
        known = pair["collected_from"] is not None
        undecided = not known or (pair["collected_from"] <= moment[1] and pair["collected_to"] >= moment[0])
        if not known or pair["collected_to"] >= moment[0]:
            apply = _collected(pair, moment[0] - 1)
            yield Change("collected", "before_the_moment", about, is_unknown=undecided, apply=apply)
        if not known or pair["collected_from"] <= moment[1]:
            apply = _collected(pair, moment[1] + 1)
            yield Change("collected", "after_the_moment", about, is_unknown=undecided, apply=apply)


def _registry(source: str, key: str, stem: str, second: int | None) -> Callable[[Rows], None]:
    """Give an instant of one notice another value."""
    relation, name = f"standing_{source}", "report_no" if source == "loss_reports" else "event_id"

    def apply(rows: Rows) -> None:
        rows[relation] = [{**r, **_instant(stem, second)} if r[name] == key else r for r in rows[relation]]

    return apply


def _withdrawn(pair: Row, second: int | None) -> Callable[[Rows], None]:
    """Withdraw a lost notice at a second, or not at all; a registry's notice by an event of its own."""
    source, key = pair["notice_source"], pair["notice_id"]

    def apply(rows: Rows) -> None:
        rows["standing_loss_reports"] = [
            {**r, **_instant("withdrawn", second if source == "loss_reports" and r["report_no"] == key else None)}
            | {"dropped": None}
            for r in rows["standing_loss_reports"]
        ]
        events = [r for r in rows["standing_invalid_cards"] if r["event"] != "withdrawn"]
        if source == "invalid_cards" and second is not None:
            events.append(_event(pair, second))
        rows["standing_invalid_cards"] = events

    return apply


def _annulled(pair: Row) -> Callable[[Rows], None]:
    def apply(rows: Rows) -> None:
        rows["standing_invalid_cards"] = [*rows["standing_invalid_cards"], _event(pair, pair["reported_to"])]

    return apply


def _event(pair: Row, second: int) -> Row:
    cells = {
        **{"event_id": _TEXT_ABOVE_ALL, "id_norm": pair["id_norm"], "id_status": "ok", "event": "withdrawn"},
        **{"withdraws_event_id": pair["notice_id"], **_instant("effective", second)},
    }
    return _with_provenance(cells)


def _collected(pair: Row, second: int) -> Callable[[Rows], None]:
    """Let the card that followed the loss be collected at a second."""
    day = _date(pair["reported_on"])

    def apply(rows: Rows) -> None:
        later = [{**r, **_instant("collected", second), "dropped": None} for r in rows["standing_issuances"]]
        kept = [r if r["card_valid_from"] < day else n for r, n in zip(rows["standing_issuances"], later, strict=True)]
        if kept != rows["standing_issuances"] or any(r["card_valid_from"] >= day for r in kept):
            rows["standing_issuances"] = kept
            return
        made = {"id_norm": pair["id_norm"], "id_status": "ok", "card_valid_from": day, "kind": "permanent"}
        rows["standing_issuances"] = [
            *rows["standing_issuances"],
            _with_provenance({**made, **_instant("collected", second)}),
        ]

    return apply


def _instant(stem: str, second: int | None) -> Row:
    moment = None if second is None else _EPOCH + timedelta(seconds=second)
    return {f"{stem}_from": moment, f"{stem}_to": moment}


def _date(day: int) -> date:
    return (_EPOCH + timedelta(days=day)).date()


def _with_provenance(cells: dict[str, Any]) -> Row:
    """Give a row that nobody delivered what every delivered row has."""
    return {"night": date(1970, 1, 1), "file": _BELOW_ALL, "row": 0, "line": 0, "dropped": None, **cells}
