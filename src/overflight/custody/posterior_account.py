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
  over nine decades), s² = (sd·q)² + grain·q + grain²/4 + 1; sd and grain are the row's. A grain is a lump
  of so many bytes that is there or not. For recovered amounts the grain counts (1 − share read) times: what
  is read is drawn without putting back.
- 'recorder_size': the draw has that capacity with the chance p_true, else one of the prior.
- 'content' and 'none' weigh nothing.

Sampling is by sequential Monte Carlo (Del Moral, Doucet and Jasra 2006,
doi 10.1111/j.1467-9868.2006.00553.x): draws from the priors meet the likelihood by and by, raised to powers
from 0 to 1; in between they are drawn anew by weight and moved by Metropolis steps. Of a sensor the
coordinate that is moved is the logarithm of what it collected, not its rate: other spells or another path
then leave the amounts as they were.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from overflight.custody.account import SCOPES
from overflight.custody.account_kernel import simulate, working_s
from overflight.custody.ceilings import ensemble_times
from overflight.custody.evidence import (
    ALWAYS,
    CLASSES,
    MOST_BYTES,
    QUANTITIES,
    Account,
    Evidence,
    Quantity,
    Scope,
    Sensor,
    quantity_of,
)
from overflight.custody.links import LineOfSight, rate_bps
from overflight.custody.priors import fixed, log_density, quantile
from overflight.custody.storage import POLICIES
from overflight.errors import InputError
from overflight.exposure.geometry import LIGHT, RADIO, look
from overflight.places.sites import Site
from overflight.records import weighted_quantile
from overflight.sun import solar_position
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Steps of a draw: coarse beside a link's outage, fine beside a pass over a site, which lasts an hour or two.
STEP_S: Final = 3600.0
MOST_STEPS: Final = 1000
# Places looked at in a step, for the share of it that a site or a link is in reach.
LOOKS: Final = 12
# Paths that draws choose among, in the order of an even walk through the weights.
MOST_PATHS: Final = 40
# Coordinates before those of sensors and links, and which of them is the share read.
FIRST: Final = 6
SHARE: Final = 4
# Logarithms of amounts stay where floats hold them.
MOST_LOG: Final = 60.0
TINY: Final = 1e-12
# Draws from the priors for each that is kept, and what share of them a rise of the power leaves.
PRIOR_DRAWS: Final = 4
KEEP: Final = 0.5
# Powers at most, and Metropolis sweeps at each and at the last; a sweep moves about `FEW` coordinates of half
# of the draws, all of the others, and gives a share of them new spells.
MOST_POWERS: Final = 60
SWEEPS, LAST_SWEEPS = 3, 8
FEW: Final = 2.0
FRESH: Final = 0.3
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
    fine = begin + np.linspace(0.0, hours * HOUR_S, LOOKS * count + 1)
    # Systematic: as even a choice among the weights as there is.
    rows = np.unique(np.searchsorted(np.cumsum(weight), (np.arange(MOST_PATHS) + 0.5) / MOST_PATHS))
    rows = rows[rows < len(weight)]
    reach = np.ones((rows.size, len(account.sensors), count))
    rates = np.zeros((rows.size, len(account.links), count))
    for p, m in enumerate(rows):
        x, y, z = _at(fine, time_s, lon[m], lat[m], alt[m])
        aloft = np.isfinite(x).astype(np.float64)
        for s, sensor in enumerate(account.sensors):
            seen = aloft if sensor.per == "time" else _sites_in_reach(sensor, sites, fine, x, y, z)
            reach[p, s] = seen.reshape(count, LOOKS).mean(axis=1)
        for n, plan in enumerate(account.links):
            rates[p, n] = rate_bps(plan.link, x, y, z).reshape(count, LOOKS).mean(axis=1)
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


