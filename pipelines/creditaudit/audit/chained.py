"""Chains from account to account to one that was opened against its holder (SPEC 6.2, R109).

What this walks is small: the links among the accounts that the sift has taken. Levels go breadth first over arrays of
whole numbers, so that ten thousand accounts, a ring or a chain of thousands of links cost no more than they have links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from creditaudit.tables import CHAINED_ACCOUNTS

if TYPE_CHECKING:
    from creditaudit.engines import Engine

# SPEC 6.2: violations of these make an account one that others are chained to.
CHAINED_TO = ("R101", "R102", "R107")
PERSON_AND_GROUP = "person_and_group"

# Of a longer chain the first and the last codes are written.
MOST_HOPS = 32
_LEFT_OUT = "…"

Ints = npt.NDArray[np.int64]


def name_violating(engine: Engine) -> None:
    """Make ``violating_accounts`` from ``raw_findings``."""
    rules = ", ".join(f"'{rule}'" for rule in CHAINED_TO)
    engine.table(
        "violating_accounts",
        "SELECT DISTINCT provider_code, account_code FROM raw_findings"
        f" WHERE verdict = 'violation' AND rule_id IN ({rules})",
    )


def chain_accounts(engine: Engine) -> None:
    """Make ``chained_accounts`` (``creditaudit.tables.CHAINED_ACCOUNTS``).

    Reads ``violating_accounts``, ``account_links``, ``lone_debts`` and ``judged_accounts``. A C1 whose links lead to a
    violating account is named by them; else, as a lone debt, by person and group.
    """
    engine.load("chained_accounts", _by_links(engine))
    engine.table(
        "chained_accounts",
        f"""
        SELECT provider_code, account_code, chain, chain_by FROM chained_accounts
        UNION ALL
        SELECT d.provider_code, d.account_code,
            d.provider_code || '/' || d.account_code || '>' || d.to_provider || '/' || d.to_code AS chain,
            '{PERSON_AND_GROUP}' AS chain_by
        FROM ({_LONE}) AS d
        WHERE d.place = 1 AND NOT EXISTS (SELECT 1 FROM chained_accounts AS c
            WHERE c.provider_code = d.provider_code AND c.account_code = d.account_code)
        """,
    )


# Of several accounts of the person at that group the smallest code is named.
_LONE = """
    SELECT d.provider_code, d.account_code, a.provider_code AS to_provider, a.account_code AS to_code,
        row_number() OVER (
            PARTITION BY d.provider_code, d.account_code ORDER BY a.provider_code, a.account_code
        ) AS place
    FROM lone_debts AS d
    JOIN judged_accounts AS a ON a.id_norm = d.id_norm AND a.group_code = d.original_group
    JOIN violating_accounts AS v ON v.provider_code = a.provider_code AND v.account_code = a.account_code
    WHERE a.moment_to < d.opened_from
        AND (a.provider_code <> d.provider_code OR a.account_code <> d.account_code)
