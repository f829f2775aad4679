"""What a model freezes of other persons' accounts: usual amounts, hit rates, shared phones and handlers (SPEC 7.4).

Read off the book as of the cut of the training, never by a night: so a score hangs on the case's own rows and the
model alone. Operators, phones and handlers stand as keyed tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.scoring.facts import with_tokens
from creditaudit.scoring.features import LOOKUP_KEYS, Lookups

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# Fewer accounts say nothing of what is usual.
LEAST_AMOUNTS = 5
# Fewer openings say nothing of a rate; and rates are drawn to that of all as if so many openings more had it.
LEAST_OPENINGS, DRAWN = 20, 10
# A phone or handler of more persons is a branch's own, or stands for "none".
MOST_SHARED = 200
# The model has to stay readable.
MOST_ENTRIES = 100_000

# What is usual is usual among all accounts: cases alone would tell what is usual among the suspicious. Product and
# region are named as in the facts of a case (facts.py), so that its keys find them.
_USUAL = """
    SELECT a.account_type || '|' || COALESCE(a.business_code, '') AS product,
        COALESCE(a.region_code, g.region_code) AS region, CAST(a.amount AS DOUBLE) AS amount
    FROM standing_accounts AS a LEFT JOIN addressed_regions AS g ON g.provider_code = a.provider_code
    WHERE a.amount > 0 AND COALESCE(a.currency, 'CNY') = 'CNY'
"""

_AMOUNTS = (
    "SELECT {key} AS key, quantile_disc(f.amount, 0.5) AS value FROM usual_amounts AS f"
    f" WHERE {{key}} IS NOT NULL GROUP BY 1 HAVING count(*) >= {LEAST_AMOUNTS} ORDER BY count(*) DESC, 1"
    f" LIMIT {MOST_ENTRIES}"
)

_RATES = f"""
    WITH whole AS (SELECT SUM(hits) AS hits, SUM(openings) AS openings FROM hit_counts)
    SELECT c.key, (c.hits + {DRAWN} * CAST(w.hits AS DOUBLE) / w.openings) / (c.openings + {DRAWN}) AS value
    FROM hit_counts AS c CROSS JOIN whole AS w
    WHERE c.openings >= {LEAST_OPENINGS} AND w.hits > 0
    ORDER BY c.openings DESC, c.key LIMIT {MOST_ENTRIES}
"""

_SHARED = """
    SELECT '{party}' AS party, CAST(NULL AS VARCHAR) AS provider_code, value, people FROM (
        SELECT o.{column} AS value, count(DISTINCT a.id_norm) AS people
        FROM standing_openings AS o JOIN standing_accounts AS a
            ON a.provider_code = o.provider_code AND a.account_code = o.account_code
        WHERE o.{column} IS NOT NULL AND o.{column} IN (
            SELECT {column} FROM standing_openings WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1)
        GROUP BY o.{column} HAVING count(DISTINCT a.id_norm) BETWEEN 2 AND {shared}
    ) AS s ORDER BY people DESC, value LIMIT {most}
