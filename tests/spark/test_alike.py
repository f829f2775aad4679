"""What a text of ours may rest on is answered alike; what it may not is known, engine by engine."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from creditaudit.errors import CreditAuditError
from spark.differences import ERROR, PROBES, Probe

if TYPE_CHECKING:
    from creditaudit.engines import Engine


def answer(engine: Engine, expression: str) -> Any:
    return engine.fetch(f"SELECT {expression} AS x")["x"].to_pylist()[0]


# Days, instants, numbers of persons and money, as the texts ask for them.
ALIKE: tuple[tuple[str, Any], ...] = (
    ("epoch_day(DATE '1970-01-01')", 0),
    ("epoch_day(DATE '1949-10-01')", -7397),
    ("epoch_day(DATE '2024-02-29')", 19782),
    ("epoch_day(DATE '9998-12-31')", 2932531),
    ("epoch_day(CAST(NULL AS DATE))", None),
    ("epoch_second(TIMESTAMP '1970-01-01 00:00:00')", 0),
    ("epoch_second(TIMESTAMP '1969-12-31 23:59:59')", -1),
    ("epoch_second(TIMESTAMP '1949-10-01 00:00:00')", -639100800),
    (
        "epoch_second(TIMESTAMP '1986-05-04 00:30:00')",
        515550600,
    ),  # Shanghai had summer time that day; no text has zones
    ("epoch_second(TIMESTAMP '2038-01-19 03:14:08')", 2147483648),
    ("day_of_second(epoch_second(TIMESTAMP '1969-12-31 00:00:00'))", -1),
    ("day_of_second(epoch_second(TIMESTAMP '1970-01-01 23:59:59'))", 0),
    ("day_of_second(CAST(NULL AS BIGINT))", None),
    *(
        (f"day_next_month(epoch_day(DATE '{day}')) - epoch_day(DATE '{then}')", 0)
        for day, then in (
            ("2026-01-31", "2026-02-28"),
            ("2024-01-31", "2024-02-29"),
            ("2024-02-29", "2024-03-29"),
            ("2026-02-28", "2026-03-28"),
            ("2026-12-31", "2027-01-31"),
            ("2026-11-30", "2026-12-30"),
        )
    ),
    ("DATE '2024-02-28' + 1", date(2024, 2, 29)),
    ("TIMESTAMP '2026-11-20 23:59:59'", datetime.fromisoformat("2026-11-20 23:59:59")),
    ("CASE WHEN DATE '2026-11-20' < DATE '2026-11-21' THEN 1 ELSE 0 END", 1),
    ("CAST(DATE '2026-11-20' AS STRING)", "2026-11-20"),
    ("CASE WHEN '11010519491231002X' < '11010519491231002Y' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN '110105' < '11010519491231002X' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'Z' < 'a' AND 'a' < '￥' AND '￥' < '𠀀' THEN 1 ELSE 0 END", 1),
    ("CASE WHEN 'x' = 'x ' OR 'x' = 'X' THEN 1 ELSE 0 END", 0),
    ("CASE WHEN CAST(NULL AS STRING) IS NOT DISTINCT FROM NULL THEN 1 ELSE 0 END", 1),
    ("'B01' || '/' || 'A1'", "B01/A1"),
    ("'B01' || CAST(NULL AS STRING)", None),
    ("'it''s'", "it's"),
    ("''", ""),
    ("length('名𠀀')", 2),
    ("substr('310000', 1, 2)", "31"),
    ("substr('31', 1, length('3100'))", "31"),
    ("CASE WHEN contains(';a;b;', ';b;') THEN 1 ELSE 0 END", 1),
    ("CASE WHEN ';bad_type:lost_at;' LIKE '%:lost_at;%' THEN 1 ELSE 0 END", 1),
    ("NULLIF('*', '*')", None),
    ("9223372036854775807", 9223372036854775807),
    ("-9223372036854775807", -9223372036854775807),
    ("COALESCE(CAST(NULL AS BIGINT), 7)", 7),
    ("LEAST(CAST(NULL AS INT), 3)", 3),
    ("LEAST(2, 3)", 2),
    ("abs(CAST(-5 AS BIGINT))", 5),
    ("CASE WHEN CAST(NULL AS BIGINT) > 1 THEN 1 ELSE 0 END", 0),
    ("COALESCE(CAST(NULL AS BIGINT) > 1, FALSE)", False),
    ("text_hash('a') = text_hash('a') AND code_hash('a', 'b') = code_hash('a', 'b')", True),
    ("text_hash('a') = text_hash('b') OR code_hash('a', 'b') = code_hash('b', 'a')", False),
)


@pytest.mark.parametrize(("expression", "expected"), ALIKE, ids=lambda x: str(x)[:60])
def test_what_texts_rest_on(either: Engine, expression: str, expected: Any) -> None:
    assert answer(either, expression) == expected


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("epoch_day(DATE '2026-11-20')", "int32"),
        ("epoch_second(TIMESTAMP '2026-11-20 00:00:00')", "int64"),
        ("day_of_second(epoch_second(TIMESTAMP '2026-11-20 00:00:00'))", "int32"),
        ("day_next_month(epoch_day(DATE '2026-11-20'))", "int32"),
        ("'x'", "string"),
        ("TRUE", "bool"),
        ("DATE '2026-11-20'", "date32[day]"),
        ("TIMESTAMP '2026-11-20 00:00:00'", "timestamp[us]"),
        ("count(*)", "int64"),
    ],
)
def test_types_say_the_unit_in_both(either: Engine, expression: str, kind: str) -> None:
    """Evidence tells days from seconds by the type of a column."""
    assert str(either.fetch(f"SELECT {expression} AS x").schema.field("x").type) == kind


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_known_difference_is_still_one(either: Engine, probe: Probe) -> None:
    expected = probe.duckdb if either.name == "duckdb" else probe.spark
    if expected == ERROR:
        with pytest.raises(CreditAuditError):
            answer(either, probe.sql)
    else:
        assert answer(either, probe.sql) == expected


def test_every_probe_tells_the_engines_apart() -> None:
    assert [probe.name for probe in PROBES if probe.duckdb == probe.spark] == []


NUMBERS = "(SELECT 1 AS a UNION ALL SELECT NULL AS a UNION ALL SELECT 2 AS a) AS t"


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (f"SELECT a AS x FROM {NUMBERS} ORDER BY a", [None, 1, 2]),
        (f"SELECT a AS x FROM {NUMBERS} ORDER BY a DESC", [2, 1, None]),
        (f"SELECT row_number() OVER (ORDER BY a DESC) AS x, a FROM {NUMBERS} ORDER BY a", [3, 2, 1]),
        (f"SELECT MIN(a) AS x FROM {NUMBERS}", [1]),
        (f"SELECT COUNT(a) AS x FROM {NUMBERS}", [2]),
        (f"SELECT bool_or(a > 1) AS x FROM {NUMBERS}", [True]),
        (f"SELECT a AS x FROM {NUMBERS} WHERE a NOT IN (1)", [2]),
        (f"SELECT a AS x FROM {NUMBERS} WHERE NOT EXISTS (SELECT 1 FROM {NUMBERS[:-1]}u WHERE u.a = t.a)", [None]),
        (f"SELECT a AS x FROM {NUMBERS} UNION SELECT a AS x FROM {NUMBERS} ORDER BY x", [None, 1, 2]),
        (f"SELECT * EXCEPT (b) FROM (SELECT a AS x, 1 AS b FROM {NUMBERS}) AS s ORDER BY x", [None, 1, 2]),
        ("SELECT a.x FROM (SELECT 1 AS x) AS a JOIN (SELECT 1 AS x) AS b USING (x)", [1]),
        ("SELECT 1 AS x WHERE 1 = 0", []),
    ],
)
def test_queries_give_the_same_rows_in_the_same_order(either: Engine, select: str, expected: list[Any]) -> None:
    assert either.fetch(select)["x"].to_pylist() == expected
