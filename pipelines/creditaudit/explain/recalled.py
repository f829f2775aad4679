"""What was believed of an account because of a file that was recalled, and that the recall took it back (SPEC 9)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from creditaudit.audit.lineage import build_lineage
from creditaudit.book.state import RECALLED_FILES, open_states
from creditaudit.book.state_files import state_rows
from creditaudit.engines import engine_aside, quoted
from creditaudit.feeds import FEEDS
from creditaudit.masking import each_text, numbers_hidden
from creditaudit.tables import CASE_EVENTS, CASES, FINDINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from creditaudit.book.layout import Book
    from creditaudit.engines import Engine
    from creditaudit.explain.worlds import Row


@dataclass(frozen=True, slots=True)
class RecalledFile:
    """A recalled delivery: its label with the feed before it, the night that read it, and the decision.

    ``lines`` are those that speak of the account or its person, in order; none: it counted by what it does not hold.
    """

    file: str
    read_on: date
    sha256: str
    lines: tuple[int, ...]
    decided_on: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recall:
    """What one night's recalls took back of one account or case.

    Parameters
    ----------
    night : date
        That took the decisions.
    files : tuple of RecalledFile
        By feed, night and name.
    gone, came : tuple of dict
        Findings (rule_id, verdict, notice_source, notice_id) that stood on the night before and not on this one, and
        the other way round; by rule and notice. Other rows of this night may have had a part in it.
    states : tuple of (str, str or None, str or None)
        case_id, state on the night before and on this one, of cases of which one differs (None: there was none).
    """

    night: date
    files: tuple[RecalledFile, ...]
    gone: tuple[Row, ...]
    came: tuple[Row, ...]
    states: tuple[tuple[str, str | None, str | None], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, without what reads as a person's number."""
        told = {
            "night": self.night.isoformat(),
            "files": [
                {
                    **{"file": one.file, "read_on": one.read_on.isoformat(), "sha256": one.sha256},
                    **{"lines": list(one.lines), "decided_on": one.decided_on, "by": one.by, "reason": one.reason},
                }
                for one in self.files
            ],
            "gone": list(self.gone),
            "came": list(self.came),
            "states": [{"case_id": case, "was": was, "now": now} for case, was, now in self.states],
        }
        hidden: dict[str, Any] = each_text(told, numbers_hidden)
        for shown, one in zip(hidden["files"], self.files, strict=True):
            shown["sha256"] = one.sha256  # hexadecimal, and ours: no number of a person
        return hidden


def recalls_of_case(book: Book, case: Row, person: str | None) -> list[dict[str, Any]]:
    """Return what recalls took back of a case, as plain values, by night.

    Parameters
    ----------
    book : Book
    case : dict
        provider_code, account_code and subject as published.
    person : str or None
        Its id_norm, as the book remembers it.
    """
    if not state_rows(book, RECALLED_FILES).num_rows or book.last is None:
        return []
    with engine_aside(reads=book.root) as engine:
        open_states(engine, book)
        build_lineage(engine, book.last)
        own = case["provider_code"], case["account_code"]
        codes = _lineage_of(engine, *own) if own[1] is not None else set()
        people = set() if person is None else {person}
        found = recalls_of(engine, book, codes, people, {(own[0], case["subject"])})
    return [one.as_dict() for one in found]


def _lineage_of(engine: Engine, provider: str, code: str) -> set[tuple[str, str]]:
    found = engine.fetch(
        "SELECT o.provider_code, o.account_code FROM lineage AS l JOIN lineage AS o"
        " ON o.head_provider = l.head_provider AND o.head_code = l.head_code"
        f" WHERE l.provider_code = {quoted(provider)} AND l.account_code = {quoted(code)}"
    )
    return {(provider, code), *zip(*(column.to_pylist() for column in found.columns), strict=True)}


