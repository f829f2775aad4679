"""A rule's text is the only SQL that comes from outside: it reads what rules may read, and writes nothing at all.

Two things stand in the way, and each alone is enough for what is written: the lint takes none of these texts, and the
engine runs none of them that does more than ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from creditaudit.audit.lint import lint, lint_rule
from creditaudit.audit.readable import RULE_COLUMNS
from creditaudit.audit.rulebook import load_rules, parse_rule, rendered, substituted
from creditaudit.audit.rules_run import found_select
from creditaudit.engines import open_engine
from creditaudit.errors import InternalError, StorageError, UsageError
from unit.kit import PERSON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from creditaudit.engines import Engine

[R106] = [rule.text for rule in load_rules() if rule.rule_id == "R106"]
ASKED = "SELECT p.provider_code, p.account_code, p.notice_source, p.notice_id, 'lead' AS verdict FROM pairs AS p"

# What would write, attach, load or set something: {book} is the folder that the engine may read.
DOES_MORE = (
    "COPY (SELECT 1) TO '{book}/x.csv'",
    "COPY pairs TO '{book}/x.parquet' (FORMAT parquet)",
    "COPY pairs FROM '{book}/y.csv'",
    "COPY FROM DATABASE memory TO x",
    "EXPORT DATABASE '{book}/d'",
    "IMPORT DATABASE '{book}/d'",
    "ATTACH '{book}/x.db'",
    "ATTACH ':memory:' AS x",
    "DETACH temp",
    "USE temp",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM community",
    "LOAD '{book}/x.so'",
    "SET memory_limit = '1TB'",
    "SET GLOBAL enable_external_access = true",
    "SET VARIABLE x = 1",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL enable_logging(storage_path = '{book}')",
    "CREATE TABLE x AS SELECT 1 AS a",
    "CREATE OR REPLACE TEMP VIEW pairs AS SELECT 1 AS a",
    "CREATE PERSISTENT SECRET x (TYPE s3)",
    "CREATE MACRO x() AS 1",
    "CREATE TYPE x AS ENUM ('a')",
    "INSERT INTO pairs SELECT * FROM pairs",
    "UPDATE pairs SET provider_code = 'x'",
    "DELETE FROM pairs",
    "TRUNCATE pairs",
    "MERGE INTO pairs USING pairs AS q ON 1 = 1 WHEN MATCHED THEN DELETE",
    "DROP TABLE pairs",
    "ALTER TABLE pairs RENAME TO x",
    "VACUUM",
    "CHECKPOINT",
    "BEGIN TRANSACTION",
    "PREPARE x AS SELECT 1",
    "EXECUTE x",
    "EXPLAIN ANALYZE SELECT 1",
    "COMMENT ON TABLE pairs IS 'x'",
    "{asked}; COPY (SELECT 1) TO '{book}/x.csv'",
    "{asked}) AS f; COPY (SELECT 1) TO '{book}/x.csv'; SELECT * FROM ({asked}",
    "{asked}; ATTACH '{book}/x.db'; {asked}",
)
# What asks, but for more than a rule may know: files, settings, the machine, tables that are not for rules.
ASKS_MORE = (
    "{asked} WHERE p.notice_id = getenv('HOME')",
    "{asked} WHERE p.notice_id = current_setting('temp_directory')",
    "{asked} WHERE p.notice_id = current_query()",
    "{asked} WHERE p.notice_id = error('x')",
    "{asked} WHERE p.notice_id = write_log('x')",
    "{asked} WHERE p.notice_id.upper() = 'X'",
    "{asked} WHERE p.notice_id = $1",
    "{asked} WHERE p.notice_id = $name",
    "{asked} WHERE EXISTS (SELECT s.value FROM duckdb_settings() AS s)",
    "{asked} WHERE EXISTS (SELECT s.value FROM duckdb_settings AS s)",
    "{asked};",
    "SELECT t.content AS provider_code FROM read_text('/etc/passwd') AS t",
    "SELECT t.content AS provider_code FROM read_blob('{book}/../key.json') AS t",
    "SELECT t.file AS provider_code FROM glob('/**') AS t",
    "SELECT t.x FROM '{book}/y.parquet' AS t",
    'SELECT t.x FROM "{book}/y.parquet" AS t',
    "SELECT t.x FROM query('SELECT 1 AS x') AS t",
    "SELECT t.x FROM query_table('openings') AS t",
    "SELECT t.x FROM json_execute_serialized_sql('x') AS t",
    "SELECT t.x FROM coalesce('x') AS t",
    "SELECT t.x FROM UNNEST([1]) AS t(x)",
    "SELECT main.read_text('/etc/passwd') AS provider_code FROM pairs AS p",
    "SELECT \"read_text\"('/etc/passwd') AS provider_code FROM pairs AS p",
    "SELECT p.account_code FROM information_schema.notices AS p",
    "SELECT p.account_code FROM memory.main.pairs AS p",
    "SELECT p.account_code FROM pairs AS p JOIN notices AS p ON p.notice_id = p.notice_id",
    "WITH x AS (INSERT INTO pairs SELECT 1 RETURNING account_code) SELECT x.account_code FROM x",
    "WITH x AS MATERIALIZED (SELECT p.account_code FROM pairs AS p) SELECT x.account_code FROM x",
    "FROM pairs",
    "TABLE pairs",
    "VALUES (1)",
    "DESCRIBE pairs",
    "PIVOT pairs ON kind USING sum(1)",
)
# A CTE may have the name of a table of the engine; where it cannot be seen the name is the table's, with phones in it.
BEHIND_A_CTE = (
    "WITH openings AS (SELECT o.phone FROM openings AS o) SELECT o.phone AS notice_id FROM openings AS o",
    "WITH a AS (SELECT b.phone FROM b AS b), b AS (SELECT n.notice_id FROM notices AS n) SELECT a.phone FROM a AS a",
    "SELECT o.phone FROM openings AS o WHERE EXISTS"
    " (WITH openings AS (SELECT n.notice_id FROM notices AS n) SELECT q.notice_id FROM openings AS q)",
    "SELECT o.phone FROM openings AS o JOIN"
    " (WITH openings AS (SELECT n.notice_id FROM notices AS n) SELECT q.notice_id FROM openings AS q) AS z"
    " ON z.notice_id = o.account_code",
    "(WITH openings AS (SELECT n.notice_id FROM notices AS n) SELECT q.notice_id FROM openings AS q)"
    " UNION ALL SELECT o.phone FROM openings AS o",
)
# What another reader of SQL may not take for a comment, or not to its end.
REMARKS = (
    "/* a /* b */ {evil} */ */",
    "-- x\r{evil}",
    "-- x\u2028{evil}",
    "-- x\x0b{evil}",
    "-- x\x00{evil}",
    "{{# {evil} #}}",
    "/*+ {evil} */",
    "/* {evil} */",
)
EVIL = ") AS f; DROP TABLE pairs; --"


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engine, Path]]:
    """An engine that may read a folder with one file, as a night's may read the book."""
    place = tmp_path_factory.mktemp("texts")
    for name in ("book", "scratch"):
        (place / name).mkdir()
    (place / "book" / "y.csv").write_text("a\n1\n")
    opened = open_engine(place / "scratch", threads=1, memory_limit="100MB", reads=place / "book")
    texts = ", ".join(f"'x' AS {name}" for name in RULE_COLUMNS[:4])
    opened.table("pairs", f"SELECT {texts}, 'lost' AS kind")
    yield opened, place / "book"
    opened.close()


