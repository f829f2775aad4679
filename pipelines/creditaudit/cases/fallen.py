"""Cases whose findings fell tonight, and whether their own institution changed its rows (SPEC 8.1).

Findings have fallen where none is left, or none but those of data quality and of replaced cards, or where one that is
neither is gone while others stand: else a bank could take the strongest away first, and the case would close with the
last. A bank must not close a case, or take it from its readers, by rewriting the record: where its own rows changed on
the night on which findings fell, the case stays, and says which columns changed. What a registry, a duty, a rule or
somebody else's row takes away is withdrawn.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.cases.known import OPEN_LIST
from creditaudit.cases.residual import chain_of
from creditaudit.cases.rests_on import TYPED
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from creditaudit.engines import Engine

_INQUIRY = {"inquired_at": ("inquired_from", "inquired_to"), "reason": ("reason",), "id_number": ("id_norm",)}
_OPENING = ("document_kind", "card_valid_from", "card_valid_to", "handler_id_number", "session_id")
# Findings of data quality and of replaced cards.
WEAK = "'R103', 'R301', 'R302'"

# Findings that rest on other accounts of the person, too.
_OF_PERSON = "'R109', 'R302', 'R401', 'R402'"
_FEEDS = ("accounts", "openings", "verifications", "inquiries", "account_renames")
_PERSONS_FEEDS = ("loss_reports", "invalid_cards", "issuances", "fraud_alerts", "impostors")

# Which columns of a row and of the one that it replaces are asked for, beside the key.
_READ: dict[str, tuple[str, ...]] = {
    "accounts": tuple(dict.fromkeys(name for columns in TYPED.values() for name in columns)),
    "inquiries": tuple(dict.fromkeys(name for columns in _INQUIRY.values() for name in columns)),
    "account_renames": ("new_provider_code", "new_account_code"),
    **dict.fromkeys(_PERSONS_FEEDS, ("id_norm",)),
}
# Accounts of tonight that a fallen case may ask for: its own, and, where its findings rest on the person's others,
# those that are or were the person's.
_NEAR = """
    SELECT provider_code, account_code FROM fallen_codes
    UNION SELECT n.provider_code, n.account_code FROM came_accounts AS n JOIN fallen_cases AS f
        ON f.id_norm = n.id_norm AND f.is_of_person
    UNION SELECT o.provider_code, o.account_code FROM rows_before_accounts AS o JOIN fallen_cases AS f
        ON f.id_norm = o.id_norm AND f.is_of_person
"""

# What stood last night on the account of each open case, and does not tonight: a finding is its rule and its notice.
_LOST = f"""
    SELECT k.case_id, p.rule_id, p.evidence FROM known_cases AS k
    JOIN previous_findings AS p ON p.provider_code = k.old_provider AND p.subject = k.old_subject
    WHERE k.place = 1 AND k.state IN ({OPEN_LIST}) AND NOT EXISTS (
        SELECT 1 FROM findings AS f WHERE f.provider_code = k.provider_code AND f.subject = k.subject
            AND f.rule_id = p.rule_id AND f.notice_source IS NOT DISTINCT FROM p.notice_source
            AND f.notice_id IS NOT DISTINCT FROM p.notice_id)
"""

# Nothing is left of it, or nothing but what is weak; or something that is not weak is gone while others stand.
_FALLEN = f"""
    SELECT * FROM (
        SELECT k.case_id, k.provider_code, k.account_code, k.old_provider, k.old_subject, k.subject, k.id_norm,
            COALESCE(l.is_strong, FALSE) AS is_strong, COALESCE(l.is_of_person, FALSE) AS is_of_person,
            EXISTS (SELECT 1 FROM previous_findings AS p
                WHERE p.provider_code = k.old_provider AND p.subject = k.old_subject)
            AND NOT EXISTS (
                SELECT 1 FROM standing_cases AS s WHERE s.provider_code = k.provider_code AND s.subject = k.subject
                AND s.has_findings AND (k.is_quiet OR k.is_data_quality OR NOT (s.is_quiet OR s.is_data_quality))
            ) AS is_bare
        FROM known_cases AS k LEFT JOIN (
            SELECT case_id, bool_or(rule_id NOT IN ({WEAK})) AS is_strong,
                bool_or(rule_id IN ({_OF_PERSON})) AS is_of_person
            FROM lost_findings GROUP BY case_id
        ) AS l ON l.case_id = k.case_id
        WHERE k.place = 1 AND k.state IN ({OPEN_LIST})
    ) AS c WHERE is_bare OR is_strong