"""


def _by_links(engine: Engine) -> pa.Table:
    """Walk the links; codes become their places in the order of (provider_code, account_code)."""
    engine.table(
        "chain_codes",
        """
        SELECT f.provider_code, f.account_code,
            row_number() OVER (ORDER BY f.provider_code, f.account_code) - 1 AS place
        FROM (
            SELECT from_provider AS provider_code, from_code AS account_code FROM account_links
            UNION SELECT to_provider AS provider_code, to_code AS account_code FROM account_links
        ) AS f
        """,
    )
    links = engine.fetch(
        "SELECT f.place AS link_from, t.place AS link_to FROM account_links AS k"
        " JOIN chain_codes AS f ON f.provider_code = k.from_provider AND f.account_code = k.from_code"
        " JOIN chain_codes AS t ON t.provider_code = k.to_provider AND t.account_code = k.to_code"
    )
    sources = engine.fetch(
        "SELECT c.place FROM chain_codes AS c"
        " JOIN violating_accounts AS v ON v.provider_code = c.provider_code AND v.account_code = c.account_code"
    )
    names = engine.fetch("SELECT provider_code, account_code FROM chain_codes ORDER BY place")
    engine.drop("chain_codes")
    found = shortest_chains(links["link_from"].to_numpy(), links["link_to"].to_numpy(), sources["place"].to_numpy())
    written = pc.binary_join_element_wise(names["provider_code"], names["account_code"], "/")
    named = names.take(pa.array(found.accounts))
    columns = [named["provider_code"], named["account_code"], found.spelled(written)]
    return pa.table([*columns, pa.nulls(len(named), pa.string())], schema=CHAINED_ACCOUNTS)


@dataclass(frozen=True)
class Chains:
    """Chains of accounts; accounts are whole numbers.

    Parameters
    ----------
    accounts : numpy.ndarray of int64
        Those that have a chain, ascending.
    steps : tuple of numpy.ndarray of int64
        One array a place in the chain, beside ``accounts``, which is the first of them; -1: the chain has ended. At
        most as many as are written.
    hops : numpy.ndarray of int64
        Links in each chain.
    ends : numpy.ndarray of int64
        The source that each chain leads to.
    """

    accounts: Ints
    steps: tuple[Ints, ...]
    hops: Ints
    ends: Ints

    def spelled(self, names: pa.ChunkedArray) -> pa.Array:
        """Write each chain with the names of its accounts; what is too long loses its middle."""
        is_long = self.hops > MOST_HOPS
        pieces = []
        for place, step in enumerate(self.steps):
            left_out = is_long & (place >= MOST_HOPS - 1)
            pieces.append(names.take(pa.array(np.where(left_out, 0, step), mask=(step < 0) | left_out)))
        pieces.append(pc.if_else(pa.array(is_long), _LEFT_OUT, pa.scalar(None, pa.string())))
        pieces.append(names.take(pa.array(self.ends, mask=~is_long)))
        texts = [piece.combine_chunks() if isinstance(piece, pa.ChunkedArray) else piece for piece in pieces]
        return pc.binary_join_element_wise(*texts, ">", null_handling="skip")


def shortest_chains(link_from: Ints, link_to: Ints, sources: Ints) -> Chains:
    """Find for each account the shortest chain of links that leads to another account among the sources.

    Parameters
    ----------
    link_from, link_to : numpy.ndarray of int64
        One link each; accounts are whole numbers in the order in which their codes compare.
    sources : numpy.ndarray of int64
        Accounts to lead to, each once.

    Returns
    -------
    Chains
        Of chains of one length the smallest, compared account by account. A source itself needs another one.

    Notes
    -----
    Each account keeps up to two labels, the nearest ways to two *different* sources: a source leads to itself at once,
    so its answer is its second label, and that of an account before it on a ring may be a second label as well.
    """
    size = 1 + max(int(numbers.max(initial=-1)) for numbers in (link_from, link_to, sources))
    label = _Labels.of(size, sources)
    order = np.lexsort((link_from, link_to))
    starts, incoming = np.searchsorted(link_to[order], np.arange(size + 1)), link_from[order]
    fresh, slots, hops = sources, np.zeros(len(sources), dtype=np.int64), 0
    while len(fresh):
        hops += 1
        counts = starts[fresh + 1] - starts[fresh]
        which = np.repeat(np.arange(len(fresh)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        fresh, slots = label.offer(incoming[starts[fresh][which] + within], fresh[which], slots[which], hops)
    own = np.zeros(size, dtype=np.int64)
    own[sources] = 1
    return label.chains(own)


@dataclass(frozen=True)
class _Labels:
    """Two labels an account: the source, the neighbour on the way and the label that it had, and how far it is."""

    source: Ints
    over: Ints
    slot: Ints
    hops: Ints

    @classmethod
    def of(cls, size: int, sources: Ints) -> _Labels:
        none = np.full((size, 2), -1, dtype=np.int64)
        made = cls(none.copy(), none.copy(), none.copy(), np.zeros((size, 2), dtype=np.int64))
        made.source[sources, 0] = sources
        return made

    def offer(self, account: Ints, over: Ints, slot: Ints, hops: int) -> tuple[Ints, Ints]:
        """Offer accounts the labels of the neighbours that they name; returns what was taken, and as which label."""
        told = self.source[over, slot]
        open_ = (self.source[account, 1] < 0) & (self.source[account, 0] != told)
        rows = np.stack([account, told, over, slot])[:, open_]
        # The smallest way to each source, then the smallest of those: ways compare by neighbour, then by its label.
        rows = rows[:, np.lexsort((rows[3], rows[2], rows[1], rows[0]))]
        again = (rows[0, 1:] == rows[0, :-1]) & (rows[1, 1:] == rows[1, :-1])
        rows = rows[:, np.append(True, ~again)[: rows.shape[1]]]
        rows = rows[:, np.lexsort((rows[3], rows[2], rows[0]))]
        place = np.arange(rows.shape[1]) - np.searchsorted(rows[0], rows[0]) + (self.source[rows[0], 0] >= 0)
        (account, told, over, slot), place = rows[:, place <= 1], place[place <= 1]
        self.source[account, place], self.over[account, place], self.slot[account, place] = told, over, slot
        self.hops[account, place] = hops
        return account, place

    def chains(self, own: Ints) -> Chains:
        """Return the chains of the first label, of sources (``own`` = 1) the second."""
        accounts = np.flatnonzero(self.source[np.arange(len(own)), own] >= 0)
        slots = own[accounts]
        hops, ends = self.hops[accounts, slots], self.source[accounts, slots]
        steps, at, at_slot = [accounts], accounts, slots
        for done in range(1, min(int(hops.max(initial=0)), MOST_HOPS) + 1):
            is_on = hops >= done
            at, at_slot = np.where(is_on, self.over[at, at_slot], -1), np.where(is_on, self.slot[at, at_slot], 0)
            steps.append(at)
        return Chains(accounts, tuple(steps), hops, ends)
