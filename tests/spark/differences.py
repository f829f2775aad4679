"""Where the two engines are known to differ though both take the text: what no text of ours may rest on.

A probe is a name, an expression, and what each engine answers (None: NULL; ERROR: it refuses). Both answers are
tested, so a version of either engine that answers otherwise, also like the other one, fails and has to be looked at:
what the lint refuses for the sake of a probe may then be allowed.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

ERROR: Final = "an error"


class Probe(NamedTuple):
    """An expression that the engines answer differently."""

    name: str
    sql: str
    duckdb: Any
    spark: Any


PROBES: Final = (
    Probe("a half is rounded or cut off", "CAST(2.5 AS INT)", 3, 2),
    Probe("a text from place 0", "substr('abc', 0, 2)", "a", "ab"),
    Probe("a text and nothing", "concat('a', NULL)", "a", None),
    Probe("one divided by nothing", "CAST(1 AS DOUBLE) / CAST(0 AS DOUBLE)", float("inf"), ERROR),
    Probe("what is replaced of a text", "regexp_replace('aa', 'a', 'b')", "ba", "bb"),
    Probe("Sunday", "dayofweek(DATE '2026-11-22')", 0, 1),
    Probe("one day from another", "DATE '2026-11-22' - DATE '2026-11-20'", 2, timedelta(days=2)),
    Probe(
        "a sum beyond 64 bits",
        "(SELECT SUM(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1 AS x) AS t)",
        Decimal(2**63),
        ERROR,
    ),
)
