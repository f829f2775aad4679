"""What a case sheet and a picture of a case show, gathered for many cases with few queries.

Everything is read of the rows in force and of what the book keeps of the judgment: a case whose person is not judged
tonight has the same sheet as it would have if it were.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from creditaudit.masking import without_numbers
from creditaudit.reports.drawing import Mark, timeline
from creditaudit.reports.dress import both, plain
from creditaudit.reports.words import code_words, say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from creditaudit.engines import Engine

Row = dict[str, Any]

# New cases that the page of a night has pictures of (SPEC 10.3).
PICTURED: Final = 50
# Rows of one picture: it has to stand on one page beside all the rest.
MOST_MARKS: Final = 14
_OF_NOTICES: Final = ("lost", "reported", "entered", "visible", "withdrawn")
_CHECKS: Final = ("card_check", "network_check", "person_check")


@dataclass(frozen=True)
class SheetFacts:
    """All that is shown of one case; nothing here is masked yet but by :attr:`account`.

    Parameters
    ----------
    case : dict
        Row of ``sheet_cases`` with what ``sheet_facts`` keeps of its judgment.
    findings : list of dict
        rule_id, verdict, notice_source, notice_id, relation, and moment and reported as seconds; the one that names the
        case first.
    marks : list of Mark
        In the order in which they are drawn.
    elements, flips : list of dict
        As :func:`creditaudit.fault.sheet_facts.tell_elements` makes them.
    steps : list of dict
        Rows of ``remedies`` that match, in the order of the table.
    """

    case: Row
    findings: list[Row] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    elements: list[Row] = field(default_factory=list)
    flips: list[Row] = field(default_factory=list)
    steps: list[Row] = field(default_factory=list)

    @property
    def account(self) -> str:
        """Institution and account, or inquiry, as a page may show them."""
        shown = [without_numbers(self.case["provider_code"])]
        code = self.case["account_code"]
        shown.append(without_numbers(code if code is not None else self.case["subject"]))
        return "/".join(shown)

    @property
    def shown(self) -> list[Mark]:
        """The marks that a picture has room for, in their order.

        The account's own stay (opening, checks, the moment, the card collected); of the notices' those of the one that
        named the case, then those nearest to the moment.
        """
        if len(self.marks) <= MOST_MARKS:
            return self.marks
        deciding = notice_called(self.findings[0] if self.findings else self.case)
        at = self.moment[0] if self.moment is not None else self.marks[-1].start

        def matters(place: int) -> tuple[bool, bool, int, int]:
            mark = self.marks[place]
            is_notice = mark.kind in {*_OF_NOTICES, "effective"}
            return is_notice, mark.about != deciding, abs(mark.start - at), place

        kept = sorted(range(len(self.marks)), key=matters)[:MOST_MARKS]
        return [self.marks[place] for place in sorted(kept)]

    @property
    def moment(self) -> tuple[int, int] | None:
        """When the identity was checked, in seconds; None: not known, or the case has none."""
        for row in (self.case, *self.findings):
            if row["moment_from"] is not None:
                return row["moment_from"], row["moment_to"]
        return None


@dataclass(frozen=True, slots=True)
class Picture:
    """One new case as the page of the night shows it."""

    case: Row
    account: str
    picture: Markup | None
    href: str | None


def notice_called(row: Row) -> str | None:
    """Return what a page calls the notice that a row names; None: it names none."""
    return None if row["notice_id"] is None else f"{row['notice_source']} {without_numbers(row['notice_id'])}"


def gather(engine: Engine) -> dict[str, SheetFacts]:
    """Return what is shown of each case of ``sheet_cases``, by case_id.

    Reads ``sheet_cases``, ``sheet_elements``, ``sheet_flips``, ``findings``, ``standing_sheet_facts``, ``remedies``,
    ``whole_loss_reports``, ``whole_invalid_cards`` and ``judged_sheet_notices``.
    """
    cases = engine.fetch(
        "SELECT s.*, f.notice_source, f.notice_id, f.rule_id, f.verdict AS judged_verdict, f.moment_from, f.moment_to,"
        " f.document_kind, f.shown_on, f.shown_to, f.grid_row"
        + "".join(f", f.{c}_id, f.{c}_result, f.{c}_from, f.{c}_to" for c in _CHECKS)
        + " FROM sheet_cases AS s LEFT JOIN standing_sheet_facts AS f"
        " ON f.provider_code = s.provider_code AND f.subject = s.subject ORDER BY s.case_id"
    ).to_pylist()
    if not cases:  # most nights of a small book: nothing else is asked
        return {}
    findings = _by_case(engine.fetch(_FINDINGS).to_pylist())
    engine.table("sheet_notices", _NOTICES)
    notices = _by_case(engine.fetch(_NOTICED).to_pylist())
    collected = _by_case(engine.fetch(_COLLECTED).to_pylist())
    engine.drop("sheet_notices")
    elements = _by_case(engine.fetch("SELECT * FROM sheet_elements ORDER BY case_id, place").to_pylist())
    flips = _by_case(engine.fetch("SELECT * FROM sheet_flips ORDER BY case_id, place").to_pylist())
    remedies = {row["remedy_id"]: row for row in engine.fetch("SELECT * FROM remedies ORDER BY row").to_pylist()}
    told = {}
    for case in cases:
        name = case["case_id"]
        own = findings.get(name, [])
        own.sort(key=lambda f: (f["rule_id"] != case["tier"], f["verdict"] != case["verdict"]))  # stable
        told[name] = SheetFacts(
            case,
            own,
            _marks(case, own, notices.get(name, []), collected.get(name, [])),
            elements.get(name, []),
            flips.get(name, []),
            [remedies[one] for one in (case["next_step_ids"] or "").split(";") if one in remedies],
        )
    return told


def draw(facts: SheetFacts, language: str | None) -> Markup | None:
    """Return the timeline of a case; None: no time is known of it.

    Parameters
    ----------
    facts : SheetFacts
    language : str or None
        ``zh``, ``en``; None: both, of which the page shows one.
    """
    marks = facts.shown
    if not marks:
        return None
    labels = [_label(mark, language) for mark in marks]
    heard = "; ".join(f"{say('en', f'event_{m.kind}', result=m.result)} {m.about}".strip() for m in marks)
    title = f"{facts.case['case_id']}: {plain(heard)}"
    return timeline(marks, labels, at=facts.moment, title=title, pattern=f"h-{facts.case['case_id']}")


def _label(mark: Mark, language: str | None) -> Markup:
    about = Markup(' <tspan class="tick">{}</tspan>').format(plain(mark.about)) if mark.about else Markup("")
    if language is None:
        # What a check answered is a code here: a word for it would have to be one of each language.
        return both(f"event_{mark.kind}", tag="tspan", result=mark.result) + about
    result = code_words(language, mark.result)
    return escape(say(language, f"event_{mark.kind}", result=result)) + about


def _by_case(rows: Iterable[Row]) -> dict[str, list[Row]]:
    return {name: list(found) for name, found in groupby(rows, key=lambda row: row["case_id"])}


def _marks(case: Row, findings: list[Row], notices: list[Row], collected: list[Row]) -> list[Mark]:
    """Return what is drawn: by when it began, the moment among the rest."""
    marks = []
    for notice in notices:
        about = notice_called(notice) or ""
        for kind in _OF_NOTICES:
            start = notice[f"{kind}_from"]
            if start is not None:
                named = "effective" if kind == "reported" and notice["is_effective"] else kind
                marks.append(Mark(named, start, notice[f"{kind}_to"], about))
    marks += [Mark("collected", row["collected_from"], row["collected_to"]) for row in collected]
    moment = next(((r["moment_from"], r["moment_to"]) for r in (case, *findings) if r["moment_from"] is not None), None)
    if moment is not None:
        marks.append(Mark("moment", *moment))
    opened = case["opened_from"], case["opened_to"]
    if opened[0] is not None and opened != moment:
        marks.append(Mark("opened", *opened))
    for check in _CHECKS:
        start = case[f"{check}_from"]
        if start is not None:
            about = without_numbers(case[f"{check}_id"] or "")
            marks.append(Mark(check, start, case[f"{check}_to"], about, case[f"{check}_result"] or ""))
    return sorted(marks, key=lambda m: (m.start, m.end is None, m.end or 0, m.kind, m.about))


_FINDINGS = """
    SELECT s.case_id, f.rule_id, f.verdict, f.notice_source, f.notice_id, f.relation,
        CAST(epoch_second(f.moment_from) AS BIGINT) AS moment_from,
        CAST(epoch_second(f.moment_to) AS BIGINT) AS moment_to,
        CAST(epoch_second(f.reported_from) AS BIGINT) AS reported_from,
        CAST(epoch_second(f.reported_to) AS BIGINT) AS reported_to
    FROM sheet_cases AS s JOIN findings AS f ON f.provider_code = s.provider_code AND f.subject = s.subject
    ORDER BY s.case_id, f.rule_id, f.notice_source NULLS FIRST, f.notice_id NULLS FIRST
