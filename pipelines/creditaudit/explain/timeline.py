"""What happened around an account, in order, each with as much as is known of when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.explain.value import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from creditaudit.engines import Engine
    from creditaudit.explain.gather import Family
    from creditaudit.explain.worlds import Row

_OF_NOTICES = ("lost", "reported", "entered", "visible", "withdrawn", "collected")
_DAY = 86_400


def timeline(engine: Engine, family: Family, account: Row | None, notices: Iterable[Row]) -> tuple[Event, ...]:
    """Return the events of an account and of its person's notices, by start, then end (no bound last), then kind."""
    events = [*_of_notices(notices), *_of_account(engine, family, account)]
    return tuple(sorted(events, key=lambda e: (e.start, e.end is None, e.end or 0, e.what, sorted(e.about.items()))))


def _of_notices(notices: Iterable[Row]) -> Iterator[Event]:
    for notice in notices:
        about = {"notice": f"{notice['notice_source']} {notice['notice_id']}"}
        for what in _OF_NOTICES:
            if notice[f"{what}_from"] is not None:
                yield Event(what, notice[f"{what}_from"], notice[f"{what}_to"], about)


def _of_account(engine: Engine, family: Family, account: Row | None) -> Iterator[Event]:
    if account is not None and account["moment_from"] is not None:
        yield Event("moment", account["moment_from"], account["moment_to"])
    checks = engine.fetch(
        "SELECT DISTINCT v.provider_code, v.check_id, v.check_kind, v.result,"
        " epoch_second(v.checked_from) AS checked_from, epoch_second(v.checked_to) AS checked_to"
        " FROM family_verifications AS v WHERE EXISTS (SELECT 1 FROM family_codes AS c"
        "  WHERE c.provider_code = v.provider_code AND c.account_code = v.account_code)"
        " OR EXISTS (SELECT 1 FROM family_openings AS o JOIN family_codes AS c"
        "  ON c.provider_code = o.provider_code AND c.account_code = o.account_code"
        "  WHERE o.provider_code = v.provider_code AND o.session_id = v.session_id)"
    ).to_pylist()
    for check in checks:
        about = {"kind": check["check_kind"], "result": check["result"], "check": check["check_id"]}
        yield Event("check", check["checked_from"], check["checked_to"], about)
    closed = engine.fetch(
        f"SELECT epoch_day(closed_on) AS closed_on FROM family_rows WHERE {family.judging} AND closed_on IS NOT NULL"
    ).to_pylist()
    for row in closed:
        yield Event("closed", row["closed_on"] * _DAY, row["closed_on"] * _DAY + _DAY - 1)
