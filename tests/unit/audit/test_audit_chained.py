"""Chains to violating accounts (SPEC 6.2, R109): shortest, then smallest; rings end, and long ones cost little."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from creditaudit.audit.chained import Chains, chain_accounts, shortest_chains
from creditaudit.tables import ACCOUNT_LINKS, JUDGED_ACCOUNTS, LONE_DEBTS, VIOLATING_ACCOUNTS

if TYPE_CHECKING:
    from creditaudit.engines import Engine

Links = list[tuple[int, int]]


def walked(links: Links, sources: set[int]) -> Chains:
    ends = [np.array([link[end] for link in links], dtype=np.int64) for end in (0, 1)]
    return shortest_chains(*ends, np.array(sorted(sources), dtype=np.int64))


def chains(links: Links, sources: set[int]) -> dict[int, list[int]]:
    found = walked(links, sources)
    rows = zip(*(step.tolist() for step in found.steps), strict=True)
    return {chain[0]: [account for account in chain if account >= 0] for chain in rows}


def slow_chains(links: Links, sources: set[int], size: int) -> dict[int, list[int]]:
    """Every way without a repeat, tried one after the other."""
    found: dict[int, list[int]] = {}
    for start in range(size):
        ways = [[start]]
        while ways and start not in found:
            ways = sorted([*way, to] for way in ways for at, to in links if at == way[-1] and to not in way)
            leading = [way for way in ways if way[-1] in sources]
            if leading:
                found[start] = leading[0]
    return found


ACCOUNTS = 6


@given(
    links=st.lists(st.tuples(st.integers(0, ACCOUNTS - 1), st.integers(0, ACCOUNTS - 1)), max_size=12, unique=True),
    sources=st.sets(st.integers(0, ACCOUNTS - 1)),
)
def test_chains_are_those_of_trying_every_way(links: Links, sources: set[int]) -> None:
    links = [(start, end) for start, end in links if start != end]
    assert chains(links, sources) == slow_chains(links, sources, ACCOUNTS)


def test_a_violating_account_on_a_ring_needs_another_one() -> None:
    ring = [(0, 1), (1, 2), (2, 0)]
    assert chains(ring, {0}) == {1: [1, 2, 0], 2: [2, 0]}
    assert chains(ring, {0, 1}) == {0: [0, 1], 1: [1, 2, 0], 2: [2, 0]}


def test_ten_thousand_accounts_that_all_name_each_other_in_one_ring() -> None:
    ring = [(n, (n + 1) % 10_000) for n in range(10_000)]
    found = walked(ring, {0})
    assert len(found.accounts) == 9_999
    assert found.hops.max() == 9_999


def test_a_dense_knot_ends() -> None:
    links = [(start, end) for start, end in product(range(60), repeat=2) if start != end]
    assert chains(links, {0, 1}) == {0: [0, 1], 1: [1, 0], **{n: [n, 0] for n in range(2, 60)}}


def chained(engine: Engine, codes: list[str], violating: list[str]) -> dict[str, str]:
    """Chain accounts of B01, each to the next of the list."""
    links = [{"from_provider": "B01", "from_code": a, "to_provider": "B01", "to_code": b} for a, b in pairwise(codes)]
    engine.load("account_links", pa.Table.from_pylist(links, schema=ACCOUNT_LINKS))
    rows = [{"provider_code": "B01", "account_code": code} for code in violating]
    engine.load("violating_accounts", pa.Table.from_pylist(rows, schema=VIOLATING_ACCOUNTS))
    engine.load("lone_debts", LONE_DEBTS.empty_table())
    engine.load("judged_accounts", JUDGED_ACCOUNTS.empty_table())
    chain_accounts(engine)
    found = engine.fetch("SELECT * FROM chained_accounts").to_pylist()
    assert {row["chain_by"] for row in found} <= {None}
    return {row["account_code"]: row["chain"] for row in found}


def test_a_chain_of_two_thousand_links_is_written_with_its_ends(engine: Engine) -> None:
    codes = [f"A{n:04}" for n in range(2_001)]
    found = chained(engine, codes, ["A2000"])
    assert len(found) == 2_000
    assert found["A1999"] == "B01/A1999>B01/A2000"
    # 32 links are written whole; of more the first 31 codes, the mark and the last.
    assert found["A1968"].split(">") == [f"B01/A{n}" for n in range(1968, 2001)]
    assert found["A1967"].split(">") == [*(f"B01/A{n}" for n in range(1967, 1998)), "…", "B01/A2000"]
    assert found["A0000"].split(">") == [*(f"B01/A{n:04}" for n in range(31)), "…", "B01/A2000"]


def test_no_link_and_no_violation_give_no_chain(engine: Engine) -> None:
    assert chained(engine, [], ["A"]) == {}
    assert chained(engine, ["A", "B"], []) == {}
