"""Why an account is flagged or cleared, in words: the same rows, the same SQL, for one person."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from creditaudit.audit.lineage import build_lineage
from creditaudit.audit.notices import build_notices
from creditaudit.audit.rulebook import RULE_FILE, Rule, parse_rule
from creditaudit.audit.rules_run import judge
from creditaudit.audit.sift import sift
from creditaudit.book.layout import Book, open_book
from creditaudit.book.state import open_states
from creditaudit.engines import Engine, open_engine, quoted
from creditaudit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_RELATION_WORDS = {
    "same": "the card shown is the card of the notice",
    "presumed_same": "the notice names no card, and the card shown was in the holder's hands before: presumed the same",
    "newer": "the card shown is newer than the card of the notice",
    "older": "the card shown is older than the card of the notice",
    "unknown": "which card was shown, or which one the notice means, cannot be told",
}
_CLEARED = {
    "newer_card_shown": "cleared: a newer card was shown",
    "no_card_shown": "not judged: no ID card was shown at the opening",
    "transferred_debt": "not judged: a transferred debt without its original account",
    "agreement_unknown": "not judged: the credit agreement's date is not known",
}


@dataclass(frozen=True)
class _Facts:
    """What the judgment of one account rests on."""

    night: date
    account: dict[str, Any]
    row: dict[str, Any]
    codes: list[str]
    pairs: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    findings: list[dict[str, Any]]
    clearances: list[dict[str, Any]]


def explain_account(root: Path, account: str, night: date | None) -> list[str]:
    """Return the explanation of one account, line by line.

    Parameters
    ----------
    root : Path
        The book.
    account : str
        ``PROVIDER/ACCOUNT``; any code of the account's lineage.
    night : date or None
        As known that night; None: the last sealed one.

    Raises
    ------
    UsageError
        The account's form is wrong, the book has no such night, or does not know the account.
    """
    provider, slash, code = account.partition("/")
    if not slash or not provider or not code:
        raise UsageError(
            "the account cannot be read", why="it is not PROVIDER/ACCOUNT", next_step="give for example B01/A000123"
        )
    book = open_book(root)
    book = Book(book.root, until=night)
    if book.last is None or (night is not None and book.last != night):
        raise UsageError(
            "there is nothing to explain yet",
            why="the book has no sealed night" if night is None else f"night {night} is not sealed",
            next_step="run a night first, or name a sealed one",
        )
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=2, memory_limit="2GiB")
        try:
            return list(_spoken(_gather(engine, book, provider, code)))
        finally:
            engine.close()


def _gather(engine: Engine, book: Book, provider: str, code: str) -> _Facts:
    """Judge one person's rows as the night did."""
    night = book.sealed[-1]
    open_states(engine, book)
    build_lineage(engine, night)
    here = f"provider_code = {quoted(provider)} AND account_code = {quoted(code)}"
    mapped = engine.fetch(f"SELECT head_provider, head_code FROM lineage WHERE {here}").to_pylist()
    head = (mapped[0]["head_provider"], mapped[0]["head_code"]) if mapped else (provider, code)
    family = (
        f"((provider_code, account_code) IN (SELECT (provider_code, account_code) FROM lineage"
        f" WHERE head_provider = {quoted(head[0])} AND head_code = {quoted(head[1])}) OR ({here}))"
    )
    engine.table("family_rows", f"SELECT * FROM standing_accounts WHERE {family}")
    engine.table("family_people", "SELECT DISTINCT id_norm FROM family_rows")
    engine.table(
        "person_accounts", f"SELECT * FROM standing_accounts WHERE id_norm IN (SELECT * FROM family_people) OR {family}"
    )
    engine.view("standing_accounts", "SELECT * FROM person_accounts")
    for table in ("loss_reports", "invalid_cards", "issuances"):
        engine.table(
            f"person_{table}", f"SELECT * FROM standing_{table} WHERE id_norm IN (SELECT * FROM family_people)"
        )
        engine.view(f"standing_{table}", f"SELECT * FROM person_{table}")
    build_notices(engine)
    sift(engine, night)
    judge(engine, _rules(book))
    at_head = f"provider_code = {quoted(head[0])} AND account_code = {quoted(head[1])}"
    accounts = engine.fetch(f"SELECT * FROM judged_accounts WHERE {at_head}").to_pylist()
    # The first is the row that judges: the same order as in the sift.
    rows = engine.fetch(
        "SELECT f.* FROM family_rows AS f LEFT JOIN lineage AS l"
        " ON l.provider_code = f.provider_code AND l.account_code = f.account_code"
        " ORDER BY f.report_date DESC, COALESCE(l.steps, 0), f.provider_code DESC, f.account_code DESC"
    ).to_pylist()
    if not rows:
        raise UsageError(
            "the account is not known",
            why=f"no accepted row of it is in the book as of night {night}",
            next_step="check the codes; a quarantined row is listed in published/quarantine.parquet",
        )
    codes = engine.fetch(
        f"SELECT provider_code || '/' || account_code AS code FROM lineage WHERE head_provider = {quoted(head[0])}"
        f" AND head_code = {quoted(head[1])} ORDER BY steps DESC, code"
    )
    return _Facts(
        night,
        accounts[0] if accounts else {"provider_code": head[0], "account_code": head[1], "no_judgment": True},
        rows[0],
        codes["code"].to_pylist(),
        engine.fetch(
            f"SELECT * FROM pairs WHERE {at_head} ORDER BY reported_from, notice_source, notice_id"
        ).to_pylist(),
        engine.fetch("SELECT * FROM notices ORDER BY reported_from, notice_source, notice_id").to_pylist(),
        engine.fetch(
            f"SELECT * FROM raw_findings WHERE {at_head} ORDER BY rule_id, notice_source, notice_id"
        ).to_pylist(),
        engine.fetch(f"SELECT * FROM clearances WHERE {at_head} ORDER BY notice_source, notice_id").to_pylist(),
    )


