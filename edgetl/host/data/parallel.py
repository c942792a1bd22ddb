"""Work on many files at once, in order, without holding them all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def ordered_map(
    function: Callable[[Item], Made], items: Iterable[Item], threads: int, window: int | None = None
) -> Iterator[Made]:
    """Apply ``function`` in threads and yield what it returns in the order of ``items``.

    Args:
        window: how many items may be under way or waiting to be taken; four per thread when ``None``. With one
            thread nothing is computed ahead.

    Raises:
        Whatever ``function`` raises, at its item's turn; work that has not begun is then dropped.
    """
    if threads <= 1:
        yield from map(function, items)
        return
    size = max(window or 4 * threads, 1)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="edgetl-data")
    pending: deque[Future[Made]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) >= size:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