"""


# What an operator opened, and what an institution holds. A bought debt was opened by somebody else: it is no opening of
# whoever holds it, and no second hit of whoever opened the original.
_OPERATORS = (
    "SELECT 'operator' AS party, provider_code, operator_id AS value, count(*) AS openings FROM standing_openings"
    " WHERE operator_id IS NOT NULL GROUP BY provider_code, operator_id ORDER BY provider_code, operator_id"
)
_BRANCHES = (
    "SELECT provider_code AS key, count(*) AS openings FROM standing_accounts WHERE account_type <> 'C1'"
    " GROUP BY provider_code"
)


@dataclass(frozen=True)
class Frozen:
    """What training freezes of other persons' accounts.

    Parameters
    ----------
    lookups : Lookups
        Of the model: tokens of the active key, which makes those of the nights to come.
    known : Lookups
        The same with the tokens of every key that is not retired: facts may be older than the active key.
    """

    lookups: Lookups
    known: Lookups


def freeze_lookups(engine: Engine, keys: Keyring) -> Frozen:
    """Return the lookups of a book, as of the night that the engine's relations are of.

    Parameters
    ----------
    engine : Engine
        Holds ``training_facts`` (columns of ``CASE_FACTS``), ``standing_openings``, ``standing_accounts`` and
        ``addressed_regions``.
    keys : Keyring
    """
    plain: dict[str, dict[str, float]] = {}
    engine.view("usual_amounts", _USUAL)
    for name in ("product_amount", "region_amount"):
        plain[name] = _pairs(engine.fetch(_AMOUNTS.format(key=LOOKUP_KEYS[name])))
    _count_hits(engine, _BRANCHES, "SELECT provider_code AS key FROM training_facts WHERE {}")
    plain["branch_hits"] = _pairs(engine.fetch(_RATES))
    named = {"operator_hits": _operators(engine, keys)}
    for name, party, column in (
        ("phone_people", "phone", "phone"),
        ("handler_people", "handler", "handler_id_norm"),
    ):
        shared = engine.fetch(_SHARED.format(party=party, column=column, most=MOST_ENTRIES, shared=MOST_SHARED))
        named[name] = _by_token(shared, shared["people"], keys)
    engine.drop("usual_amounts", "hit_counts")
    own = {name: by_key[keys.active.key_id] for name, by_key in named.items()}
    every: dict[str, dict[str, float]] = {name: {} for name in named}
    for name, by_key in named.items():
        for tokens in by_key.values():
            every[name].update(tokens)
    return Frozen(Lookups({**plain, **own}), Lookups({**plain, **every}))


def _operators(engine: Engine, keys: Keyring) -> dict[str, dict[str, float]]:
    """Return the rate of each operator, by key and token; facts name him by the key of their own night."""
    operators = engine.fetch(_OPERATORS)
    operators = operators.append_column("key", pa.array(range(operators.num_rows), pa.int64()))
    tokens = [with_tokens(operators, keys, key).select(["key", "token"]) for key in keys.accepted]
    engine.load("operators", operators.select(["key", "openings"]))
    engine.load("operator_tokens", pa.concat_tables(tokens))
    _count_hits(
        engine,
        "SELECT key, openings FROM operators",
        "SELECT t.key FROM training_facts JOIN operator_tokens AS t ON t.token = operator_token WHERE {}",
    )
    rates = engine.fetch(_RATES)
    engine.drop("operators", "operator_tokens")
    return _by_token(operators.take(rates["key"]), rates["value"], keys)


def _by_token(parties: pa.Table, values: pa.ChunkedArray, keys: Keyring) -> dict[str, dict[str, float]]:
    """Return key_id to token to value, for every key that is not retired."""
    return {
        key.key_id: _pairs(pa.table({"key": with_tokens(parties, keys, key)["token"], "value": values}))
        for key in keys.accepted
    }


def _count_hits(engine: Engine, openings: str, hits: str) -> None:
    """Make ``hit_counts`` (key, openings, hits): how many of the accounts became cases, never more than there are.

    An account that was renamed after its case began has facts under both codes: that is still one account.
    """
    hits = hits.format("subject LIKE 'account:%' AND product NOT LIKE 'C1|%'")
    engine.table(
        "hit_counts",
        f"SELECT o.key, o.openings, least(COALESCE(h.hits, 0), o.openings) AS hits FROM ({openings}) AS o"
        f" LEFT JOIN (SELECT key, count(*) AS hits FROM ({hits}) AS f GROUP BY key) AS h ON h.key = o.key",
    )


def _pairs(found: pa.Table) -> dict[str, float]:
    return dict(sorted(zip(found["key"].to_pylist(), map(float, found["value"].to_pylist()), strict=True)))
