"""Named circumstances of SPEC 3.1, 4, 6 and 7 that a random delivery must hold, beside the boundaries of ``edges``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference.account_rules import Checks, last_of
from reference.columns import RESULTS_OF_KIND
from reference.duties import FIELDS
from reference.identity import identify
from reference.lineage import build_accounts, original_of
from reference.notices import persons_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from reference.cells import Row
    from reference.duties import Duties
    from reference.judge import ReferenceBook
    from reference.lineage import Account, Code

SCOPE = ("provider_code", "region_code", "business_codes", "covers_from", "covers_to")

TRAITS = frozenset(
    {
        *(f"check that counts: {kind} {result}" for kind, results in RESULTS_OF_KIND.items() for result in results),
        "check by account code alone",
        "check by session alone",
        "check by both",
        "check under an older code of the lineage",
        "check under the newest code of a renamed account",
        "check of the same account code at another provider",
        "check of the same session at another provider",
        "card check: errors alone",
        "card check: an error after an answer",
        "card check: backfilled, of a later night than its account",
        *(f"full verifications file without {key}" for key in SCOPE),
        "full verifications file of all regions",
        "full verifications file of the account's region",
        "full verifications file of another region",
        "full verifications file of all business",
        "full verifications file of the account's business",
        "full verifications file of other business",
        "hole by account code",
        "hole by session",
        "hole by a line that does not split",
        "full verifications file with rows that are duplicates alone, covering",
        "duty by most fields",
        "duty by the nearer provider_code",
        "duty by the longest prefix",
        "duty by the latest in_force_from",
        "duty by the smallest duty_id",
        "duty beyond its documents",
        "duty of a grandparent",
        "duty by the institution's region",
        "institution in a cycle of parents",
        "group tonight is not the top ancestor at the moment",
        "settlement chain of two links",
        "settlement cycle",
        "settlement with itself",
        "C1 of a C1",
        "C1 cycle",
        "C1 without its original",
        "handler listed twice",
        "handler of bad form, listed",
    }
)


def traits_met(reference: ReferenceBook, night: date) -> set[str]:
    """Return the named circumstances that the book holds on a night."""
    accounts, by_code, _ = build_accounts(reference.book, night)
    checks = Checks.of(reference.book)
    impostors = [identify(row.get("id_number")).id_norm for row in reference.book.rows("impostors")]
    listed = persons_rows(reference.book, "impostors")
    met: set[str] = set()
    shared_codes = _abroad(checks.by_account, {(one.provider_code, one.account_code) for one in accounts})
    openings = [one.own_opening for one in accounts if one.own_opening is not None]
    sessions = {(row.get("provider_code"), row.get("session_id")) for row in openings}
    shared_sessions = _abroad(checks.by_session, sessions)
    for account in accounts:
        met |= set(_links(account, by_code))
        if account.moment is None or account.is_c1:
            continue
        met |= set(_of_checks(account, checks))
        if account.account_code in shared_codes:
            met.add("check of the same account code at another provider")
        if account.opening is not None and account.opening.get("session_id") in shared_sessions:
            met.add("check of the same session at another provider")
        met |= set(_of_scopes(reference, account))
        met |= set(_of_duty(reference.duties, account, night))
        handler = account.opening.get("handler_id_number") if account.opening is not None else None
        if handler is not None:
            number = identify(handler)
            if len(listed.get(number.id_norm, [])) > 1:
                met.add("handler listed twice")
            if not number.matchable and number.id_norm in impostors:
                met.add("handler of bad form, listed")
    return met


def _of_checks(account: Account, checks: Checks) -> Iterator[str]:
    counting = checks.counting(account)
    newest = (account.provider_code, account.account_code)
    session = account.opening.get("session_id") if account.opening is not None else None
    for row in counting:
        yield f"check that counts: {row.get('check_kind')} {row.get('result')}"
        code = (row.get("provider_code"), row.get("account_code"))
        by_code, by_session = code in account.codes, session is not None and row.get("session_id") == session
        yield f"check by {'both' if by_code and by_session else 'account code alone' if by_code else 'session alone'}"
        if by_code and code != newest:
            yield "check under an older code of the lineage"
        if code == newest and len(account.codes) > 1:
            yield "check under the newest code of a renamed account"
        if row.get("check_kind") == "invalid_card_check" and row.night > account.row.night:
            yield "card check: backfilled, of a later night than its account"
    cards = [row for row in counting if row.get("check_kind") == "invalid_card_check"]
    last = last_of(cards, "invalid_card_check")
    if last is not None and last.get("result") == "error":
        yield "card check: errors alone"
    elif cards and cards[-1] is not last:
        yield "card check: an error after an answer"


def _abroad(checked: Iterable[Code], owned: set[tuple[str, str | None]]) -> set[str]:
    """Return the codes, of accounts or sessions, that a check of another provider names."""
    owners = {code: provider for provider, code in owned}
    return {code for provider, code in checked if owners.get(code, provider) != provider}


def _of_scopes(reference: ReferenceBook, account: Account) -> Iterator[str]:
    region, business = account.row.get("region_code"), account.row.get("business_code")
    name = "full verifications file of "
    for file in reference.full_checks:
        if file.provider_code != account.provider_code:
            continue
        if file.regions is None:
            yield name + "all regions"
        elif region is not None:
            yield name + ("the account's region" if region.startswith(file.regions) else "another region")
        if file.businesses is None:
            yield name + "all business"
        elif business is not None:
            yield name + ("the account's business" if business in file.businesses else "other business")
        yield from _holes(file.holes, account)


def _holes(holes: list[Row], account: Account) -> Iterator[str]:
    codes = {code for _, code in account.codes}
    session = account.opening.get("session_id") if account.opening is not None else None
    for row in holes:
        if not row.values:
            yield "hole by a line that does not split"
        elif row.get("account_code") in codes:
            yield "hole by account code"
        elif session is not None and row.get("session_id") == session:
            yield "hole by session"


def _of_duty(duties: Duties, account: Account, night: date) -> Iterator[str]:
    asked = duties.asked(account)
    found = duties.competing(account, "invalid_card_check")
    line = asked.line
    if duties.institutions.group(account.provider_code, night) != line[-1]:
        yield "group tonight is not the top ancestor at the moment"
    last = duties.institutions.in_force(line[-1], asked.day)
    if last is not None and last["parent_code"]:
        yield "institution in a cycle of parents"
    if not found:
        return
    won = found[0]
    if won["provider_code"] in line[2:]:
        yield "duty of a grandparent"
    if won["region_code"] not in {"", "*"} and account.row.get("region_code") is None:
        yield "duty by the institution's region"
    if won["documented_to"] and duties.of(account, "invalid_card_check").duty == "unknown":
        yield "duty beyond its documents"
    if len(found) > 1:
        yield _decided_by(won, found[1], line)


def _decided_by(won: dict[str, str], lost: dict[str, str], line: list[str]) -> str:
    """Say which comparison of SPEC 7.2 told the winner from the next."""

    def stated(row: dict[str, str]) -> int:
        return sum(row[name] not in {"", "*"} for name in FIELDS)

    def distance(row: dict[str, str]) -> int:
        return line.index(row["provider_code"]) if row["provider_code"] in line else len(line)

    if stated(won) != stated(lost):
        return "duty by most fields"
    if distance(won) != distance(lost):
        return "duty by the nearer provider_code"
    if len(won["region_code"].strip("*")) != len(lost["region_code"].strip("*")):
        return "duty by the longest prefix"
    same = won["in_force_from"].replace("-", "") == lost["in_force_from"].replace("-", "")
    return "duty by the smallest duty_id" if same else "duty by the latest in_force_from"


def _links(account: Account, by_code: dict[Code, Account]) -> Iterator[str]:
    walked = [account]
    while (named := _settled_with(walked[-1], by_code)) is not None and named not in walked:
        walked.append(named)
    if named is account and len(walked) > 1:
        yield "settlement cycle"
    if named is account and len(walked) == 1:
        yield "settlement with itself"
    if len(walked) > 2:
        yield "settlement chain of two links"
    if account.is_c1:
        original = original_of(account, by_code)
        if original is None:
            yield "C1 without its original"
        elif original.is_c1:
            yield "C1 of a C1"
            if account.unjudged == "transferred_debt" and _reaches_itself(account, by_code):
                yield "C1 cycle"


def _settled_with(account: Account, by_code: dict[Code, Account]) -> Account | None:
    settlement = (account.row.get("settlement_provider_code"), account.row.get("settlement_account_code"))
    return by_code.get(settlement) if None not in settlement else None


def _reaches_itself(account: Account, by_code: dict[Code, Account]) -> bool:
    walked = [account]
    while (original := original_of(walked[-1], by_code)) is not None and original.is_c1 and original not in walked:
        walked.append(original)
    return original is account


def files_met(files: list[tuple[dict[str, object], list[list[str]]]]) -> set[str]:
    """Return the traits of full verifications files, given as their control and the reasons of each row."""
    met = {
        f"full verifications file without {key}" for control, _ in files for key in SCOPE if control.get(key, "") == ""
    }
    for control, reasons in files:
        lost = [why for why in reasons if why]
        if all(key in control for key in SCOPE) and lost and all(why == ["duplicate"] for why in lost):
            met.add("full verifications file with rows that are duplicates alone, covering")
    return met
