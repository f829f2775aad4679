"""Accounts that changed their code are one account (SPEC 4, Lineage)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from creditaudit.audit.chains import cut_rings, follow

if TYPE_CHECKING:
    from datetime import date

    from creditaudit.engines import Engine


def build_lineage(engine: Engine, night: date, prefix: str = "") -> None:
    """Make all that :func:`name_renames`, :func:`find_renamed` and :func:`join_renames` make.

    Reads ``standing_account_renames`` and ``standing_accounts``. With ``prefix`` every relation, read or made, has a
    name that begins with it: the lineages of another night stand beside tonight's.
    """
    name_renames(engine, night, prefix)
    find_renamed(engine, f"{prefix}standing_accounts", prefix)
    join_renames(engine, prefix)


def name_renames(engine: Engine, night: date, prefix: str = "") -> None:
    """Make ``rename_edges_all`` and ``renamed_codes`` of ``standing_account_renames``.

    ``rename_edges_all`` (from_provider, from_code, to_provider, to_code, effective_on) has the renames of tonight or
    before, contradicted or not; ``renamed_codes`` (provider_code, account_code) every code that one of them names.
    """
    engine.table(
        f"{prefix}rename_edges_all",
        "SELECT provider_code AS from_provider, old_account_code AS from_code,"
        " COALESCE(new_provider_code, provider_code) AS to_provider, new_account_code AS to_code, effective_on"
        f" FROM {prefix}standing_account_renames WHERE effective_on <= DATE '{night.isoformat()}'",
    )
    engine.table(
        f"{prefix}renamed_codes",
        f"SELECT from_provider AS provider_code, from_code AS account_code FROM {prefix}rename_edges_all"
        f" UNION SELECT to_provider AS provider_code, to_code AS account_code FROM {prefix}rename_edges_all",
    )


def find_renamed(engine: Engine, accounts: str, prefix: str = "") -> None:
    """Make ``renamed_rows``: the account rows in force of ``renamed_codes``, out of a relation that has them all."""
    engine.table(
        f"{prefix}renamed_rows",
        f"SELECT a.provider_code, a.account_code, a.id_norm, a.opened_from, a.opened_to FROM {accounts} AS a"
        f" JOIN {prefix}renamed_codes AS c ON c.provider_code = a.provider_code AND c.account_code = a.account_code",
    )


def join_renames(engine: Engine, prefix: str = "") -> None:
    """Make ``lineage`` and ``contradicted_renames`` of ``rename_edges_all`` and ``renamed_rows``.

    ``lineage`` has one row per code that a rename of tonight or before names, and that is not alone in the end:
    provider_code, account_code, head_provider, head_code (the newest code of its lineage, with or without a row of its
    own), steps (renames from this code to the newest). A code that no rename names is its own lineage and has no row.

    ``contradicted_renames`` has the renames whose two codes have rows that cannot be one account: provider_code,
    old_account_code.
    """
    engine.table(
        f"{prefix}contradicted_renames",
        f"SELECT e.from_provider AS provider_code, e.from_code AS old_account_code FROM {prefix}rename_edges_all AS e"
        f" JOIN {prefix}renamed_rows AS o ON o.provider_code = e.from_provider AND o.account_code = e.from_code"
        f" JOIN {prefix}renamed_rows AS n ON n.provider_code = e.to_provider AND n.account_code = e.to_code"
        " WHERE o.id_norm <> n.id_norm OR o.opened_to < n.opened_from OR o.opened_from > n.opened_to",
    )
    engine.table(
        "rename_edges",
        f"SELECT e.* FROM {prefix}rename_edges_all AS e"
        f" WHERE NOT EXISTS (SELECT 1 FROM {prefix}contradicted_renames AS c"
        " WHERE c.provider_code = e.from_provider AND c.old_account_code = e.from_code)",
    )
    follow(engine, "rename_edges", "rename_ends")
    cut_rings(engine, "rename_edges", "rename_ends", "open_rename_edges")
    follow(engine, "open_rename_edges", "rename_ends")
    engine.table(
        f"{prefix}lineage",
        "SELECT from_provider AS provider_code, from_code AS account_code,"
        " end_provider AS head_provider, end_code AS head_code, steps FROM rename_ends"
        " UNION ALL SELECT DISTINCT end_provider AS provider_code, end_code AS account_code,"
        " end_provider AS head_provider, end_code AS head_code, 0 AS steps FROM rename_ends",
    )
    engine.drop("rename_edges", "open_rename_edges", "rename_ends")
