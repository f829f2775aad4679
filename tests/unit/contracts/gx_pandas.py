"""The same suites on Great Expectations' own pandas engine: the slow reference of the contract."""

from __future__ import annotations

import copy
import functools
import itertools
import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from creditaudit.contracts.compiler import Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from creditaudit.contracts.asking import Outcome
    from creditaudit.contracts.compiler import Compiled


_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Answer:
    """What one expectation came to, in either engine."""

    name: str
    success: bool
    total: int | None
    missing: int | None
    bad: int | None
    observed: float | None
    places: tuple[tuple[str, int], ...]


def ours(outcomes: Sequence[Outcome]) -> list[Answer]:
    """Return the answers of the compiler."""
    found = []
    for outcome in outcomes:
        check = outcome.check
        is_rows = check.shape in {Shape.ROWS, Shape.DUPLICATES}
        found.append(
            Answer(
                check.name,
                outcome.success,
                outcome.total if is_rows else None,
                outcome.total - outcome.considered if is_rows and check.counts_missing else None,
                outcome.bad if is_rows else None,
                outcome.observed if check.shape is Shape.NUMBER else None,
                outcome.places,
            )
        )
    return found


def theirs(compiled: Compiled, rows: pa.Table) -> list[Answer]:
    """Run a suite on pandas, and return the answers in the order of the suite."""
    with warnings.catch_warnings():
        # The library warns of its own deprecations and of pandas'; what it answers is what is tested.
        warnings.simplefilter("ignore")
        results = _validated(compiled, rows)
    answers = []
    for place, check in enumerate(compiled.checks):
        result = results[place]
        assert not _crashed(result), f"{check.name} crashed in the library: {result['exception_info']}"
        told = result["result"]
        places = sorted((found["file"], found["row"]) for found in told.get("unexpected_index_list") or [])
        answers.append(
            Answer(
                check.name,
                result["success"],
                told.get("element_count"),
                told.get("missing_count"),
                told.get("unexpected_count"),
                told.get("observed_value"),
                tuple(places[:20]),
            )
        )
    return answers


def _crashed(result: dict[str, Any]) -> bool:
    """A crash comes back as ``success: false`` with a map of metrics to exceptions, not as an exception."""
    info = result["exception_info"]
    return bool(info.get("raised_exception", True))


def _validated(compiled: Compiled, rows: pa.Table) -> dict[int, dict[str, Any]]:
    import great_expectations as gx  # noqa: PLC0415 - seconds, and only this test pays them

    content = copy.deepcopy(compiled.suite.content)
    for place, item in enumerate(content["expectations"]):
        item["meta"] = {"place": place}  # the library answers in an order of its own
    asset = _source().add_dataframe_asset(f"rows {next(_NUMBERS)}")
    batch = asset.add_batch_definition_whole_dataframe("night").get_batch({"dataframe": rows.to_pandas()})
    found = batch.validate(
        gx.ExpectationSuite(**content),
        expectation_parameters=dict(compiled.parameters),
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["file", "row"]},
    )
    results = json.loads(json.dumps(found.to_json_dict()["results"], default=str))
    return {r["expectation_config"]["meta"]["place"]: r for r in results}


@functools.cache
def _source() -> Any:
    import great_expectations as gx  # noqa: PLC0415
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )

    # Its own defaults would leave a folder in the temporary directory.
    configuration = DataContextConfig(store_backend_defaults=InMemoryStoreBackendDefaults())
    context = gx.get_context(mode="ephemeral", project_config=configuration)
    context.variables.progress_bars = {"globally": False}
    return context.data_sources.add_pandas("rows")
