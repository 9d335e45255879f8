"""Draws of what a payload did, compiled: spells of working, items, recorder and links, sums a class.

A draw is a row of numbers and a seed; the same seed gives the same spells in shares of their lengths, so that
what comes out changes little where the numbers do.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from overflight.compiled import compiled
from overflight.custody.storage import run_recorder

Float64s = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

# Pieces that the bytes of a step come in, at most: where the recorder is not much smaller, and where it is.
MOST_PIECES, MOST_SMALL = 8.0, 400.0
# Codes of policies are places in `storage.POLICIES`.
_STOP = 0
# SplitMix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_R30, _R27, _R31, _R11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)


@compiled
def _uniform(state: UInt64s) -> float:
    """Return a number in (0, 1) and move the state on."""
    state[0] += _GOLDEN
    x = state[0]
    x = (x ^ (x >> _R30)) * _MIX_1
    x = (x ^ (x >> _R27)) * _MIX_2
    x = x ^ (x >> _R31)
    return (float(x >> _R11) + 0.5) / 9007199254740992.0


@compiled
def _spells(state: UInt64s, share: float, cycle_s: float, edge_s: Float64s, out: Float64s) -> None:
    """Write which part of each step something worked, by an alternating renewal process."""
    steps = edge_s.size - 1
    if share >= 1.0 or share <= 0.0:
        out[:] = min(max(share, 0.0), 1.0)
        return
    out[:] = 0.0
    # No more than two thousand spells: shorter ones than a step's hundredth are not told apart.
    cycle_s = max(cycle_s, (edge_s[steps] - edge_s[0]) / 1000.0)
    on = _uniform(state) < share
    at, k = edge_s[0], 0
    while at < edge_s[steps]:
        stop = at - math.log(_uniform(state)) * cycle_s * (share if on else 1.0 - share)
        while k < steps - 1 and edge_s[k + 1] <= at:
            k += 1
        j = k
        while on and j < steps and edge_s[j] < stop:
            out[j] += (min(stop, edge_s[j + 1]) - max(at, edge_s[j])) / (edge_s[j + 1] - edge_s[j])
            j += 1
        at = stop
        on = not on


@compiled
def spells(seed: np.uint64, share: float, cycle_s: float, edge_s: Float64s) -> Float64s:
    """Return which part of each step (K,) between edges (K + 1,) something worked that works a share of time.

    An alternating renewal process in its steady state, with exponential spells of mean `share` and
    1 − `share` of a mean cycle.
    """
    state = np.zeros(1, np.uint64)
    state[0] = seed
    out = np.zeros(edge_s.size - 1)
    _spells(state, share, cycle_s, edge_s, out)
    return out


@compiled
def working_s(
    seed: UInt64s,
    path: Int64s,
    duty: Float64s,
    edge_s: Float64s,
    in_reach: Float64s,
    cycle_s: Float64s,
    out: Float64s,
) -> None:
    """Write how long each sensor worked in each draw, seconds (N, S): of each site in reach, all added up."""
    steps = edge_s.size - 1
    on = np.zeros(steps)
    state = np.zeros(1, np.uint64)
    for n in range(seed.size):
        state[0] = seed[n]
        for s in range(duty.shape[1]):
            _spells(state, duty[n, s], cycle_s[s], edge_s, on)
            total = 0.0
            for k in range(steps):
                total += in_reach[path[n], s, k] * on[k] * (edge_s[k + 1] - edge_s[k])
            out[n, s] = total


@compiled
def _made(
    n: int,
    k: int,
    path: Int64s,
    rate_bps: Float64s,
    in_reach: Float64s,
    on: Float64s,
    edge_s: Float64s,
    capacity: float,
    made: Float64s,
) -> int:
    """Write the bytes that each sensor makes in a step; return how many pieces they come in."""
    span, largest = edge_s[k + 1] - edge_s[k], 0.0
    for s in range(made.size):
        made[s] = np.rint(in_reach[path[n], s, k] * on[s, k] * rate_bps[n, s] / 8.0 * span)
        largest = max(largest, made[s])
    share = largest / max(capacity, 1.0)
    # A piece larger than the recorder would never be kept.
    return int(
        max(min(max(math.ceil(100.0 * share), 1.0), MOST_PIECES), min(math.ceil(4.0 * share), MOST_SMALL))
    )


@compiled
def _fill(
    count: int,
    policy: int,
    capacity: float,
    gap: float,
    size: Float64s,
    kind: Int64s,
    stored_at: Float64s,
    lost_at: Float64s,
    sent: Float64s,
    out: Float64s,
) -> None:
    """Keep as much of pieces that were refused, or written over last, as fits, leaving a gap.

    Pieces are larger than items; a recorder that is full lacks less than one item.
    """
    last, used, when = -1, 0.0, -np.inf
    for i in range(count):
        if math.isnan(lost_at[i]):
            used += size[i]
        elif policy != _STOP and math.isfinite(stored_at[i]) and lost_at[i] >= when:
            last, when = i, lost_at[i]
    room = capacity - used - gap
    if policy == _STOP:
        for i in range(count):
            if math.isfinite(lost_at[i]) and room > 0.0:
                room -= _keep(min(room, size[i]), i, size, kind, sent, out)
    elif last >= 0 and room > 0.0:
        _keep(min(room, size[last]), last, size, kind, sent, out)


@compiled
def _keep(more: float, i: int, size: Float64s, kind: Int64s, sent: Float64s, out: Float64s) -> float:
    out[kind[i], 2] += more
    out[kind[i], 3] += more * min(sent[i] / size[i], 1.0)
    return more


@compiled
def simulate(
    seed: UInt64s,
    path: Int64s,
    policy: Int64s,
    capacity: Float64s,
    rate_bps: Float64s,
    duty: Float64s,
    gain: Float64s,
    availability: Float64s,
    edge_s: Float64s,
    in_reach: Float64s,
    link_bps: Float64s,
    cycle_s: Float64s,
    item_s: Float64s,
    sensor: Int64s,
    send: Bools,
    most_bytes: float,
    out: Float64s,
) -> None:
    """Simulate draws and write `out` (N, classes, 4): bytes collected, sent, kept, and both, by class.

    `rate_bps` and `duty` (N, S), `gain` (zero for a link not used) and `availability` (N, L). `sensor` (S, 2)
    has class and rank of each sensor, `cycle_s` (S + L,), `item_s` (S,) how long it takes to make an item.
    NaN where a draw makes more than `most_bytes`.
    """
    sensors, links, steps = rate_bps.shape[1], gain.shape[1], edge_s.size - 1
    ranks = 1
    for s in range(sensors):
        ranks = max(ranks, sensor[s, 1] + 1)
    most = 4 * steps * sensors
    made = np.zeros(sensors)
    on = np.zeros((sensors, steps))
    up = np.zeros(steps)
    time, size = np.zeros(most), np.zeros(most)
    rank, kind = np.zeros(most, np.int64), np.zeros(most, np.int64)
    wanted = np.zeros(most, np.bool_)
    stored_at, lost_at, sent_at, sent = np.zeros(most), np.zeros(most), np.zeros(most), np.zeros(most)
    carried = np.zeros(steps + 1)
    state = np.zeros(1, np.uint64)
    for n in range(seed.size):
        state[0] = seed[n]
        for s in range(sensors):
            _spells(state, duty[n, s], cycle_s[s], edge_s, on[s])
        gap = _uniform(state)
        carried[:] = 0.0
        for x in range(links):
            _spells(state, availability[n, x], cycle_s[sensors + x], edge_s, up)
            if gain[n, x] > 0.0:
                total = 0.0
                for k in range(steps):
                    total += link_bps[path[n], x, k] * up[k] * gain[n, x] / 8.0 * (edge_s[k + 1] - edge_s[k])
                    carried[k + 1] += total
        whole, items = 0.0, 0
        for k in range(steps):
            pieces = _made(n, k, path, rate_bps, in_reach, on, edge_s, capacity[n], made)
            for s in range(sensors):
                whole += made[s]
                items += pieces if made[s] >= 1.0 else 0
        out[n] = 0.0
        if whole > most_bytes:
            out[n] = np.nan
            continue
        if items > most:
            most = items
            time, size, wanted = np.zeros(most), np.zeros(most), np.zeros(most, np.bool_)
            rank, kind = np.zeros(most, np.int64), np.zeros(most, np.int64)
            stored_at, lost_at, sent_at, sent = np.zeros(most), np.zeros(most), np.zeros(most), np.zeros(most)
        count = 0
        for k in range(steps):
            pieces = _made(n, k, path, rate_bps, in_reach, on, edge_s, capacity[n], made)
            for j in range(pieces):
                for s in range(sensors):
                    piece = math.floor(made[s] * (j + 1) / pieces) - math.floor(made[s] * j / pieces)
                    if piece >= 1.0:
                        time[count] = edge_s[k] + (edge_s[k + 1] - edge_s[k]) * j / pieces
                        size[count] = piece
                        kind[count], rank[count], wanted[count] = sensor[s, 0], sensor[s, 1], send[s]
                        count += 1
        stored_at[:count], lost_at[:count], sent_at[:count], sent[:count] = np.nan, np.nan, np.nan, 0.0
        run_recorder(
            policy[n],
            capacity[n],
            time[:count],
            size[:count],
            rank[:count],
            ranks,
            wanted[:count],
            edge_s,
            carried,
            stored_at[:count],
            lost_at[:count],
            sent_at[:count],
            sent[:count],
        )
        for i in range(count):
            gone = size[i]
            if math.isnan(sent_at[i]):
                gone = max(min(math.floor(sent[i]), size[i] - 1.0), 0.0)
            there = math.isfinite(stored_at[i]) and math.isnan(lost_at[i])
            out[n, kind[i], 0] += size[i]
            out[n, kind[i], 1] += gone
            if there:
                out[n, kind[i], 2] += size[i]
                out[n, kind[i], 3] += gone
        # One that stops takes what still fits; one that writes over makes room for the largest.
        smallest, largest = np.inf, 0.0
        for s in range(sensors):
            item = rate_bps[n, s] / 8.0 * item_s[s]
            smallest, largest = min(smallest, item), max(largest, item)
        lack = gap * (smallest if policy[n] == _STOP else largest)
        _fill(count, policy[n], capacity[n], lack, size, kind, stored_at, lost_at, sent, out[n])
