"""An explanation in words, line by line, in English or Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.explain.flips import LARGEST
from creditaudit.explain.words import day, element_words, interval, say, second, value_words
from creditaudit.masking import numbers_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from creditaudit.explain.flips import Flip
    from creditaudit.explain.value import Event, Explanation
    from creditaudit.explain.worlds import Row

_FACTS_OF_NOTICES = ("lost", "withdrawn", "collected")


def spoken(of: Explanation, language: str) -> Iterator[str]:
    """Yield the lines of an explanation, without what reads as a person's number in a code or a key.

    Parameters
    ----------
    of : Explanation
    language : {"en", "zh"}
    """
    yield numbers_hidden(say(language, "head", account=f"{of.provider_code}/{of.account_code}", night=of.night))
    for line in _indented(of, language):
        yield numbers_hidden(f"  {line}")


def _indented(of: Explanation, language: str) -> Iterator[str]:
    row = of.row
    yield say(language, "lead")
    if of.absence is not None:
        yield say(language, "absent", case_id=of.absence[0], proven_on=of.absence[1])
    yield from _recalls(of, language)
    if of.codes:
        yield say(language, "lineage", codes=" -> ".join(of.codes))
    source = f"accounts/{row['file']} row {row['row']}, line {row['line']}"
    yield say(language, "judged_by", report_date=row["report_date"], night=row["night"], source=source)
    yield say(language, "person", masked=of.id_masked, id_status=row["id_status"], id_type=row["id_type"])
    yield say(language, "account_type", account_type=row["account_type"])
    unmatched = _unmatched(row)
    if unmatched is not None:
        yield say(language, unmatched, id_type=row["id_type"])
    if of.account is None:
        if unmatched is None:
            yield say(language, "nothing_to_judge")
        return
    yield from _account(of.account, language)
    paired = {(p["notice_source"], p["notice_id"]): p for p in of.pairs}
    if not of.notices and unmatched is None:
        yield say(language, "no_notice")
    for notice in of.notices:
        yield from _notice(of, notice, paired.get((notice["notice_source"], notice["notice_id"])), language)
    for finding in of.findings:
        if finding["notice_id"] is None:
            yield _without_notice(of, finding, language)
    yield _conclusion(of, language)
    yield from _fault(of, language)
    yield from _timeline(of, language)


def _recalls(of: Explanation, language: str) -> Iterator[str]:
    for recall in of.recalls:
        for one in recall.files:
            lines = ", ".join(map(str, one.lines))
            yield say(
                language,
                "recalled",
                **{"night": recall.night, "file": one.file, "read_on": one.read_on, "sha256": one.sha256[:16]},
                **{"by": one.by, "decided_on": one.decided_on, "reason": one.reason},
                lines=say(language, "recalled_lines", lines=lines) if lines else say(language, "recalled_absence"),
            )
        for key, findings in (("recalled_gone", recall.gone), ("recalled_came", recall.came)):
            if findings:
                yield "  " + say(language, key, findings=", ".join(map(_named, findings)))
        if not recall.gone and not recall.came:
            yield "  " + say(language, "recalled_same")
        for case_id, was, now in recall.states:
            none = say(language, "recalled_no_case")
            yield "  " + say(language, "recalled_case", case_id=case_id, was=was or none, now=now or none)


def _named(finding: Row) -> str:
    notice = f" ({finding['notice_source']} {finding['notice_id']})" if finding["notice_id"] else ""
    return f"{finding['rule_id']} {finding['verdict']}{notice}"


def _unmatched(row: Row) -> str | None:
    """Say why no notice can be the account's, whatever the registries hold (SPEC 3.2, 4)."""
    if row["id_type"] != "10":
        return "other_id"
    return "bad_form" if row["id_status"] == "bad_form" else None


def _account(account: Row, language: str) -> Iterator[str]:
    if account["no_moment"]:
        yield say(language, "no_moment", why=account["no_moment"])
    else:
        yield say(language, "moment", when=interval(account["moment_from"], account["moment_to"]))
    shown, until = account["shown_on"], account["shown_to"]
    key = ("card_none" if shown is None else "card_from") + ("" if until is None else "_to")
    card = say(language, key, day="" if shown is None else day(shown), until="" if until is None else day(until))
    yield say(language, "shown", card=card, kind=account["document_kind"] or say(language, "not_given"))


