"""The account as a posterior: draws of what a payload may have done, weighed by the evidence.

::

    priors ─► rates, duty, recorder, links ─► recorder and queue (`storage.keep_and_send`) ─► bytes ─► weight

The hard bounds of `account` hold whatever the priors; this does not, and the two are never mixed. A draw
takes a path of the flight, makes one item a sensor and step, lets the recorder keep and the links send them,
and reads a share of what was kept. Spells of working and of failing are an alternating renewal process.

The likelihood, stated:

- 'at least', 'at most' (and recovered shares, bursts): 1 where the draw agrees, 1 − p_true where it does not,
  p_true being the chance that the statement holds. How a bound was chosen is taken to say nothing.
- 'exactly' and 'about' an amount x of a quantity q: p_true · N(x; q, s²) + (1 − p_true) · (a density of 1/x
  over nine decades), s² = (sd·q)² + grain·q + 1; sd and grain are the row's. A grain of g bytes is a lump
  that is there or not. For recovered amounts the grain counts (1 − share read) times: what is read is drawn
  without putting back.
- 'recorder_size': the draw has that capacity with the chance p_true, else one of the prior.
- 'content' and 'none' weigh nothing.

Sampling is by importance: first from the priors, then, in rounds, from a mixture of the priors and of normal
kernels about draws that weighed much, in coordinates in which the priors are standard normal. Weights divide
by the whole mixture of all rounds (deterministic mixture; Owen and Zhou, 2000, doi 10.2307/2669533).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.custody.account import SCOPES
from overflight.custody.ceilings import ensemble_times
from overflight.custody.evidence import (
    CLASSES,
    MOST_BYTES,
    QUANTITIES,
    Account,
    Evidence,
    LinkPlan,
    Quantity,
    Scope,
    Sensor,
    quantity_of,
)
from overflight.custody.links import BITS, LineOfSight, rate_bps
from overflight.custody.priors import fixed, quantile
from overflight.custody.storage import POLICIES, Recorder, keep_and_send
from overflight.errors import InputError
from overflight.exposure.geometry import LIGHT, RADIO, look
from overflight.places.sites import Site
from overflight.records import weighted_quantile
from overflight.sun import solar_position
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]

# Steps of a draw: coarse beside a link's outage, fine beside a pass over a site, which lasts an hour or two.
STEP_S: Final = 1800.0
MOST_STEPS: Final = 1000
# Paths that draws choose among, in the order of an even walk through the weights.
MOST_PATHS: Final = 40
ROUNDS: Final = 4
# Share of a round that is drawn from the priors again, and how wide a kernel is beside the posterior.
FROM_PRIOR: Final = 0.2
WIDTH: Final = 0.5
# Fewer effective draws than this carry no interval of 90 %.
LEAST_EFFECTIVE: Final = 50.0
DECADES: Final = math.log(1e9)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when the payload worked: K steps between edges (K + 1,), and paths that draws choose among.

    `in_reach` (P, sensors, K) is how many sites a sensor has in reach; `link_bps` (P, links, K) the links'
    rates; `weight` (P,).
    """

    edge_s: Float64s
    in_reach: Float64s
    link_bps: Float64s
    weight: Float64s


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Weighted draws: `values[(scope, quantity)]` (N,), bytes; `weight` (N,) sums to one.

    `effective` is Kish's number of draws. `log_evidence` says how well the priors foretold the evidence.
    `given` are quantities that the evidence fixes, which no draw can tell more of.
    """

    values: dict[tuple[Scope, Quantity], Float64s]
    weight: Float64s
    effective: float
    log_evidence: float
    given: frozenset[tuple[Scope, Quantity]]

    def interval(self, scope: Scope, quantity: Quantity) -> tuple[float, float, float] | None:
        """Return the 5, 50 and 95 % quantiles; None where no prior reaches it."""
        values = self.values.get((scope, quantity))
        if values is None:
            return None
        low, middle, high = weighted_quantile(values, self.weight, (0.05, 0.5, 0.95))
        return float(low), float(middle), float(high)


def make_setting(
    account: Account, ensemble: xr.Dataset | None, sites: Sequence[Site], hours: float
) -> Setting:
    """Return times, reach and rates for the draws.

    Raises InputError where a sensor that works site by site has no flight or no sites, or a line of sight no
    flight.
    """
    count = int(np.clip(math.ceil(hours * HOUR_S / STEP_S), 1, MOST_STEPS))
    needy = [s.id for s in account.sensors if s.per == "site" and (ensemble is None or not sites)]
    if needy:
        lacking = "flight" if ensemble is None else "site"
        raise InputError(
            f"sensor '{needy[0]}' works site by site, and there is no {lacking}",
            file=account.file, field="per", remedy='Give a flight and sites, or write per = "time".',
        )  # fmt: skip
    if ensemble is None:
        blind = [plan.link.id for plan in account.links if isinstance(plan.link, LineOfSight)]
        if blind:
            raise InputError(
                f"link '{blind[0]}' is a line of sight, and there is no flight", file=account.file,
                field="link", remedy="Give a flight.",
            )  # fmt: skip
        rates = np.array([[[getattr(p.link, "up_bps", 0.0)] * count for p in account.links]])
        edges = np.linspace(0.0, hours * HOUR_S, count + 1)
        reach = np.ones((1, len(account.sensors), count))
        return Setting(edges, reach, rates.reshape(1, len(account.links), count), np.ones(1))
    return _along_paths(account, ensemble, sites, hours, count)


def _along_paths(
    account: Account, ensemble: xr.Dataset, sites: Sequence[Site], hours: float, count: int
) -> Setting:
    time_s, weight = ensemble_times(ensemble), ensemble["weight"].values
    lon, lat, alt = (ensemble[name].values.astype(np.float64) for name in ("lon", "lat", "alt_m"))
    begin = time_s[np.isfinite(lon).any(axis=0)].min(initial=math.inf)
    if not math.isfinite(begin):
        raise InputError("no member of the flight is ever aloft", field="flight", remedy="Give another.")
    edges = begin + np.linspace(0.0, hours * HOUR_S, count + 1)
    # Systematic: as even a choice among the weights as there is.
    rows = np.unique(np.searchsorted(np.cumsum(weight), (np.arange(MOST_PATHS) + 0.5) / MOST_PATHS))
    rows = rows[rows < len(weight)]
    reach = np.ones((rows.size, len(account.sensors), count))
    rates = np.zeros((rows.size, len(account.links), count))
    for p, m in enumerate(rows):
        x, y, z = _at(edges, time_s, lon[m], lat[m], alt[m])
        aloft = np.isfinite(x).astype(np.float64)
        for s, sensor in enumerate(account.sensors):
            reach[p, s] = aloft if sensor.per == "time" else _sites_in_reach(sensor, sites, edges, x, y, z)
        for n, plan in enumerate(account.links):
            rates[p, n] = rate_bps(plan.link, x, y, z)
    return Setting(edges, reach, rates, np.asarray(weight[rows], dtype=np.float64))


def _at(
    edges: Float64s, time_s: Float64s, lon: Float64s, lat: Float64s, alt: Float64s
) -> tuple[Float64s, Float64s, Float64s]:
    """Places of one member in the middle of each step (K,), NaN where it is not aloft."""
    middle = 0.5 * (edges[:-1] + edges[1:])
    good = np.isfinite(lon)
    if not good.any():
        nothing = np.full(middle.shape, np.nan)
        return nothing, nothing, nothing
    along = np.unwrap(lon[good], period=360.0)
    inside = (middle >= time_s[good][0]) & (middle <= time_s[good][-1])
    found = [np.interp(middle, time_s[good], v) for v in (along, lat[good], alt[good])]
    return tuple(np.where(inside, v, np.nan) for v in found)  # type: ignore[return-value]  # three of them


def _sites_in_reach(
    sensor: Sensor, sites: Sequence[Site], edges: Float64s, lon: Float64s, lat: Float64s, alt: Float64s
) -> Float64s:
    """How many sites see the balloon at the sensor's least elevation, by day where it asks for that (K,)."""
    places = np.array([(s.lon_deg, s.lat_deg, s.alt_m or 0.0) for s in sites])
    seen = look(
        lon, lat, alt, places[:, 0], places[:, 1], places[:, 2],
        air=LIGHT if sensor.artefact == "images" else RADIO, horizon_deg=sensor.least_elevation_deg,
    )  # fmt: skip
    up = seen.status == 0
    if sensor.daylight:
        middle = 0.5 * (edges[:-1] + edges[1:])
        for n, site in enumerate(sites):
            up[n] &= solar_position(middle, site.lon_deg, site.lat_deg)[0] >= 0.0
    return np.asarray(up.sum(axis=0), dtype=np.float64)