def _rules(book: Book) -> tuple[Rule, ...]:
    folder = book.folder(book.sealed[-1]) / "rules"
    return tuple(
        parse_rule(path.read_bytes(), f"rules/{path.parent.name}/{RULE_FILE}")
        for path in sorted(folder.glob(f"*/{RULE_FILE}"))
    )


def _spoken(facts: _Facts) -> Iterator[str]:
    account, row = facts.account, facts.row
    number = row["id_norm"]
    masked = number[:3] + "*" * (len(number) - 7) + number[-4:] if len(number) > 7 else "*" * len(number)  # noqa: PLR2004
    yield f"Account {account['provider_code']}/{account['account_code']} as known on night {facts.night}"
    yield "  This is a lead to check (待核查线索); it does not say that anyone is at fault."
    if len(facts.codes) > 1:
        yield f"  Lineage: {' -> '.join(facts.codes)}"
    yield (
        f"  Judged by the row reported on {row['report_date']}, accepted on night {row['night']}"
        f" from accounts/{row['file']} row {row['row']}, line {row['line']}"
    )
    yield f"  Person {masked}, id_status {row['id_status']}, id_type {row['id_type']}"
    yield f"  Account type {row['account_type']}"
    unmatched = _unmatched(row)
    if unmatched is not None:
        yield f"  {unmatched}"
    if account.get("no_judgment"):
        if unmatched is None:
            yield "  The person has no notice in either registry: there is nothing to judge."
        return
    if account["no_moment"]:
        yield f"  Moment: none ({account['no_moment']})"
    else:
        yield f"  Moment of the identity check: {_interval(account['moment_from'], account['moment_to'])}"
    shown = "none known" if account["shown_on"] is None else f"valid from {_day(account['shown_on'])}"
    until = "" if account["shown_to"] is None else f" to {_day(account['shown_to'])}"
    yield f"  Card shown at the opening: {shown}{until} (document_kind {account['document_kind'] or 'not given'})"
    paired = {(p["notice_source"], p["notice_id"]): p for p in facts.pairs}
    if not facts.notices:
        yield "  The person has no notice in either registry."
    for notice in facts.notices:
        yield from _notice(notice, paired.get((notice["notice_source"], notice["notice_id"])), facts)
    yield from _without_notice(facts)
    yield _conclusion(facts)


