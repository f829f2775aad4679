"""Chains of codes followed to their ends, for renames and for debts that were sold on.

Every code has at most one edge out, so a component is a tree that leads to an end, or to one ring. Ends are found by
pointer doubling: after k rounds every pointer has gone 2^k steps, so a chain of 10,000 codes takes 14 joins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from creditaudit.engines import Engine


def follow(engine: Engine, edges: str, ends: str) -> None:
    """Follow every edge to the end of its chain.

    Parameters
    ----------
    engine : Engine
    edges : str
        Relation with from_provider, from_code (unique together), to_provider, to_code.
    ends : str
        Table to make: from_provider, from_code, end_provider, end_code, steps (≥ 1), in_ring (boolean). With
        ``in_ring`` the chain has no end: the pointer lies on the ring that it leads into, and ``steps`` says nothing.
    """
    rounds = engine.table(
        ends,
        f"SELECT from_provider, from_code, to_provider AS end_provider, to_code AS end_code, 1 AS steps FROM {edges}",
    ).bit_length()
    for _ in range(rounds):
        if not _is_open(engine, edges, ends):
            break
        engine.table(
            ends,
            "SELECT a.from_provider, a.from_code, COALESCE(b.end_provider, a.end_provider) AS end_provider,"
            " COALESCE(b.end_code, a.end_code) AS end_code, a.steps + COALESCE(b.steps, 0) AS steps"
            f" FROM {ends} AS a LEFT JOIN {ends} AS b ON b.from_provider = a.end_provider AND b.from_code = a.end_code",
        )
    engine.table(
        ends,
        f"SELECT a.*, e.from_code IS NOT NULL AS in_ring FROM {ends} AS a"
        f" LEFT JOIN {edges} AS e ON e.from_provider = a.end_provider AND e.from_code = a.end_code",
    )


def _is_open(engine: Engine, edges: str, ends: str) -> bool:
    found = engine.fetch(
        f"SELECT count(*) AS n FROM {ends} AS a JOIN {edges} AS e"
        " ON e.from_provider = a.end_provider AND e.from_code = a.end_code"
    )
    return bool(found["n"][0].as_py())


def cut_rings(engine: Engine, edges: str, ends: str, open_edges: str) -> None:
    """Cut every ring of renames at its newest code (SPEC 4, Lineage).

    The newest code of a ring is the new code of the latest effective_on among the renames on the ring, ties by the
    greater new code; the edge that leaves it is taken out, so that it becomes the end of all codes that lead there.

    Parameters
    ----------
    engine : Engine
    edges : str
        As for :func:`follow`, with effective_on.
    ends : str
        What :func:`follow` made of them.
    open_edges : str
        Table to make: the edges without those that leave a ring's newest code.
    """
    rounds = engine.table(
        "ring_walk",
        "SELECT e.from_provider, e.from_code, e.to_provider AS next_provider, e.to_code AS next_code,"
        " e.from_provider AS low_provider, e.from_code AS low_code"
        f" FROM {edges} AS e WHERE EXISTS (SELECT 1 FROM {ends} AS r"
        " WHERE r.in_ring AND r.end_provider = e.from_provider AND r.end_code = e.from_code)",
    ).bit_length()
    engine.table("ring_edges", f"SELECT e.* FROM {edges} AS e JOIN ring_walk AS w USING (from_provider, from_code)")
    lower = "(b.low_provider < a.low_provider OR (b.low_provider = a.low_provider AND b.low_code < a.low_code))"
    for _ in range(rounds):
        engine.table(
            "ring_walk",
            "SELECT a.from_provider, a.from_code, b.next_provider, b.next_code,"
            f" CASE WHEN {lower} THEN b.low_provider ELSE a.low_provider END AS low_provider,"
            f" CASE WHEN {lower} THEN b.low_code ELSE a.low_code END AS low_code"
            " FROM ring_walk AS a JOIN ring_walk AS b"
            " ON b.from_provider = a.next_provider AND b.from_code = a.next_code",
        )
    engine.table(
        open_edges,
        f"""
        SELECT e.* FROM {edges} AS e WHERE NOT EXISTS (
            SELECT 1 FROM (
                SELECT r.to_provider, r.to_code, row_number() OVER (
                    PARTITION BY w.low_provider, w.low_code
                    ORDER BY r.effective_on DESC, r.to_provider DESC, r.to_code DESC, r.from_provider, r.from_code
                ) AS place
                FROM ring_edges AS r JOIN ring_walk AS w USING (from_provider, from_code)
            ) AS newest
            WHERE newest.place = 1 AND newest.to_provider = e.from_provider AND newest.to_code = e.from_code
        )
        """,
    )
    engine.drop("ring_walk", "ring_edges")
