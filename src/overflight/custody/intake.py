"""One queue and one writer: what clients bring is kept together, then each is answered.

::

    tcp, mqtt ─► put ─► waiting ─► keep: commit all that waits ─► answers
                  ▲                         │
                  └── waits while full ◄────┘

While one transaction is on its way to the disk, more comes and goes into the next: the busier, the larger.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from overflight.custody.station import Arrival, Standing, Store, StreamStatus, commit, status
from overflight.errors import LimitError

# What may wait, and what goes into one transaction.
WAITING_BYTES = 16 << 20
# What an arrival counts for besides its bytes: a message may be empty, and a million of those may not wait.
ARRIVAL_BYTES = 512
BATCH_BYTES = 4 << 20
STATUS_EVERY_S = 0.5

# Called with how the stream stands after the commit and how many arrivals it held, or with the refusal.
Answer = Callable[[Standing | None, int, str], None]

# How each stream stands after a commit, and which arrivals were refused, with the reason.
Kept = tuple[dict[bytes, Standing], dict[int, str]]


@dataclass(slots=True)
class Intake:
    """What changes while a station runs: the queue, and how the streams stood a moment ago.

    To be made inside a running event loop.
    """

    store: Store
    clock: Callable[[], float] = time.time
    waiting: list[tuple[Arrival, Answer]] = field(default_factory=list)
    waiting_bytes: int = 0
    some: asyncio.Event = field(default_factory=asyncio.Event)
    room: asyncio.Event = field(default_factory=asyncio.Event)
    status: tuple[StreamStatus, ...] = ()
    clients: int = 0
    commits: int = 0
    work: asyncio.Task[Kept] | None = None


async def put(intake: Intake, arrival: Arrival, answer: Answer) -> None:
    """Queue an arrival; waits while too much is waiting."""
    while intake.waiting_bytes >= WAITING_BYTES:
        intake.room.clear()
        await intake.room.wait()
    intake.waiting.append((arrival, answer))
    intake.waiting_bytes += _size(arrival)
    intake.some.set()


async def keep(intake: Intake) -> None:
    """Commit what waits and answer, until cancelled. Raises InputError when the store cannot be written."""
    told_s = 0.0
    while True:
        if time.monotonic() - told_s >= STATUS_EVERY_S:
            intake.status = await asyncio.to_thread(status, intake.store, intake.clock())
            told_s = time.monotonic()
        if not intake.waiting:
            intake.some.clear()
            try:
                await asyncio.wait_for(intake.some.wait(), STATUS_EVERY_S)
            except TimeoutError:
                continue
        batch = _next_batch(intake)
        await _keep_batch(intake, batch)


async def drain(intake: Intake) -> None:
    """Commit and answer what still waits, after `keep` was cancelled."""
    while intake.waiting:
        await _keep_batch(intake, _next_batch(intake))
    intake.status = await asyncio.to_thread(status, intake.store, intake.clock())


def _size(arrival: Arrival) -> int:
    return len(arrival.raw) + ARRIVAL_BYTES


def _next_batch(intake: Intake) -> list[tuple[Arrival, Answer]]:
    size = count = 0
    for arrival, _ in intake.waiting:
        count, size = count + 1, size + _size(arrival)
        if size >= BATCH_BYTES:
            break
    batch, intake.waiting = intake.waiting[:count], intake.waiting[count:]
    return batch


async def _keep_batch(intake: Intake, batch: list[tuple[Arrival, Answer]]) -> None:
    # A commit that has begun is waited for: what it kept must be answered.
    arrivals = [arrival for arrival, _ in batch]
    intake.work = asyncio.create_task(asyncio.to_thread(_commit, intake.store, arrivals))
    try:
        found, refused = await asyncio.shield(intake.work)
    except asyncio.CancelledError:
        found, refused = await intake.work
        _answer(intake, batch, found, refused)
        raise
    _answer(intake, batch, found, refused)


def _commit(store: Store, arrivals: list[Arrival]) -> Kept:
    """Commit all; where the limits refuse that, one by one, so that nobody's is refused for another's."""
    try:
        return commit(store, arrivals), {}
    except LimitError as error:
        if len(arrivals) == 1:
            return {}, {0: str(error)}
    found: dict[bytes, Standing] = {}
    refused: dict[int, str] = {}
    for index, arrival in enumerate(arrivals):
        try:
            found |= commit(store, [arrival])
        except LimitError as error:
            refused[index] = str(error)
    return found, refused


def _answer(
    intake: Intake,
    batch: list[tuple[Arrival, Answer]],
    found: dict[bytes, Standing],
    refused: dict[int, str],
) -> None:
    """Answer each once, with how many of its arrivals were kept."""
    intake.commits += 1
    intake.waiting_bytes -= sum(_size(arrival) for arrival, _ in batch)
    intake.room.set()
    counts: dict[Answer, tuple[bytes, int]] = {}
    for index, (arrival, answer) in enumerate(batch):
        if index in refused:
            answer(None, 0, refused[index])
        else:
            counts[answer] = arrival.stream, counts.get(answer, (b"", 0))[1] + 1
    for answer, (stream, count) in counts.items():
        answer(found[stream], count, "")
