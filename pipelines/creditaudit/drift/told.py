"""What recipients were sent about the cases that changed, and who must be told of them now (SPEC 8.1, 10.1)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from creditaudit.audit.findings import in_order
from creditaudit.book.case_state import CASE_LIFE, CASE_SUBJECTS
from creditaudit.book.files import storage
from creditaudit.book.reference import read
from creditaudit.book.state import open_state
from creditaudit.cases.known import OPEN_LIST
from creditaudit.cases.reviewers import name_reviewers
from creditaudit.drift.value import SENT, TELL
from creditaudit.reports.folders import WHY
from creditaudit.reports.sheets import EXCEPTIONS, RETRACTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine

_FILES: Final = ("exceptions.csv", "retractions.csv", "data_quality.csv")
# Both kinds of sheet begin alike, whatever the language of their titles.
_FIRST: Final = tuple(column.name for column in EXCEPTIONS[: len(RETRACTIONS) - 2])
_BOM: Final = b"\xef\xbb\xbf"


def read_sent(engine: Engine, book: Book, nights: Sequence[date]) -> pa.Table:
    """Make ``sent_rows``: every row of a recipient's files, up to the last night, of a case that changed.

    Rows of ``data_quality.csv`` that only say again what stood before (change ``all``) are left out.

    Returns
    -------
    pyarrow.Table
        Schema ``SENT``, sorted by its columns.
    """
    first = engine.fetch(
        "SELECT min(first_seen) AS night FROM all_cases AS k"
        " WHERE EXISTS (SELECT 1 FROM changes AS c WHERE c.case_id = k.case_id)"
    )["night"][0].as_py()
    cases = engine.fetch("SELECT DISTINCT case_id FROM changes WHERE case_id IS NOT NULL")["case_id"].combine_chunks()
    asked = [night for night in book.sealed if first is not None and first <= night <= nights[-1]]
    parts = [part for night in asked for part in _of_night(book, night, cases)]
    rows = in_order(pa.concat_tables([SENT.empty_table(), *parts]), SENT.names)
    engine.load("sent_rows", rows)
    return rows


def _of_night(book: Book, night: date, cases: pa.Array) -> Iterator[pa.Table]:
    folder = book.folder(night) / "reports"
    named = sorted({entry["path"].split("/")[1] for entry in book.manifests[night]["files"] if _is_report(entry)})
    for recipient in named:
        path = folder / recipient / "manifest.json"
        with storage(path):
            said = json.loads(path.read_bytes())
        for file in said["files"]:
            if file["file"] in _FILES and file["rows"]:
                yield _rows(folder / recipient / file["file"], recipient, night, cases)


def _is_report(entry: dict[str, Any]) -> bool:
    return bool(entry["path"].startswith("reports/") and entry["path"].endswith("/manifest.json"))


def _rows(path: Path, recipient: str, night: date, cases: pa.Array) -> pa.Table:
    """Return the rows of one sheet that are about these cases."""
    with storage(path), path.open("rb") as file:
        encoding = "utf-8" if file.read(len(_BOM)) == _BOM else "gb18030"
    names = [f"f{place}" for place in range(len(_FIRST))]
    with storage(path):
        sheet = pa_csv.read_csv(
            path,
            pa_csv.ReadOptions(encoding=encoding, skip_rows=1, autogenerate_column_names=True),
            pa_csv.ParseOptions(newlines_in_values=True),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=names,
                null_values=[""],
                strings_can_be_null=True,
            ),
        ).rename_columns(list(_FIRST))
    # What a spreadsheet would have mangled was written behind a quote mark (SPEC 10.2).
    cells = {name: pc.replace_substring_regex(sheet[name], "^'", "") for name in _FIRST}
    wanted = pc.and_(
        pc.is_in(cells["case_id"], value_set=cases),
        pc.or_(pc.not_equal(cells["change"], "all"), pa.scalar(path.name != "data_quality.csv")),
    )
    count = sheet.num_rows
    whole = {
        **cells,
        "recipient": pa.array([recipient] * count, pa.string()),
        "night": pa.array([night] * count, pa.date32()),
        "file": pa.array([path.name] * count, pa.string()),
    }
    return pa.table({name: whole[name] for name in SENT.names}).cast(SENT).filter(wanted)


# Whose matter each case is on the later night, and who has it from before.
_TELL: Final = """
    WITH cases AS (
        SELECT k.*, f.is_quiet, f.is_data_quality FROM last_episodes AS k
        LEFT JOIN sealed_life AS f ON f.case_id = k.case_id AND f.episode = k.episode
    ), listed AS (
        SELECT r.case_id, r.recipient FROM case_reviewers AS r JOIN cases AS k ON k.case_id = r.case_id
        WHERE k.state IN ({open}) AND NOT COALESCE(k.is_quiet, FALSE)
    ), had AS (
        SELECT DISTINCT s.case_id, s.recipient FROM sent_rows AS s JOIN cases AS k ON k.case_id = s.case_id
        WHERE NOT EXISTS (SELECT 1 FROM listed AS l WHERE l.case_id = s.case_id AND l.recipient = s.recipient)
    ), told AS (
        SELECT case_id, recipient, night, string_agg(DISTINCT file, ', ' ORDER BY file) AS file
        FROM sent_rows WHERE night > {a} GROUP BY case_id, recipient, night
    ), last_told AS (
        SELECT case_id, recipient, max(night) AS night FROM told GROUP BY case_id, recipient
    ), every_one AS (
        SELECT case_id, recipient, 'its_case' AS why FROM listed
        UNION ALL SELECT case_id, recipient, 'had_it' AS why FROM had
        UNION ALL SELECT case_id, NULL AS recipient, 'nobody' AS why FROM cases AS k
        WHERE NOT EXISTS (SELECT 1 FROM listed AS l WHERE l.case_id = k.case_id)
            AND NOT EXISTS (SELECT 1 FROM had AS h WHERE h.case_id = k.case_id)
    )
    SELECT e.case_id, e.recipient, e.why, t.night AS told_on, t.file,
        CASE WHEN e.why = 'had_it' THEN COALESCE(w.words, x.words) ELSE k.next_step END AS next_step
    FROM every_one AS e JOIN cases AS k ON k.case_id = e.case_id
    LEFT JOIN last_told AS l ON l.case_id = e.case_id AND l.recipient = e.recipient
    LEFT JOIN told AS t ON t.case_id = l.case_id AND t.recipient = l.recipient AND t.night = l.night
    LEFT JOIN left_lists AS w ON w.why = CASE WHEN k.state NOT IN ({open}) THEN k.state
        WHEN k.is_quiet THEN 'only_replaced_cards' END
    LEFT JOIN left_lists AS x ON x.why = 'moved'
