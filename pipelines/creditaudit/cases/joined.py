"""Several cases of one account: how they become one matter, and part again (SPEC 8.1, 12).

A rename may join two accounts that both have a case, and the account of several objections may come. One case goes on,
the others stay open beside it until they are answered, or proven, or withdrawn with it: nothing is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.cases.known import CORRECTING_LIST
from creditaudit.tables import CASES

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_HOMES = pa.schema([(name, pa.string()) for name in ("case_id", "provider_code", "account_code")])

_NAMES = "provider_code, old_account_code, new_provider_code, new_account_code"


def find_homes(engine: Engine, book: Book, night: date) -> None:
    """Make ``case_homes`` (case_id, provider_code, account_code): cases whose rename was corrected tonight.

    Such a case goes with the account under whose code it was opened, not with the code that was a mistake. A rename
    that only the rows contradict still says where the account went, and moves no case back. Reads ``previous_cases``,
    ``standing_account_renames``, ``rows_before_account_renames`` and ``recalled_renames``; nights are looked up only
    where a rename of the book was changed tonight.

    Parameters
    ----------
    engine : Engine
    book : Book
        As of last night.
    night : date
    """
    engine.load("case_homes", _HOMES.empty_table())
    tonight = f"DATE '{night.isoformat()}'"
    is_any = engine.table("renames_now", f"SELECT * FROM standing_account_renames WHERE night = {tonight}")
    if not is_any and not engine.fetch("SELECT 1 AS n FROM recalled_renames LIMIT 1").num_rows:
        engine.drop("renames_now")
        return
    engine.view(  # what is in force, and what tonight's rows replaced of it, or its recalls took away
        "renames_before",
        f"SELECT {_NAMES} FROM standing_account_renames UNION ALL SELECT {_NAMES} FROM rows_before_account_renames"
        f" UNION ALL SELECT {_NAMES} FROM recalled_renames",
    )
    if engine.table("renamed_cases", _RENAMED):
        days = engine.fetch("SELECT DISTINCT opened_on FROM renamed_cases ORDER BY opened_on")["opened_on"].to_pylist()
        files = [book.folder(day) / "published" / "cases.parquet" for day in days]
        engine.scan("cases_then", [path for path in files if path.is_file()], CASES)
        engine.table("case_homes", _CASE_HOMES.format(night=tonight))
    engine.drop("renames_now", "renamed_cases", "cases_then", "renames_before")


# Cases that stand under the new code of some rename, on a night that changes one.
_RENAMED = """
    SELECT c.case_id, c.provider_code, c.account_code, min(c.first_seen) AS opened_on
    FROM previous_cases AS c
    JOIN renames_before AS b
        ON COALESCE(b.new_provider_code, b.provider_code) = c.provider_code AND b.new_account_code = c.account_code
    WHERE EXISTS (
        SELECT 1 FROM renames_now AS n JOIN rows_before_account_renames AS w
            ON w.provider_code = n.provider_code AND w.old_account_code = n.old_account_code
        WHERE w.new_provider_code IS DISTINCT FROM n.new_provider_code OR w.new_account_code <> n.new_account_code
            OR w.effective_on <> n.effective_on
    ) OR EXISTS (
        SELECT 1 FROM recalled_renames AS g
        WHERE COALESCE(g.new_provider_code, g.provider_code) = c.provider_code AND g.new_account_code = c.account_code
    )
    GROUP BY c.case_id, c.provider_code, c.account_code
"""

_CASE_HOMES = """
    WITH RECURSIVE opened AS (
        SELECT r.case_id, t.provider_code, t.account_code
        FROM renamed_cases AS r
        JOIN cases_then AS t ON t.case_id = r.case_id AND t.night = r.opened_on AND t.episode = 1
        WHERE t.account_code IS NOT NULL
    ), reached AS (
        SELECT case_id, provider_code, account_code FROM opened
        UNION
        SELECT r.case_id, COALESCE(e.new_provider_code, e.provider_code) AS provider_code,
            e.new_account_code AS account_code
        FROM reached AS r JOIN standing_account_renames AS e
            ON e.provider_code = r.provider_code AND e.old_account_code = r.account_code AND e.effective_on <= {night}
    )
    SELECT o.case_id, o.provider_code, o.account_code FROM opened AS o
    JOIN renamed_cases AS c ON c.case_id = o.case_id
    WHERE NOT EXISTS (SELECT 1 FROM reached AS r WHERE r.case_id = o.case_id
        AND r.provider_code = c.provider_code AND r.account_code = c.account_code)
"""


def answer_joined(engine: Engine) -> None:
    """Let an answer to a case be one to those that had joined it before tonight: it speaks of their account.

    Extends ``answers_all`` and ``answers_taken``; reads ``known_cases``. A case that has an answer of its own keeps it;
    one that was never sent takes none, and one whose correction is due is not confirmed by an answer (SPEC 8.2).
    """
    if not engine.table("joined_answers", _JOINED_ANSWERS):
        engine.drop("joined_answers")
        return
    told = "case_id, episode, outcome, answered_on, answered_by, by_kind, evidence_ref, entry, to_state"
    engine.table("answers_taken", f"SELECT {told} FROM answers_taken UNION ALL SELECT {told} FROM joined_answers")
    every = f"{told}, place, from_state"
    engine.table("answers_all", f"SELECT {every} FROM answers_all UNION ALL SELECT {every} FROM joined_answers")
    engine.drop("joined_answers")


_JOINED_ANSWERS = f"""
    SELECT k.case_id, k.episode, a.outcome, a.answered_on, a.answered_by, a.by_kind, a.evidence_ref, a.entry,
        a.to_state, 1 AS place, k.state AS from_state
    FROM known_cases AS k JOIN answers_taken AS a ON a.case_id = k.joined_to
    WHERE instr(k.held_by, 'joined:') > 0 AND k.state <> 'lead'
        AND NOT (a.outcome = '2' AND k.state IN ({CORRECTING_LIST}))
        AND NOT EXISTS (SELECT 1 FROM answers_taken AS o WHERE o.case_id = k.case_id)
"""
