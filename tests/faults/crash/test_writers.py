"""Two writers of one book: one goes on, the other is sent away at once (SPEC 2 exit 4, SPEC 9)."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

from creditaudit.errors import ExitCode
from faults.crash.house import ARGUMENTS, Waiting, forget, in_pairs, tell
from faults.crash.readers import Reader
from place import changed

if TYPE_CHECKING:
    from faults.crash.conftest import Amount
    from faults.crash.kernel import Operation
    from faults.crash.programs import Programs


def _refusal_faults(code: int, said: str) -> list[str]:
    if code == ExitCode.HELD and said.count("\n") == 1 and "another run holds the book" in said:
        return []
    return [f"the second writer ends with {code}: {said}"]


def test_a_second_writer_at_any_point_of_the_first(
    waiting: Waiting, programs: Programs, amount: Amount, rotating_seed: int
) -> None:
    """The first is stopped in the midst of its night: the second is sent away, not kept waiting, and changes nothing.

    Then the first goes on as if nothing had been, or is killed, and the second, started again, does the night.
    """
    commands = [o.kind == "create" and o.path.endswith(".lock") for o in waiting.operations]
    locked = commands.index(True) + 2  # the lock is taken between this operation and the next one in the book

    def trial(_: int, point: int) -> list[str]:
        place = waiting.fresh()
        first = programs.start(place.asked(*ARGUMENTS), place.environment(), watched=True)
        wrong: list[str] = []
        done = 0
        dies = point % 3 == 0

        def decide(_operation: Operation) -> None:
            nonlocal done
            done += 1
            if done - 1 != point:
                return
            before = place.tree()
            wrong.extend(_refusal_faults(*programs.run(place.asked(*ARGUMENTS), place.environment())))
            wrong.extend(f"the second writer changed {name}" for name in changed(before, place.tree()))
            if dies:
                first.kill()

        first.attend(place.root, decide)
        code, said = first.end()
        if dies:
            wrong += [] if code == -9 else [f"the first writer was not killed: {code}"]
            wrong += waiting.faults(place) + waiting.faults_after_a_further_run(place)
        else:
            wrong += [] if code == waiting.code else [f"the first writer ends with {code}: {said}"]
            wrong += [f"not as after: {name}" for name in changed(waiting.after, place.tree())]
        if not wrong:
            forget(place)
        return wrong

    drawn = random.Random(rotating_seed)  # noqa: S311
    found = in_pairs([drawn.randrange(locked, len(waiting.operations)) for _ in range(amount.rounds)], trial)
    assert not found, "\n".join(found)


def test_two_writers_started_together(waiting: Waiting, programs: Programs, amount: Amount) -> None:
    """One seals the night; the other is sent away, or comes late and finds it sealed; readers see no half."""
    ends: Counter[str] = Counter()

    def trial(number: int, _: int) -> list[str]:
        place = waiting.fresh()
        with Reader(place.book) as reader:
            both = [programs.start(place.asked(*ARGUMENTS), place.environment()) for _ in range(2)]
            for process in both if number % 2 else reversed(both):
                process.go()
            ended = sorted(process.end() for process in both)
        (won, _said), (other, words) = sorted(ended, key=lambda e: "sealed before" in e[1] or e[0] == ExitCode.HELD)
        late = other in {ExitCode.SEALED, waiting.code} and "sealed before" in words
        ends["late" if late else "sent away"] += 1
        wrong = [] if won == waiting.code else [f"the one writer ends with {won}: {_said}"]
        wrong += [] if late else _refusal_faults(other, words)
        wrong += [f"not as after: {name}" for name in changed(waiting.after, place.tree())]
        wrong += reader.wrong
        if not wrong:
            forget(place)
        return wrong

    found = in_pairs(range(amount.rounds), trial)
    tell(f"{amount.rounds} rounds of two writers started together: the second one {dict(ends)}")
    assert not found, "\n".join(found)
    assert ends["sent away"]