# --- draws -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Arrays that draws share.

    Coordinates: path, capacity, policy, whether its size is true, share read, share altered; duty of each
    sensor; use, availability and share of each link, all standard normal under the priors; and of each sensor
    the logarithm of the bits that it made. Where `logs`, the share read is a logarithm as well.
    """

    account: Account
    setting: Setting
    sensors: tuple[Sensor, ...]
    reach: Float64s
    cycle_s: Float64s
    item_s: Float64s
    table: npt.NDArray[np.int64]
    send: npt.NDArray[np.bool_]
    sized: Evidence | None
    logs: bool

    @property
    def normal(self) -> int:
        """Number of coordinates before those of amounts."""
        return FIRST + len(self.sensors) + 3 * len(self.account.links)

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return self.normal + len(self.sensors)


@dataclass(slots=True, eq=False)
class _Cloud:
    """Draws as they are moved: coordinates, seeds of spells, amounts (N, classes, quantities), densities."""

    z: Float64s
    seed: npt.NDArray[np.uint64]
    amounts: Float64s
    log_prior: Float64s
    log_likelihood: Float64s

    def take(self, rows: npt.NDArray[np.intp]) -> _Cloud:
        """Return some of the draws."""
        return _Cloud(
            self.z[rows], self.seed[rows], self.amounts[rows], self.log_prior[rows], self.log_likelihood[rows]
        )

    def put(self, rows: npt.NDArray[np.bool_], other: _Cloud) -> None:
        """Take the rows of another cloud where told."""
        self.z[rows], self.seed[rows] = other.z[rows], other.seed[rows]
        self.amounts[rows], self.log_prior[rows] = other.amounts[rows], other.log_prior[rows]
        self.log_likelihood[rows] = other.log_likelihood[rows]


def _plan(account: Account, setting: Setting) -> _Plan:
    rows = [n for n, s in enumerate(account.sensors) if s.rate_bps is not None]
    sensors = tuple(account.sensors[n] for n in rows)
    ranks = sorted({s.priority for s in sensors})
    table = [(CLASSES.index(s.artefact), ranks.index(s.priority)) for s in sensors]
    cycles = [*(s.cycle_h for s in sensors), *(p.cycle_h for p in account.links)]
    share = account.recovered_share
    return _Plan(
        account=account,
        setting=setting,
        sensors=sensors,
        reach=np.ascontiguousarray(setting.in_reach[:, rows]),
        cycle_s=np.array(cycles, dtype=np.float64) * HOUR_S,
        item_s=np.array([s.item_s for s in sensors], dtype=np.float64),
        table=np.array(table, dtype=np.int64).reshape(-1, 2),
        send=np.array([s.send for s in sensors], dtype=np.bool_),
        sized=next((e for e in account.evidence if e.use and e.kind == "recorder_size"), None),
        logs=share is not None and share.dist != "fixed" and share.a > 0.0,
    )


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
    count = samples or account.samples
    tell = progress or (lambda _text, _share: None)
    cloud = _from_priors(plan, PRIOR_DRAWS * count, rng)
    weight = np.full(len(cloud.z), 1.0 / len(cloud.z))
    power, log_evidence, scale = 0.0, 0.0, 1.0
    for step in range(MOST_POWERS):
        tell("drawing accounts", power)
        if not np.isfinite(cloud.log_likelihood).any():
            return Draws(_by_name(plan, cloud.amounts), weight, 0.0, -math.inf, _given(account))
        rise = _next_rise(cloud.log_likelihood, 1.0 - power)
        weight, mean = _weights(cloud.log_likelihood, rise)
        log_evidence += mean
        power += rise
        if power >= 1.0 and step == 0:
            # The priors foretold the evidence well enough: no need to move anything.
            break
        cloud = cloud.take(_resample(rng, weight, count))
        scale = _move(plan, cloud, power, scale, LAST_SWEEPS if power >= 1.0 else SWEEPS, rng)
        weight = np.full(count, 1.0 / count)
        if power >= 1.0:
            break
    distinct = np.unique(cloud.z[:, 0]).size
    effective = min(float(1.0 / (weight**2).sum()), float(distinct)) if power >= 1.0 else 0.0
    return Draws(_by_name(plan, cloud.amounts), weight, effective, log_evidence, _given(account))


def _seeds(rng: np.random.Generator, count: int) -> npt.NDArray[np.uint64]:
    return rng.integers(0, 2**64, count, dtype=np.uint64)


def _weights(log_likelihood: Float64s, rise: float) -> tuple[Float64s, float]:
    """Return weights that sum to one, and the log of their mean before that."""
    log_weight = np.where(np.isfinite(log_likelihood), rise * log_likelihood, -math.inf)
    top = float(log_weight.max())
    raw = np.exp(log_weight - top)
    return raw / raw.sum(), top + math.log(float(raw.mean()))


def _next_rise(log_likelihood: Float64s, left: float) -> float:
    """Return how far the power may rise so that about half of the draws still count."""
    wanted = KEEP * float(np.isfinite(log_likelihood).sum())

    def counting(rise: float) -> float:
        return float(1.0 / (_weights(log_likelihood, rise)[0] ** 2).sum())

    if counting(left) >= wanted:
        return left
    low, high = 0.0, left
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if counting(middle) >= wanted else (low, middle)
    return max(low, 1e-6 * left)


def _resample(rng: np.random.Generator, weight: Float64s, count: int) -> npt.NDArray[np.intp]:
    """Draw rows by weight, as evenly as there is (systematic resampling)."""
    edges = np.cumsum(weight)
    return np.minimum(np.searchsorted(edges, (np.arange(count) + rng.random()) / count), weight.size - 1)


def _move(
    plan: _Plan, cloud: _Cloud, power: float, scale: float, sweeps: int, rng: np.random.Generator
) -> float:
    """Move draws by Metropolis steps under the likelihood to a power; return the scale for the next ones."""
    count, size = cloud.z.shape
    spread = np.cov(cloud.z, rowvar=False) + 1e-4 * np.eye(size)
    root = np.linalg.cholesky(spread)
    sd = np.sqrt(np.diag(spread))
    for _ in range(sweeps):
        whole = np.asarray(rng.random(count) < 0.5)
        along = 2.38 / math.sqrt(size) * scale * rng.standard_normal((count, size)) @ root.T
        few = rng.random((count, size)) < FEW / size
        some = np.where(few, scale * sd * rng.standard_normal((count, size)), 0.0)
        z = cloud.z + np.where(whole[:, None], along, some)
        seed = np.where(rng.random(count) < FRESH, _seeds(rng, count), cloud.seed)
        new = _evaluate(plan, z, seed)
        with np.errstate(invalid="ignore"):
            better = power * (new.log_likelihood - cloud.log_likelihood) + new.log_prior - cloud.log_prior
        taken = np.less(np.log(rng.random(count)), np.nan_to_num(better, nan=-math.inf))
        cloud.put(taken, new)
        scale = float(np.clip(scale * math.exp(taken.mean() - 0.25), 0.02, 3.0))
    return scale


def _from_priors(plan: _Plan, count: int, rng: np.random.Generator) -> _Cloud:
    """Draw from the priors."""
    from scipy.special import ndtr

    z, seed = rng.standard_normal((count, plan.size)), _seeds(rng, count)
    u = ndtr(z)
    if plan.logs:
        z[:, SHARE] = np.log(quantile(plan.account.recovered_share or ALWAYS, u[:, SHARE]))
    worked = _worked_s(plan, z, seed)
    for n, sensor in enumerate(plan.sensors):
        if sensor.rate_bps is not None and sensor.rate_bps.dist != "fixed":
            rate = np.maximum(quantile(sensor.rate_bps, u[:, plan.normal + n]), TINY)
            z[:, plan.normal + n] = np.log(rate * worked[:, n])
    return _evaluate(plan, z, seed)


def _worked_s(plan: _Plan, z: Float64s, seed: npt.NDArray[np.uint64]) -> Float64s:
    """Return how long each sensor worked, times the sites in reach (N, S), seconds; at least one."""
    from scipy.special import ndtr

    u = ndtr(z[:, : FIRST + len(plan.sensors)])
    out = np.zeros((len(z), len(plan.sensors)))
    duty = _columns([quantile(s.duty, u[:, FIRST + n]) for n, s in enumerate(plan.sensors)], len(z))
    working_s(seed, _paths(plan, u[:, 0]), duty, plan.setting.edge_s, plan.reach, plan.cycle_s, out)
    return np.maximum(out, 1.0)


def _paths(plan: _Plan, u: Float64s) -> npt.NDArray[np.int64]:
    edges = np.cumsum(plan.setting.weight) / plan.setting.weight.sum()
    return np.asarray(np.minimum(np.searchsorted(edges, u), edges.size - 1), dtype=np.int64)


def _evaluate(plan: _Plan, z: Float64s, seed: npt.NDArray[np.uint64]) -> _Cloud:
    """Simulate draws (N, coordinates) and weigh them."""
    from scipy.special import ndtr

    account, setting, count = plan.account, plan.setting, len(z)
    u = ndtr(z[:, : plan.normal])
    rates, log_prior = _rates(plan, z, seed)
    share, log_share = _share(plan, z, u)
    log_prior = log_prior + log_share
    possible = np.isfinite(log_prior)
    first = FIRST + len(plan.sensors)
    links = [(one, u[:, first + 3 * n : first + 3 * n + 3]) for n, one in enumerate(account.links)]
    gain = [np.where(v[:, 0] < one.used, quantile(one.share, v[:, 2]), 0.0) for one, v in links]
    sums = np.zeros((count, len(CLASSES), 4))
    # What the priors rule out is not simulated: rates of nothing take no time.
    simulate(
        seed,
        _paths(plan, u[:, 0]),
        _policies(account, u[:, 2]),
        _capacities(plan, u),
        _columns([np.where(possible, rate, 0.0) for rate in rates], count),
        _columns([quantile(s.duty, u[:, FIRST + n]) for n, s in enumerate(plan.sensors)], count),
        _columns(gain, count),
        _columns([quantile(one.availability, v[:, 1]) for one, v in links], count),
        setting.edge_s,
        plan.reach,
        setting.link_bps,
        plan.cycle_s,
        plan.item_s,
        plan.table,
        plan.send,
        MOST_BYTES,
        sums,
    )
    altered = quantile(account.altered_share or fixed(0.0), u[:, 5])
    amounts, likely = _weighed(account, sums, share, altered)
    return _Cloud(z, seed, amounts, log_prior, np.where(possible, likely, -math.inf))


def _rates(plan: _Plan, z: Float64s, seed: npt.NDArray[np.uint64]) -> tuple[list[Float64s], Float64s]:
    """Return the rate of each sensor (N,), and the log density of the priors without that of the share."""
    worked = _worked_s(plan, z, seed)
    log_prior = -0.5 * (z[:, : plan.normal] ** 2).sum(axis=1)
    rates: list[Float64s] = []
    for n, sensor in enumerate(plan.sensors):
        prior, made = sensor.rate_bps or ALWAYS, z[:, plan.normal + n]
        if prior.dist == "fixed":
            # What is certain does not move with its coordinate, which is standard normal.
            rates.append(np.full(len(z), prior.a))
            log_prior = log_prior - 0.5 * made**2
        else:
            rates.append(np.exp(np.minimum(made, MOST_LOG)) / worked[:, n])
            log_prior = log_prior + log_density(prior, rates[-1])
    return rates, log_prior


def _share(plan: _Plan, z: Float64s, u: Float64s) -> tuple[Float64s, Float64s]:
    """Return the share read (N,), and what its coordinate adds to the log of the priors' density."""
    prior = plan.account.recovered_share or fixed(0.0)
    if not plan.logs:
        return quantile(prior, u[:, SHARE]), np.zeros(len(z))
    share = np.exp(np.minimum(z[:, SHARE], 0.0))
    above = np.where(z[:, SHARE] > 0.0, -math.inf, 0.0)
    return share, log_density(prior, share) + above + 0.5 * z[:, SHARE] ** 2