"""

# The notices that a finding of the case names, or the one that decided it when its findings last stood.
_NOTICES = """
    SELECT DISTINCT s.case_id, s.id_norm, f.notice_source, f.notice_id
    FROM sheet_cases AS s JOIN findings AS f ON f.provider_code = s.provider_code AND f.subject = s.subject
    WHERE f.notice_id IS NOT NULL
    UNION
    SELECT s.case_id, s.id_norm, f.notice_source, f.notice_id
    FROM sheet_cases AS s JOIN standing_sheet_facts AS f ON f.provider_code = s.provider_code AND f.subject = s.subject
    WHERE f.notice_id IS NOT NULL
"""


def _instants(*stems: str, of: str) -> str:
    return ", ".join(
        f"CAST(epoch_second({of}.{stem}_{end}) AS BIGINT) AS {stem}_{end}" for stem in stems for end in ("from", "to")
    )


# visible: as delivered, else from the entry on, else from the report on (SPEC 5).
_NOTICED = f"""
    SELECT n.case_id, n.notice_source, n.notice_id, FALSE AS is_effective,
        {_instants("lost", "reported", "entered", "withdrawn", of="r")},
        CAST(epoch_second(COALESCE(r.visible_from, r.entered_from, r.reported_from)) AS BIGINT) AS visible_from,
        CAST(epoch_second(r.visible_to) AS BIGINT) AS visible_to
    FROM sheet_notices AS n
    JOIN whole_loss_reports AS r ON n.notice_source = 'loss_reports' AND r.report_no = n.notice_id
    UNION ALL BY NAME
    SELECT n.case_id, n.notice_source, n.notice_id, r.event <> 'reported_lost' AS is_effective,
        CAST(NULL AS BIGINT) AS lost_from, CAST(NULL AS BIGINT) AS lost_to,
        CAST(epoch_second(r.effective_from) AS BIGINT) AS reported_from,
        CAST(epoch_second(r.effective_to) AS BIGINT) AS reported_to,
        {_instants("entered", of="r")},
        CAST(epoch_second(w.withdrawn_from) AS BIGINT) AS withdrawn_from,
        CAST(epoch_second(w.withdrawn_to) AS BIGINT) AS withdrawn_to,
        CAST(epoch_second(COALESCE(r.visible_from, r.entered_from, r.effective_from)) AS BIGINT) AS visible_from,
        CAST(epoch_second(r.visible_to) AS BIGINT) AS visible_to
    FROM sheet_notices AS n
    JOIN whole_invalid_cards AS r ON n.notice_source = 'invalid_cards' AND r.event_id = n.notice_id
    LEFT JOIN (
        SELECT id_norm, withdraws_event_id, effective_from AS withdrawn_from, effective_to AS withdrawn_to,
            row_number() OVER (
                PARTITION BY id_norm, withdraws_event_id ORDER BY effective_from, effective_to, event_id
            ) AS place
        FROM whole_invalid_cards
        WHERE event = 'withdrawn' AND withdraws_event_id IN (SELECT notice_id FROM sheet_notices)
    ) AS w ON w.id_norm = r.id_norm AND w.withdraws_event_id = r.event_id AND w.place = 1
    ORDER BY case_id, notice_source, notice_id
"""

# When the card after a loss was collected, as the rules weigh it (SPEC 5); twins share it and are drawn once.
_COLLECTED = """
    SELECT DISTINCT n.case_id, j.collected_from, j.collected_to
    FROM sheet_notices AS n JOIN judged_sheet_notices AS j
        ON j.notice_source = n.notice_source AND j.notice_id = n.notice_id
    WHERE j.collected_from IS NOT NULL
    ORDER BY n.case_id, j.collected_from, j.collected_to
"""