def recalls_of(
    engine: Engine,
    book: Book,
    codes: set[tuple[str, str]],
    people: set[str],
    subjects: set[tuple[str, str]] | None = None,
) -> tuple[Recall, ...]:
    """Return what recalls took back, by night: those that speak of given codes or persons, or moved a case of them.

    Parameters
    ----------
    engine : Engine
        Has ``standing_openings``.
    book : Book
        As of the night that is asked for.
    codes : set of (str, str)
        Provider and code of every account meant; those that recalled rows add are put to them.
    people : set of str
        id_norm of the persons meant; likewise.
    subjects : set of (str, str), optional
        Provider and subject of cases beside those of the codes.
    """
    rows = state_rows(book, RECALLED_FILES).to_pylist()
    if not rows:
        return ()
    lines = _lines(engine, book, rows, codes, people)
    told = {(provider, f"account:{code}") for provider, code in codes} | (subjects or set())
    engine.load("told_subjects", _pairs(told, "provider_code", "subject"))
    found = [
        _of_night(engine, book, night, [row for row in rows if row["night"] == night], lines)
        for night in sorted({row["night"] for row in rows})
    ]
    engine.drop("told_subjects", "told_codes", "told_people")
    return tuple(one for one in found if one is not None)


def _pairs(values: set[tuple[str, str]], *names: str) -> pa.Table:
    rows = [dict(zip(names, value, strict=True)) for value in sorted(values)]
    return pa.Table.from_pylist(rows, schema=pa.schema([(name, pa.string()) for name in names]))


Lines = dict[tuple["date", str, str], tuple[int, ...]]

_AT = "k.provider_code = r.provider_code AND k.account_code = r.account_code"
_ABOUT_CODE = f"EXISTS (SELECT 1 FROM told_codes AS k WHERE {_AT})"
_ABOUT_PERSON = "(r.id_status <> 'bad_form' AND r.id_norm IN (SELECT id_norm FROM told_people))"
_OWN_OPENINGS = """SELECT 1 FROM standing_openings AS o JOIN told_codes AS k
    ON k.provider_code = o.provider_code AND k.account_code = o.account_code WHERE"""
# When a row of a feed speaks of the account: by its code, by its person, by what its opening names.
_ABOUT = {
    "accounts": _ABOUT_CODE,
    "openings": _ABOUT_CODE,
    "objections": f"({_ABOUT_CODE} OR {_ABOUT_PERSON})",
    "verifications": f"({_ABOUT_CODE} OR EXISTS ({_OWN_OPENINGS} o.provider_code = r.provider_code"
    " AND o.session_id = r.session_id))",
    "impostors": f"EXISTS ({_OWN_OPENINGS} o.handler_id_norm = r.id_norm)",
    "account_renames": "EXISTS (SELECT 1 FROM told_codes AS k WHERE"
    " (k.provider_code = r.provider_code AND k.account_code = r.old_account_code)"
    " OR (k.provider_code = COALESCE(r.new_provider_code, r.provider_code) AND k.account_code = r.new_account_code))",
    **dict.fromkeys(("loss_reports", "invalid_cards", "issuances", "fraud_alerts", "inquiries"), _ABOUT_PERSON),
}
# Renames and accounts first: a recalled row says which other codes, and whose, the account was held to be.
_ORDER = ("account_renames", "accounts", *(feed for feed in FEEDS if feed not in {"account_renames", "accounts"}))


def _lines(engine: Engine, book: Book, rows: list[Row], codes: set[tuple[str, str]], people: set[str]) -> Lines:
    """Return the lines of recalled deliveries that speak of codes or persons; both grow by what the rows say."""
    found: Lines = {}
    by_place: dict[tuple[int, date], list[Row]] = defaultdict(list)
    for row in rows:
        by_place[_ORDER.index(row["feed"]), row["read_on"]].append(row)
    for (place, read_on), here in sorted(by_place.items()):
        feed = _ORDER[place]
        engine.load("told_codes", _pairs(codes, "provider_code", "account_code"))
        engine.load("told_people", pa.table({"id_norm": pa.array(sorted(people), pa.string())}))
        engine.scan("recalled_then", book.parts(read_on, f"intake/{feed}"), FEEDS[feed].schema)
        which = " OR ".join(f"(r.file = {quoted(row['file'])} AND {row['row']} IN (0, r.row))" for row in here)
        spoken = engine.fetch(
            f"SELECT r.* FROM recalled_then AS r WHERE ({which}) AND {_ABOUT[feed]} ORDER BY r.file, r.row"
        ).to_pylist()
        engine.drop("recalled_then")
        for row in spoken:
            key = (read_on, feed, row["file"])
            found[key] = (*found.get(key, ()), row["line"])
            if feed == "accounts" and row["id_status"] != "bad_form":
                people.add(row["id_norm"])
            if feed == "account_renames":
                codes |= {
                    (row["provider_code"], row["old_account_code"]),
                    (row["new_provider_code"] or row["provider_code"], row["new_account_code"]),
                }
    return found


