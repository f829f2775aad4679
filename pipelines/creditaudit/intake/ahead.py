"""Work on the blocks of a file beside the reading of the next ones: in order, and never many at a time."""

from __future__ import annotations

from collections import deque
from concurrent.futures import wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future, ThreadPoolExecutor

    Given = TypeVar("Given")
    Made = TypeVar("Made")

# Blocks of one file that wait or are worked on: one per thread of the pool keeps them busy, and more would only hold
# memory.
_AHEAD = 3


def worked_ahead(
    work: Callable[[Given], Made], pieces: Iterable[Given], pool: ThreadPoolExecutor | None
) -> Generator[Made]:
    """Yield what ``work`` makes of each piece, in the order of the pieces.

    Parameters
    ----------
    work : callable
        Waits for nothing that the pool does. Its error is raised when its turn comes.
    pieces : iterable
        Taken in the thread that asks for results. Its error comes after the results of all pieces before it.
    pool : ThreadPoolExecutor or None
        None: everything is done in the thread that asks.

    Yields
    ------
    object
        One per piece. When the caller asks no more, no piece is being worked on any longer.
    """
    if pool is None:
        yield from map(work, pieces)
        return
    waiting: deque[Future[Made]] = deque()
    try:
        failed: BaseException | None = None
        source = iter(pieces)
        while True:
            try:
                piece = next(source)
            except StopIteration:
                break
            except Exception as error:  # raised below, in its turn
                failed = error
                break
            waiting.append(pool.submit(work, piece))
            del piece  # held by whoever works on it, no longer
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if failed is not None:
            raise failed
    finally:
        for future in waiting:
            future.cancel()
        wait(waiting)
