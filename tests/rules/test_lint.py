"""What a rule text may not say, each with its reason; and that the shipped texts say none of it."""

from __future__ import annotations

import pytest

from creditaudit.audit.lint import lint, lint_rule
from creditaudit.audit.readable import PERSONAL, READABLE, STEP_READABLE
from creditaudit.audit.rulebook import load_rules
from creditaudit.audit.rules_run import STEPS, step_text

HEAD = "SELECT p.notice_id FROM pairs AS p"


def where(predicate: str) -> str:
    return f"{HEAD}\nWHERE {predicate}"


REFUSED = {
    where("CAST(p.notice_id AS INTEGER) = 1"): "CAST",
    where("TRY_CAST(p.notice_id AS INTEGER) = 1"): "CAST",
    where("p.notice_id::INTEGER = 1"): "CAST",
    where("p.moment_day = DATE '2021-03-01'"): "CAST",
    where("p.moment_from / 86400 = 1"): "division",
    where("p.moment_from // 86400 = 1"): "division",
    where("p.moment_from % 86400 = 1"): "division",
    where("p.moment_from * 2 = 1"): "MUL",
    where("p.moment_day + INTERVAL 1 DAY = 1"): "date arithmetic",
    where("date_diff('day', p.moment_day, p.shown_on) = 1"): "function DATE_DIFF",
    where("regexp_matches(p.notice_id, 'a')"): "function REGEXP_MATCHES",
    where("p.notice_id SIMILAR TO 'a'"): "regular expressions",
    where("p.notice_id ~ 'a'"): "regular expressions",
    where("p.notice_id LIKE 'a%'"): "pattern matching",
    where("p.notice_id ILIKE 'a%'"): "pattern matching",
    where("substr(p.notice_id, 0, 2) = 'a'"): "function SUBSTR",
    where("upper(p.notice_id) = 'A'"): "function UPPER",
    where("concat(p.notice_id, NULL) = 'A'"): "function CONCAT",
    where("ifnull(p.notice_id, 'x') = 'A'"): "function IFNULL",
    where("if(p.shown_on = 1, TRUE, FALSE)"): "function IF",
    where("hash(p.notice_id) = 1"): "function HASH",
    where("md5(p.notice_id) = 'x'"): "function MD5",
    where("now() = 1"): "function NOW",
    where("p.moment_day > CURRENT_DATE"): "clocks",
    where("p.moment_day > CURRENT_TIMESTAMP"): "clocks",
    where("random() < 1"): "function RANDOM",
    where("epoch_day(p.moment_day) = 1"): "function EPOCH_DAY",
    where("p.moment_from > 1.5"): "fraction or exponent",
    where("p.moment_from > 1e3"): "fraction or exponent",
    where("p.shown_on = NULL"): "comparison with NULL",
    where("p.standing IS TRUE"): "IS TRUE",
    where("p.\"kind\" = 'lost'"): "double-quoted name",
    where("p.moment_from > ?"): "parameter without a name",
    where("NOT p.shown_on = p.noticed_on"): "NOT over a comparison",
    where("NOT (p.shown_on = 1 OR p.kind IS NULL)"): "NOT over a comparison",
    where("p.relation NOT IN ('same')"): "NOT over a comparison",
    where("p.relation NOT BETWEEN 'a' AND 'b'"): "NOT over a comparison",
    where("p.notice_id NOT IN (SELECT n.notice_id FROM notices AS n)"): "NOT IN (subquery)",
    where("p.notice_id IN (SELECT n.notice_id FROM notices AS n)"): "IN (subquery)",
    where("p.moment_from > ALL (SELECT n.reported_from FROM notices AS n)"): "ALL",
    f"{HEAD} LIMIT 1": "LIMIT",
    f"{HEAD} OFFSET 1": "LIMIT",
    f"{HEAD} ORDER BY p.notice_id": "ORDER BY",
    "SELECT * FROM pairs AS p": "SELECT *",
    "SELECT p.* FROM pairs AS p": "SELECT *",
    "SELECT COUNT(*) AS n FROM pairs AS p": "SELECT *",
    "SELECT DISTINCT p.notice_id FROM pairs AS p": "SELECT DISTINCT",
    f"{HEAD} UNION {HEAD}": "UNION without ALL",
    f"{HEAD} INTERSECT {HEAD}": "INTERSECT",
    f"{HEAD} EXCEPT {HEAD}": "INTERSECT and EXCEPT",
    f"{HEAD} CROSS JOIN notices AS n": "CROSS JOIN",
    f"{HEAD}, notices AS n": "JOIN without ON",
    f"{HEAD} JOIN notices AS n USING (notice_id)": "JOIN without ON",
    f"{HEAD} NATURAL JOIN notices AS n": "NATURAL JOIN",
    f"{HEAD} FULL JOIN notices AS n ON n.notice_id = p.notice_id": "FULL JOIN",
    f"{HEAD} RIGHT JOIN notices AS n ON n.notice_id = p.notice_id": "RIGHT JOIN",
    f"{HEAD} SEMI JOIN notices AS n ON n.notice_id = p.notice_id": "SEMI JOIN",
    f"{HEAD} ASOF JOIN notices AS n ON n.reported_from <= p.moment_from": "ASOF JOIN",
    "SELECT p.kind FROM pairs AS p GROUP BY 1": "GROUP BY a position",
    "SELECT p.kind FROM pairs AS p GROUP BY ALL": "GROUP BY ALL",
    "SELECT p.kind FROM pairs AS p GROUP BY CUBE (p.kind)": "CUBE",
    "SELECT COUNT(DISTINCT p.event) AS n FROM pairs AS p": "COUNT(DISTINCT)",
    "SELECT COUNT(DISTINCT x.kind) AS n FROM pairs AS p LEFT JOIN pairs AS x ON x.kind = p.kind": "DISTINCT",
    "SELECT SUM(p.moment_day) OVER (PARTITION BY p.kind) AS n FROM pairs AS p": "only ROW_NUMBER",
    "SELECT ROW_NUMBER() OVER () AS n FROM pairs AS p": "total ORDER BY",
    "SELECT ROW_NUMBER() OVER (PARTITION BY p.id_norm ORDER BY p.moment_from) AS n FROM pairs AS p": "total ORDER BY",
    "SELECT p.account_code FROM pairs AS p(id_norm, provider_code, account_code)": "other names",
    "WITH c(kind) AS (SELECT p.event FROM pairs AS p) SELECT c.kind FROM c": "other names",
    f"{HEAD} QUALIFY p.kind = 'lost'": "QUALIFY",
    "WITH RECURSIVE c AS (SELECT p.kind FROM pairs AS p) SELECT c.kind FROM c": "recursive WITH",
    "SELECT p.id_number FROM pairs AS p": "column id_number: pairs has",
    "SELECT kind FROM pairs AS p": "column kind: write the table",
    "SELECT x.kind FROM pairs AS p": "nothing here is called x",
    "SELECT a.id_number FROM accounts AS a": "table accounts: a rule may read",
    "WITH c AS (SELECT p.kind FROM pairs AS p) SELECT c.event FROM c": "column event: c has kind",
    "SELECT p.moment_from AS start FROM pairs AS p WHERE start > 1": "column start: write the table",
    "SELECT p.kind FROM read_parquet('x') AS p": "function READ_PARQUET",
    "SELECT UNNEST([1, 2]) AS n FROM pairs AS p": "not on the list",
    "SELECT (SELECT MAX(n.reported_on) FROM notices AS n) AS d FROM pairs AS p": "a query as a value",
    where("p.moment_from = (SELECT MAX(n.lost_to) FROM notices AS n)"): "a query as a value",
    where("p.kind = 'lost' COLLATE nocase"): "COLLATE",
    "SELECT p.kind FROM pairs AS p, LATERAL (SELECT n.kind FROM notices AS n) AS x": "LATERAL",
    "SELECT COUNT(p.kind) FILTER (WHERE p.kind = 'lost') AS n FROM pairs AS p": "FILTER",
    "DELETE FROM pairs": "DELETE: a rule is one SELECT",
    f"{HEAD}; {HEAD}": "2 statements",
    "": "0 statements",
    "SELECT FROM WHERE": "not SQL that can be read",
    "SELECT 'open": "not SQL that can be read",
}

