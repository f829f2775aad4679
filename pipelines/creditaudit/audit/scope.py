"""The scope of a night: everyone who is touched, all that hangs on them, and the rows that their judgment needs.

A finding on an account hangs on its own rows, on its person's rows and other accounts, and on the accounts that it
reaches by settlement and original links (SPEC 6). So the scope is closed in two ways: *backward*, accounts that reach a
touched one are judged again, each with its whole person; *forward*, the rows of accounts that they reach are read, but
what is found on those stands as it was. Accounts joined by renames, contradicted or not, go together.

Sets are kept as 64-bit hashes while they grow: two keys that share one only make the scope larger, and what is judged
is named by its own key in the end. One narrow pass over all accounts keeps those that are touched, linked or renamed;
a second one reads the rows that are wanted then. No other pass over accounts is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.audit.chains import cut_rings, follow
from creditaudit.audit.lineage import find_renamed
from creditaudit.book.state import TABLES, stand_whole

if TYPE_CHECKING:
    from creditaudit.engines import Engine

# Columns that neither judgment nor score reads: decoding them for every row would be the most of a small night.
UNREAD = frozenset(
    (
        *("id_number", "name", "report_reason", "balance", "status"),
        *("handler_id_number", "file", "row", "line"),
    )
)
_ACCOUNT_COLUMNS = tuple(name for name in TABLES["accounts"].schema.names if name not in UNREAD)

# Feeds of a person's rows that are read for everyone in reach, and the one of which only those judged are read.
_OF_PEOPLE = ("loss_reports", "invalid_cards", "issuances", "fraud_alerts")
_JUDGED_ALONE = "inquiries"
_OF_CODES = ("openings", "opening_changes")
# Feeds and tables whose rows are fewer while few are judged.
NARROWED = ("accounts", *_OF_PEOPLE, _JUDGED_ALONE, *_OF_CODES, "verifications")

_MADE = (
    *(
        "scope_people",
        "scope_parts",
        "scope_codes",
        "scope_inquiry_keys",
        "context_codes",
        "context_parts",
        "rename_parts",
    ),
    *("renamed_rows", "renamed_codes", "rename_edges_all"),
)

# A chain of links of more steps than this is followed by judging everyone.
MOST_STEPS = 200


def close_scope(engine: Engine, closes: str) -> bool:
    """Find everyone who is to be judged; returns whether that came to an end.

    Reads ``touched_people``, ``touched_codes``, ``standing_accounts``, and ``rename_edges_all`` of the lineage. Makes
    ``scope_people`` (person: hash), ``context_codes`` (code: hash), ``scope_parts`` and
    ``context_parts`` (part: hash; groups of codes that renames join), and ``rename_parts`` (provider_code,
    account_code, code, part).

    Parameters
    ----------
    engine : Engine
    closes : str
        SQL that is TRUE for the ``closed_on`` of accounts that the date alone touches.
    """
    _rename_parts(engine)
    engine.table("moved_people", "SELECT DISTINCT text_hash(id_norm) AS person FROM touched_people")
    engine.table("moved_codes", "SELECT DISTINCT code_hash(provider_code, account_code) AS code FROM touched_codes")
    engine.table("named_codes", "SELECT code FROM moved_codes UNION SELECT code FROM rename_parts")
    engine.table(
        "reach",
        f"""
        SELECT s.person, s.code, s.settles, s.comes_from, p.person IS NOT NULL AS is_moved, s.closes
        FROM (
            SELECT text_hash(id_norm) AS person, code_hash(provider_code, account_code) AS code,
                CASE WHEN settlement_account_code IS NOT NULL
                    THEN code_hash(settlement_provider_code, settlement_account_code) END AS settles,
                CASE WHEN original_account_code IS NOT NULL
                    THEN code_hash(original_provider_code, original_account_code) END AS comes_from,
                {closes} AS closes
            FROM standing_accounts
        ) AS s
        LEFT JOIN moved_people AS p ON p.person = s.person
        LEFT JOIN named_codes AS c ON c.code = s.code
        WHERE p.person IS NOT NULL OR c.code IS NOT NULL
            OR s.settles IS NOT NULL OR s.comes_from IS NOT NULL OR s.closes
        """,
    )
    engine.table(
        "renamed_people",
        "SELECT DISTINCT r.person, p.part FROM reach AS r JOIN rename_parts AS p ON p.code = r.code",
    )
    engine.table(
        "links",
        "SELECT code, person, settles AS target FROM reach WHERE settles IS NOT NULL"
        " UNION ALL SELECT code, person, comes_from AS target FROM reach WHERE comes_from IS NOT NULL",
    )
    is_done = _backward(engine) and _people(engine) and _forward(engine)
    engine.drop("reach", "links", "moved_people", "moved_codes", "named_codes", "backward_codes", "renamed_people")
    return is_done


def _rename_parts(engine: Engine) -> None:
    """Make ``rename_parts``: every code that a rename names, and the group of codes that it is joined with.

    Contradicted renames count: a row that comes tonight may settle the contradiction. Each code has one rename out, so
    a group is a tree that leads to an end, or to a ring, which is cut: the end names the group.
    """
    follow(engine, "rename_edges_all", "part_ends")
    cut_rings(engine, "rename_edges_all", "part_ends", "part_edges")
    follow(engine, "part_edges", "part_ends")
    engine.table(
        "rename_parts",
        """
        SELECT DISTINCT provider_code, account_code, code_hash(provider_code, account_code) AS code, part FROM (
            SELECT from_provider AS provider_code, from_code AS account_code, code_hash(end_provider, end_code) AS part
            FROM part_ends
            UNION ALL
            SELECT end_provider AS provider_code, end_code AS account_code, code_hash(end_provider, end_code) AS part
            FROM part_ends
        ) AS p
        """,
    )
    engine.drop("part_ends", "part_edges")


def _grown(engine: Engine, name: str, column: str, fresh: str) -> int:
    """Add to a set what a query finds and it lacks; returns how many there were."""
    found = engine.table(
        "fresh_members",
        f"SELECT DISTINCT f.{column} FROM ({fresh}) AS f"
        f" WHERE NOT EXISTS (SELECT 1 FROM {name} AS k WHERE k.{column} = f.{column})",
    )
    if found:
        engine.table(name, f"SELECT {column} FROM {name} UNION ALL SELECT {column} FROM fresh_members")
    engine.drop("fresh_members")
    return found


def _with_parts(engine: Engine, name: str) -> int:
    """Add to a set of codes the codes that renames join with them."""
    return _grown(
        engine,
        name,
        "code",
        "SELECT o.code FROM rename_parts AS o WHERE o.part IN"
        f" (SELECT p.part FROM rename_parts AS p WHERE p.code IN (SELECT code FROM {name}))",
    )


def _backward(engine: Engine) -> bool:
    """Make ``backward_codes``: codes whose own violations may be others tonight, and those that lead to them."""
    engine.table("backward_codes", "SELECT code FROM moved_codes UNION SELECT code FROM reach WHERE is_moved")
    for _ in range(MOST_STEPS):
        found = _with_parts(engine, "backward_codes")
        found += _grown(
            engine,
            "backward_codes",
            "code",
            "SELECT l.code FROM links AS l WHERE l.target IN (SELECT code FROM backward_codes)",
        )
        if not found:
            return True
    return False


def _people(engine: Engine) -> bool:
    """Make ``scope_people`` and ``scope_parts``: whose accounts are all judged, and what renames join with those."""
    engine.table(
        "scope_people",
        "SELECT person FROM moved_people UNION SELECT person FROM reach WHERE closes"
        " UNION SELECT person FROM reach WHERE code IN (SELECT code FROM backward_codes)",
    )
    engine.table(
        "scope_parts",
        "SELECT DISTINCT part FROM rename_parts WHERE code IN (SELECT code FROM backward_codes)",
    )
    for _ in range(MOST_STEPS):
        found = _grown(
            engine,
            "scope_parts",
            "part",
            "SELECT part FROM renamed_people WHERE person IN (SELECT person FROM scope_people)",
        )
        found += _grown(
            engine,
            "scope_people",
            "person",
            "SELECT person FROM renamed_people WHERE part IN (SELECT part FROM scope_parts)",
        )
        if not found:
            return True
    return False


def _forward(engine: Engine) -> bool:
    """Make ``context_codes`` and ``context_parts``: the accounts that those who are judged reach, to any depth."""
    engine.table(
        "context_codes",
        "SELECT DISTINCT target AS code FROM links WHERE person IN (SELECT person FROM scope_people)",
    )
    for _ in range(MOST_STEPS):
        found = _with_parts(engine, "context_codes")
        found += _grown(
            engine,
            "context_codes",
            "code",
            "SELECT l.target AS code FROM links AS l WHERE l.code IN (SELECT code FROM context_codes)",
        )
        if not found:
            engine.table(
                "context_parts",
                "SELECT DISTINCT part FROM rename_parts WHERE code IN (SELECT code FROM context_codes)",
            )
            return True
    return False


def narrow(engine: Engine) -> int:
    """Let ``standing_<feed>`` be the rows that tonight's judgment needs; returns how many accounts those are.

    Makes ``scope_codes`` (provider_code, account_code) and ``scope_inquiry_keys`` (provider_code, inquiry_id): what is
    judged, with codes that have no row. Whatever else is found is not to be published. ``renamed_rows`` of the lineage,
    which are those of the whole book, come out of the same pass.
    """
    columns = ", ".join(f"a.{name}" for name in _ACCOUNT_COLUMNS)
    engine.table(
        "read_hashes",
        "SELECT code, bool_or(is_context) AS is_context FROM (SELECT code, TRUE AS is_context FROM context_codes"
        " UNION ALL SELECT code, FALSE AS is_context FROM rename_parts) AS c GROUP BY code",
    )
    engine.table(
        "read_accounts",
        f"""
        SELECT {columns}, p.person IS NOT NULL AS in_scope, p.person IS NOT NULL OR c.is_context AS is_read
        FROM standing_accounts AS a
        LEFT JOIN scope_people AS p ON p.person = text_hash(a.id_norm)
        LEFT JOIN read_hashes AS c ON c.code = code_hash(a.provider_code, a.account_code)
        WHERE p.person IS NOT NULL OR c.code IS NOT NULL
        """,
    )
    find_renamed(engine, "read_accounts")
    accounts = engine.table("scope_accounts", "SELECT * FROM read_accounts WHERE is_read")
    engine.drop("read_accounts", "read_hashes")
    engine.table(
        "scope_codes",
        "SELECT provider_code, account_code FROM scope_accounts WHERE in_scope"
        " UNION SELECT provider_code, account_code FROM touched_codes"
        " UNION SELECT provider_code, account_code FROM rename_parts WHERE part IN (SELECT part FROM scope_parts)",
    )
    engine.table(
        "read_codes",
        "SELECT provider_code, account_code FROM scope_codes"
        " UNION SELECT provider_code, account_code FROM scope_accounts"
        " UNION SELECT provider_code, account_code FROM rename_parts WHERE part IN (SELECT part FROM context_parts)",
    )
    # Quarantined account rows are listed where their number has a notice, whoever is judged.
    engine.table(
        "read_people",
        "SELECT id_norm FROM scope_accounts UNION SELECT id_norm FROM touched_people"
        " UNION SELECT id_norm FROM standing_quarantined_numbers WHERE feed = 'accounts'",
    )
    engine.table(
        "judged_people",
        "SELECT id_norm FROM scope_accounts WHERE in_scope UNION SELECT id_norm FROM touched_people",
    )
    for feed in _OF_PEOPLE:
        _keep(engine, feed, "SELECT 1 FROM read_people AS k WHERE k.id_norm = r.id_norm")
    _keep(engine, _JUDGED_ALONE, "SELECT 1 FROM judged_people AS k WHERE k.id_norm = r.id_norm")
    by_code = (
        "SELECT 1 FROM read_codes AS k WHERE k.provider_code = r.provider_code AND k.account_code = r.account_code"
    )
    for feed in _OF_CODES:
        _keep(engine, feed, by_code)
    engine.table(
        "read_sessions",
        "SELECT DISTINCT provider_code, session_id FROM scope_openings WHERE session_id IS NOT NULL",
    )
    by_session = (
        "SELECT 1 FROM read_sessions AS k WHERE k.provider_code = r.provider_code AND k.session_id = r.session_id"
    )
    _keep(engine, "verifications", by_code, by_session)
    engine.table(
        "scope_inquiry_keys",
        "SELECT provider_code, inquiry_id FROM standing_inquiries"
        " UNION SELECT provider_code, inquiry_id FROM changed_inquiries",
    )
    engine.view("standing_accounts", f"SELECT {', '.join(_ACCOUNT_COLUMNS)} FROM scope_accounts")
    engine.drop("read_people", "judged_people", "read_codes", "read_sessions")
    return accounts


def _keep(engine: Engine, table: str, *tests: str) -> None:
    """Let ``standing_<table>`` be its rows that pass one of the tests."""
    wanted = " OR ".join(f"EXISTS ({test})" for test in tests)
    schema = TABLES[table].schema
    columns = ", ".join(f"r.{name}" for name in schema.names if name not in UNREAD)
    engine.table(f"scope_{table}", f"SELECT {columns} FROM standing_{table} AS r WHERE {wanted}")
    engine.view(f"standing_{table}", f"SELECT * FROM scope_{table}")


def widen(engine: Engine) -> None:
    """Let ``standing_<feed>`` be the rows of the whole book again, and forget the scope."""
    for table in NARROWED:
        stand_whole(engine, table)
    engine.drop("touched_people", "touched_codes", "touched_sessions", "touched_handlers", *_MADE)
    engine.drop(*(f"{kind}_{table}" for table in TABLES for kind in ("scope", "changed", "replaced")))
