"""A night of creditaudit on Airflow 3: calls the command line, and makes of its exit codes what Airflow knows.

The environment of the workers says where things lie:

=============================  =========================================================================
``CREDITAUDIT_BIN``            the command, default ``creditaudit``: it lives in an environment of its own
``CREDITAUDIT_BOOK``           directory of the book
``CREDITAUDIT_LANDING``        directory that holds one folder per night
``CREDITAUDIT_KEY_FILE``       the key file
``CREDITAUDIT_POKE_SECONDS``   how often it is asked whether all files have come, with their control files, default 300
``CREDITAUDIT_WAIT_SECONDS``   after how long the night is run as it lies there, default 14400
``CREDITAUDIT_RETRIES``        how often a night that could not be sealed is tried again, default 6
``CREDITAUDIT_RETRY_SECONDS``  and after how long, default 600
``CREDITAUDIT_FIRST_NIGHT``    first business date that is to be run, ``YYYY-MM-DD``, default 2026-01-01
``CREDITAUDIT_ALERT_TO``       address that is written to when a run is late or a known answer was judged wrongly
=============================  =========================================================================

The business date is that of the day before the run's logical date **in Asia/Shanghai**, or the parameter ``night``; no
template of Airflow makes it, for those are in UTC. One run is active at a time, and a run waits for the one before it:
nights are sealed in date order.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import (
    AsyncCallback,
    CronTriggerTimetable,
    DeadlineAlert,
    DeadlineReference,
    Param,
    PokeReturnValue,
    dag,
    task,
)
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

ZONE = "Asia/Shanghai"
# The run of a night is on the day after it.
FIRST_RUN = pendulum.parse(os.environ.get("CREDITAUDIT_FIRST_NIGHT", "2026-01-01"), tz=ZONE).add(days=1)
LATEST_AFTER = timedelta(hours=7)  # 02:15 + 7 h: when the desks open
ALERT_TO = os.environ.get("CREDITAUDIT_ALERT_TO")

# What `creditaudit exit-codes` lists. A code that is not here is a failure that is tried again.
SEALED, NEW_FINDINGS, DEGRADED = 0, 1, 5
HELD, KNOWN_ANSWER = 4, 6
NOT_WORTH_A_RETRY = {2: "usage or configuration", 3: "refused by the contract", KNOWN_ANSWER: "a known answer is wrong"}

log = logging.getLogger(__name__)


def business_date(logical_date: pendulum.DateTime | None, asked: str | None) -> str:
    """Return the night to run: the one asked for, else the day before the run in Asia/Shanghai."""
    if asked:
        return date.fromisoformat(asked).isoformat()
    if logical_date is None:
        raise AirflowFailException("the run has no logical date: name the night in its parameters")
    return (logical_date.in_timezone(ZONE).date() - timedelta(days=1)).isoformat()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program; no shell, and what it says is read here."""
    program = os.environ.get("CREDITAUDIT_BIN", "creditaudit")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - our own words


def places() -> list[str]:
    """Return where book and landing lie, as the command line takes it."""
    return ["--book", os.environ["CREDITAUDIT_BOOK"], "--landing", os.environ["CREDITAUDIT_LANDING"]]


def raise_failure(code: int, told: str) -> None:
    """Raise what Airflow makes the right thing of: failed for good, or tried again; nothing where it is sealed."""
    if code in NOT_WORTH_A_RETRY:
        raise AirflowFailException(f"exit {code}, {NOT_WORTH_A_RETRY[code]}: {told}")
    if code == HELD:
        raise AirflowException(f"exit {HELD}, another run holds the book: tried again later")
    if code not in {SEALED, NEW_FINDINGS, DEGRADED}:
        raise AirflowException(f"exit {code}: {told}")


def has_come(night: str) -> bool:
    """Say whether all that a night expects has come, each file with its control file."""
    done = command("ready", *places(), "--night", night)
    if done.returncode not in {SEALED, DEGRADED}:
        raise AirflowFailException(f"exit {done.returncode}: {done.stderr[-500:]}")
    log.info("night %s: %s", night, done.stdout.strip() or "all has come")
    return done.returncode == SEALED