def _columns(rows: Sequence[Float64s], count: int) -> Float64s:
    return np.ascontiguousarray(np.array(rows, dtype=np.float64).reshape(len(rows), count).T)


def _policies(account: Account, u: Float64s) -> npt.NDArray[np.int64]:
    names = [str(policy) for policy in POLICIES]
    codes = np.array([names.index(name) for name in account.storage.policy.of], dtype=np.int64)
    return codes[quantile(account.storage.policy, u).astype(np.int64)]


def _capacities(plan: _Plan, u: Float64s) -> Float64s:
    storage, sized = plan.account.storage, plan.sized
    capacity = np.full(len(u), math.inf)
    if storage.capacity_bytes is not None:
        capacity = quantile(storage.capacity_bytes, u[:, 1])
    if sized is not None and sized.amount is not None:
        capacity = np.where(u[:, 3] < sized.p_true, sized.amount, capacity)
    # Infinity counts as more than all that can be made.
    most = 2.0 * MOST_BYTES if storage.most_bytes is None else storage.most_bytes
    return np.asarray(np.minimum(capacity, most), dtype=np.float64)


# --- weighing --------------------------------------------------------------------------------------------


def _weighed(
    account: Account, sums: Float64s, share: Float64s, altered: Float64s
) -> tuple[Float64s, Float64s]:
    """Return amounts (N, classes, quantities) and the log likelihood of the evidence (N,).

    Recovered amounts that the evidence gives exactly stand for what was drawn: they are known.
    """
    possible = np.isfinite(sums).all(axis=(1, 2))
    collected, sent, kept, both_kept = np.moveaxis(np.nan_to_num(sums), 2, 0)
    drawn = share[:, None] * kept
    recovered = drawn.copy()
    for one in account.evidence:
        if one.use and one.kind == "recovered_exactly" and one.artefact != "all":
            k = CLASSES.index(one.artefact)
            recovered[:, k] = np.minimum(one.amount or 0.0, kept[:, k])
    read = np.divide(recovered, kept, out=np.zeros_like(kept), where=kept > 0.0)
    both = read * both_kept
    table = {
        "collected": collected, "sent": sent, "kept": kept, "deleted": collected - kept,
        "recovered": recovered, "altered": altered[:, None] * recovered,
        "unaccounted": collected - sent - recovered + both, "both": both,
    }  # fmt: skip
    amounts = np.stack([table[q] for q in QUANTITIES], axis=2)
    foretold = amounts.copy()
    foretold[:, :, QUANTITIES.index("recovered")] = drawn
    total = np.where(possible, 0.0, -math.inf)
    for one in account.evidence:
        if one.use:
            total = total + log_likelihood(one, foretold, share)
    return amounts, total