"""


def find_told(engine: Engine, book: Book, nights: Sequence[date]) -> pa.Table:
    """Return who must be told of the cases that changed (schema ``TELL``, sorted by its columns).

    Reads ``changes``, ``all_cases`` and ``sent_rows``; makes what :func:`creditaudit.cases.reviewers.name_reviewers`
    does.

    Parameters
    ----------
    engine : Engine
    book : Book
    nights : sequence of date
    """
    after = book.then(nights[-1])
    for table in ("recipients", "institutions"):
        engine.load(table, read(book.folder(nights[-1]) / "reference", table))
    for kept, name in ((CASE_SUBJECTS, f"standing_{CASE_SUBJECTS.name}"), (CASE_LIFE, "sealed_life")):
        open_state(engine, after, kept.name, name)
    engine.table(
        "last_episodes",
        "SELECT * EXCLUDE (age) FROM (SELECT k.*, row_number() OVER (PARTITION BY case_id ORDER BY episode DESC) AS age"
        f" FROM all_cases AS k WHERE night = DATE '{nights[-1]}'"
        " AND EXISTS (SELECT 1 FROM changes AS c WHERE c.case_id = k.case_id)) AS aged WHERE age = 1",
    )
    name_reviewers(engine, "last_episodes", "case_reviewers", nights[-1])
    words = {"why": list(WHY), "words": [f"{zh} / {en}" for zh, en in WHY.values()]}
    engine.load("left_lists", pa.table(words))
    found = engine.fetch(_TELL.format(open=OPEN_LIST, a=f"DATE '{nights[0]}'"))
    return in_order(found.select(TELL.names).cast(TELL), TELL.names)
