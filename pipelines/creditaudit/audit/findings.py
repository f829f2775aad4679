"""From what the rules return to findings as they are published: evidence, tokens, fingerprints (SPEC 9)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.audit.columns import returned
from creditaudit.audit.readable import EVIDENT, READABLE
from creditaudit.audit.rulebook import rendered
from creditaudit.audit.rules_run import found_table
from creditaudit.tables import CLEARANCES, FINDINGS, FINDINGS_ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

_FACTS = ("rule_id", "provider_code", "account_code", "verdict", "notice_source", "notice_id")

# Every finding says this of what it is about; of a C1 also where the debt comes from (SPEC 6.3, 7).
_ALWAYS = ("id_status", "original")

# Whom and when a finding speaks of, by its subject.
_SUBJECTS = """
    SELECT a.provider_code, 'account:' || a.account_code AS subject, a.id_norm, a.moment_from, a.moment_to,
        a.id_status, a.original
    FROM judged_accounts AS a
    WHERE EXISTS (SELECT 1 FROM raw_findings AS f
        WHERE f.provider_code = a.provider_code AND f.account_code = a.account_code)
    UNION ALL
    SELECT i.provider_code, 'inquiry:' || i.inquiry_id AS subject, i.id_norm, i.inquired_from, i.inquired_to,
        i.id_status, NULL AS original
    FROM judged_inquiries AS i
"""
# Evidence with a name like this is a number, neither day nor instant.
COUNTED = "_count"

_SECONDS = ("moment_from", "moment_to", "reported_from", "reported_to")

# Findings that are made at once: the evidence of so many, as text several times over, takes some 200 MiB.
_AT_ONCE = 100_000


def build_findings(engine: Engine, rules: Sequence[Rule], night: date, keys: Keyring) -> None:
    """Make ``findings``: tonight's, with the columns that are published (``creditaudit.tables.FINDINGS``).

    Reads what the rules found, and the tables that they read (:func:`creditaudit.audit.rules_run.judge`).

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        The rules that judged; their headers say which columns are evidence.
    night : date
    keys : Keyring
        Makes the person tokens.
    """
    engine.table("finding_subjects", _SUBJECTS)
    counted = engine.fetch("SELECT rule_id, count(*) AS n FROM raw_findings GROUP BY rule_id").to_pylist()
    found_by = {row["rule_id"]: int(row["n"]) for row in counted}
    # Most rules find nothing in an ordinary night; one of them has the columns where none finds anything.
    asked = [rule for rule in rules if rule.rule_id in found_by] or rules[:1]
    parts: list[str] = []
    held: list[pa.Table] = []

    def keep() -> None:
        parts.append(f"findings_{len(parts)}")
        engine.load(parts[-1], _as_published(pa.concat_tables(held), night, keys))
        held.clear()

    for rule in asked:
        for rows in _of_rule(engine, rule, found_table(rule.rule_id), found_by.get(rule.rule_id, 0)):
            if held and sum(some.num_rows for some in held) + rows.num_rows > _AT_ONCE:
                keep()
            held.append(rows)
    keep()
    engine.drop("finding_subjects")
    engine.table("findings", " UNION ALL ".join(f"SELECT * FROM {part}" for part in parts))
    engine.drop(*parts)


def _as_published(found: pa.Table, night: date, keys: Keyring) -> pa.Table:
    found = found.combine_chunks()
    columns = {name: found[name] for name in found.column_names}
    columns["night"] = pa.array([night] * found.num_rows, type=pa.date32())
    columns["person_token"] = _person_tokens(found["id_norm"], keys)
    columns["fingerprint"] = _fingerprints(found)
    for name in _SECONDS:
        columns[name] = found[name].cast(pa.timestamp("s")).cast(pa.timestamp("us"))
    return pa.table({name: columns[name] for name in FINDINGS.names}).cast(FINDINGS)


def evidence_of(engine: Engine, rule: Rule, found: str) -> pa.Table:
    """Return what a rule's findings say, without night and person: to compare one text with another (SPEC 9).

    Parameters
    ----------
    engine : Engine
    rule : Rule
        Its header says which columns are evidence.
    found : str
        The table with what it found, as ``found_<rule id>``. Subjects that no rule in force found are left out.

    Returns
    -------
    pyarrow.Table
        rule_id, provider_code, account_code, subject, notice_source, notice_id, evidence; no order.
    """
    engine.table("finding_subjects", _SUBJECTS)
    rows = pa.concat_tables(_of_rule(engine, rule, found, 0))
    engine.drop("finding_subjects")
    return rows.select([*(name for name in _FACTS if name != "verdict"), "subject", "evidence"])


def finding_rows(engine: Engine) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``findings`` as they are published (sorted by ``FINDINGS_ORDER``, missing first)."""
    columns, order = ", ".join(FINDINGS.names), ", ".join(FINDINGS_ORDER)
    for batch in engine.stream(f"SELECT {columns} FROM findings ORDER BY {order}"):
        yield batch.cast(FINDINGS)


def clearance_rows(engine: Engine, night: date) -> Iterator[pa.RecordBatch]:
    """Yield the rows of ``clearances`` as they are published (schema ``CLEARANCES``, sorted left to right).

    The longest table that a night publishes is nowhere held whole.
    """
    columns = ", ".join(f"c.{name}" for name in CLEARANCES.names if name != "night")
    text = f"SELECT DATE '{night.isoformat()}' AS night, {columns} FROM clearances AS c ORDER BY {columns}"
    for batch in engine.stream(text):
        yield batch.cast(CLEARANCES)


