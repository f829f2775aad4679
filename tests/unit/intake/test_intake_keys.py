"""Which of a night's rows stand (SPEC 3.3, 12): the program against a plain reading of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditaudit.feeds import FEEDS
from creditaudit.intake.keys import resolve
from unit.kit import OTHER, PERSON, interval, typed

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Row = dict[str, Any]
Place = tuple[str, int]

# SPEC 3.3, as the page says it.
KEYS = {
    "accounts": ("provider_code", "account_code"),
    "openings": ("provider_code", "account_code"),
    "loss_reports": ("report_no",),
    "invalid_cards": ("event_id",),
    "issuances": ("id_number", "card_valid_from", "kind"),
}
DECIDING = {
    "accounts": ("report_date",),
    "loss_reports": ("entered_at",),
    "invalid_cards": ("entered_at", "effective_at"),
    "openings": (),
    "issuances": (),
}
REPORTING = ("report_reason", "currency", "amount", "balance", "overdue_amount", "status", "closed_on")

INSTANTS = st.sampled_from([None, "2026-11-01", "2026-11-01 10:00", "2026-11-01 10:00:30", "2026-11-02"])
GIVEN = st.sampled_from(["2026-11-01", "2026-11-01 10:00", "2026-11-01 10:00:30", "2026-11-02"])
NUMBERS = st.sampled_from(["0", "1", "2", "3"])
PEOPLE = st.sampled_from([PERSON, PERSON, OTHER])
CELLS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "accounts": {
        "provider_code": st.sampled_from(["B01", "B02"]),
        "account_code": NUMBERS,
        "report_date": st.sampled_from(["2026-11-01", "2026-11-02", "2026-11-03"]),
        "id_number": PEOPLE,
        "account_type": st.sampled_from(["D1", "D1", "D1", "R1"]),
        "amount": st.sampled_from([None, 9, 10, 100]),
        "balance": st.sampled_from([None, -1]),
        "status": st.sampled_from([None, "Z", "a", "正", "￥", "𠀀"]),
        "closed_on": st.sampled_from([None, "2026-10-09", "2026-10-10"]),
    },
    "openings": {
        "provider_code": st.just("B01"),
        "account_code": NUMBERS,
        "channel": st.sampled_from([None, "counter"]),
        "card_valid_from": st.sampled_from([None, "2020-01-01"]),
    },
    "loss_reports": {
        "report_no": NUMBERS,
        "id_number": PEOPLE,
        "entered_at": INSTANTS,
        "reported_at": st.just("2026-10-01"),
        "channel": st.sampled_from([None, "x"]),
    },
    "invalid_cards": {
        "event_id": NUMBERS,
        "id_number": st.just(PERSON),
        "entered_at": INSTANTS,
        "effective_at": GIVEN,
        "event": st.sampled_from(["reported_lost", "withdrawn"]),
    },
    "issuances": {
        "id_number": PEOPLE,
        "card_valid_from": st.sampled_from(["2020-01-01", "2020-01-02"]),
        "kind": st.sampled_from(["permanent", "temporary"]),
        "collected_at": st.sampled_from([None, "2020-02-01"]),
    },
}


def order(feed: str, a: Row, b: Row) -> int:
    """-1 where ``a`` is certainly before ``b``, 1 where it is certainly after, else 0."""
    for column in DECIDING[feed]:
        if a[column] is None or b[column] is None:
            continue
        (a_from, a_to), (b_from, b_to) = interval(a[column]), interval(b[column])
        if a_to < b_from:
            return -1
        if a_from > b_to:
            return 1
    return 0


def key_of(feed: str, row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEYS[feed])


def cells(feed: str, row: Row, without: tuple[str, ...] = ()) -> tuple[Any, ...]:
    return tuple(row[name] for name in CELLS[feed] if name not in without)


def weight(row: Row) -> tuple[Any, ...]:
    """What makes one of several reporting rows the greatest: missing smallest, text by code point."""
    return tuple((row.get(name) is not None, row.get(name) or 0) for name in REPORTING)


def plain(feed: str, tonight: list[Row], book: list[Row]) -> tuple[dict[Place, str], dict[Place, bool]]:
    """SPEC 3.3 (a), (b), (c), word by word: reasons of the rows that fall, and of accepted known keys: the same row?"""
    rejected: dict[Place, str] = {}
    standing = {key_of(feed, row): row for row in book}
    for key in {key_of(feed, row) for row in tonight}:
        rows = [row for row in tonight if key_of(feed, row) == key]
        left = []
        for row in sorted(rows, key=lambda r: (r["file"], r["row"])):
            if key in standing and order(feed, row, standing[key]) == -1:
                rejected[row["file"], row["row"]] = "stale"
            elif any(cells(feed, row) == cells(feed, other) for other in left):
                rejected[row["file"], row["row"]] = "duplicate"
            else:
                left.append(row)
        if feed == "accounts":
            greatest = [
                max((o for o in left if cells(feed, o, REPORTING) == firm), key=weight)
                for firm in {cells(feed, row, REPORTING) for row in left}
            ]
            for row in left:
                if row not in greatest:
                    rejected[row["file"], row["row"]] = "duplicate"
            left = greatest
        winners = [row for row in left if all(order(feed, row, other) == 1 for other in left if other is not row)]
        for row in left:
            if row not in winners:
                rejected[row["file"], row["row"]] = "stale" if winners else "conflict"
    known = {
        (row["file"], row["row"]): cells(feed, row) == cells(feed, standing[key_of(feed, row)])
        for row in tonight
        if key_of(feed, row) in standing and (row["file"], row["row"]) not in rejected
    }
    return rejected, known


def resolved(
    engine: Engine, feed: str, tonight: list[Row], book: list[Row]
) -> tuple[dict[Place, str], dict[Place, bool]]:
    engine.load("tonight", typed(feed, tonight))
    engine.load("standing", typed(feed, book))
    names = resolve(engine, FEEDS[feed], "tonight", "standing")
    rejected = engine.fetch(f"SELECT * FROM {names.rejected}").to_pylist()
    known = engine.fetch(f"SELECT * FROM {names.known}").to_pylist()
    found = {(r["file"], r["row"]): r["reason"] for r in rejected}, {(r["file"], r["row"]): r["same"] for r in known}
    assert (len(found[0]), len(found[1])) == (len(rejected), len(known)), "a row is named twice"
    return found


def drawn(data: st.DataObject, feed: str) -> tuple[list[Row], list[Row]]:
    rows = data.draw(st.lists(st.fixed_dictionaries(CELLS[feed]), max_size=24), label="tonight")
    files = data.draw(st.lists(st.sampled_from(["a.csv", "b.csv"]), min_size=len(rows), max_size=len(rows)))
    tonight = [{**row, "file": file, "row": n} for n, (row, file) in enumerate(zip(rows, files, strict=True), start=1)]
    keyed = data.draw(st.lists(st.fixed_dictionaries(CELLS[feed]), max_size=4), label="book")
    return tonight, list({key_of(feed, row): row for row in keyed}.values())


@pytest.mark.parametrize("feed", CELLS)
def test_every_row_has_the_fate_that_the_page_gives_it(engine: Engine, feed: str) -> None:
    """SPEC 3.3 for random rows of few keys, each key with several rows."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        tonight, book = drawn(data, feed)
        assert resolved(engine, feed, tonight, book) == plain(feed, tonight, book)

    check()