# --- parameters ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which priors there are, in the order of the coordinates; and what the evidence fixes."""

    account: Account
    setting: Setting
    sensors: tuple[int, ...]
    sized: Evidence | None
    size: int


def _plan(account: Account, setting: Setting) -> _Plan:
    sensors = tuple(n for n, s in enumerate(account.sensors) if s.rate_bps is not None)
    sized = next((e for e in account.evidence if e.use and e.kind == "recorder_size"), None)
    return _Plan(account, setting, sensors, sized, 6 + 2 * len(sensors) + 3 * len(account.links))


def assessed(account: Account) -> tuple[Scope, ...]:
    """Return the classes of which the account has priors for every sensor; with all three, 'all' as well."""
    good: list[Scope] = []
    for name in CLASSES:
        mine = [s for s in account.sensors if s.artefact == name]
        if mine and all(s.rate_bps is not None for s in mine):
            good.append(name)
    listed = {s.artefact for s in account.sensors}
    # A class without a sensor, which the account calls complete, collected nothing.
    empty = [name for name in CLASSES if name not in listed and name in account.complete]
    return (*good, "all") if len(good) + len(empty) == len(CLASSES) and good else tuple(good)


def draw_account(
    account: Account,
    setting: Setting,
    *,
    samples: int | None = None,
    seed: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Draws:
    """Return draws of the account under its priors, weighed by its evidence.

    `samples` and `seed` stand in for the account's own. The same seed gives the same draws.
    """
    plan = _plan(account, setting)
    rng = np.random.default_rng((account.seed if seed is None else seed, 71))
    each = max((samples or account.samples) // ROUNDS, 20)
    tell = progress or (lambda _text, _share: None)
    points = np.zeros((0, plan.size))
    values: list[Float64s] = []
    loglik = np.zeros(0)
    log_mix: Float64s = np.zeros(0)
    kernels: list[tuple[Float64s, Float64s]] = []
    for step in range(ROUNDS):
        tell("drawing accounts", step / ROUNDS)
        new = _propose(rng, each, plan.size, kernels[-1] if kernels else None)
        made = [_simulate(plan, z, rng) for z in new]
        points = np.vstack([points, new])
        values += [one[0] for one in made]
        loglik = np.append(loglik, [one[1] for one in made])
        log_mix = _log_mixture(points, kernels, step + 1)
        if step + 1 < ROUNDS:
            kernels.append(_kernels(rng, points, loglik - log_mix, each))
    log_weight = loglik - log_mix
    top = float(log_weight.max())
    raw = np.exp(log_weight - top) if math.isfinite(top) else np.zeros(log_weight.size)
    total = float(raw.sum())
    weight = raw / total if total > 0.0 else np.full(raw.size, 1.0 / raw.size)
    effective = float(1.0 / (weight**2).sum()) if total > 0.0 else 0.0
    log_evidence = top + math.log(total / raw.size) if total > 0.0 else -math.inf
    return Draws(_by_name(plan, np.array(values)), weight, effective, log_evidence, _given(account))


def _propose(
    rng: np.random.Generator, count: int, size: int, kernels: tuple[Float64s, Float64s] | None
) -> Float64s:
    if kernels is None:
        return rng.standard_normal((count, size))
    centres, spread = kernels
    picked = centres[rng.integers(0, len(centres), count)]
    near = picked + spread * rng.standard_normal((count, size))
    from_prior = rng.random(count) < FROM_PRIOR
    return np.where(from_prior[:, None], rng.standard_normal((count, size)), near)


def _kernels(
    rng: np.random.Generator, points: Float64s, log_weight: Float64s, count: int
) -> tuple[Float64s, Float64s]:
    """Centres and widths of the kernels of the next round, by a tempering of the weights that keeps many."""
    top = float(log_weight.max())
    if not math.isfinite(top):
        return points[:count], np.ones(points.shape[1])
    power = 1.0
    share = np.exp(log_weight - top)
    while power > 0.02 and share.sum() ** 2 / (share**2).sum() < 0.05 * count:
        power *= 0.8
        share = np.exp(power * (log_weight - top))
    share /= share.sum()
    centre = share @ points
    spread = np.sqrt(np.maximum(share @ (points - centre) ** 2, 1e-3))
    # No wider than the prior, or kernels would mostly miss it.
    return points[rng.choice(len(points), count, p=share)], np.minimum(WIDTH * spread, WIDTH)


def _log_mixture(points: Float64s, kernels: list[tuple[Float64s, Float64s]], rounds: int) -> Float64s:
    """Log of the density, beside the priors', that all rounds together drew the points from (N,).

    The first round drew from the priors, each other one from FROM_PRIOR of them and its kernels.
    """
    prior = -0.5 * (points**2).sum(axis=1)
    share = (1.0 + FROM_PRIOR * (rounds - 1)) / rounds
    parts = [np.full(len(points), math.log(share))]
    for centres, spread in kernels[: rounds - 1]:
        scaled, middle = points / spread, centres / spread
        apart = (scaled**2).sum(axis=1)[:, None] + (middle**2).sum(axis=1) - 2.0 * scaled @ middle.T
        density = np.logaddexp.reduce(-0.5 * np.maximum(apart, 0.0), axis=1) - math.log(len(centres))
        parts.append(density - np.log(spread).sum() - prior + math.log((1.0 - FROM_PRIOR) / rounds))
    return np.asarray(np.logaddexp.reduce(np.array(parts), axis=0))


# --- one draw --------------------------------------------------------------------------------------------


def _simulate(plan: _Plan, z: Float64s, rng: np.random.Generator) -> tuple[Float64s, float]:
    """Return the amounts (classes, quantities) of one draw and its log likelihood."""
    from scipy.special import ndtr

    account, setting = plan.account, plan.setting
    u = ndtr(z)
    path = min(
        int(np.searchsorted(np.cumsum(setting.weight) / setting.weight.sum(), u[0])), len(setting.weight) - 1
    )
    edges = setting.edge_s
    span = np.diff(edges)
    times, sizes, ranks, wanted, kinds = [], [], [], [], []
    for k, n in enumerate(plan.sensors):
        sensor = account.sensors[n]
        rate = float(quantile(sensor.rate_bps or fixed(0.0), u[6 + 2 * k]))
        on = working(rng, float(quantile(sensor.duty, u[7 + 2 * k])), sensor.cycle_h * HOUR_S, edges)
        made = np.rint(rate / BITS * setting.in_reach[path, n] * on * span)
        good = np.flatnonzero(made > 0.0)
        times.append(edges[good])
        sizes.append(made[good])
        ranks.append(np.full(good.size, sensor.priority))
        wanted.append(np.full(good.size, sensor.send))
        kinds.append(np.full(good.size, CLASSES.index(sensor.artefact)))
    carried = _carried(plan, u[6 + 2 * len(plan.sensors) :], path, rng)
    recorder = _recorder(plan, u)
    order = np.argsort(np.concatenate([np.zeros(0), *times]), kind="stable")
    time = np.concatenate([np.zeros(0), *times])[order]
    size = np.concatenate([np.zeros(0), *sizes])[order]
    kind = np.concatenate([np.zeros(0, dtype=np.intp), *kinds])[order]
    if size.sum() > MOST_BYTES:
        # Beyond what amounts are counted in: the draw is impossible, not the account.
        return np.zeros((len(CLASSES), len(QUANTITIES))), -math.inf
    rank = np.concatenate([np.zeros(0, dtype=np.int64), *ranks])[order]
    send = np.concatenate([np.zeros(0, dtype=np.bool_), *wanted])[order]
    kept = keep_and_send(recorder, time, size, rank, edges, carried, send=send)
    there = np.isfinite(kept.stored_at) & np.isnan(kept.lost_at)
    columns = (size, kept.sent_bytes, np.where(there, size, 0.0), np.where(there, kept.sent_bytes, 0.0))
    sums = [np.bincount(kind, weights=column, minlength=len(CLASSES)) for column in columns]
    share = quantile(account.recovered_share or fixed(0.0), u[4])
    altered = quantile(account.altered_share or fixed(0.0), u[5])
    return _weighed(account, np.array(sums), float(share), float(altered), recorder.capacity_bytes)


def working(rng: np.random.Generator, share: float, cycle_s: float, edges: Float64s) -> Float64s:
    """Draw which part of each step (K,) something worked that works a share of the time, in spells.

    An alternating renewal process with exponential spells of `share` and 1 − `share` of a mean cycle.
    """
    if share >= 1.0 or share <= 0.0:
        return np.full(edges.size - 1, min(max(share, 0.0), 1.0))
    span = float(edges[-1] - edges[0])
    # So many cycles fall short of the span in fewer than one draw in 10^9; the last spell then lasts.
    cycle_s = max(cycle_s, span / 2000.0)
    count = int(span / cycle_s * 1.5) + 40
    lengths = rng.exponential(1.0, (count, 2)) * (share * cycle_s, (1.0 - share) * cycle_s)
    if rng.random() >= share:
        lengths = lengths[:, ::-1]
        begins = 1
    else:
        begins = 0
    spells = lengths.ravel()
    ends = np.concatenate([[0.0], np.cumsum(spells)])
    on = np.where(np.arange(spells.size) % 2 == begins, spells, 0.0)
    worked = np.interp(edges - edges[0], ends, np.concatenate([[0.0], np.cumsum(on)]))
    return np.asarray(np.diff(worked) / np.diff(edges))


def _carried(plan: _Plan, u: Float64s, path: int, rng: np.random.Generator) -> Float64s:
    """What all links could have carried up to each edge (K + 1,), bytes."""
    setting = plan.setting
    total = np.zeros(setting.edge_s.size - 1)
    for n, one in enumerate(plan.account.links):
        if u[3 * n] < one.used:
            total += _link_rate(one, u[3 * n + 1 : 3 * n + 3], setting, path, n, rng)
    return np.concatenate([[0.0], np.cumsum(total / BITS * np.diff(setting.edge_s))])


def _link_rate(
    one: LinkPlan, u: Float64s, setting: Setting, path: int, n: int, rng: np.random.Generator
) -> Float64s:
    up = working(rng, float(quantile(one.availability, u[0])), one.cycle_h * HOUR_S, setting.edge_s)
    return np.asarray(setting.link_bps[path, n] * up * float(quantile(one.share, u[1])))


def _recorder(plan: _Plan, u: Float64s) -> Recorder:
    storage, sized = plan.account.storage, plan.sized
    capacity = math.inf
    if sized is not None and sized.amount is not None and u[3] < sized.p_true:
        capacity = sized.amount
    elif storage.capacity_bytes is not None:
        capacity = float(quantile(storage.capacity_bytes, u[1]))
    if storage.most_bytes is not None:
        capacity = min(capacity, storage.most_bytes)
    name = storage.policy.of[int(quantile(storage.policy, u[2]))]
    return Recorder(capacity_bytes=capacity, policy=POLICIES[[str(p) for p in POLICIES].index(name)])


# --- weighing --------------------------------------------------------------------------------------------


def _weighed(
    account: Account, sums: Float64s, share: float, altered: float, capacity: float
) -> tuple[Float64s, float]:
    """Return amounts (classes, quantities) and the log likelihood of the evidence.

    Recovered amounts that the evidence gives exactly stand for what was drawn: they are known.
    """
    collected, sent, kept, both_kept = sums
    recovered = share * kept
    for one in account.evidence:
        if one.use and one.kind == "recovered_exactly" and one.artefact != "all":
            k = CLASSES.index(one.artefact)
            recovered[k] = min(one.amount or 0.0, kept[k])
    read = np.divide(recovered, kept, out=np.zeros_like(kept), where=kept > 0.0)
    both = read * both_kept
    table = {
        "collected": collected, "sent": sent, "kept": kept, "deleted": collected - kept,
        "recovered": recovered, "altered": altered * recovered,
        "unaccounted": collected - sent - recovered + both, "both": both,
    }  # fmt: skip
    amounts = np.array([table[q] for q in QUANTITIES]).T
    drawn = amounts.copy()
    drawn[:, QUANTITIES.index("recovered")] = share * kept
    total = sum(_log_likelihood(one, drawn, share) for one in account.evidence if one.use)
    return amounts, float(total)


def _log_likelihood(one: Evidence, amounts: Float64s, share: float) -> float:
    """Return the log likelihood of a row of evidence given the amounts (classes, quantities) of a draw."""
    named = quantity_of(one.kind)
    if named is not None:
        quantity, side = named
        value = _of(amounts, one.artefact, quantity)
        if side in ("exactly", "about"):
            return _measured(one, value, 1.0 - share if quantity == "recovered" else 1.0)
        return _stated(
            one, value >= (one.amount or 0.0) if side == "at_least" else value <= (one.amount or 0.0)
        )
    if one.kind == "rf_bursts":
        value = _of(amounts, one.artefact, "sent")
        return _stated(one, (one.amount or 0.0) <= value <= (math.inf if one.high is None else one.high))
    if one.kind.startswith("recovered_share"):
        limit = one.amount or 0.0
        return _stated(one, share >= limit if one.kind.endswith("least") else share <= limit)
    return 0.0


def _of(amounts: Float64s, scope: Scope, quantity: Quantity) -> float:
    column = amounts[:, QUANTITIES.index(quantity)]
    return float(column.sum() if scope == "all" else column[CLASSES.index(scope)])


def _stated(one: Evidence, agrees: bool) -> float:
    if agrees:
        return 0.0
    return math.log1p(-one.p_true) if one.p_true < 1.0 else -math.inf


def _measured(one: Evidence, value: float, unread: float) -> float:
    amount = one.amount or 0.0
    variance = (one.sd * value) ** 2 + unread * one.grain_bytes * value + 1.0
    right = -0.5 * (amount - value) ** 2 / variance - 0.5 * math.log(2.0 * math.pi * variance)
    if one.p_true >= 1.0:
        return right
    wrong = -math.log(max(amount, 1.0)) - math.log(DECADES)
    if one.p_true <= 0.0:
        return wrong
    return float(np.logaddexp(math.log(one.p_true) + right, math.log1p(-one.p_true) + wrong))


def _by_name(plan: _Plan, values: Float64s) -> dict[tuple[Scope, Quantity], Float64s]:
    """Cut amounts (N, classes, quantities) into named rows, of classes that have priors for all they need."""
    known = assessed(plan.account)
    out: dict[tuple[Scope, Quantity], Float64s] = {}
    for scope in SCOPES:
        if scope not in known:
            continue
        for q, quantity in enumerate(QUANTITIES):
            if quantity in _unknown(plan.account, scope):
                continue
            part = values[:, :, q]
            out[scope, quantity] = part.sum(axis=1) if scope == "all" else part[:, CLASSES.index(scope)]
    return out


def _unknown(account: Account, scope: Scope) -> frozenset[Quantity]:
    """Return what the account has no prior for: recovery, alteration, the recorder, links."""
    out: set[Quantity] = set()
    if account.recovered_share is None:
        out |= {"recovered", "altered", "unaccounted", "both"}
    if account.altered_share is None:
        out.add("altered")
    sized = any(e.use and e.kind == "recorder_size" for e in account.evidence)
    if account.storage.capacity_bytes is None and account.storage.most_bytes is None and not sized:
        out |= {"kept", "deleted", "recovered", "altered", "unaccounted", "both"}
    if not account.links and "links" not in account.complete:
        out |= {"sent", "unaccounted", "both"}
    return frozenset(out)


def _given(account: Account) -> frozenset[tuple[Scope, Quantity]]:
    """Return quantities that evidence of kind 'exactly' gives."""
    out: set[tuple[Scope, Quantity]] = set()
    for one in account.evidence:
        named = quantity_of(one.kind)
        if one.use and named is not None and named[1] == "exactly":
            out.add((one.artefact, named[0]))
    if {(name, "recovered") for name in CLASSES} <= out:
        out.add(("all", "recovered"))
    return frozenset(out)