def _of_rule(engine: Engine, rule: Rule, found: str, count: int) -> Iterator[pa.Table]:
    """Yield one rule's findings, about ``count``, with their evidence as JSON text, in parts of bounded length.

    An evidence column is the rule's own where its text returns one, else that of a table which it reads. Nothing in the
    evidence changes with a mere redelivery: no file, row, night or report date.
    """
    sources = _evidence_sources(rule)
    names = sorted(sources)
    listed = "".join(f", {sources[name]}.{name} AS evidence_{name}" for name in names)
    facts = ", ".join(f"f.{name}" for name in (*_FACTS, "subject"))
    joins = "".join(
        f" LEFT JOIN {table} AS {table} ON {table}.provider_code = f.provider_code"
        f" AND {table}.account_code = f.account_code"
        for table in sorted({source for source in sources.values() if source in EVIDENT} - {"pairs"})
    )
    select = (
        f"SELECT {facts}, s.id_norm, s.moment_from, s.moment_to, pairs.relation, n.reported_from, n.reported_to{listed}"
        f" FROM {found} AS f"
        " JOIN finding_subjects AS s ON s.provider_code = f.provider_code AND s.subject = f.subject"
        " LEFT JOIN notices AS n ON n.notice_source = f.notice_source AND n.notice_id = f.notice_id"
        " LEFT JOIN pairs AS pairs ON pairs.provider_code = f.provider_code AND pairs.account_code = f.account_code"
        f" AND pairs.notice_source = f.notice_source AND pairs.notice_id = f.notice_id{joins}"
    )
    if count <= _AT_ONCE:
        yield _with_evidence(engine.fetch(select), names)
        return
    engine.table("rule_findings", select)
    pieces = 1 + count // _AT_ONCE
    for piece in range(pieces):
        rows = engine.fetch(f"SELECT * FROM rule_findings WHERE abs(text_hash(subject) % {pieces}) = {piece}")
        yield _with_evidence(rows, names)
    engine.drop("rule_findings")


def _with_evidence(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    members = [_member(name, rows[f"evidence_{name}"]) for name in names]
    joined = pc.binary_join_element_wise(*members, ",", null_handling="skip")
    evidence = pc.binary_join_element_wise("{", joined, "}", "")
    return rows.select([n for n in rows.column_names if not n.startswith("evidence_")]).append_column(
        "evidence", evidence
    )


def _evidence_sources(rule: Rule) -> dict[str, str]:
    """Return evidence column to the relation that has it, as :func:`_of_rule` calls them."""
    own = returned(rendered(rule))
    found = dict.fromkeys(_ALWAYS, "s")
    for name in rule.evidence:
        if name in own:
            found[name] = "f"
        elif name not in found:
            found[name] = next(table for table in EVIDENT if table in rule.reads and name in READABLE[table])
    return found


def _member(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Render one evidence column as JSON members; NULL and FALSE give nothing.

    The type says the unit: INTEGER columns are days, BIGINT columns are seconds (``creditaudit.tables``); what is
    called ``…_count`` is a number.
    """
    key = f"{json.dumps(name)}:"
    if pa.types.is_boolean(column.type):
        text = pc.if_else(column, "true", pa.scalar(None, pa.string()))
    elif name.endswith(COUNTED):
        text = column.cast(pa.int64()).cast(pa.string())
    elif pa.types.is_int32(column.type):
        text = _quoted(column.cast(pa.date32()).cast(pa.string()))
    elif pa.types.is_int64(column.type):
        text = _quoted(pc.strftime(column.cast(pa.timestamp("s")), format="%Y-%m-%d %H:%M:%S"))
    else:
        encoded = column.combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        spelled = [json.dumps(v, ensure_ascii=False) for v in encoded.dictionary.to_pylist()]
        text = pa.array(spelled, type=pa.string()).take(encoded.indices)
    return pc.binary_join_element_wise(key, text, "")


def _quoted(text: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise('"', text, '"', "")


def _person_tokens(id_norm: pa.ChunkedArray, keys: Keyring) -> pa.Array:
    encoded = id_norm.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    tokens = keys.tokens("person", encoded.dictionary.to_pylist())
    return pa.array(tokens, type=pa.string()).take(encoded.indices)


def _fingerprints(found: pa.Table) -> pa.Array:
    """Return SHA-256 over what a finding says; never nights, scores or rule texts (SPEC 8.1)."""
    names = (*_FACTS, "relation", *_SECONDS, "evidence")
    texts = pc.binary_join_element_wise(
        *[found[name].cast(pa.string()) for name in names], "\x1f", null_handling="replace", null_replacement="\x00"
    )
    return pa.array([hashlib.sha256(text.encode()).hexdigest() for text in texts.to_pylist()], type=pa.string())


def in_order(table: pa.Table, order: Sequence[str]) -> pa.Table:
    """Return a table sorted by columns, missing first, as one chunk a column."""
    keys = [(name, "ascending", "at_start") for name in order]
    return table.take(pc.sort_indices(table, sort_keys=keys)).combine_chunks()
