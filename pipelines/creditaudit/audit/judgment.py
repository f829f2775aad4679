"""The judgment of a night, from the rows in force to findings and clearances: one call for the order of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from creditaudit.audit.carried import carry, nothing_carried, only_scope
from creditaudit.audit.findings import build_findings
from creditaudit.audit.lineage import find_renamed, join_renames, name_renames
from creditaudit.audit.notices import build_notices, count_ignored
from creditaudit.audit.rules_run import judge
from creditaudit.audit.scope import close_scope, narrow
from creditaudit.audit.sift import sift
from creditaudit.audit.tally import recount
from creditaudit.audit.touched import beyond_retention, touch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.audit.rulebook import Rule
    from creditaudit.audit.touched import Changes
    from creditaudit.book.keys import Keyring
    from creditaudit.engines import Engine


@dataclass(frozen=True)
class Judgment:
    """What a night found.

    Parameters
    ----------
    findings : int
        How many findings stand.
    contradicted : tuple of (provider_code, old_account_code)
        Renames whose two codes cannot be one account.
    ignored : dict
        What notices could not be made of: reason to rows.
    accounts : int or None
        Rows of accounts that were looked at; None: all of them. For the run log.
    is_counted : bool
        ``judged_counts`` is made: nobody else need be counted (``audit.tally``).
    """

    findings: int
    contradicted: tuple[tuple[str, str], ...]
    ignored: dict[str, int]
    accounts: int | None = None
    is_counted: bool = False


# Touching more than this share of the accounts, everyone is judged in less time; of a small book nobody minds.
_LARGEST_SHARE = 0.25
_SMALL_BOOK = 100_000


def judge_night(
    engine: Engine, rules: Sequence[Rule], night: date, keys: Keyring, changes: Changes | None = None
) -> Judgment:
    """Judge by the rows in force, named ``standing_<table>``, everyone, or only who is touched.

    Leaves ``findings``, ``clearances``, ``judged_rows``, ``lineage``, ``opening_changed`` and ``carried_subjects`` for
    the stages that follow. Where only some are judged, ``standing_<feed>`` are their rows after this
    (``audit.scope.narrow``), and all that is made of them is theirs; ``findings`` and ``clearances`` alone have
    everyone's.

    Parameters
    ----------
    engine : Engine
    rules : sequence of Rule
        Those in force.
    night : date
    keys : Keyring
    changes : Changes, optional
        What tonight changed; without it everyone is judged.
    """
    ignored = count_ignored(engine)
    accounts = find_raw(engine, rules, night, changes)
    if accounts is None:
        nothing_carried(engine)
    contradicted = engine.fetch("SELECT * FROM contradicted_renames ORDER BY provider_code, old_account_code")
    build_findings(engine, rules, night, keys)
    is_counted = False
    if changes is not None and accounts is not None:
        carry(engine, night)
        is_counted = recount(engine, changes)
    return Judgment(
        int(engine.fetch("SELECT count(*) AS n FROM findings")["n"][0].as_py()),
        tuple(zip(*(c.to_pylist() for c in contradicted.columns), strict=True)),
        ignored,
        accounts,
        is_counted,
    )


def find_raw(engine: Engine, rules: Sequence[Rule], night: date, changes: Changes | None) -> int | None:
    """Make ``raw_findings`` and ``clearances`` of everyone, or of those who are touched.

    Returns
    -------
    int or None
        Rows of accounts that were looked at; None: all, and ``scope_codes`` is not made.
    """
    name_renames(engine, night)
    accounts = _scope(engine, changes) if changes is not None else None
    if accounts is None:
        find_renamed(engine, "standing_accounts")
    join_renames(engine)
    build_notices(engine)
    sift(engine, night)
    judge(engine, rules)
    if accounts is not None:
        only_scope(engine)
    return accounts


# What rules, duties, scores and cases are asked of, and no report.
_ASKED_NO_MORE = (
    *("pairs", "card_facts", "issued_cards", "judged_accounts", "judged_openings", "account_checks", "last_checks"),
    *("account_links", "inquiry_pairs", "person_alerts", "raw_findings"),
)


def put_away(engine: Engine) -> None:
    """Free what nobody reads once cases are tracked: of a large night most of the engine's memory.

    Of ``judged_rows`` those with a finding stay, of ``notices`` whose they are (id_norm).
    """
    engine.drop(*_ASKED_NO_MORE)
    engine.table(
        "judged_rows",
        "SELECT r.* FROM judged_rows AS r WHERE EXISTS (SELECT 1 FROM findings AS f"
        " WHERE f.provider_code = r.provider_code AND f.account_code = r.account_code)",
    )
    engine.table("notices", "SELECT DISTINCT id_norm FROM notices")


def _scope(engine: Engine, changes: Changes) -> int | None:
    """Let ``standing_<feed>`` be the rows of those who are touched; None where everyone is to be judged after all."""
    people = touch(engine, changes)
    if changes.accounts > _SMALL_BOOK and people > changes.accounts * _LARGEST_SHARE:
        return None
    if not close_scope(engine, beyond_retention(changes.last, changes.night)):
        return None
    return narrow(engine)
