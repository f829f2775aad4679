"""Results in Great Expectations' own form (``ExpectationSuiteValidationResult``), without any value of a row.

The same night gives the same bytes: the run is named by the night, and no clock and no chance enters. What is bad is
told by counts and by (file, row); the value itself stays in the typed rows, the one place for it (SPEC 10.4).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from creditaudit.contracts.asking import Outcome, bad_rows
from creditaudit.contracts.compiler import Shape, rows_seen
from creditaudit.feeds import FEEDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from creditaudit.contracts.compiler import Compiled

NOT_SHOWN = "(not shown)"


def run_time(night: date) -> str:
    """Return the instant that stands for a night's run, never a clock's: in UTC, so that pages show its date."""
    return f"{night.isoformat()}T00:00:00+00:00"


def suite_result(compiled: Compiled, outcomes: Sequence[Outcome], night: date, warnings: Sequence[str]) -> bytes:
    """Return the result of one suite as JSON.

    Parameters
    ----------
    compiled : Compiled
    outcomes : sequence of Outcome
        One per check, in their order.
    night : date
    warnings : sequence of str
        What the comparison with the last nights gave, kept in ``meta.creditaudit``.
    """
    suite = compiled.suite
    met = sum(o.success for o in outcomes)
    run = {"run_name": night.isoformat(), "run_time": run_time(night)}
    content = {
        "success": met == len(outcomes),
        "results": [_result(compiled, outcome) for outcome in outcomes],
        "suite_name": suite.content["name"],
        "suite_parameters": compiled.parameters,
        "statistics": {
            "evaluated_expectations": len(outcomes),
            "successful_expectations": met,
            "unsuccessful_expectations": len(outcomes) - met,
            "success_percent": met / len(outcomes) * 100 if outcomes else None,
        },
        "meta": {
            "great_expectations_version": suite.content["meta"].get("great_expectations_version"),
            "run_id": run,
            "validation_time": run["run_time"],
            "active_batch_definition": {
                "datasource_name": "creditaudit",
                "data_connector_name": "night",
                "data_asset_name": suite.feed,
                "batch_identifiers": {"night": night.isoformat()},
            },
            "batch_spec": {"data_asset_name": suite.feed, "path": _path(suite.feed)},
            "creditaudit": {
                "feed": suite.feed,
                "version": suite.version,
                "in_force_from": suite.in_force_from.isoformat(),
                "suite_sha256": suite.sha256,
                "crashed": sum(o.crash is not None for o in outcomes),
                "against_last_nights": list(warnings),
            },
        },
        "id": None,
    }
    # Without indentation: with it, writing these files took more of a small night than any query.
    return (json.dumps(content, ensure_ascii=False) + "\n").encode()


def _result(compiled: Compiled, outcome: Outcome) -> dict[str, Any]:
    check = outcome.check
    config = {**check.expectation.content, "kwargs": {**check.kwargs, "batch_id": compiled.suite.feed}}
    crash = outcome.crash
    return {
        "success": outcome.success,
        "expectation_config": config,
        "result": {} if crash is not None else _told(compiled, outcome),
        "meta": {},
        "exception_info": {
            "raised_exception": crash is not None,
            "exception_traceback": None,
            "exception_message": None if crash is None else f"the check was not made: {crash}",
        },
    }


def _told(compiled: Compiled, outcome: Outcome) -> dict[str, Any]:
    """Return the body of a result, as Great Expectations fills it for this kind of expectation."""
    check = outcome.check
    if check.shape is Shape.SCHEMA:
        return {}
    if check.shape is Shape.NUMBER:
        return {"observed_value": outcome.observed}
    total, considered, bad = outcome.total, outcome.considered, outcome.bad
    hidden = {", ".join(check.columns): NOT_SHOWN}
    listed = [{**hidden, "file": file, "row": row} for file, row in outcome.places]
    told: dict[str, Any] = {
        "element_count": total,
        "unexpected_count": bad,
        "unexpected_percent": _percent(bad, considered),
        "partial_unexpected_list": [],
        "unexpected_index_column_names": ["file", "row"],
    }
    if check.counts_missing:
        told |= {
            "missing_count": total - considered,
            "missing_percent": _percent(total - considered, total),
            "unexpected_percent_total": _percent(bad, total),
            "unexpected_percent_nonmissing": _percent(bad, considered),
        }
    told["partial_unexpected_counts"] = [{"value": NOT_SHOWN, "count": bad}] if bad else []
    told["partial_unexpected_index_list"] = listed
    if bad:
        told["unexpected_index_list"] = listed
        if compiled.suite.feed in FEEDS:
            told["unexpected_index_query"] = _query(compiled, outcome)
    return told


def _path(feed: str) -> str:
    """Return where in the night's folder the rows lie."""
    return f"intake/{feed}/*.parquet" if feed in FEEDS else f"reference/{feed}.csv"


def _query(compiled: Compiled, outcome: Outcome) -> str:
    """Return SQL that lists every bad row, for DuckDB in the night's folder."""
    feed = compiled.suite.feed
    rows = rows_seen(FEEDS[feed], f"read_parquet('intake/{feed}/*.parquet')")
    return f"WITH delivered AS ({rows}) {bad_rows(outcome.check, 'delivered')} ORDER BY file, row"


def _percent(part: int, whole: int) -> float | None:
    return part / whole * 100 if whole else None
