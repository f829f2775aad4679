"""What judges a night: the engine that does everything else, or Spark for what reads the big tables (ADR 8)."""

from __future__ import annotations

import hashlib
import platform
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from creditaudit.audit.absent import leave_out
from creditaudit.book.files import storage
from creditaudit.book.state import open_states
from creditaudit.engines import Engine, Spark, check_spark, open_spark
from creditaudit.night_run import SCRATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from creditaudit.night_run import Run
    from creditaudit.settings import Settings

# Tables of the state that judging everyone reads, and the reference tables.
STATE = (
    *("accounts", "openings", "opening_changes", "verifications", "invalid_cards", "loss_reports", "issuances"),
    *("impostors", "inquiries", "fraud_alerts", "account_renames", "full_deliveries", "check_gaps", "readmitted_rows"),
    "absent_accounts",
)
_REFERENCE = ("institutions", "duties")

SPARK = "spark"


def named_engine(asked: str | None, settings: Settings) -> str:
    """Return the engine that is to judge, and make sure, before any work is done, that it can.

    Parameters
    ----------
    asked : str or None
        Overrides the configuration.
    settings : Settings

    Raises
    ------
    UsageError
        Spark is asked for and is not here.
    """
    judge = asked or settings.engine.name
    if judge == SPARK:
        check_spark(settings.spark_settings)
    return judge


@dataclass(frozen=True)
class Judges:
    """Engines to judge with.

    Parameters
    ----------
    aside : callable or None
        Gives an empty engine, for those who are judged beside the night: the known-answer persons. None: the usual one.
    over_all : callable
        Gives the engine that has the rows in force. Whatever is made of them in it is in the night's own engine after.
    """

    aside: Callable[[], AbstractContextManager[Engine]] | None
    over_all: Callable[[], AbstractContextManager[Engine]]


@contextmanager
def judges(run: Run) -> Iterator[Judges]:
    """Give what judges a night, and end what was started for it."""
    if run.judge != SPARK:
        yield Judges(None, lambda: nullcontext(run.engine))
        return
    scratch = run.folder / SCRATCH / "spark"
    with storage(scratch):
        scratch.mkdir()
    limits = run.settings.engine
    with open_spark(
        scratch,
        threads=run.threads,
        memory_limit=limits.memory_limit,
        settings=run.settings.spark_settings,
        shared=None if limits.spark_scratch is None else f"{limits.spark_scratch.rstrip('/')}/{_own_name(run)}",
    ) as spark:
        yield Judges(spark.engine, partial(_spread, run, spark))


def _own_name(run: Run) -> str:
    """Return the name of this book's folder among those that share a place: the same one every night, and no path."""
    told = f"{platform.node()}:{run.book.root.resolve()}"
    return f"creditaudit-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


@contextmanager
def _spread(run: Run, spark: Spark) -> Iterator[Engine]:
    """Name the rows in force in an engine of Spark's; what it made of them is handed over when it has judged."""
    with spark.engine() as engine:
        for table in _REFERENCE:
            engine.load(table, run.engine.fetch(f"SELECT * FROM {table}"))
        run.tell_recalled(engine, STATE)
        open_states(engine, run.book, run.tonight, STATE)
        leave_out(engine, run.book, run.night)
        given = set(engine.tables())
        yield engine
        for name in engine.tables():
            if name not in given:
                run.engine.load(name, engine.fetch(f"SELECT * FROM {name}"))
