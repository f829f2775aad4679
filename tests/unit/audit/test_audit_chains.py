"""Chains followed to their ends, rings cut (SPEC 4, 12): pointer doubling against walking step by step."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from creditaudit.audit.chains import cut_rings, follow

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Code = tuple[str, str]
Edges = dict[Code, tuple[Code, date]]
FIRST = date(2026, 1, 1)

CODES = st.tuples(st.sampled_from(["B1", "B2"]), st.sampled_from("0123"))
DAYS = st.integers(0, 2).map(lambda n: FIRST + timedelta(days=n))
EDGES = st.dictionaries(CODES, st.tuples(CODES, DAYS), min_size=1, max_size=8)


def load(engine: Engine, edges: Edges) -> None:
    rows = [
        {
            "from_provider": old[0],
            "from_code": old[1],
            "to_provider": new[0],
            "to_code": new[1],
            "effective_on": day,
        }
        for old, (new, day) in edges.items()
    ]
    names = [pa.field(n, pa.string()) for n in ("from_provider", "from_code", "to_provider", "to_code")]
    engine.load("edges", pa.Table.from_pylist(rows, schema=pa.schema([*names, pa.field("effective_on", pa.date32())])))


def followed(engine: Engine, edges: Edges) -> dict[Code, tuple[Code, int, bool]]:
    load(engine, edges)
    follow(engine, "edges", "ends")
    rows = engine.fetch("SELECT * FROM ends").to_pylist()
    found = {
        (r["from_provider"], r["from_code"]): ((r["end_provider"], r["end_code"]), r["steps"], r["in_ring"])
        for r in rows
    }
    assert len(found) == len(rows)
    return found


def rings(edges: Edges) -> list[set[Code]]:
    """Walk from every code until one comes twice: the codes between are a ring."""
    found: list[set[Code]] = []
    for start in edges:
        walked: list[Code] = []
        code = start
        while code in edges and code not in walked:
            walked.append(code)
            code = edges[code][0]
        if code in walked:
            ring = set(walked[walked.index(code) :])
            if ring not in found:
                found.append(ring)
    return found


def walked(edges: Edges, start: Code) -> tuple[Code, int]:
    code, steps = start, 0
    while code in edges:
        code, steps = edges[code][0], steps + 1
    return code, steps


def test_ends_are_those_of_a_walk(engine: Engine) -> None:
    """SPEC 4: the end of the chain, and how far it is; a chain that leads into a ring has none."""

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(EDGES)
    def check(edges: Edges) -> None:
        found = followed(engine, edges)
        assert found.keys() == edges.keys()
        on_rings = {code: ring for ring in rings(edges) for code in ring}
        for code, (end, steps, in_ring) in found.items():
            ahead = code
            for _ in range(len(edges)):
                ahead = edges[ahead][0] if ahead in edges else ahead
            assert in_ring == (ahead in on_rings)
            if in_ring:
                assert on_rings[end] == on_rings[ahead]
            else:
                assert (end, steps) == walked(edges, code)

    check()


def test_every_ring_is_cut_where_the_page_says(engine: Engine) -> None:
    """SPEC 4, 12: in a cycle the new code of the latest effective_on on the ring; ties by the greater new code."""

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(EDGES)
    def check(edges: Edges) -> None:
        followed(engine, edges)
        cut_rings(engine, "edges", "ends", "open_edges")
        left = {
            (r["from_provider"], r["from_code"])
            for r in engine.fetch("SELECT from_provider, from_code FROM open_edges").to_pylist()
        }
        newest = set()
        for ring in rings(edges):
            renames = [edges[code] for code in ring]
            latest = max(day for _, day in renames)
            newest.add(max(new for new, day in renames if day == latest))
        assert left == edges.keys() - newest

    check()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 1023, 1024, 1025, 10_000])
def test_a_long_chain(engine: Engine, length: int) -> None:
    edges: Edges = {("B", f"{n:05d}"): (("B", f"{n + 1:05d}"), FIRST) for n in range(length)}
    found = followed(engine, edges)
    assert found["B", "00000"] == (("B", f"{length:05d}"), length, False)
    assert sum(steps for _, steps, _ in found.values()) == length * (length + 1) // 2


@pytest.mark.parametrize("length", [1, 2, 3, 1024, 10_000])
def test_a_long_ring_with_a_tail_is_cut_once(engine: Engine, length: int) -> None:
    """The tail is later than anything on the ring, and does not count."""
    edges: Edges = {
        ("B", f"{n:05d}"): (("B", f"{(n + 1) % length:05d}"), FIRST + timedelta(days=n == length // 2))
        for n in range(length)
    }
    edges["B", "tail"] = (("B", "00000"), FIRST + timedelta(days=9))
    assert all(in_ring for _, _, in_ring in followed(engine, edges).values())
    cut_rings(engine, "edges", "ends", "open_edges")
    follow(engine, "open_edges", "ends")
    newest = f"{(length // 2 + 1) % length:05d}"
    assert engine.fetch("SELECT DISTINCT end_code FROM ends")["end_code"].to_pylist() == [newest]
    assert engine.fetch("SELECT count(*) AS n FROM ends")["n"].to_pylist() == [length]


def test_no_edges(engine: Engine) -> None:
    assert followed(engine, {}) == {}
    cut_rings(engine, "edges", "ends", "open_edges")
    assert engine.fetch("SELECT * FROM open_edges").num_rows == 0
