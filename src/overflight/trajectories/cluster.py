"""Ensembles on a Dask cluster: the blocks of one plan, flown and written by many workers.

::

    plan ── sent once to each worker ─► blocks, a few in flight ─► workers write them ─► marks, counted here

Who flies a block changes no byte of it, and a block is marked only when it is whole: a worker that dies
costs the blocks it had in hand, which others fly again. A thread of a worker has one block in memory, and
`PER_THREAD` in hand or waiting; this process holds the plan and no results. Needs the extra `dask`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from overflight.compiled import threads
from overflight.errors import OverflightError
from overflight.trajectories.ensemble import Plan

if TYPE_CHECKING:
    from distributed import Client

# Blocks a thread has in hand or waiting: the next one is there when one is done.
PER_THREAD: Final = 2
# Times that one block may be lost with its worker before the run gives up.
LOSSES_MOST: Final = 8
INSTALL: Final = "Install the extra 'dask': pip install 'overflight[dask]'."


def fly_on_cluster(
    plan: Plan,
    path: Path,
    edges: list[tuple[int, int]],
    todo: list[int],
    *,
    client: Client | None,
    cluster: Any,
    report: Callable[[int], None],
) -> None:
    """Have workers fly the blocks `todo` and write them to the store at `path`, which they must see.

    Parameters
    ----------
    client, cluster : a client, or what `distributed.Client` takes; that is closed at the end.
    report : called with the number of blocks done.

    Raises
    ------
    OverflightError
        What a block raised, or where the same block was lost again and again, or Dask is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise OverflightError("a cluster was asked for and Dask is not installed", remedy=INSTALL) from error
    with _client(client, cluster, distributed) as used:
        _fly_all(used, plan, path.resolve(), edges, todo, report)


@contextmanager
def _client(client: Client | None, cluster: Any, distributed: Any) -> Iterator[Any]:
    if client is not None:
        yield client
        return
    with distributed.Client(cluster, set_as_default=False) as made:
        yield made


def _fly_all(
    client: Any,
    plan: Plan,
    path: Path,
    edges: list[tuple[int, int]],
    todo: list[int],
    report: Callable[[int], None],
) -> None:
    """Keep a few blocks in flight until all are done."""
    from distributed import as_completed

    waiting, losses, done = list(reversed(todo)), dict.fromkeys(todo, 0), 0
    sent = client.scatter(plan, broadcast=True, hash=False)
    flying: dict[Any, int] = {}
    finished: Any = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]
    while waiting or flying:
        while waiting and len(flying) < PER_THREAD * max(1, sum(client.nthreads().values())):
            number = waiting.pop()
            future = client.submit(fly_there, sent, str(path), number, *edges[number], pure=False)
            flying[future] = number
            finished.add(future)
        future = next(finished)
        number = flying.pop(future)
        if future.status == "finished":
            done += 1
            report(done)
            continue
        error = future.exception() if future.status == "error" else None
        if isinstance(error, OverflightError):
            _give_up(client, flying)
            raise error
        losses[number] += 1
        if losses[number] > LOSSES_MOST:
            _give_up(client, flying)
            raise OverflightError(
                f"block {number} was lost {losses[number]} times with its worker ({error!r})",
                remedy="Look at the workers' logs; smaller blocks take less memory. What is done is kept.",
            )
        # The copies of the plan may have died with the workers that held them.
        sent = client.scatter(plan, broadcast=True, hash=False)
        waiting.append(number)


def _give_up(client: Any, flying: dict[Any, int]) -> None:
    client.cancel(list(flying), force=True)


def fly_there(plan: Plan, path: str, number: int, first: int, last: int) -> int:
    """Fly one block on a worker, on the one thread that the worker gives to a task."""
    from overflight.trajectories.ensemble_store import fly_into

    with threads(1):
        fly_into(plan, Path(path), number, first, last)
    return number