CLEAN = (
    where("p.shown_on IS NOT NULL AND NOT EXISTS (SELECT n.kind FROM notices AS n WHERE n.id_norm = p.id_norm)"),
    where("p.document_kind IS DISTINCT FROM 'other' AND p.moment_from BETWEEN -1 AND 5"),
    where("NOT (p.shown_on IS NULL OR p.noticed_unreadable)"),
    "SELECT p.provider_code || p.account_code AS code, GREATEST(p.moment_from, :limit) AS t FROM pairs AS p",
    "WITH c AS (SELECT p.kind FROM pairs AS p) SELECT COUNT(DISTINCT c.kind) AS n FROM c HAVING SUM(1) > 1",
    "SELECT ROW_NUMBER() OVER (PARTITION BY n.id_norm ORDER BY n.reported_from, n.notice_source, n.notice_id) AS n "
    "FROM notices AS n",
    "SELECT s.kind FROM (SELECT p.kind FROM pairs AS p) AS s",
)


@pytest.mark.parametrize("text", REFUSED, ids=[text.replace("\n", " ").removeprefix(HEAD) for text in REFUSED])
def test_a_forbidden_construct_is_refused_with_its_reason(text: str) -> None:
    reasons = [refusal.reason for refusal in lint(text)]
    assert any(REFUSED[text] in reason for reason in reasons), reasons