def _unmatched(row: dict[str, Any]) -> str | None:
    """Say why no notice can be the account's, whatever the registries hold (SPEC 3.2, 4)."""
    if row["id_type"] != "10":
        return f"Not judged by notices: id_type {row['id_type']} is not the citizen number, and not matched by number."
    if row["id_status"] == "bad_form":
        return "Not judged by notices: a number of status bad_form is never matched."
    return None


def _notice(notice: dict[str, Any], pair: dict[str, Any] | None, facts: _Facts) -> Iterator[str]:
    key = (notice["notice_source"], notice["notice_id"])
    event = f" ({notice['event']})" if notice["event"] else ""
    card = "no card named" if notice["noticed_on"] is None else f"card valid from {_day(notice['noticed_on'])}"
    yield f"  Notice {key[0]} {key[1]}: {notice['kind']}{event}, {card}"
    yield f"    reported {_interval(notice['reported_from'], notice['reported_to'])}"
    for name in ("lost", "withdrawn", "collected"):
        if notice[f"{name}_from"] is not None:
            yield f"    {name} {_interval(notice[f'{name}_from'], notice[f'{name}_to'])}"
    if notice["withdrawn_unreadable"]:
        yield "    a withdrawal was delivered that cannot be read"
    if pair is not None:
        yield f"    after: {pair['is_after']}, since {_compared(pair)}"
        if notice["kind"] == "lost":
            yield f"    standing at the moment: {pair['standing']}{_standing_words(pair)}"
        yield f"    card relation: {pair['relation']}, {_RELATION_WORDS[pair['relation']]}"
    for finding in facts.findings:
        if (finding["notice_source"], finding["notice_id"]) == key:
            yield f"    => {finding['rule_id']} {finding['verdict']}"
    for clearance in facts.clearances:
        if (clearance["notice_source"], clearance["notice_id"]) == key:
            yield f"    => {_CLEARED[clearance['reason']]} ({clearance['reason']})"


def _compared(pair: dict[str, Any]) -> str:
    """Say the comparison of moment and reported with its values."""
    moment_from, moment_to = _second(pair["moment_from"]), _second(pair["moment_to"])
    reported_from, reported_to = _second(pair["reported_from"]), _second(pair["reported_to"])
    if pair["is_after"] == "yes":
        return f"the moment begins {moment_from}, later than the end of reported, {reported_to}"
    if pair["is_after"] == "no":
        return f"the moment ends {moment_to}, earlier than the beginning of reported, {reported_from}"
    return f"[{moment_from}, {moment_to}] and [{reported_from}, {reported_to}] overlap"


def _standing_words(pair: dict[str, Any]) -> str:
    if pair["withdrawn_from"] is None:
        return ", a withdrawal cannot be read" if pair["withdrawn_unreadable"] else ", no effective withdrawal"
    withdrawn = f"[{_second(pair['withdrawn_from'])}, {_second(pair['withdrawn_to'])}]"
    return f", withdrawn {withdrawn} against moment [{_second(pair['moment_from'])}, {_second(pair['moment_to'])}]"


def _without_notice(facts: _Facts) -> Iterator[str]:
    for finding in facts.findings:
        if finding["notice_id"] is None:
            until = facts.account["shown_to"]
            words = "" if until is None else f": the card shown ended {_day(until)}, before the day of the moment"
            yield f"  => {finding['rule_id']} {finding['verdict']}{words}"


def _conclusion(facts: _Facts) -> str:
    if facts.findings:
        named = ", ".join(sorted({f"{f['rule_id']} {f['verdict']}" for f in facts.findings}))
        return f"  Result: flagged by {named}"
    if facts.clearances:
        return f"  Result: no finding; {', '.join(sorted({_CLEARED[c['reason']] for c in facts.clearances}))}"
    return "  Result: no finding"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _second(seconds: int) -> str:
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


def _day(days: int) -> str:
    return (_EPOCH + timedelta(days=days)).strftime("%Y-%m-%d")


def _interval(start: int, end: int) -> str:
    return _second(start) if start == end else f"[{_second(start)}, {_second(end)}]"
