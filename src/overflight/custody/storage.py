"""A recorder of finite size and a queue to the link: what is sent, what waits, what is overwritten.

::

    items in time order ─► recorder (stop · oldest · priority) ─► queue by priority ─► link, carried(t)

Sending copies, it does not move: an item that was sent stays in the recorder until something is written over
it. The rules, all of them:

- An item goes into the recorder as it is made. When there is no room, 'stop' refuses it; 'oldest' writes over
  the oldest until there is; 'priority' writes over the oldest of the lowest priority, but never over a higher
  one than its own, and refuses it when that does not make room (then nothing is overwritten).
- The link sends the item of the highest priority (the largest number), the oldest first. A newcomer of
  higher priority goes before one that is half sent, which goes on later from where it was.
- An item that was refused may still be sent: the link holds one such item, of any size, in a buffer of its
  own. A second one is lost.
- What is overwritten before it was sent is not sent any further.

Time is that of the items and of the link; a link that has nothing to send does not save its time up.
Amounts are whole bytes and balance exactly; a byte that is on its way at the end is not sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.compiled import borrowed, compiled
from overflight.errors import InputError, LimitError, OverflightError

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Policy = Literal["stop", "oldest", "priority"]

POLICIES: Final[tuple[Policy, ...]] = ("stop", "oldest", "priority")
STOP, OLDEST, PRIORITY = range(3)
# 9 petabytes: the sum of all bytes stays a whole number in float64.
MOST_BYTES: Final = 2**53
MOST_LEVELS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """A memory of `capacity_bytes`, infinite for one that never fills, and what it does when full."""

    capacity_bytes: float
    policy: Policy = "oldest"

    def __post_init__(self) -> None:
        if not self.capacity_bytes >= 0.0:
            raise InputError(
                f"it is {self.capacity_bytes!r}", field="capacity_bytes", remedy="Give bytes, zero or more."
            )
        if self.policy not in POLICIES:
            raise InputError(
                f"it is {self.policy!r}", field="policy", remedy=f"Use one of {', '.join(POLICIES)}."
            )


class Kept(NamedTuple):
    """What became of N items, arrays (N,).

    `stored_at` is NaN for those refused, `lost_at` when they were refused or overwritten (NaN: still there),
    `sent_at` when the last byte was sent (NaN: not all of it), `sent_bytes` how many were.
    """

    stored_at: Float64s
    lost_at: Float64s
    sent_at: Float64s
    sent_bytes: Int64s


class Totals(NamedTuple):
    """Bytes: `collected` = `sent_only` + `stored_only` + `both` + `lost`, to the byte.

    By bytes, not by items: of an item half sent and kept, one half is in both. `lost` were neither sent nor
    are still stored.
    """

    collected: int
    sent_only: int
    stored_only: int
    both: int
    lost: int

    @property
    def sent(self) -> int:
        """Bytes sent, kept or not."""
        return self.sent_only + self.both

    @property
    def stored(self) -> int:
        """Bytes in the recorder at the end, sent or not."""
        return self.stored_only + self.both


def keep_and_send(
    recorder: Recorder,
    time_s: npt.ArrayLike,
    size_bytes: npt.ArrayLike,
    priority: npt.ArrayLike,
    link_time_s: npt.ArrayLike,
    carried_bytes: npt.ArrayLike,
    *,
    send: npt.ArrayLike = True,
) -> Kept:
    """Record items and send them over a link.

    Parameters
    ----------
    time_s, size_bytes, priority : items (N,), in the order of their times; whole bytes, above zero.
    link_time_s, carried_bytes : what the link could have carried up to each time (K,), as
        `links.carried_bytes` makes it, straight in between. Before and after it nothing is sent.
    send : which items are to be sent at all, (N,) or one for all.

    Raises
    ------
    OverflightError, LimitError
        When the rows do not fit together, are out of order, or hold more bytes than a number can count.
    """
    times, sizes, levels, wanted = _items(time_s, size_bytes, priority, send)
    nodes, carried = _link(link_time_s, carried_bytes)
    n = times.size
    sent = np.zeros(n)
    stored_at, lost_at, sent_at = (np.full(n, np.nan) for _ in range(3))
    most = float(min(recorder.capacity_bytes, 2.0 * MOST_BYTES))
    count = int(levels.max(initial=0)) + 1
    run_recorder(
        POLICIES.index(recorder.policy), most, times, sizes, levels, count, wanted,
        nodes, carried, stored_at, lost_at, sent_at, sent,
    )  # fmt: skip
    whole = np.where(np.isnan(sent_at), np.minimum(np.floor(sent), sizes - 1.0), sizes)
    return Kept(stored_at, lost_at, sent_at, np.maximum(whole, 0.0).astype(np.int64))


def totals(size_bytes: npt.ArrayLike, kept: Kept) -> Totals:
    """Return what was collected, sent, kept and lost, in bytes."""
    sizes = np.asarray(size_bytes, dtype=np.int64)
    there = np.isfinite(kept.stored_at) & np.isnan(kept.lost_at)
    rest = sizes - kept.sent_bytes
    parts = (kept.sent_bytes[~there], rest[there], kept.sent_bytes[there], rest[~there])
    return Totals(int(sizes.sum()), *(int(part.sum()) for part in parts))


def _items(
    time_s: npt.ArrayLike, size_bytes: npt.ArrayLike, priority: npt.ArrayLike, send: npt.ArrayLike
) -> tuple[Float64s, Float64s, Int64s, Bools]:
    times, sizes = np.asarray(time_s, dtype=np.float64), np.asarray(size_bytes, dtype=np.float64)
    rank = np.asarray(priority)
    if times.ndim != 1 or sizes.shape != times.shape or rank.shape != times.shape:
        raise OverflightError(
            "times, sizes and priorities differ in number", remedy="Give one of each per item."
        )
    if not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise OverflightError("items are not in the order of their times", remedy="Sort them; leave out NaN.")
    if not ((sizes > 0) & (sizes == np.floor(sizes))).all():
        raise OverflightError(
            "a size is not a whole number of bytes above zero", remedy="Leave out what is empty."
        )
    if sizes.sum() > MOST_BYTES:
        raise LimitError(
            "the items hold more than 9 petabytes", remedy="Ask for a shorter time or lower rates."
        )
    ranks, levels = np.unique(rank, return_inverse=True)
    if ranks.size > MOST_LEVELS:
        raise LimitError(f"there are {ranks.size} priorities", remedy=f"Use {MOST_LEVELS} at most.")
    wanted = np.array(np.broadcast_to(np.asarray(send, dtype=np.bool_), times.shape))
    return times, sizes, levels.astype(np.int64), wanted


def _link(link_time_s: npt.ArrayLike, carried_bytes: npt.ArrayLike) -> tuple[Float64s, Float64s]:
    nodes, carried = np.asarray(link_time_s, dtype=np.float64), np.asarray(carried_bytes, dtype=np.float64)
    if nodes.ndim != 1 or carried.shape != nodes.shape:
        raise OverflightError(
            "the link's times and bytes differ in number", remedy="Give arrays (K,) of equal size."
        )
    good = np.isfinite(nodes).all() and np.isfinite(carried).all()
    if not good or (np.diff(nodes) <= 0).any() or (np.diff(carried) < 0).any():
        raise OverflightError(
            "the link's times do not rise or its bytes fall", remedy="Use what `links.carried_bytes` returns."
        )
    return nodes, carried


# Rows of the state that the compiled functions share: places in the link's table, and what is counted.
_AT, _BACK, _USED, _BUFFERED = range(4)


@compiled
def run_recorder(
    policy: int,
    capacity: float,
    times: Float64s,
    sizes: Float64s,
    levels: Int64s,
    count: int,
    wanted: Bools,
    nodes: Float64s,
    carried: Float64s,
    stored_at: Float64s,
    lost_at: Float64s,
    sent_at: Float64s,
    sent: Float64s,
) -> None:
    """Keep and send items as `keep_and_send` says, into the last four arrays (N,); `count` levels in all."""
    # Handed on for every item; see `compiled.borrowed`. The caller and this function outlive the calls.
    sizes, wanted, nodes, carried = borrowed(sizes), borrowed(wanted), borrowed(nodes), borrowed(carried)
    stored_at, lost_at, sent_at, sent = (
        borrowed(stored_at),
        borrowed(lost_at),
        borrowed(sent_at),
        borrowed(sent),
    )
    n = times.size
    # Items of a level in their order: the next of the same, and where the sender and the eraser have come to.
    following = np.full(n, -1, np.int64)
    last = np.full(count, -1, np.int64)
    to_send = np.full(count, -1, np.int64)
    to_erase = np.full(count, -1, np.int64)
    held = np.zeros(count)
    state = np.zeros(4)
    state[_BUFFERED] = -1.0
    used, oldest = 0.0, 0
    for i in range(n):
        _send(
            times[i],
            sizes,
            wanted,
            following,
            to_send,
            nodes,
            carried,
            state,
            stored_at,
            lost_at,
            sent_at,
            sent,
        )
        level = levels[i]
        need = sizes[i]
        if policy == OLDEST and need <= capacity:
            while used + need > capacity:
                if math.isfinite(stored_at[oldest]) and math.isnan(lost_at[oldest]):
                    lost_at[oldest] = times[i]
                    used -= sizes[oldest]
                    held[levels[oldest]] -= sizes[oldest]
                oldest += 1
        elif policy == PRIORITY and need <= capacity and used + need > capacity:
            used -= _make_room(
                used + need - capacity, level, times[i], sizes, following, to_erase, held, stored_at, lost_at
            )
        if used + need <= capacity:
            used += need
            held[level] += need
            stored_at[i] = times[i]
        else:
            lost_at[i] = times[i]
            waiting = int(state[_BUFFERED])
            if not wanted[i] or (waiting >= 0 and math.isnan(sent_at[waiting])):
                continue
            state[_BUFFERED] = i
        if last[level] >= 0:
            following[last[level]] = i
        last[level] = i
        if to_send[level] < 0:
            to_send[level] = i
        if to_erase[level] < 0:
            to_erase[level] = i
    _send(np.inf, sizes, wanted, following, to_send, nodes, carried, state, stored_at, lost_at, sent_at, sent)


@compiled
def _make_room(
    asked: float,
    level: int,
    now_s: float,
    sizes: Float64s,
    following: Int64s,
    to_erase: Int64s,
    held: Float64s,
    stored_at: Float64s,
    lost_at: Float64s,
) -> float:
    """Write over the oldest items of the lowest levels up to one's own; nothing when that is too little."""
    if held[: level + 1].sum() < asked:
        return 0.0
    room = 0.0
    for low in range(level + 1):
        while to_erase[low] >= 0 and room < asked:
            i = to_erase[low]
            if math.isfinite(stored_at[i]) and math.isnan(lost_at[i]):
                room += sizes[i]
                held[low] -= sizes[i]
                lost_at[i] = now_s
            # The last of a level stays: those that come after it are found from it.
            if following[i] < 0:
                break
            to_erase[low] = following[i]
    return room


