"""Ensembles on a Dask cluster: the blocks of one plan, flown and written by many workers.

::

    plan ── sent once to each worker ─► blocks, a few in flight ─► workers write them ─► marks, counted here

Who flies a block changes no byte of it, and a block is marked only when it is whole: a worker that dies
costs the blocks it had in hand, which others fly again. A thread of a worker has one block in memory, and
`PER_THREAD` in hand or waiting; this process holds the plan and no results. Needs the extra `dask`.
"""

from __future__ import annotations

import time
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
# A run without any worker for this long gives up: a cluster that restarts its workers has them back before.
WORKERS_WAIT_S: float = 120.0
# Seconds between two looks for blocks that are done, and for workers.
LOOK_EVERY_S: Final = 0.02
WORKERS_EVERY_S: Final = 1.0
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
        What a block raised; or where the same block was lost again and again, no worker is there for
        `WORKERS_WAIT_S`, or Dask is not installed.
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
    sent = _send(client, plan)
    flying: dict[Any, int] = {}
    finished: Any = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]  # of dask
    while waiting or flying:
        while waiting and len(flying) < PER_THREAD * max(1, sum(client.nthreads().values())):
            number = waiting.pop()
            future = client.submit(fly_there, sent, str(path), number, *edges[number], pure=False)
            flying[future] = number
            finished.add(future)
        future = _next_done(client, finished)
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
        sent = _send(client, plan)
        waiting.append(number)


def _send(client: Any, plan: Plan) -> Any:
    """Send the plan to every worker, once there is one."""
    try:
        client.wait_for_workers(1, timeout=WORKERS_WAIT_S)
        return client.scatter(plan, broadcast=True, hash=False)
    except (TimeoutError, OSError) as error:
        raise _without_workers() from error


def _next_done(client: Any, finished: Any) -> Any:
    """Return the next block that is done or lost; raise where no worker has been there for long."""
    alone_since, asked = None, time.monotonic()
    while not finished.has_ready():
        time.sleep(LOOK_EVERY_S)
        now = time.monotonic()
        if now - asked < WORKERS_EVERY_S:
            continue
        asked = now
        try:
            there = bool(client.nthreads())
        except (TimeoutError, OSError) as error:
            raise _without_workers() from error
        alone_since = None if there else alone_since or now
        if alone_since is not None and now - alone_since >= WORKERS_WAIT_S:
            raise _without_workers()
    return next(finished)


def _without_workers() -> OverflightError:
    return OverflightError(
        f"the cluster has had no worker for {WORKERS_WAIT_S:g} s, or its scheduler does not answer",
        where="cluster",
        remedy="Start workers, look at their logs, and run the same command again: what is done is kept.",
    )


def _give_up(client: Any, flying: dict[Any, int]) -> None:
    client.cancel(list(flying), force=True)


def fly_there(plan: Plan, path: str, number: int, first: int, last: int) -> int:
    """Fly one block on a worker, on the one thread that the worker gives to a task."""
    from overflight.trajectories.ensemble_store import fly_into

    with threads(1):
        fly_into(plan, Path(path), number, first, last)
    return number