@pytest.mark.parametrize("text", CLEAN)
def test_what_is_on_the_list_is_clean(text: str) -> None:
    assert lint(text) == ()


def test_every_refusal_is_named_with_its_line() -> None:
    found = lint("SELECT\n  p.kind,\n  CAST(p.event AS INTEGER) AS e\nFROM pairs AS p\nWHERE\n  p.shown_on = NULL")
    assert [refusal.line for refusal in found] == [3, 6]
    assert found == tuple(sorted(found))
    assert lint("SELECT p.kind,\n p.keind FROM pairs AS p")[0].line == 2
    assert [refusal.line for refusal in lint("SELECT p.kind\nFROM pairs AS p WHERE (")] == [2]


@pytest.mark.parametrize("step", STEPS)
def test_every_shipped_step_is_clean(step: str) -> None:
    assert lint(step_text(step), STEP_READABLE) == ()


def test_no_rule_reads_what_is_for_a_step_alone() -> None:
    assert "table account_notices: a rule may read" in lint("SELECT a.notice_id FROM account_notices AS a")[0].reason


def test_every_shipped_rule_is_clean() -> None:
    assert {rule.rule_id: lint_rule(rule.text) for rule in load_rules()} == {rule.rule_id: () for rule in load_rules()}


ACCOUNTS = "judged_accounts AS a"

# SPEC 10.4: no raw ID number or name leaves in a finding, whatever the way.
PERSONAL_REFUSED = {
    f"SELECT a.account_code,\n a.id_norm FROM {ACCOUNTS}": ("id_norm", 2),
    f"SELECT a.account_code,\n a.id_norm AS person FROM {ACCOUNTS}": ("id_norm", 2),
    f"SELECT\n a.id_norm AS notice_id FROM {ACCOUNTS}": ("id_norm", 2),
    f"SELECT\n a.id_norm AS verdict FROM {ACCOUNTS}": ("id_norm", 2),
    f"SELECT\n 'person:' || a.id_norm AS subject FROM {ACCOUNTS}": ("id_norm", 2),
    f"SELECT\n 'x' || a.name_key AS mark FROM {ACCOUNTS}": ("name_key", 2),
    "SELECT\n o.handler_id_norm AS mark FROM judged_openings AS o": ("handler_id_norm", 2),
    f"SELECT\n (a.id_norm) AS mark FROM {ACCOUNTS}": ("id_norm", 2),
    f"SELECT\n COALESCE(a.name_key, 'x') AS mark FROM {ACCOUNTS}": ("name_key", 2),
    f"SELECT MAX(a.id_norm) AS mark FROM {ACCOUNTS}": ("id_norm", 1),
    f"SELECT COUNT(a.id_norm) AS n, MIN(a.name_key) AS mark FROM {ACCOUNTS} GROUP BY a.id_norm": ("name_key", 1),
    f"SELECT CASE WHEN a.name_key = 'x' THEN 'lead' END AS verdict FROM {ACCOUNTS}": ("name_key", 1),
    f"SELECT CASE WHEN a.id_type = '10' THEN a.name_key END AS mark FROM {ACCOUNTS}": ("name_key", 1),
    f"SELECT a.account_code FROM {ACCOUNTS}\nUNION ALL\nSELECT a.id_norm AS account_code FROM {ACCOUNTS}": (
        "id_norm",
        3,
    ),
    f"SELECT a.account_code FROM {ACCOUNTS}\nUNION ALL\n(SELECT a.account_code FROM {ACCOUNTS}\n"
    f"UNION ALL\nSELECT a.name_key FROM {ACCOUNTS})": ("name_key", 5),
    f"WITH c AS (\nSELECT a.id_norm AS mark FROM {ACCOUNTS})\nSELECT c.mark FROM c": ("id_norm", 2),
    f"WITH c AS (\nSELECT a.id_norm || 'x' AS id_norm FROM {ACCOUNTS})\nSELECT COUNT(c.id_norm) AS n FROM c": (
        "id_norm",
        2,
    ),
    f"WITH c AS (\nSELECT MIN(a.id_norm) AS mark FROM {ACCOUNTS})\nSELECT c.mark FROM c": ("id_norm", 2),
    f"WITH c AS (SELECT a.id_norm FROM {ACCOUNTS})\nSELECT c.id_norm AS mark FROM c": ("id_norm", 2),
    f"SELECT s.mark FROM (\nSELECT a.name_key AS mark FROM {ACCOUNTS}) AS s": ("name_key", 2),
    "WITH c AS (\nSELECT o.handler_id_norm AS id_norm FROM judged_openings AS o)\n"
    "SELECT COUNT(c.id_norm) AS n FROM c": (
        "handler_id_norm",
        2,
    ),
    # The names of a UNION ALL are those of its first branch: here the number would be called account_code.
    f"WITH c AS (SELECT a.account_code FROM {ACCOUNTS}\nUNION ALL\nSELECT a.id_norm FROM {ACCOUNTS})\n"
    "SELECT c.account_code FROM c": ("id_norm", 3),
    f"WITH c AS (SELECT a.id_norm, a.name_key FROM {ACCOUNTS}\n"
    f"UNION ALL\nSELECT a.name_key, a.id_norm FROM {ACCOUNTS})\n"
    "SELECT COUNT(c.id_norm) AS n FROM c": ("id_norm", 3),
}