"""

# Every code under which a fallen case's account is, or was, delivered, and its institution's accounts in a chain that
# has gone; also of a rename that the rows contradict tonight, which may be what took the findings away.
_CODES = """
    WITH named AS (
        SELECT case_id, provider_code, account_code FROM fallen_cases WHERE account_code IS NOT NULL
        UNION
        SELECT case_id, old_provider, substr(old_subject, 9) FROM fallen_cases
        WHERE starts_with(old_subject, 'account:')
        UNION
        SELECT c.case_id, c.provider_code, c.account_code FROM lost_chains AS c
        JOIN fallen_cases AS f ON f.case_id = c.case_id AND c.provider_code IN (f.provider_code, f.old_provider)
    ), whole AS (
        SELECT * FROM named
        UNION
        SELECT n.case_id, o.provider_code, o.account_code FROM named AS n
        JOIN lineage AS l ON l.provider_code = n.provider_code AND l.account_code = n.account_code
        JOIN lineage AS o ON o.head_provider = l.head_provider AND o.head_code = l.head_code
    ), parted AS (
        SELECT r.provider_code AS old_provider, r.old_account_code AS old_code,
            COALESCE(r.new_provider_code, r.provider_code) AS new_provider, r.new_account_code AS new_code
        FROM contradicted_renames AS x JOIN standing_account_renames AS r
            ON r.provider_code = x.provider_code AND r.old_account_code = x.old_account_code
    )
    SELECT * FROM whole
    UNION
    SELECT w.case_id, p.old_provider, p.old_code FROM whole AS w
    JOIN parted AS p ON p.new_provider = w.provider_code AND p.new_code = w.account_code
    UNION
    SELECT w.case_id, p.new_provider, p.new_code FROM whole AS w
    JOIN parted AS p ON p.old_provider = w.provider_code AND p.old_code = w.account_code
