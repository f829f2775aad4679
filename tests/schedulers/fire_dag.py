"""Parse the DAG and run one night of it with Airflow's own test runner, in Airflow's own environment.

``fire_dag.py settings`` prints how the DAG is set up; ``fire_dag.py run NIGHT …`` runs it once for each night that is
named (``-``: by the logical date), the first run on 2026-11-16 02:15 in Asia/Shanghai, the others a day later each. The
answer is the last line on stdout, as JSON; of runs it is a list.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pendulum
from airflow.dag_processing.dagbag import DagBag


def run(dag: Any, place: int, night: str) -> dict[str, object]:
    """Run the DAG once, the given number of days after the first run, and return what came of it."""
    day = pendulum.datetime(2026, 11, 16, 2, 15, tz="Asia/Shanghai").add(days=place)
    ran = dag.test(logical_date=day, run_after=day, run_conf=None if night == "-" else {"night": night})
    tasks = ran.get_task_instances()
    sealing = next(one for one in tasks if one.task_id == "run_night")
    return {
        "state": str(ran.state),
        "states": {one.task_id: str(one.state) for one in tasks},
        "tries": {one.task_id: one.try_number for one in tasks},
        "note": sealing.xcom_pull(task_ids="run_night", key="note"),
        "said": sealing.xcom_pull(task_ids="run_night"),
    }


def main() -> None:
    """Answer one of the two questions."""
    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    dag = None if bag.import_errors else bag.dags["creditaudit_nightly"]
    if dag is None:
        answer: object = {"import_errors": bag.import_errors}
    elif sys.argv[1] == "settings":
        answer = {
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "depends_on_past": all(one.depends_on_past for one in dag.tasks),
            "zone": str(dag.timezone),
            "late_after_hours": [alert.interval.total_seconds() / 3600 for alert in dag.deadline or []],
            "retries": sorted({one.retries for one in dag.tasks}),
            "alerts": all(one.on_failure_callback for one in dag.tasks),
        }
    else:
        answer = [run(dag, place, night) for place, night in enumerate(sys.argv[2:])]
    print("\n" + json.dumps(answer))  # noqa: T201 - this is the answer


if __name__ == "__main__":
    main()