def alert(context: dict[str, Any]) -> None:
    """Write to whoever is on duty; without an address, to the log alone."""
    said = f"creditaudit: {context['ti'].task_id} failed for good: {context.get('exception')}"
    log.error(said)
    if ALERT_TO:
        SmtpNotifier(to=ALERT_TO, subject="creditaudit: a night failed", html_content=said)(context)


LATE = (
    DeadlineAlert(
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=LATEST_AFTER,
        callback=AsyncCallback(
            SmtpNotifier,
            kwargs={
                "to": ALERT_TO,
                "subject": "creditaudit: a night is late",
                "html_content": "The night is not sealed yet. `creditaudit status` says what it waits for.",
            },
        ),
    )
    if ALERT_TO
    else None
)


@dag(
    # With its own timetable: how Airflow reads a bare cron text depends on a setting of the house.
    schedule=CronTriggerTimetable("15 2 * * *", timezone=ZONE),
    start_date=FIRST_RUN,
    catchup=True,
    max_active_runs=1,
    deadline=LATE,
    params={"night": Param(None, type=["null", "string"], format="date", description="business date, if not by date")},
    default_args={
        "depends_on_past": True,
        "retries": int(os.environ.get("CREDITAUDIT_RETRIES", "6")),
        "retry_delay": timedelta(seconds=int(os.environ.get("CREDITAUDIT_RETRY_SECONDS", "600"))),
        "on_failure_callback": alert,
    },
    tags=["creditaudit"],
    doc_md=__doc__,
)
def creditaudit_nightly() -> None:
    """Wait for the deliveries of a night, run it, check the book."""

    @task
    def night_of_run(**context: Any) -> str:
        return business_date(context.get("logical_date"), context["params"]["night"])

    # Skipped, not failed, when it gives up: the next run waits for a success or a skip of this one.
    @task.sensor(
        poke_interval=int(os.environ.get("CREDITAUDIT_POKE_SECONDS", "300")),
        timeout=int(os.environ.get("CREDITAUDIT_WAIT_SECONDS", "14400")),
        mode="reschedule",
        soft_fail=True,
    )
    def delivered(night: str) -> PokeReturnValue:
        if date.fromisoformat(night) < pendulum.now(ZONE).date() - timedelta(days=1):
            return PokeReturnValue(is_done=True)  # catching up: what was to come has come
        return PokeReturnValue(is_done=has_come(night))

    # Also after the sensor gave up: a night without a feed is sealed, and says that it is degraded.
    @task(trigger_rule="all_done")
    def run_night(night: str, **context: Any) -> dict[str, Any]:
        # With the earlier nights whose folder came after their own run had passed: nights are sealed in date order.
        done = command("--log-format", "json", "night", *places(), "--catch-up", "--until", night)
        words = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
        for said in words:
            log.info("%s", said.get("note") or said)
        told = str((words[-1].get("note") or words[-1].get("why")) if words else done.stderr[-500:])
        raise_failure(done.returncode, told)
        if not (Path(os.environ["CREDITAUDIT_LANDING"]) / night).is_dir():
            # A folder that comes later is read by the next run, before that run's own night.
            raise AirflowSkipException(f"nothing was delivered for {night}: the landing has no folder of that date")
        if done.returncode == DEGRADED:
            degraded = "; ".join(said["note"] for said in words if "degraded" in said.get("note", ""))
            log.warning("night %s is sealed, degraded: %s", night, degraded)
            context["ti"].xcom_push(key="note", value=degraded)
        return {"night": night, "exit_code": done.returncode, "said": told}

    @task
    def verify(sealed: dict[str, Any]) -> str:
        done = command("verify", "--book", os.environ["CREDITAUDIT_BOOK"])
        if done.returncode:
            raise AirflowFailException(f"the book is broken after night {sealed['night']}: {done.stderr[-500:]}")
        return done.stdout.splitlines()[0]

    night = night_of_run()
    sealed = run_night(night)
    delivered(night) >> sealed
    verify(sealed)


creditaudit_nightly()
