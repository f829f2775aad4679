"""Every file operation of a night refused by the kernel: clear words, the book as before, the next run as if never."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from creditaudit.errors import ExitCode
from faults.crash.house import ARGUMENTS, Waiting, forget, in_pairs, tell
from faults.crash.refusing import Refusal, planned, speech_faults

if TYPE_CHECKING:
    from faults.crash.conftest import Amount
    from faults.crash.programs import Programs


def test_every_operation_refused(waiting: Waiting, programs: Programs, amount: Amount, rotating_seed: int) -> None:
    """SPEC 2 and 9: exit 2 or 70 in words, the book as before or as after, a further run byte-identical.

    Some refusals cost nothing (a link that becomes a copy): then the night is as if nothing had been refused.
    """
    plan = planned(waiting.points(), rotating_seed, amount.every)
    random.Random(rotating_seed).shuffle(plan)  # noqa: S311
    outcomes: dict[int, int] = {}

    def trial(number: int, refusal: Refusal) -> list[str]:
        place = waiting.fresh()
        process = programs.start(place.asked(*ARGUMENTS), place.environment(), watched=True)
        process.attend(place.root, refusal.decide)
        code, said = process.end()
        outcomes[code] = outcomes.get(code, 0) + 1
        if not refusal.has_begun:
            return ["the night never came to this operation"]
        is_sealed = waiting.is_sealed(place)
        if refusal.is_of_a_delivery and code == ExitCode.DEGRADED and is_sealed:
            return waiting.faults_without(place, refusal.delivered)  # another night than the undisturbed one
        wrong = waiting.faults(place)
        if code != waiting.code:
            wrong += speech_faults(code, said, refusal, is_sealed=is_sealed)
        elif not is_sealed:
            wrong.append(f"exit {code}, and nothing is sealed")
        # Where the book is byte for byte as before, a further run is the undisturbed one: some are run all the same.
        if waiting.left(place) or number % 10 == 0:
            wrong += waiting.faults_after_a_further_run(place)
        if not wrong:
            forget(place)
        return wrong

    found = in_pairs(plan, trial)
    figures = ", ".join(f"{count} with exit {code}" for code, count in sorted(outcomes.items()))
    tell(f"{len(plan)} refusals at {len(waiting.points())} places: {figures}")
    assert not found, "\n".join(found)