ACCOUNT = {
    "provider_code": "B01",
    "account_code": "A",
    "report_date": "2026-11-02",
    "id_number": PERSON,
    "account_type": "D1",
    "amount": None,
    "balance": None,
    "status": None,
    "closed_on": None,
}
REPORT = {"report_no": "L", "id_number": PERSON, "entered_at": "2026-11-02", "reported_at": "2026-10-01"}
EVENT = {"event_id": "E", "id_number": PERSON, "event": "reported_lost", "effective_at": "2026-11-02"}


def fates(engine: Engine, feed: str, rows: list[Row], book: list[Row] | None = None) -> list[str | None]:
    """Return what became of each row, in order; None: accepted."""
    numbered = [{"row": n, **row} for n, row in enumerate(rows, start=1)]
    rejected, _ = resolved(engine, feed, numbered, book or [])
    return [rejected.get((row.get("file", "f.csv"), row["row"])) for row in numbered]


CASES: dict[str, tuple[str, list[Row], list[Row], list[str | None]]] = {
    "older_than_the_book": ("accounts", [{**ACCOUNT, "report_date": "2026-11-01"}], [ACCOUNT], ["stale"]),
    "as_old_as_the_book": ("accounts", [{**ACCOUNT, "amount": 1}], [ACCOUNT], [None]),
    "older_and_newer_in_one_night": (
        "accounts",
        [{**ACCOUNT, "report_date": "2026-11-01"}, {**ACCOUNT, "report_date": "2026-11-03"}],
        [ACCOUNT],
        ["stale", None],
    ),
    "two_days_in_one_night": (
        "accounts",
        [{**ACCOUNT, "report_date": "2026-11-03"}, ACCOUNT],
        [],
        [None, "stale"],
    ),
    "greatest_amount_as_a_number": (
        "accounts",
        [{**ACCOUNT, "amount": 9}, {**ACCOUNT, "amount": 10}],
        [],
        ["duplicate", None],
    ),
    "missing_is_smallest": ("accounts", [ACCOUNT, {**ACCOUNT, "amount": -5}], [], ["duplicate", None]),
    "columns_in_their_order": (
        "accounts",
        [{**ACCOUNT, "amount": 1, "status": "Z"}, {**ACCOUNT, "amount": 2, "status": "A"}],
        [],
        ["duplicate", None],
    ),
    "reduced_then_conflicting": (
        "accounts",
        [{**ACCOUNT, "amount": 1}, {**ACCOUNT, "amount": 2}, {**ACCOUNT, "account_type": "R1"}],
        [],
        ["duplicate", "conflict", "conflict"],
    ),
    "three_reports_the_last_wins": (
        "loss_reports",
        [REPORT, {**REPORT, "entered_at": "2026-11-03"}, {**REPORT, "entered_at": "2026-11-04"}],
        [],
        ["stale", "stale", None],
    ),
    "a_missing_deciding_column_wins_nothing": (
        "loss_reports",
        [REPORT, {**REPORT, "entered_at": None}],
        [],
        ["conflict", "conflict"],
    ),
    "a_missing_deciding_column_is_not_stale": ("loss_reports", [{**REPORT, "entered_at": None}], [REPORT], [None]),
    "overlapping_instants_do_not_decide": (
        "loss_reports",
        [REPORT, {**REPORT, "entered_at": "2026-11-02 23:59:59"}],
        [],
        ["conflict", "conflict"],
    ),
    "effective_at_decides_where_entered_at_is_missing": (
        "invalid_cards",
        [EVENT, {**EVENT, "effective_at": "2026-11-03"}],
        [],
        ["stale", None],
    ),
    "effective_at_decides_where_entered_at_is_equal": (
        "invalid_cards",
        [{**EVENT, "entered_at": "2026-11-05", "effective_at": "2026-11-01"}],
        [{**EVENT, "entered_at": "2026-11-05"}],
        ["stale"],
    ),
    "entered_at_comes_before_effective_at": (
        "invalid_cards",
        [
            {**EVENT, "entered_at": "2026-11-05", "effective_at": "2026-11-01"},
            {**EVENT, "entered_at": "2026-11-04", "effective_at": "2026-11-03"},
        ],
        [],
        [None, "stale"],
    ),
    "one_name_spelled_in_two_ways": (
        "loss_reports",
        [{**REPORT, "name": "ＡB", "name_norm": "AB"}, {**REPORT, "name": "AB", "name_norm": "AB"}],
        [],
        [None, "duplicate"],
    ),
    "one_number_spelled_in_two_ways": (
        "loss_reports",
        [{**REPORT, "id_number": " 1", "id_norm": PERSON}, REPORT],
        [],
        [None, "duplicate"],
    ),
    "an_unreadable_cell_equals_a_missing_one": (
        "loss_reports",
        [REPORT, {**REPORT, "dropped": "bad_type:withdrawn_at"}],
        [],
        [None, "duplicate"],
    ),
    "two_openings_of_one_night": (
        "openings",
        [{"provider_code": "B01", "account_code": "A"}, {"provider_code": "B01", "account_code": "A", "phone": "1"}],
        [],
        ["conflict", "conflict"],
    ),
    "codes_are_case_sensitive": ("accounts", [ACCOUNT, {**ACCOUNT, "account_code": "a"}], [], [None, None]),
}


@pytest.mark.parametrize("case", CASES)
def test_by_example(engine: Engine, case: str) -> None:
    """SPEC 3.3 and 12, one sentence each."""
    feed, rows, book, expected = CASES[case]
    assert fates(engine, feed, rows, book) == expected


def test_the_first_of_identical_rows_by_file_and_row_is_kept(engine: Engine) -> None:
    """SPEC 12; rows as numbers: 2 comes before 10."""
    rows = [
        {**ACCOUNT, "file": "b.csv", "row": 1},
        {**ACCOUNT, "file": "a.csv", "row": 10},
        {**ACCOUNT, "file": "a.csv", "row": 2},
    ]
    assert fates(engine, "accounts", rows) == ["duplicate", "duplicate", None]


def test_a_row_that_says_what_the_book_says_is_known_as_the_same(engine: Engine) -> None:
    rows = [
        {**ACCOUNT, "row": 1},
        {**ACCOUNT, "row": 2, "account_code": "B"},
        {**ACCOUNT, "row": 3, "account_code": "C"},
    ]
    book = [ACCOUNT, {**ACCOUNT, "account_code": "B", "amount": 5}]
    assert resolved(engine, "accounts", rows, book) == ({}, {("f.csv", 1): True, ("f.csv", 2): False})
