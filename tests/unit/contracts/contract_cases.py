"""A suite made of single expectations, and a table that has every trap of one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kit import NIGHT, typed

from creditaudit.book.files import write_parquet
from creditaudit.contracts.compiler import Compiled, compile_suite
from creditaudit.contracts.suite import Suite, read_suite
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from pathlib import Path

TEN = {"type": "comparison", "column": {"name": "id_type"}, "operator": "==", "parameter": "10"}
SOME = {"type": "comparison", "column": {"name": "account_type"}, "operator": "IN", "parameter": ["D1", "R1"]}
CLOSED = {"type": "nullity", "column": {"name": "closed_on"}, "is_null": False}


def said(kind: str, severity: str = "warning", **kwargs: Any) -> dict[str, Any]:
    """One expectation, with the beginning of its type left out."""
    return {"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity}


def suite_bytes(*expectations: dict[str, Any], feed: str = "accounts", version: int = 1, **ours: Any) -> bytes:
    """A suite as a file."""
    meta = {"creditaudit": {"feed": feed, "version": version, "in_force_from": "2000-01-01", **ours}}
    return json.dumps({"name": feed, "expectations": list(expectations), "meta": meta}).encode()


def suite_of(*expectations: dict[str, Any], feed: str = "accounts", **ours: Any) -> Suite:
    """A suite, read."""
    return read_suite(suite_bytes(*expectations, feed=feed, **ours), feed, 1, "reference/contracts/accounts/v1.json")


def compiled_of(*expectations: dict[str, Any], feed: str = "accounts") -> Compiled:
    """A suite, compiled for the night of the kit."""
    return compile_suite(suite_of(*expectations, feed=feed), NIGHT)


# Missing values on each side of each pair, values on and beside each bound, keys twice and keys half missing.
ROWS: tuple[dict[str, Any], ...] = (
    {"provider_code": "B1", "account_code": "a", "amount": 5, "balance": 5, "account_type": "D1", "id_type": "10"},
    {"provider_code": "B1", "account_code": "a", "amount": 6, "balance": 5, "account_type": "R1", "id_type": "10"},
    {"provider_code": "B1", "account_code": None, "amount": 4, "balance": 5, "account_type": "D1", "id_type": "2"},
    {"provider_code": None, "account_code": None, "amount": None, "balance": 5, "account_type": None},
    {"provider_code": "B1", "account_code": None, "amount": 7, "balance": None, "account_type": "R1"},
    {"provider_code": None, "account_code": None, "amount": None, "balance": None, "account_type": "R4"},
    {"provider_code": "B2", "account_code": "账户é", "amount": 0, "balance": -1, "id_type": "10", "currency": "CNY"},
    {"provider_code": "b2", "account_code": "c'c", "amount": -1, "balance": 0, "id_type": "10", "currency": "元"},
    {"provider_code": "B3", "account_code": "d", "opened_at": "2020-01-01", "closed_on": "2020-01-01"},
    {"provider_code": "B3", "account_code": "e", "opened_at": "2020-01-02", "closed_on": "2020-01-01"},
    {"provider_code": "B3", "account_code": "f", "opened_at": "2026-11-21 23:59:59", "closed_on": "2026-11-22"},
    {"provider_code": "B3", "account_code": "g", "opened_at": "1949-10-01 00:00", "closed_on": None},
    {"provider_code": "B3", "account_code": "g", "opened_at": None, "closed_on": "1949-09-30"},
)

EXPECTATIONS: tuple[dict[str, Any], ...] = (
    said("column_values_to_not_be_null", column="amount"),
    said("column_values_to_not_be_null", column="amount", mostly=0.8),
    said("column_values_to_not_be_null", column="amount", row_condition=SOME),
    said("column_values_to_be_null", column="closed_on", mostly=0.5),
    said("column_values_to_be_in_set", column="account_type", value_set=["D1", "R1"]),
    said("column_values_to_be_in_set", column="account_type", value_set=["D1"], mostly=0.4, row_condition=TEN),
    said("column_values_to_be_in_set", column="amount", value_set=[5, 6, -1]),
    said("column_values_to_be_in_set", column="name_known", value_set=[True]),
    said("column_values_to_not_be_in_set", column="account_code", value_set=["c'c", "zz"]),
    said("column_values_to_be_between", column="amount", min_value=0, max_value=6),
    said("column_values_to_be_between", column="amount", min_value=0, strict_min=True, row_condition=TEN),
    said("column_values_to_be_between", column="amount", max_value=6, strict_max=True, mostly=0.6),
    said(
        "column_values_to_be_between", column="closed_on", min_value="1949-10-01", max_value={"$PARAMETER": "last_day"}
    ),
    said("column_values_to_be_between", column="opened_to", max_value={"$PARAMETER": "last_second"}),
    said("column_values_to_be_between", column="opened_from", min_value="1949-10-01 00:00:00", strict_min=True),
    said("column_values_to_match_regex", column="provider_code", regex="^[A-Z][0-9]$"),
    said("column_values_to_match_regex", column="account_code", regex="[a-c]", mostly=0.3),
    said("column_values_to_not_match_regex", column="account_code", regex="'"),
    said("column_value_lengths_to_be_between", column="account_code", min_value=1, max_value=3),
    said("column_value_lengths_to_be_between", column="currency", max_value=3, strict_max=True),
    said("column_value_lengths_to_equal", column="account_code", value=3),
    said("column_pair_values_a_to_be_greater_than_b", column_A="amount", column_B="balance"),
    said("column_pair_values_a_to_be_greater_than_b", column_A="amount", column_B="balance", or_equal=True),
    said(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="amount",
        column_B="balance",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    ),
    said(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="amount",
        column_B="balance",
        ignore_row_if="neither",
        mostly=0.2,
    ),
    said(
        "column_pair_values_a_to_be_greater_than_b",
        column_A="closed_on",
        column_B="opened_on",
        or_equal=True,
        ignore_row_if="either_value_is_missing",
    ),
    said(
        "column_pair_values_to_be_in_set",
        column_A="provider_code",
        column_B="account_type",
        value_pairs_set=[["B1", "D1"], ["B1", "R1"]],
        ignore_row_if="either_value_is_missing",
    ),
    said(
        "column_pair_values_to_be_in_set",
        column_A="provider_code",
        column_B="account_type",
        value_pairs_set=[["B1", "D1"]],
    ),
    said("column_values_to_be_unique", column="account_code"),
    said("column_values_to_be_unique", column="account_code", mostly=0.5, row_condition=CLOSED),
    said("column_values_to_be_unique", column="amount"),
    said("compound_columns_to_be_unique", column_list=["provider_code", "account_code"]),
    said(
        "compound_columns_to_be_unique",
        column_list=["provider_code", "account_code"],
        ignore_row_if="any_value_is_missing",
    ),
    said("compound_columns_to_be_unique", column_list=["provider_code", "account_code"], ignore_row_if="never"),
    said("table_row_count_to_be_between", min_value=1, max_value=12),
    said("table_row_count_to_be_between", min_value=13),
    said("table_row_count_to_equal", value=13),
    said("column_proportion_of_non_null_values_to_be_between", column="amount", min_value=0.5),
    said("column_proportion_of_non_null_values_to_be_between", column="amount", max_value=0.5),
    said("column_to_exist", column="amount"),
    said("column_to_exist", column="nothing"),
)


def write_part(folder: Path, feed: str, rows: tuple[dict[str, Any], ...]) -> list[Path]:
    """Write rows as a night keeps them."""
    path = folder / f"{feed}.parquet"
    write_parquet(path, FEEDS[feed].schema, [typed(feed, rows)])
    return [path]