def test_there_are_texts_enough() -> None:
    assert len({*DOES_MORE, *ASKS_MORE, *BEHIND_A_CTE}) >= 80


@pytest.mark.parametrize("text", [*DOES_MORE, *ASKS_MORE, *BEHIND_A_CTE])
def test_the_lint_takes_no_text_that_does_or_asks_more(text: str) -> None:
    assert lint(text.replace("{asked}", ASKED).replace("{book}", "/book"))


@pytest.mark.parametrize("text", DOES_MORE)
def test_the_engine_runs_no_text_that_does_more(text: str, reading: tuple[Engine, Path]) -> None:
    """Even where no lint stood before it: whatever text is given, in whatever place."""
    engine, book = reading
    told = text.replace("{asked}", ASKED).replace("{book}", str(book))
    for ask in (
        lambda: engine.fetch(told),
        lambda: list(engine.stream(told, 10)),
        lambda: engine.view("asked", told),
        lambda: engine.table("asked", told),
        lambda: engine.table("asked", f"SELECT f.* FROM (\n{told}\n) AS f"),
    ):
        with pytest.raises((InternalError, StorageError)):
            ask()
    assert [path.name for path in book.iterdir()] == ["y.csv"]
    assert engine.fetch("SELECT p.kind FROM pairs AS p").to_pylist() == [{"kind": "lost"}]


