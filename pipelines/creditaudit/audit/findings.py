"""From what the rules return to findings as they are published: evidence, tokens, fingerprints (SPEC 9)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.tables import CLEARANCES, FINDINGS, FINDINGS_ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.audit.rulebook import Rule
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

_FACTS = ("rule_id", "provider_code", "account_code", "verdict", "notice_source", "notice_id")
_SECONDS = ("moment_from", "moment_to", "reported_from", "reported_to")


def build_findings(engine: Engine, rules: Sequence[Rule], night: date, keys: Keyring) -> pa.Table:
    """Return tonight's findings as they are published, and name them ``findings`` for the stages that follow.

    Reads ``raw_findings``, ``judged_accounts`` and ``pairs``.

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        The rules that gave ``raw_findings``; their headers say which columns are evidence.
    night : date
    keys : Keyring
        Makes the person tokens.

    Returns
    -------
    pyarrow.Table
        Schema ``creditaudit.tables.FINDINGS``, sorted by ``FINDINGS_ORDER`` (missing first).
    """
    tables = [_of_rule(engine, rule) for rule in rules]
    found = pa.concat_tables(tables).combine_chunks()
    columns = {name: found[name] for name in found.column_names}
    columns["night"] = pa.array([night] * found.num_rows, type=pa.date32())
    columns["subject"] = pc.binary_join_element_wise("account:", found["account_code"], "")
    columns["person_token"] = _person_tokens(found["id_norm"], keys)
    columns["fingerprint"] = _fingerprints(found)
    for name in _SECONDS:
        columns[name] = found[name].cast(pa.timestamp("s")).cast(pa.timestamp("us"))
    published = pa.table({name: columns[name] for name in FINDINGS.names}).cast(FINDINGS)
    published = _sorted(published, FINDINGS_ORDER)
    engine.load("findings", published)
    return published


def build_clearances(engine: Engine, night: date) -> pa.Table:
    """Return tonight's clearances as they are published (schema ``CLEARANCES``, sorted left to right)."""
    rows = engine.fetch(f"SELECT DATE '{night.isoformat()}' AS night, c.* FROM clearances AS c")
    return _sorted(rows.select(CLEARANCES.names).cast(CLEARANCES), CLEARANCES.names)


def _of_rule(engine: Engine, rule: Rule) -> pa.Table:
    """Return one rule's findings with their evidence as JSON text.

    Evidence columns come from the pair that the rule read, or from the account where it read no pairs. Nothing in the
    evidence changes with a mere redelivery: no file, row, night or report date.
    """
    source = "p" if "pairs" in rule.reads else "j"
    names = sorted(rule.evidence)
    listed = "".join(f", {source}.{name} AS evidence_{name}" for name in names)
    facts = ", ".join(f"f.{name}" for name in _FACTS)
    rows = engine.fetch(
        f"SELECT {facts}, j.id_norm, j.moment_from, j.moment_to, p.relation, p.reported_from, p.reported_to{listed}"
        " FROM raw_findings AS f JOIN judged_accounts AS j"
        " ON j.provider_code = f.provider_code AND j.account_code = f.account_code"
        " LEFT JOIN pairs AS p ON p.provider_code = f.provider_code AND p.account_code = f.account_code"
        " AND p.notice_source = f.notice_source AND p.notice_id = f.notice_id"
        f" WHERE f.rule_id = '{rule.rule_id}'"
    )
    members = [_member(name, rows[f"evidence_{name}"]) for name in names]
    joined = pc.binary_join_element_wise(*members, ",", null_handling="skip")
    evidence = pc.binary_join_element_wise("{", joined, "}", "")
    return rows.select([n for n in rows.column_names if not n.startswith("evidence_")]).append_column(
        "evidence", evidence
    )


def _member(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Render one evidence column as JSON members; NULL and FALSE give nothing.

    The type says the unit: INTEGER columns are days, BIGINT columns are seconds (``creditaudit.tables``).
    """
    key = f"{json.dumps(name)}:"
    if pa.types.is_boolean(column.type):
        text = pc.if_else(column, "true", pa.scalar(None, pa.string()))
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


def _sorted(table: pa.Table, order: Sequence[str]) -> pa.Table:
    keys = [(name, "ascending", "at_start") for name in order]
    return table.take(pc.sort_indices(table, sort_keys=keys)).combine_chunks()