@compiled
def _send(
    until_s: float,
    sizes: Float64s,
    wanted: Bools,
    following: Int64s,
    to_send: Int64s,
    nodes: Float64s,
    carried: Float64s,
    state: Float64s,
    stored_at: Float64s,
    lost_at: Float64s,
    sent_at: Float64s,
    sent: Float64s,
) -> None:
    """Send what waits until a time; what the link could have carried beyond that is gone."""
    if nodes.size == 0:
        return
    limit = _carried(min(until_s, nodes[-1]), nodes, carried, state)
    begin = state[_USED]
    for level in range(to_send.size - 1, -1, -1):
        while to_send[level] >= 0:
            i = to_send[level]
            there = math.isfinite(stored_at[i]) and math.isnan(lost_at[i])
            if wanted[i] and math.isnan(sent_at[i]) and (there or i == int(state[_BUFFERED])):
                left = sizes[i] - sent[i]
                if left > limit - begin:
                    sent[i] += limit - begin
                    state[_USED] = limit
                    return
                begin += left
                sent[i] = sizes[i]
                sent_at[i] = _when(begin, nodes, carried, state)
            if following[i] < 0:
                break
            to_send[level] = following[i]
    state[_USED] = limit


@compiled
def _carried(time_s: float, nodes: Float64s, carried: Float64s, state: Float64s) -> float:
    """What the link could have carried up to a time; times come in order."""
    k = int(state[_AT])
    while k + 1 < nodes.size and nodes[k + 1] <= time_s:
        k += 1
    state[_AT] = k
    value: float = carried[k]
    if k + 1 < nodes.size and time_s > nodes[k]:
        value += (carried[k + 1] - value) * (time_s - nodes[k]) / (nodes[k + 1] - nodes[k])
    return value


@compiled
def _when(amount: float, nodes: Float64s, carried: Float64s, state: Float64s) -> float:
    """When the link had carried an amount; amounts come in order."""
    k = int(state[_BACK])
    while k + 2 < nodes.size and carried[k + 1] < amount:
        k += 1
    state[_BACK] = k
    rise = carried[k + 1] - carried[k]
    share = (amount - carried[k]) / rise if rise > 0.0 else 1.0
    time_s: float = nodes[k] + min(max(share, 0.0), 1.0) * (nodes[k + 1] - nodes[k])
    return time_s