@pytest.mark.parametrize("remark", REMARKS)
def test_no_comment_reaches_the_engine(remark: str, reading: tuple[Engine, Path]) -> None:
    text = f"{ASKED}\n{remark.format(evil=EVIL)}\n"
    if lint(text):  # what cannot be read as the parser would is refused, and that is as good
        return
    told = substituted(text, {})
    assert "DROP" not in told
    assert reading[0].table("asked", found_select("R900", told)) == 1


def test_most_comments_are_taken() -> None:
    """Or the test above would hold of a lint that refuses everything."""
    assert sum(not lint(f"{ASKED}\n{remark.format(evil=EVIL)}\n") for remark in REMARKS) >= 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window_seconds:", "window_seconds; DROP TABLE pairs:"),
        ("value: 604800", "value: '604800; DROP TABLE pairs'"),
        ("value: 604800", "value: 604800.5"),
        ("value: 604800", "value: true"),
        ("value: 604800", "value: [604800]"),
        ("value: 604800", "value: 99999999999"),
        (":window_seconds", "$window_seconds"),
        (":window_seconds", ": window_seconds"),
        ("name: opened", 'name: "x\'; DROP TABLE pairs; --"'),
        ("id: R106", 'id: "R106\'; --"'),
        ("evidence: [", 'evidence: ["x, (SELECT 1)", '),
        ("key: [", 'key: ["x; --", '),
    ],
)
def test_nothing_of_a_header_becomes_sql(old: str, new: str) -> None:
    """Parameters are whole numbers within bounds; names of columns are those that there are."""
    assert old in R106
    if new.startswith("key"):  # in words for people alone: no text is made of it
        assert "x; --" not in rendered(parse_rule(R106.replace(old, new, 1).encode(), "x"))
        return
    with pytest.raises(UsageError):
        parse_rule(R106.replace(old, new).encode(), "x")


def test_a_parameter_does_not_become_part_of_a_name() -> None:
    told = substituted("SELECT p.x:low FROM pairs AS p WHERE p.y>:low", {"low": 5})
    assert told == "SELECT p.x 5 FROM pairs AS p WHERE p.y> 5"


@pytest.mark.parametrize(
    "text",
    [
        f"{ASKED} WHERE NOT ({' OR '.join(['p.kind IS NULL'] * 1_000)})",
        f"{ASKED} WHERE {' AND '.join(['p.kind IS NULL'] * 1_000)}",
        " UNION ALL ".join([ASKED] * 400),
        f"{ASKED} WHERE {'NOT ' * 3_000}p.kind IS NULL",
        f"{ASKED} WHERE {'(' * 3_000}p.kind IS NULL{')' * 3_000}",
    ],
    ids=["or", "and", "union", "not", "parentheses"],
)
def test_what_is_too_deep_to_be_walked_is_refused(text: str) -> None:
    assert "deep" in lint(text)[0].reason


@pytest.mark.parametrize("number", [PERSON, "13912345678", f"{PERSON[:6]} {PERSON[6:14]} {PERSON[14:]}"])
def test_a_rule_of_one_person_is_refused(number: str) -> None:
    """SPEC 10.4: the text of a rule lies in the book, as it is, for every reader."""
    for text in (
        R106.replace("p.kind = 'lost'", f"p.kind = 'lost' AND p.id_norm = '{number}'"),
        R106.replace("WHERE", f"-- asked for by {number}\nWHERE"),
    ):
        found = [refusal.line for refusal in lint_rule(text) if "nobody" in refusal.reason]
        assert [text.split("\n")[line - 1].count(number) for line in found] == [1]
        with pytest.raises(UsageError):
            parse_rule(text.encode(), "x")


def test_the_parser_quotes_no_text_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """A log that has one JSON object a line has no line of a library between them."""
    assert lint(f"WITH x AS (COPY (SELECT '{PERSON}') TO 'x') {ASKED}")
    assert lint(f"VACUUM '{PERSON}'")
    assert capfd.readouterr() == ("", "")