"""


def find_fallen(engine: Engine, tonight: Mapping[str, Sequence[Path]]) -> None:
    """Make ``fallen_cases`` (one row per case of which findings fell tonight) and ``own_changes`` (case_id, held_by).

    ``held_by`` names what the case's own institution changed, ``provider_changed:<column>``, or which account that the
    findings rested on was corrected, ``corrected:<provider>/<code>``, joined by ``;``; a case without a row has only
    what others changed. ``fallen_causes`` (case_id, cause) has the registries whose rows on the
    person changed tonight.

    Parameters
    ----------
    engine : Engine
        With ``known_cases``, ``standing_cases``, ``findings``, ``previous_findings``, ``lineage``,
        ``contradicted_renames``, ``standing_account_renames``, ``standing_openings`` and
        ``rows_before_<feed>``: what tonight's rows replace.
    tonight : mapping
        Feed to the files of the rows that came into force tonight.
    """
    engine.table("lost_findings", _LOST)
    if not engine.table("fallen_cases", _FALLEN):
        engine.drop("lost_findings")
        empty = "SELECT CAST(NULL AS VARCHAR) AS case_id, CAST(NULL AS VARCHAR) AS {} WHERE 1 = 0"
        engine.table("own_changes", empty.format("held_by"))
        engine.table("fallen_causes", empty.format("cause"))
        return
    engine.load("lost_chains", _lost_chains(engine))
    engine.table(
        "fallen_codes",
        f"SELECT c.*, s.session_id FROM ({_CODES}) AS c LEFT JOIN standing_openings AS s"
        " ON s.provider_code = c.provider_code AND s.account_code = c.account_code",
    )
    for feed in (*_FEEDS, *_PERSONS_FEEDS):
        engine.scan(f"came_{feed}", list(tonight.get(feed, ())), FEEDS[feed].schema)
        if feed in _READ:
            _before(engine, feed)
    parts = [*_account_parts(), *_opening_parts(), _CHECKS, _RENAMES, *_inquiry_parts()]
    engine.table(
        "own_changes",
        "SELECT case_id, string_agg(said, ';' ORDER BY said) AS held_by FROM ("
        f"SELECT case_id, 'provider_changed:' || name AS said FROM ({' UNION ALL '.join(parts)}) AS p"
        f" UNION {_CORRECTED}) AS d GROUP BY case_id",
    )
    causes = [
        f"SELECT f.case_id, '{feed}' AS feed FROM fallen_cases AS f JOIN came_{feed} AS n ON n.id_norm = f.id_norm"
        for feed in _PERSONS_FEEDS
    ]
    causes += [  # a row that says another number tonight
        f"SELECT f.case_id, '{feed}' AS feed FROM fallen_cases AS f JOIN was_{feed} AS w ON w.id_norm = f.id_norm"
        f" JOIN came_{feed} AS n ON {' AND '.join(f'n.{k} = w.{k}' for k in FEEDS[feed].key)}"
        for feed in _PERSONS_FEEDS
    ]
    causes.append(_RECALLED)
    engine.table(
        "fallen_causes",
        "SELECT case_id, string_agg(feed, ',' ORDER BY feed) AS cause"
        f" FROM (SELECT DISTINCT case_id, feed FROM ({' UNION ALL '.join(causes)}) AS p) AS d GROUP BY case_id",
    )
    engine.drop("lost_findings", "lost_chains", "fallen_codes")
    engine.drop(*(f"{kind}_{feed}" for feed in (*_FEEDS, *_PERSONS_FEEDS) for kind in ("came", "was")))


def _lost_chains(engine: Engine) -> pa.Table:
    """Return the accounts (case_id, provider_code, account_code) in the chains of R109 findings that are gone."""
    lost = engine.fetch("SELECT case_id, evidence FROM lost_findings WHERE rule_id = 'R109' ORDER BY case_id, evidence")
    rows = [(row["case_id"], *step) for row in lost.to_pylist() for step in chain_of(json.loads(row["evidence"]))]
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    names = ("case_id", "provider_code", "account_code")
    return pa.table({name: pa.array(cells, type=pa.string()) for name, cells in zip(names, columns, strict=True)})


def _before(engine: Engine, feed: str) -> None:
    """Make ``came_<feed>`` and ``was_<feed>``: tonight's rows that may say something, and those that they replace.

    Every part below asks for both. Of accounts, of which a bank may deliver all again, only those that a fallen case
    may ask for.
    """
    spec = FEEDS[feed]
    near = ""
    if feed == "accounts":
        engine.table("near_accounts", _NEAR)
        near = " JOIN near_accounts AS a ON a.provider_code = n.provider_code AND a.account_code = n.account_code"
    columns = tuple(dict.fromkeys((*spec.key, *_READ[feed])))
    wanted = ", ".join(f"n.{name}" for name in columns)
    same = " AND ".join(f"n.{name} = o.{name}" for name in spec.key)
    engine.table(f"came_{feed}_near", f"SELECT {wanted} FROM came_{feed} AS n{near}")
    engine.table(
        f"was_{feed}",
        f"SELECT {', '.join(f'o.{name}' for name in columns)} FROM rows_before_{feed} AS o"
        f" WHERE EXISTS (SELECT 1 FROM came_{feed}_near AS n WHERE {same})",
    )
    engine.table(f"came_{feed}", f"SELECT * FROM came_{feed}_near")
    engine.drop(f"came_{feed}_near", "near_accounts")


def _differs(columns: Sequence[str]) -> str:
    return "(" + " OR ".join(f"n.{name} IS DISTINCT FROM o.{name}" for name in columns) + ")"


def _account_parts() -> list[str]:
    """Select changed cells and new rows of the case's own account, and of others that findings rest on."""
    key = "o.provider_code = n.provider_code AND o.account_code = n.account_code"
    own = (
        "fallen_codes AS c JOIN came_accounts AS n ON n.provider_code = c.provider_code"
        f" AND n.account_code = c.account_code LEFT JOIN was_accounts AS o ON {key}"
    )
    others = (
        "fallen_cases AS c JOIN came_accounts AS n ON n.provider_code = c.provider_code"
        f" LEFT JOIN was_accounts AS o ON {key}"
    )
    of_person = "c.is_of_person AND (n.id_norm = c.id_norm OR o.id_norm = c.id_norm)"
    found = []
    for source, which in ((own, "TRUE"), (others, of_person)):
        found.append(f"SELECT c.case_id, 'account_code' AS name FROM {source} WHERE {which} AND o.account_code IS NULL")
        found += [
            f"SELECT c.case_id, '{name}' AS name FROM {source}"
            f" WHERE {which} AND o.account_code IS NOT NULL AND {_differs(columns)}"
            for name, columns in TYPED.items()
        ]
    return found


