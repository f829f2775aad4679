"""What a model freezes of other persons' accounts: usual amounts, hit rates, shared phones and handlers (SPEC 7.4).

Read off the book as of the cut of the training, never by a night: so a score hangs on the case's own rows and the
model alone. Operators, phones and handlers stand as keyed tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.scoring.facts import with_tokens
from creditaudit.scoring.features import LOOKUP_KEYS, Lookups

if TYPE_CHECKING:
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine

# Fewer cases say nothing of what is usual.
LEAST_AMOUNTS = 5
# Fewer openings say nothing of a rate; and rates are drawn to that of all as if so many openings more had it.
LEAST_OPENINGS, DRAWN = 20, 10
# A phone or handler of more persons is a branch's own, or stands for "none".
MOST_SHARED = 200
# The model has to stay readable.
MOST_ENTRIES = 100_000

_AMOUNTS = (
    "SELECT {key} AS key, quantile_disc(f.amount, 0.5) AS value FROM training_facts AS f"
    f" WHERE f.amount IS NOT NULL AND {{key}} IS NOT NULL GROUP BY 1 HAVING count(*) >= {LEAST_AMOUNTS} ORDER BY 1"
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


def freeze_lookups(engine: Engine, keys: Keyring) -> Lookups:
    """Return the lookups of a book, as of the night that the engine's relations are of.

    Parameters
    ----------
    engine : Engine
        Holds ``training_facts`` (columns of ``CASE_FACTS``), ``standing_openings`` and ``standing_accounts``.
    keys : Keyring
        Tokens are made with the active key, as those of the facts were.
    """
    tables: dict[str, dict[str, float]] = {}
    for name in ("product_amount", "region_amount"):
        tables[name] = _pairs(engine, _AMOUNTS.format(key=LOOKUP_KEYS[name]))
    openings = engine.fetch(
        "SELECT 'operator' AS party, provider_code, operator_id AS value, count(*) AS openings FROM standing_openings"
        " WHERE operator_id IS NOT NULL GROUP BY provider_code, operator_id ORDER BY provider_code, operator_id"
    )
    engine.load("operator_openings", with_tokens(openings, keys))
    _count_hits(engine, "SELECT token AS key, openings FROM operator_openings", "operator_token")
    tables["operator_hits"] = _pairs(engine, _RATES)
    by_branch = "SELECT provider_code AS key, count(*) AS openings FROM standing_openings GROUP BY provider_code"
    _count_hits(engine, by_branch, "provider_code")
    tables["branch_hits"] = _pairs(engine, _RATES)
    for name, party, column in (
        ("phone_people", "phone", "phone"),
        ("handler_people", "handler", "handler_id_norm"),
    ):
        shared = engine.fetch(_SHARED.format(party=party, column=column, most=MOST_ENTRIES, shared=MOST_SHARED))
        named = with_tokens(shared, keys)
        rows = sorted(zip(named["token"].to_pylist(), named["people"].to_pylist(), strict=True))
        tables[name] = {token: float(people) for token, people in rows}
    engine.drop("operator_openings", "hit_counts")
    return Lookups(tables)


def _count_hits(engine: Engine, openings: str, column: str) -> None:
    """Make ``hit_counts`` (key, openings, hits): accounts that became cases, of all openings."""
    engine.table(
        "hit_counts",
        f"SELECT o.key, o.openings, COALESCE(h.hits, 0) AS hits FROM ({openings}) AS o LEFT JOIN ("
        f" SELECT {column} AS key, count(*) AS hits FROM training_facts WHERE {column} IS NOT NULL"
        f" AND subject LIKE 'account:%' GROUP BY {column}) AS h ON h.key = o.key",
    )


def _pairs(engine: Engine, select: str) -> dict[str, float]:
    found = engine.fetch(select)
    return dict(sorted(zip(found["key"].to_pylist(), map(float, found["value"].to_pylist()), strict=True)))
