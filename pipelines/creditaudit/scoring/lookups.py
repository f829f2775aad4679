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


def freeze_lookups(engine: Engine, keys: Keyring) -> Lookups:
    """Return the lookups of a book, as of the night that the engine's relations are of.

    Parameters
    ----------
    engine : Engine
        Holds ``training_facts`` (columns of ``CASE_FACTS``), ``standing_openings``, ``standing_accounts`` and
        ``addressed_regions``.
    keys : Keyring
        Tokens are made with the active key, as those of the facts were.
    """
    tables: dict[str, dict[str, float]] = {}
    engine.view("usual_amounts", _USUAL)
    for name in ("product_amount", "region_amount"):
        tables[name] = _pairs(engine, _AMOUNTS.format(key=LOOKUP_KEYS[name]))
    engine.load("operator_openings", with_tokens(engine.fetch(_OPERATORS), keys))
    _count_hits(engine, "SELECT token AS key, openings FROM operator_openings", "operator_token")
    tables["operator_hits"] = _pairs(engine, _RATES)
    _count_hits(engine, _BRANCHES, "provider_code")
    tables["branch_hits"] = _pairs(engine, _RATES)
    for name, party, column in (
        ("phone_people", "phone", "phone"),
        ("handler_people", "handler", "handler_id_norm"),
    ):
        shared = engine.fetch(_SHARED.format(party=party, column=column, most=MOST_ENTRIES, shared=MOST_SHARED))
        named = with_tokens(shared, keys)
        rows = sorted(zip(named["token"].to_pylist(), named["people"].to_pylist(), strict=True))
        tables[name] = {token: float(people) for token, people in rows}
    engine.drop("usual_amounts", "operator_openings", "hit_counts")
    return Lookups(tables)


def _count_hits(engine: Engine, openings: str, column: str) -> None:
    """Make ``hit_counts`` (key, openings, hits): how many of the accounts became cases, never more than there are.

    An account that was renamed after its case began has facts under both codes: that is still one account.
    """
    engine.table(
        "hit_counts",
        f"SELECT o.key, o.openings, least(COALESCE(h.hits, 0), o.openings) AS hits FROM ({openings}) AS o LEFT JOIN ("
        f" SELECT {column} AS key, count(*) AS hits FROM training_facts WHERE {column} IS NOT NULL"
        f" AND subject LIKE 'account:%' AND product NOT LIKE 'C1|%' GROUP BY {column}) AS h ON h.key = o.key",
    )


def _pairs(engine: Engine, select: str) -> dict[str, float]:
    found = engine.fetch(select)
    return dict(sorted(zip(found["key"].to_pylist(), map(float, found["value"].to_pylist()), strict=True)))