def _notice(of: Explanation, notice: Row, pair: Row | None, language: str) -> Iterator[str]:
    key = (notice["notice_source"], notice["notice_id"])
    kind = notice["kind"] + (f" ({notice['event']})" if notice["event"] else "")
    named = notice["noticed_on"]
    card = say(language, "no_card_named") if named is None else say(language, "card_from", day=day(named))
    yield say(language, "notice", notice=" ".join(key), kind=kind, card=card)
    yield "  " + say(language, "reported", when=interval(notice["reported_from"], notice["reported_to"]))
    for fact in _FACTS_OF_NOTICES:
        if notice[f"{fact}_from"] is not None:
            yield "  " + say(language, fact, when=interval(notice[f"{fact}_from"], notice[f"{fact}_to"]))
    if notice["withdrawn_unreadable"]:
        yield "  " + say(language, "unread_withdrawal")
    if pair is not None:
        times = {n: second(pair[n]) for n in ("moment_from", "moment_to", "reported_from", "reported_to")}
        why = say(language, f"after_{pair['is_after']}", **times)
        yield "  " + say(language, "after", after=pair["is_after"], why=why)
        if notice["kind"] == "lost":
            yield "  " + say(language, "standing", standing=pair["standing"], why=_standing(pair, language))
        words = say(language, f"relation_{pair['relation']}")
        yield "  " + say(language, "relation", relation=pair["relation"], words=words)
    for finding in of.findings:
        if (finding["notice_source"], finding["notice_id"]) == key:
            yield "  " + say(language, "finding", rule=finding["rule_id"], verdict=finding["verdict"])
    for clearance in of.clearances:
        if (clearance["notice_source"], clearance["notice_id"]) == key:
            reason = clearance["reason"]
            yield "  " + say(language, "clearance", words=say(language, reason), reason=reason)


def _standing(pair: Row, language: str) -> str:
    if pair["withdrawn_from"] is None:
        return say(language, "standing_unread" if pair["withdrawn_unreadable"] else "standing_none")
    withdrawn = f"[{second(pair['withdrawn_from'])}, {second(pair['withdrawn_to'])}]"
    moment = f"[{second(pair['moment_from'])}, {second(pair['moment_to'])}]"
    return say(language, "standing_against", withdrawn=withdrawn, moment=moment)


def _without_notice(of: Explanation, finding: Row, language: str) -> str:
    until = None if of.account is None else of.account["shown_to"]
    if finding["rule_id"] == "R108" and until is not None:
        return say(language, "finding_expired", rule="R108", verdict=finding["verdict"], until=day(until))
    return say(language, "finding", rule=finding["rule_id"], verdict=finding["verdict"])


def _conclusion(of: Explanation, language: str) -> str:
    if of.findings:
        return say(
            language, "flagged", named=", ".join(sorted({f"{f['rule_id']} {f['verdict']}" for f in of.findings}))
        )
    if of.clearances:
        words = ", ".join(sorted({say(language, c["reason"]) for c in of.clearances}))
        return say(language, "unflagged_since", words=words)
    return say(language, "unflagged")


def _fault(of: Explanation, language: str) -> Iterator[str]:
    if not of.findings:
        return
    if of.deciding is None:
        yield say(language, "fault_not_applicable")
        return
    d = of.deciding
    yield say(language, "fault", fault=d.fault, knowable=d.knowable, duty=d.duty, performed=d.performed)
    finding = f"{d.rule_id} {d.verdict}" + (f", {d.notice}" if d.notice else "")
    why = d.why[0 if language == "en" else 1]
    yield "  " + say(language, "grid_row", row=d.grid_row, finding=finding, why=why)
    if d.duty_source:
        yield "  " + say(language, "duty_source", source=d.duty_source)
    yield say(language, "elements")
    for element in of.elements:
        source = "" if element.source is None else say(language, "from_source", source=element.source)
        name, status = element_words(language, element.name), element_words(language, element.status)
        yield "  " + say(language, "element", name=name, status=status, source=source)
    yield say(language, "flips")
    for flip in of.flips:
        yield "  " + _flip(flip, language)
    if not of.flips:
        yield "  " + say(language, "flips_none", largest=of.flips_up_to)
    if of.flips_up_to < LARGEST:
        yield "  " + say(language, "flips_more", tried=of.flips_up_to)
    if of.ask_for:
        yield say(language, "ask_for")
        for _, english, chinese in of.ask_for:
            yield "  - " + (english if language == "en" else chinese)


def _flip(flip: Flip, language: str) -> str:
    changes = say(language, "and").join(
        say(
            language,
            "change",
            fact=say(language, f"fact_{c.fact}", about=c.about),
            value=value_words(language, c.value),
        )
        for c in flip.changes
    )
    fault = flip.answer.fault or say(language, "flip_no_finding")
    note = say(language, "flip_open" if len(flip.unknown) == len(flip.changes) else "flip_against")
    return say(language, "flip", changes=changes, fault=fault, note=note)


def _timeline(of: Explanation, language: str) -> Iterator[str]:
    yield say(language, "timeline")
    for event in of.timeline:
        yield "  " + say(
            language, "event", when=_when(event, language), what=say(language, f"event_{event.what}", **event.about)
        )


def _when(event: Event, language: str) -> str:
    if event.end is None:
        return say(language, "open_end", start=second(event.start))
    return interval(event.start, event.end)
