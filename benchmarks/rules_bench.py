"""What all rules cost beside R101 and R102 alone, over the same candidates: CPU time, and a line for each rule.

The candidates are made in the engine, without a delivery: a person has up to a dozen accounts at a few institutions,
every third person two notices, and each account an opening and checks. Times are CPU seconds of this process, so that a
busy machine changes them little; the ratio is what counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from creditaudit.audit.chained import chain_accounts, name_violating
from creditaudit.audit.readable import JUDGED
from creditaudit.audit.rulebook import load_rules, rendered
from creditaudit.audit.rules_run import CHAINED, STEPS, found_select, found_table, raw_select, step_text
from creditaudit.engines import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from creditaudit.engines import Engine

ALONE = ("R101", "R102")
# What R101 and R102 read.
ALONE_STEPS = ("card_facts", "pairs")
MOST = 6.0

_DAY = 86_400
_PERSONS = "i // 5"
_MOMENT = f"(17000 + (i * 7919) % 2500) * {_DAY}"


def _made(rows: int) -> dict[str, str]:
    """Return relation to SELECT; each makes the columns of its schema that are not NULL."""
    account = "'B' || (i % 23) AS provider_code, 'A' || i AS account_code"
    return {
        "judged_accounts": f"""
            SELECT {account}, 'P' || ({_PERSONS}) AS id_norm,
                CASE WHEN i % 97 = 0 THEN 'bad_check' ELSE 'ok' END AS id_status, '10' AS id_type,
                CASE WHEN i % 50 = 0 THEN 'C1' WHEN i % 3 = 0 THEN 'R2' ELSE 'D1' END AS account_type,
                {_MOMENT} AS moment_from, {_MOMENT} + CASE WHEN i % 2 = 0 THEN 0 ELSE 86399 END AS moment_to,
                CAST(17000 + (i * 7919) % 2500 AS INTEGER) AS moment_day,
                CASE WHEN i % 40 = 0 THEN 'other' ELSE 'permanent' END AS document_kind,
                CASE WHEN i % 7 > 0 THEN CAST(15000 + (i * 31) % 2400 AS INTEGER) END AS shown_on,
                'G' || (i % 9) AS group_code, 'N' || CASE WHEN i % 97 = 1 THEN i ELSE {_PERSONS} END AS name_key
            FROM range({rows}) AS r(i)""",
        "judged_openings": f"""
            SELECT {account}, 'counter' AS channel, 'B' || (i % 23) AS session_provider, 'S' || i AS session_id,
                CASE WHEN i % 30 = 0 THEN 'H' || (i % 3000) END AS handler_id_norm,
                CASE WHEN i % 30 = 0 THEN 'ok' END AS handler_id_status
            FROM range({rows}) AS r(i)""",
        "notices": f"""
            SELECT 'P' || (i // 2 * 3) AS id_norm,
                CASE WHEN i % 2 = 0 THEN 'loss_reports' ELSE 'invalid_cards' END AS notice_source,
                'L' || i AS notice_id,
                CASE WHEN i % 10 = 9 THEN 'cancelled' WHEN i % 5 = 3 THEN 'superseded' ELSE 'lost' END AS kind,
                CASE WHEN i % 10 = 9 THEN 'cancelled_death' WHEN i % 5 = 3 THEN 'replaced' END AS event,
                CASE WHEN i % 3 > 0 THEN CAST(15000 + (i * 31) % 2400 AS INTEGER) END AS noticed_on,
                FALSE AS noticed_unreadable, FALSE AS withdrawn_unreadable, FALSE AS collected_unreadable,
                (17000 + (i * 613) % 2500) * {_DAY} AS reported_from,
                (17000 + (i * 613) % 2500) * {_DAY} + 86399 AS reported_to,
                (17000 + (i * 613) % 2500) * {_DAY} AS shared_reported_from,
                (17000 + (i * 613) % 2500) * {_DAY} + 86399 AS shared_reported_to,
                (17000 + (i * 613) % 2500) * {_DAY} AS visible_from
            FROM range({max(rows // 8, 1)}) AS r(i)""",
        "issued_cards": f"""
            SELECT 'P' || i AS id_norm, 'permanent' AS kind, CAST(15000 + (i * 31) % 2400 AS INTEGER) AS valid_from
            FROM range({max(rows // 5, 1)}) AS r(i)""",
        "account_checks": f"""
            SELECT {account}, 'B' || (i % 23) AS check_provider, 'K' || i || '.' || k AS check_id,
                CASE k WHEN 0 THEN 'invalid_card_check' WHEN 1 THEN 'network_check' ELSE 'face_match' END AS check_kind,
                CASE WHEN i % 60 = k THEN CASE k WHEN 0 THEN 'reported_lost' WHEN 1 THEN 'name_mismatch' ELSE 'fail' END
                    ELSE CASE k WHEN 0 THEN 'valid' WHEN 1 THEN 'match_photo' ELSE 'pass' END END AS result,
                {_MOMENT} - k * 60 AS checked_from, {_MOMENT} - k * 60 AS checked_to,
                {_MOMENT} AS moment_to
            FROM range({rows}) AS r(i), range(3) AS c(k)""",
        "listed_impostors": f"""
            SELECT 'H' || (i * 30) AS id_norm, 1 AS entry, 16000 AS finding_on
            FROM range({max(rows // 10_000, 1)}) AS r(i)""",
        "person_alerts": f"""
            SELECT 'P' || (i * 20) AS id_norm, 'F' || i AS alert_id, 17500 AS effective_from
            FROM range({max(rows // 100, 1)}) AS r(i)""",
        "judged_inquiries": f"""
            SELECT 'B' || (i % 23) AS provider_code, 'I' || i AS inquiry_id, 'P' || (i * 3) AS id_norm,
                'ok' AS id_status, 'G' || (i % 9) AS group_code, 'loan_approval' AS reason,
                (17500 + i % 2000) * {_DAY} AS inquired_from, (17500 + i % 2000) * {_DAY} AS inquired_to,
                CAST(17500 + i % 2000 AS INTEGER) AS inquired_on, 20000 AS night_on
            FROM range({max(rows // 15, 1)}) AS r(i)""",
        "account_links": f"""
            SELECT 'B' || (i % 23) AS from_provider, 'A' || i AS from_code,
                'B' || ((i - i % 5) % 23) AS to_provider, 'A' || (i - i % 5) AS to_code
            FROM range({rows}) AS r(i) WHERE i % 5 > 0 AND i % 2 = 0""",
    }


def make_candidates(engine: Engine, rows: int) -> None:
    """Make the relations that judging reads, with ``rows`` accounts."""
    made = _made(rows)
    for name, schema in JUDGED.items():
        engine.load(f"{name}_columns", schema.empty_table())
        more = f" UNION ALL BY NAME {made[name]}" if name in made else ""
        engine.table(name, f"SELECT * FROM {name}_columns{more}")
        engine.drop(f"{name}_columns")


class Profile:
    """CPU seconds by what was done."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], object]) -> None:
        """Do some work and keep what it cost."""
        start = time.process_time()
        work()
        self.seconds[name] = time.process_time() - start

    @property
    def total(self) -> float:
        """Return what everything cost."""
        return sum(self.seconds.values())


def _judge(engine: Engine, steps: tuple[str, ...], wanted: tuple[str, ...] | None) -> Profile:
    """Judge as a night does, a step or a rule at a time."""
    profile = Profile()
    for step in steps:
        profile.run(step, lambda step=step: engine.table(step, step_text(step)))
    rules = [rule for rule in load_rules() if wanted is None or rule.rule_id in wanted]
    for rule in sorted(rules, key=lambda rule: CHAINED in rule.reads):
        if CHAINED in rule.reads:
            before = [other.rule_id for other in rules if CHAINED not in other.reads]
            profile.run("raw_findings", lambda ids=before: engine.table("raw_findings", raw_select(ids)))
            profile.run("violating_accounts", lambda: name_violating(engine))
            profile.run("chained_accounts", lambda: chain_accounts(engine))
        text = found_select(rule.rule_id, rendered(rule))
        profile.run(rule.rule_id, lambda rule=rule, text=text: engine.table(found_table(rule.rule_id), text))
    return profile


def main() -> None:
    """Print the ratio and the profile; exit 1 where the ratio is above the target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    pa.set_cpu_count(asked.threads)
    with tempfile.TemporaryDirectory() as scratch:
        engine = open_engine(Path(scratch), threads=asked.threads, memory_limit="4GiB")
        make_candidates(engine, asked.candidates)
        alone = min((_judge(engine, ALONE_STEPS, ALONE) for _ in range(asked.rounds)), key=lambda p: p.total)
        every = min((_judge(engine, STEPS, None) for _ in range(asked.rounds)), key=lambda p: p.total)
        for name, seconds in every.seconds.items():
            known = name.startswith("R")
            rows = engine.fetch(f"SELECT count(*) AS n FROM {found_table(name) if known else name}")["n"][0].as_py()
            print(f"{name:20} {seconds:8.3f} s CPU {rows:10,} rows")
        engine.close()
    ratio = every.total / alone.total
    print(f"R101 and R102 alone  {alone.total:8.3f} s CPU")
    print(f"all rules            {every.total:8.3f} s CPU = {ratio:.2f} times, at most {MOST:.0f}")
    if ratio > MOST:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