def _opening_parts() -> list[str]:
    """Select what tonight's openings give: an account has one that judges, so it came for the first time."""
    source = (
        "fallen_codes AS c JOIN came_openings AS n"
        " ON n.provider_code = c.provider_code AND n.account_code = c.account_code"
    )
    given = [f"SELECT c.case_id, '{name}' AS name FROM {source} WHERE n.{name} IS NOT NULL" for name in _OPENING]
    return [*given, f"SELECT c.case_id, 'opening' AS name FROM {source}"]


# Tonight's checks of the account, and those that were of it and that tonight's rows take to another one.
_CHECKS = """
    SELECT c.case_id, 'check_id' AS name FROM fallen_codes AS c JOIN came_verifications AS n
        ON n.provider_code = c.provider_code AND n.account_code = c.account_code
    UNION ALL
    SELECT c.case_id, 'check_id' AS name FROM fallen_codes AS c JOIN came_verifications AS n
        ON n.provider_code = c.provider_code AND n.session_id = c.session_id
    UNION ALL
    SELECT c.case_id, 'account_code' AS name FROM fallen_codes AS c
    JOIN rows_before_verifications AS o ON o.provider_code = c.provider_code AND o.account_code = c.account_code
    JOIN came_verifications AS n ON n.provider_code = o.provider_code AND n.check_id = o.check_id
    WHERE n.account_code IS DISTINCT FROM o.account_code
    UNION ALL
    SELECT c.case_id, 'session_id' AS name FROM fallen_codes AS c
    JOIN rows_before_verifications AS o ON o.provider_code = c.provider_code AND o.session_id = c.session_id
    JOIN came_verifications AS n ON n.provider_code = o.provider_code AND n.check_id = o.check_id
    WHERE n.session_id IS DISTINCT FROM o.session_id
"""

# What falls because an account of the person is judged no more, its absence proven, has not been answered by that.
_CORRECTED = """
    SELECT c.case_id, 'corrected:' || a.provider_code || '/' || a.account_code AS said FROM fallen_cases AS c
    JOIN known_cases AS k ON k.person = c.id_norm AND k.case_id <> c.case_id
    JOIN standing_absent_accounts AS a ON a.case_id = k.case_id AND a.is_absent
    WHERE c.is_of_person AND c.is_bare
"""

# A row that tonight's recalls turned is the person's or the account's; a full file that is recalled spoke of everyone.
_RECALLED = """
    SELECT f.case_id, 'recalled_file' AS feed FROM fallen_cases AS f
    JOIN recalled_subjects AS r ON r.id_norm = f.id_norm
    UNION ALL
    SELECT c.case_id, 'recalled_file' AS feed FROM fallen_codes AS c
    JOIN recalled_subjects AS r ON r.provider_code = c.provider_code AND r.account_code = c.account_code
    UNION ALL
    SELECT f.case_id, 'recalled_file' AS feed FROM fallen_cases AS f
    JOIN recalled_subjects AS r ON r.id_norm IS NULL AND r.account_code IS NULL
"""

_RENAMES = """
    SELECT f.case_id, 'account_code' AS name FROM fallen_cases AS f
    WHERE (f.old_provider <> f.provider_code OR f.old_subject <> f.subject) AND NOT EXISTS (
        SELECT 1 FROM recalled_renames AS g WHERE COALESCE(g.new_provider_code, g.provider_code) = f.old_provider
            AND 'account:' || g.new_account_code = f.old_subject)
    UNION ALL
    SELECT c.case_id, 'account_code' AS name FROM fallen_codes AS c JOIN (
        SELECT provider_code, old_account_code, new_provider_code, new_account_code FROM came_account_renames
        UNION ALL
        SELECT w.provider_code, w.old_account_code, w.new_provider_code, w.new_account_code
        FROM was_account_renames AS w JOIN came_account_renames AS n
            ON n.provider_code = w.provider_code AND n.old_account_code = w.old_account_code
    ) AS n ON (n.provider_code = c.provider_code AND n.old_account_code = c.account_code)
        OR (COALESCE(n.new_provider_code, n.provider_code) = c.provider_code AND n.new_account_code = c.account_code)
"""


def _inquiry_parts() -> list[str]:
    return [
        f"SELECT c.case_id, '{name}' AS name FROM fallen_cases AS c JOIN came_inquiries AS n"
        " ON n.provider_code = c.provider_code AND 'inquiry:' || n.inquiry_id = c.subject"
        " JOIN was_inquiries AS o ON o.provider_code = n.provider_code AND o.inquiry_id = n.inquiry_id"
        f" WHERE {_differs(columns)}"
        for name, columns in _INQUIRY.items()
    ]