def _of_night(engine: Engine, book: Book, night: date, rows: list[Row], lines: Lines) -> Recall | None:
    """Return what one night took back; None: nothing of it speaks of the account or moved its case."""
    eve = max(sealed for sealed in book.sealed if sealed < night)
    decisions = {one["entry"]: one for one in book.manifests[night].get("recalls", ())}
    files = tuple(
        RecalledFile(
            f"{row['feed']}/{row['file']}",
            row["read_on"],
            row["sha256"],
            lines.get((row["read_on"], row["feed"], row["file"]), ()),
            *(str(decisions[row["entry"]][name]) for name in ("decided_on", "by", "reason")),
        )
        for row in sorted(rows, key=lambda r: (r["feed"], r["read_on"], r["file"], r["row"]))
    )
    spoken = tuple(one for one in files if one.lines)
    was, now = (_findings(engine, book, day) for day in (eve, night))
    states = _states(engine, book, eve, night)
    if not spoken and not _is_moved(engine, book, night, [case for case, _, _ in states]):
        return None
    return Recall(night, spoken or files, tuple(_less(was, now)), tuple(_less(now, was)), tuple(states))


def _less(some: list[Row], others: list[Row]) -> Iterator[Row]:
    return (one for one in some if one not in others)


_TOLD = """EXISTS (SELECT 1 FROM told_subjects AS t
    WHERE t.provider_code = p.provider_code AND t.subject = p.subject)"""


def _published(engine: Engine, book: Book, night: date, table: str, schema: pa.Schema) -> None:
    engine.scan("published_then", [book.folder(night) / "published" / f"{table}.parquet"], schema)


def _findings(engine: Engine, book: Book, night: date) -> list[Row]:
    _published(engine, book, night, "findings", FINDINGS)
    columns = "rule_id, verdict, notice_source, notice_id"
    found: list[Row] = engine.fetch(
        f"SELECT DISTINCT {columns} FROM published_then AS p WHERE {_TOLD} ORDER BY rule_id, notice_source, notice_id"
    ).to_pylist()
    return found


def _states(engine: Engine, book: Book, eve: date, night: date) -> list[tuple[str, str | None, str | None]]:
    """Return the cases whose last episode or its state is another on a night than on the one before."""
    sides: list[dict[str, tuple[int, str]]] = []
    for day in (eve, night):
        _published(engine, book, day, "cases", CASES)
        rows = engine.fetch(
            f"SELECT case_id, episode, state FROM published_then AS p WHERE {_TOLD} ORDER BY case_id, episode"
        ).to_pylist()
        sides.append({row["case_id"]: (row["episode"], row["state"]) for row in rows})
    was, now = sides
    return [
        (case, was[case][1] if case in was else None, now[case][1] if case in now else None)
        for case in sorted({*was, *now})
        if was.get(case) != now.get(case)
    ]


def _is_moved(engine: Engine, book: Book, night: date, cases: list[str]) -> bool:
    """Say whether a move of that night names a recall: of a file that holds no line of the account."""
    if not cases:
        return False
    _published(engine, book, night, "case_events", CASE_EVENTS)
    named = ", ".join(map(quoted, cases))
    found = engine.fetch(
        f"SELECT 1 AS n FROM published_then WHERE night = DATE '{night.isoformat()}' AND case_id IN ({named})"
        " AND (starts_with(proof, 'recalled:') OR contains(proof, 'recalled_file')) LIMIT 1"
    )
    return bool(found.num_rows)