PERSONAL_CLEAN = (
    f"SELECT COUNT(a.name_key) AS name_count FROM {ACCOUNTS} WHERE a.id_norm > '1' GROUP BY a.id_norm "
    "HAVING MIN(a.name_key) <> MAX(a.name_key)",
    f"WITH c AS (SELECT a.id_norm, COUNT(a.name_key) AS n FROM {ACCOUNTS} GROUP BY a.id_norm)\n"
    f"SELECT a.account_code, c.n FROM {ACCOUNTS} INNER JOIN c ON c.id_norm = a.id_norm",
    f"WITH c AS (SELECT a.id_norm AS id_norm FROM {ACCOUNTS} UNION ALL SELECT n.id_norm FROM notices AS n)\n"
    "SELECT COUNT(c.id_norm) AS n FROM c",
    "WITH c AS (SELECT n.kind, ROW_NUMBER() OVER (PARTITION BY n.id_norm ORDER BY n.notice_source, n.notice_id)"
    " AS place FROM notices AS n) SELECT c.kind FROM c WHERE c.place = 1",
    f"SELECT a.account_code, ROW_NUMBER() OVER (PARTITION BY a.id_norm ORDER BY a.provider_code, a.account_code) AS n "
    f"FROM {ACCOUNTS}",
    f"SELECT a.account_code FROM {ACCOUNTS} INNER JOIN judged_openings AS o ON o.handler_id_norm = a.id_norm",
    f"SELECT CASE WHEN EXISTS (SELECT n.id_norm FROM notices AS n WHERE n.id_norm = a.id_norm) THEN 'lead' END"
    f" AS verdict FROM {ACCOUNTS}",
)


@pytest.mark.parametrize("text", PERSONAL_REFUSED, ids=[text.replace("\n", " ") for text in PERSONAL_REFUSED])
def test_a_persons_number_or_name_is_not_returned(text: str) -> None:
    column, line = PERSONAL_REFUSED[text]
    # It is the only thing wrong with the text.
    assert lint(text) == ()
    refused = [(refusal.line, refusal.reason.split(":")[0]) for refusal in lint_rule(text)]
    assert (line, f"column {column}") in refused
    assert all("SPEC 10.4" in refusal.reason for refusal in lint_rule(text))


@pytest.mark.parametrize("text", PERSONAL_CLEAN)
def test_a_persons_number_or_name_may_be_compared_and_counted(text: str) -> None:
    assert lint_rule(text) == ()


def test_every_readable_column_that_holds_a_number_or_name_is_personal() -> None:
    columns = {column for readable in READABLE.values() for column in readable}
    telling = ("id_norm", "id_number", "name", "phone")
    assert {column for column in columns if any(word in column for word in telling)} == PERSONAL