def log_likelihood(one: Evidence, amounts: Float64s, share: Float64s) -> Float64s:
    """Return the log likelihood (N,) of a row of evidence.

    `amounts` (N, classes, quantities) are bytes as drawn, `share` (N,) that of the kept which was read.
    """
    limit, named = one.amount or 0.0, quantity_of(one.kind)
    if named is not None:
        quantity, side = named
        value = _of(amounts, one.artefact, quantity)
        if side in ("exactly", "about"):
            return _measured(one, value, 1.0 - share if quantity == "recovered" else np.ones_like(value))
        return _stated(one, value >= limit if side == "at_least" else value <= limit)
    if one.kind == "rf_bursts":
        value = _of(amounts, one.artefact, "sent")
        return _stated(one, (limit <= value) & (value <= (math.inf if one.high is None else one.high)))
    if one.kind.startswith("recovered_share"):
        return _stated(one, share >= limit if one.kind.endswith("least") else share <= limit)
    return np.zeros(len(amounts))


def _of(amounts: Float64s, scope: Scope, quantity: Quantity) -> Float64s:
    column = amounts[:, :, QUANTITIES.index(quantity)]
    return np.asarray(column.sum(axis=1) if scope == "all" else column[:, CLASSES.index(scope)])


def _stated(one: Evidence, agrees: npt.NDArray[np.bool_]) -> Float64s:
    return np.where(agrees, 0.0, math.log1p(-one.p_true) if one.p_true < 1.0 else -math.inf)


def _measured(one: Evidence, value: Float64s, unread: Float64s) -> Float64s:
    amount = one.amount or 0.0
    variance = (one.sd * value) ** 2 + unread * one.grain_bytes * value + (0.5 * one.grain_bytes) ** 2 + 1.0
    right = -0.5 * (amount - value) ** 2 / variance - 0.5 * np.log(2.0 * math.pi * variance)
    if one.p_true >= 1.0:
        return np.asarray(right)
    wrong = -math.log(max(amount, 1.0)) - math.log(DECADES)
    if one.p_true <= 0.0:
        return np.full(value.shape, wrong)
    return np.logaddexp(math.log(one.p_true) + right, math.log1p(-one.p_true) + wrong)


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
