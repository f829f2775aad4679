"""Case sheets: one A4 page per case that a reviewer signs, for each recipient's first cases (SPEC 7.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pyarrow as pa

from creditaudit.engines import quoted
from creditaudit.reports.pictures import PICTURED, Picture, draw, gather
from creditaudit.reports.sheet_page import Names, Reader, render, source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from markupsafe import Markup

    from creditaudit.engines import Engine
    from creditaudit.reports.foreign import Foreign
    from creditaudit.reports.recipients import Recipient

# Sheets in one recipient's folder; what it gets beyond them is in its exceptions.csv.
MOST_SHEETS: Final = 200
FOLDER: Final = "cases"

# What is printed of a case, of the row of tonight and its subject.
SHEET_COLUMNS: Final = (
    *(
        "case_id",
        "episode",
        "provider_code",
        "account_code",
        "subject",
        "state",
        "tier",
        "verdict",
        "fault",
        "priority",
    ),
    *("duty_source", "first_seen", "due_on", "due_kind", "due_provisional", "holds_the_ball", "ask_for"),
    *("blind_spots", "stale_inputs", "next_step_ids", "reasons"),
)


def choose(engine: Engine, night: date) -> None:
    """Make ``sheet_cases``: the cases of tonight's sheets and of the page's pictures.

    Reads ``recipient_rows``, ``case_rows`` and ``case_subjects``. Makes ``sheet_recipients`` too: recipient, case_id,
    rank (by priority, the greatest first and none last, then in the order of the files) of every new and changed case.
    """
    engine.table(
        "sheet_recipients",
        """
        SELECT t.recipient, t.case_id, row_number() OVER (
            PARTITION BY t.recipient ORDER BY c.priority DESC NULLS LAST, t.place
        ) AS rank
        FROM recipient_rows AS t JOIN case_rows AS c ON c.case_id = t.case_id AND c.episode = t.episode
        WHERE t.change IS NOT NULL AND NOT t.is_data_quality
        """,
    )
    engine.table(
        "pictured_cases",
        f"""
        SELECT case_id, place FROM (
            SELECT case_id, row_number() OVER (
                ORDER BY priority DESC NULLS LAST, provider_code, account_code, case_id
            ) AS place
            FROM case_rows WHERE is_new AND NOT is_superseded
        ) AS placed WHERE place <= {PICTURED}
        """,
    )
    columns = ", ".join(f"c.{name}" for name in SHEET_COLUMNS)
    engine.table(
        "sheet_cases",
        f"""
        SELECT {columns}, CAST(epoch_day(c.due_on) - epoch_day(DATE '{night.isoformat()}') AS BIGINT) AS days_left,
            s.id_norm, s.account_type, s.opened_from, s.opened_to
        FROM case_rows AS c
        LEFT JOIN case_subjects AS s ON s.provider_code = c.provider_code AND s.subject = c.subject
        WHERE NOT c.is_superseded AND (
            c.case_id IN (SELECT case_id FROM sheet_recipients WHERE rank <= {MOST_SHEETS})
            OR c.case_id IN (SELECT case_id FROM pictured_cases))
        """,
    )


class CaseSheets:
    """The sheets of one night.

    Parameters
    ----------
    engine : Engine
        Holds what :func:`choose`, :func:`creditaudit.fault.sheet_facts.tell_elements`,
        :func:`creditaudit.audit.notices.tell_notices` and :func:`creditaudit.reports.pictures.gather` read,
        ``documents`` and ``rule_titles`` (rule_id, zh, en).
    night : date
    """

    def __init__(self, engine: Engine, night: date) -> None:
        self._engine = engine
        self._night = night
        self.facts = gather(engine)
        self._names = names_of(engine)
        self.written: dict[str, int] = {}
        self._links: dict[str, str] = {}
        self._drawn: dict[tuple[str, str], Markup | None] = {}

    def of(self, recipient: Recipient, foreign: Foreign) -> Iterator[tuple[str, bytes]]:
        """Yield name and bytes of every sheet in a recipient's folder, by the order of its queue."""
        chosen = self._engine.fetch(
            f"SELECT case_id FROM sheet_recipients WHERE recipient = {quoted(recipient.name)}"
            f" AND rank <= {MOST_SHEETS} ORDER BY rank"
        )["case_id"].to_pylist()
        reader = Reader(recipient.language, recipient.mask, self._hidden(recipient, foreign, chosen))
        self.written[recipient.name] = len(chosen)
        for case_id in chosen:
            name = f"{FOLDER}/{case_id}.html"
            self._links.setdefault(case_id, f"reports/{quote(recipient.name, safe='')}/{name}")
            picture = self._picture(case_id, recipient.language)
            yield name, render(self.facts[case_id], self._night, reader, self._names, picture)

    def pictures(self) -> list[Picture]:
        """Return the pictures of the first new cases, in the order of the queue, with links to the sheets written."""
        order = self._engine.fetch("SELECT case_id FROM pictured_cases ORDER BY place")["case_id"].to_pylist()
        told = (self.facts[case_id] for case_id in order)
        return [Picture(f.case, f.account, draw(f, None), self._links.get(f.case["case_id"])) for f in told]

    def _picture(self, case_id: str, language: str) -> Markup | None:
        """Draw a case once for all who read it in one language."""
        if (case_id, language) not in self._drawn:
            self._drawn[case_id, language] = draw(self.facts[case_id], language)
        return self._drawn[case_id, language]

    def _hidden(self, recipient: Recipient, foreign: Foreign, chosen: Sequence[str]) -> dict[str, str]:
        """Return what an institution reads in the place of evidence that names others (SPEC 10.1)."""
        if recipient.provider_code is None:
            return {}
        spots = {self.facts[c].case["blind_spots"] for c in chosen} - {None}
        sources = {source_of(e) for c in chosen for e in self.facts[c].elements} - {""}
        told: dict[str, str] = {}
        for texts, say_otherwise in ((spots, foreign.hidden_from), (sources, foreign.file_hidden_from)):
            given = sorted(texts)
            column = say_otherwise(recipient.provider_code, pa.chunked_array([pa.array(given, pa.string())]))
            told |= dict(zip(given, column.to_pylist(), strict=True))
        return told


def names_of(engine: Engine) -> Names:
    """Return what documents and rules are called, of ``documents`` and ``rule_titles``."""
    return Names(_named(engine, "documents", "document_id"), _named(engine, "rule_titles", "rule_id"))


def _named(engine: Engine, relation: str, key: str) -> dict[str, tuple[str, str]]:
    rows = engine.fetch(f"SELECT {key} AS name, zh, en FROM {relation} ORDER BY {key}").to_pylist()
    return {row["name"]: (row["zh"], row["en"]) for row in rows}
