"""Ensembles: many members of one flight, each with its own wind, start and balloon.

::

    Start(s) × members ─► perturbed by Spread ─┐
    Grid | forecast members | windows ─────────┼─► fly, block by block ─► FlightEnsemble
    WindError ─► one random field a member ────┘

All that is random about member j comes from the seed and j alone (the start of a second balloon also from its
number), never from a generator that members share. So blocks of any size, threads, and workers on other
machines give the same bytes, and a run that was cut off goes on where it stopped. Balloons of one ensemble
fly, member by member, in one wind with one error: two launched together stay as alike as they should.

A member of a forecast is flown in the winds of one member of the weather ensemble, in turn. Such an ensemble
holds its own wind error, so none is added unless asked.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from overflight import __version__, atmosphere, geo
from overflight.balloons import codes as kinds
from overflight.balloons.coded import CodedFlight, code
from overflight.balloons.terms import Flight
from overflight.errors import InputError, LimitError, OverflightError
from overflight.records import make_ensemble
from overflight.times import iso_utc
from overflight.trajectories import gpu
from overflight.trajectories.solve import STEP_S, HeightMap, Windows, fly
from overflight.trajectories.stops import END_CODES
from overflight.trajectories.tracks import AIR_HELD, ALOFT, Tracks
from overflight.units import HOUR_S
from overflight.winds.error import ANALYSIS_ERROR, PRIOR_ERROR, WindError
from overflight.winds.error_waves import DEFAULT_WAVES, draw_waves
from overflight.winds.grid import Float64s, Grid
from overflight.winds.interpolate import PackedGrid
from overflight.winds.schemes import Scheme, default_scheme
from overflight.winds.store import WindStore, window_plan

if TYPE_CHECKING:
    import xarray as xr

Winds = Grid | Windows
Blocks = dict[str, npt.NDArray[Any]]

# Streams of random numbers, the first part of a member's key.
ERROR_STREAM, START_STREAM = 0, 1
# Codes of `records.STATUS`.
NOT_BEGUN, ENDED, OTHER_WIND = 1, 2, 3
# A perturbation is cut off at this many standard deviations: no start is a continent away by bad luck.
CUT_SD: Final = 4.0
# What one block may hold: positions as they are made and kept, and errors. Bytes.
BLOCK_BYTES: Final = 256 * 1024**2
BLOCK_MEMBERS: Final = 20_000
MEMBERS_MOST: Final = 100_000_000
# What an ensemble in memory may hold; above it `ensemble_store.simulate_to` writes it to disk.
MEMORY_BYTES: Final = 4 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where and when a balloon starts: degrees, POSIX seconds UTC, and altitude above WGS-84 or pressure."""

    lon_deg: float
    lat_deg: float
    time_s: float
    alt_m: float | None = None
    pressure_pa: float | None = None
    name: str = ""

    def __post_init__(self) -> None:
        numbers = [self.lon_deg, self.lat_deg, self.time_s, self.alt_m, self.pressure_pa]
        if not all(math.isfinite(x) for x in numbers if x is not None) or abs(self.lat_deg) > 90.0:
            raise InputError(
                "a start is not a place and a time", field="start", remedy="Give degrees and POSIX seconds."
            )
        if (self.alt_m is None) == (self.pressure_pa is None):
            raise InputError(
                "a start needs an altitude or a pressure", field="start", remedy="Give one of the two."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How members differ from the start and from one another: standard deviations, normal, cut at four.

    `place_m` along east and along north; `time_s` and `alt_m` of the start; `level_m` of the altitudes
    that holds, bursts and other stops by height or pressure are set to, one draw a member; `rate`
    multiplies the speeds of ascents and descents by exp(rate × normal), one draw a stage; `ballast` likewise
    the ballast.
    """

    place_m: float = 0.0
    time_s: float = 0.0
    alt_m: float = 0.0
    level_m: float = 0.0
    rate: float = 0.0
    ballast: float = 0.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (math.isfinite(value) and value >= 0.0):
                raise InputError(
                    f"the spread is {value!r}", field=f"spread.{one.name}", remedy="Give zero or more."
                )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All that an ensemble is made from: what a block needs to be flown anywhere, with the same bytes.

    `winds` has one entry or one for each member of a forecast. Made by `make_plan`.
    """

    flight: Flight
    winds: tuple[Winds, ...]
    starts: tuple[Start, ...]
    members: int
    seed: int
    time_end: float
    keep_s: Float64s
    spread: Spread
    error: WindError | None
    error_every_s: float
    n_features: int
    step_s: float | None
    tolerance_m: float | None
    scheme: Scheme | None
    terrain: HeightMap | None
    device: Literal["cpu", "gpu"]
    attrs: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Members of all balloons together."""
        return self.members * len(self.starts)

    @property
    def backward(self) -> bool:
        """Whether the run goes back in time."""
        return self.time_end < self.starts[0].time_s


def simulate(
    flight: Flight,
    winds: Winds | Sequence[Winds],
    start: Start | Sequence[Start],
    *,
    members: int,
    seed: int,
    time_end: float,
    spread: Spread | None = None,
    error: WindError | Literal["default"] | None = "default",
    keep_s: float | npt.ArrayLike = HOUR_S,
    step_s: float | None = None,
    tolerance_m: float | None = None,
    scheme: Scheme | None = None,
    terrain: HeightMap | None = None,
    error_every_s: float = 1800.0,
    n_features: int = DEFAULT_WAVES,
    device: Literal["cpu", "gpu"] = "cpu",
    block: int | None = None,
    progress: Callable[[float], None] | None = None,
    attrs: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Fly an ensemble and return it as a flight ensemble; backward in time when `time_end` is earlier.

    Parameters
    ----------
    winds : a grid, or windows of one; or a sequence of them, the members of a forecast, flown in turn.
    start : one balloon, or several that fly in the same winds and errors; each gets all `members`.
    members : members of each balloon. seed : of all that is random.
    time_end : POSIX seconds UTC.
    spread : how starts and balloons differ; not at all when None.
    error : of the wind. "default" is that of analyses, that of the prior where the grid states its spread,
        and none for the members of a forecast.
    keep_s : times to keep, POSIX seconds in the order of the run, or one number, the seconds between them.
    step_s, tolerance_m, scheme, terrain, error_every_s : as in `solve.fly`.
    n_features : random waves of a member's wind error.
    device : 'gpu' flies the constant pressure of each start on a graphics processor, with fixed steps and
        `scheme=Scheme()`, linear interpolation; all else is refused.
    block : members flown at once; bounds the memory and changes no byte.
    progress : called with the share done, 0 to 1.

    Returns
    -------
    xarray.Dataset
        A flight ensemble (`records.make_ensemble`) of kind "forecast", or "origin" when backward, with the
        end of each member beside it: `end_code` in the words of `stops.END_CODES`, `end_time_s`, `end_lon`,
        `end_lat`, `end_alt_m`, `end_pressure_pa`; `stage` (member, time), `balloon`, `wind_member` (member,).
        Members are NaN outside their life. `status` 3 tells that a member is below the lowest level of the
        winds, in the wind of that level. Attributes say what it was made from.

    Raises
    ------
    InputError, OverflightError
        When something asked for cannot be used.
    LimitError
        When the ensemble is larger than memory should hold: `ensemble_store.simulate_to` writes it to disk.
    """
    plan = make_plan(
        flight, winds, start, members=members, seed=seed, time_end=time_end, spread=spread, error=error,
        keep_s=keep_s, step_s=step_s, tolerance_m=tolerance_m, scheme=scheme, terrain=terrain,
        error_every_s=error_every_s, n_features=n_features, device=device, attrs=attrs,
    )  # fmt: skip
    size = plan.total * plan.keep_s.size * 18
    if size > MEMORY_BYTES:
        raise LimitError(
            f"the ensemble takes {size / 1024**3:.1f} GiB", remedy="Write it to disk with simulate_to."
        )
    edges = block_edges(plan, block)
    parts = []
    for first, last in edges:
        parts.append(fly_block(plan, first, last))
        if progress:
            progress(last / plan.total)
    whole = {name: np.concatenate([part.pop(name) for part in parts]) for name in list(parts[0])}
    return as_ensemble(plan, whole, provenance(plan))


def make_plan(
    flight: Flight,
    winds: Winds | Sequence[Winds],
    start: Start | Sequence[Start],
    *,
    members: int,
    seed: int,
    time_end: float,
    spread: Spread | None = None,
    error: WindError | Literal["default"] | None = "default",
    keep_s: float | npt.ArrayLike = HOUR_S,
    step_s: float | None = None,
    tolerance_m: float | None = None,
    scheme: Scheme | None = None,
    terrain: HeightMap | None = None,
    error_every_s: float = 1800.0,
    n_features: int = DEFAULT_WAVES,
    device: Literal["cpu", "gpu"] = "cpu",
    attrs: Mapping[str, str] | None = None,
) -> Plan:
    """Check what is asked for and settle what was left open; see `simulate`. Nothing is flown."""
    fields_of = tuple(winds) if isinstance(winds, Sequence) else (winds,)
    starts = tuple(start) if isinstance(start, Sequence) else (start,)
    if not fields_of or not starts:
        raise InputError("there are no winds or no start", remedy="Give one of each at least.")
    if not 1 <= members * len(starts) <= MEMBERS_MOST:
        raise InputError(
            f"asked for {members} members of {len(starts)} balloons",
            field="members",
            remedy=f"Ask for 1 to {MEMBERS_MOST}.",
        )
    if not 0 <= seed < 2**63:
        raise InputError(f"the seed is {seed}", field="seed", remedy="Give zero or a whole number above.")
    if not math.isfinite(time_end):
        raise InputError(f"the end is {time_end}", field="time_end", remedy="Give POSIX seconds UTC.")
    backward = {time_end < one.time_s for one in starts}
    if len(backward) > 1:
        raise InputError(
            "the end lies between the starts",
            field="time_end",
            remedy="Run balloons forward and backward apart.",
        )
    spread = spread or Spread()
    reach = CUT_SD * spread.time_s
    if any(abs(time_end - one.time_s) <= reach for one in starts):
        raise InputError(
            f"starts are spread by {reach:g} s and the run may end before them",
            field="time_end",
            remedy="End it later or spread the starts less.",
        )
    plan = Plan(
        flight=flight, winds=fields_of, starts=starts, members=members, seed=seed, time_end=float(time_end),
        keep_s=_kept_times(starts, float(time_end), keep_s, reach), spread=spread,
        error=settled_error(fields_of, error), error_every_s=error_every_s, n_features=n_features,
        step_s=step_s, tolerance_m=tolerance_m, scheme=scheme, terrain=terrain, device=device,
        attrs=dict(attrs or {}),
    )  # fmt: skip
    if device == "gpu":
        gpu.check_plan(
            flight, scheme, tolerance_m, start_pa=[one.pressure_pa for one in starts],
            moved_m=spread.alt_m, level_m=spread.level_m,
        )  # fmt: skip
    elif device != "cpu":
        raise InputError(f"there is no device {device!r}", field="device", remedy="Use 'cpu' or 'gpu'.")
    return plan


def block_edges(plan: Plan, block: int | None) -> list[tuple[int, int]]:
    """Return the first and the last + 1 of the members of each block."""
    if block is not None and block < 1:
        raise InputError(f"the block is {block} members", field="block", remedy="Give one or more.")
    member = plan.keep_s.size * 60 + (0 if plan.error is None else 3 * 88 * plan.n_features) + 2000
    size = block or max(1, min(BLOCK_MEMBERS, BLOCK_BYTES // member))
    return [(first, min(first + size, plan.total)) for first in range(0, plan.total, size)]


def fly_block(plan: Plan, first: int, last: int) -> Blocks:
    """Fly members first..last of a plan; arrays by the names of the ensemble, times rising."""
    index = np.arange(first, last)
    balloon, member = index // plan.members, index % plan.members
    wind = member % len(plan.winds)
    out: Blocks = {}
    for one in np.unique(wind):
        here = np.flatnonzero(wind == one)
        part = _fly_members(plan, plan.winds[one], balloon[here], member[here])
        for name, values in part.items():
            if name not in out:
                out[name] = np.empty((index.size, *values.shape[1:]), values.dtype)
            out[name][here] = values
    return {**out, "balloon": balloon.astype(np.int32), "wind_member": wind.astype(np.int32)}


def member_rng(seed: int, *key: int) -> np.random.Generator:
    """Return the generator of one member's stream: of the seed and the key alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))


def _fly_members(
    plan: Plan, winds: Winds, balloon: npt.NDArray[np.int64], member: npt.NDArray[np.int64]
) -> Blocks:
    """Fly members in one field of wind."""
    coded = code(plan.flight, backward=plan.backward)
    draws = _draws(plan, coded, balloon, member)
    lon, lat, time_s, alt, pressure = _perturbed_starts(plan, balloon, draws)
    errors = None
    if plan.error is not None:
        rngs = [member_rng(plan.seed, ERROR_STREAM, int(m)) for m in member]
        errors = draw_waves(plan.error, rngs, n_features=plan.n_features)
    keep, missed = _reached(plan, time_s)
    if plan.device == "gpu":
        tracks = gpu.drift(
            winds, lon, lat, time_s, alt_m=alt, pressure_pa=pressure, time_end=plan.time_end,
            keep_s=keep, step_s=plan.step_s, errors=errors, error_every_s=plan.error_every_s,
        )  # fmt: skip
        return _columns(plan, tracks, missed)
    step = _hold_step(plan)
    coded = code(plan.flight, backward=plan.backward, step_s=step)
    rows, stop_rows = _perturbed_rows(plan, coded, draws)
    store = None
    if plan.spread.ballast > 0.0:
        store = np.tile(coded.store, (member.size, 1))
        store[:, kinds.BALLAST] *= np.exp(plan.spread.ballast * draws[:, 5])
    # Not the fast way of floats: whether a member could go it depends on who else is in the block.
    tracks = fly(
        plan.flight, winds, lon, lat, time_s, alt_m=alt, pressure_pa=pressure, time_end=plan.time_end,
        keep_s=keep, step_s=plan.step_s, tolerance_m=plan.tolerance_m, scheme=plan.scheme,
        rows=rows, stop_rows=stop_rows, store=store, errors=errors, error_every_s=plan.error_every_s,
        terrain=plan.terrain, float32=True, fast=False,
    )  # fmt: skip
    return _columns(plan, tracks, missed)


def _hold_step(plan: Plan) -> float:
    """Return the step that `fly` bounds the time constants of holds by."""
    if plan.tolerance_m is not None:
        return 0.0
    return STEP_S if plan.step_s is None else abs(plan.step_s)


def _draws(
    plan: Plan, coded: CodedFlight, balloon: npt.NDArray[np.int64], member: npt.NDArray[np.int64]
) -> Float64s:
    """Return normal draws (N, 6 + stages): east, north, time, altitude, level, ballast, rate of each stage.

    All are drawn whatever the spread asks for, so that asking for one more moves no other.
    """
    draws = np.zeros((member.size, 6 + coded.codes.shape[0]))
    if plan.spread == Spread():
        return draws
    for i, (b, m) in enumerate(zip(balloon, member, strict=True)):
        draws[i] = member_rng(plan.seed, START_STREAM, int(b), int(m)).standard_normal(draws.shape[1])
    return draws.clip(-CUT_SD, CUT_SD)


def _perturbed_starts(
    plan: Plan, balloon: npt.NDArray[np.int64], draws: Float64s
) -> tuple[Float64s, Float64s, Float64s, Float64s | None, Float64s | None]:
    """Return longitudes, latitudes, times, and altitudes or pressures, None for the other."""

    def of_balloons(name: str) -> Float64s:
        values = [getattr(one, name) for one in plan.starts]
        return np.array([math.nan if x is None else x for x in values], np.float64)[balloon]

    lon, lat, time_s = of_balloons("lon_deg"), of_balloons("lat_deg"), of_balloons("time_s")
    alt, pressure = of_balloons("alt_m"), of_balloons("pressure_pa")
    spread = plan.spread
    if spread.place_m > 0.0:
        bearing = np.degrees(np.arctan2(draws[:, 0], draws[:, 1]))
        lon, lat = geo.destination(lon, lat, bearing, spread.place_m * np.hypot(draws[:, 0], draws[:, 1]))
    time_s = time_s + spread.time_s * draws[:, 2]
    by_pressure = np.isnan(alt)
    if by_pressure.any() and not by_pressure.all():
        raise InputError(
            "some starts have an altitude and others a pressure", field="start", remedy="Give all the same."
        )
    up = spread.alt_m * draws[:, 3]
    if by_pressure.all():
        return lon, lat, time_s, None, pressure if spread.alt_m == 0.0 else _lifted(pressure, up)
    return lon, lat, time_s, alt + up, None


def _lifted(pressure_pa: Float64s, up_m: Float64s) -> Float64s:
    """Return the pressure `up_m` above the level of a pressure, in the standard atmosphere."""
    return atmosphere.pressure_pa(atmosphere.alt_from_pressure(pressure_pa) + up_m)


def _perturbed_rows(
    plan: Plan, coded: CodedFlight, draws: Float64s
) -> tuple[Float64s | None, Float64s | None]:
    """Return rows of the terms and of the stops for each member; None where they are those of the flight."""
    if plan.spread.rate == 0.0 and plan.spread.level_m == 0.0:
        return None, None
    members = draws.shape[0]
    rows, stop_rows = np.tile(coded.rows, (members, 1, 1, 1)), np.tile(coded.stop_rows, (members, 1, 1, 1))
    up = plan.spread.level_m * draws[:, 4]
    for stage, term in np.ndindex(coded.codes.shape):
        kind = int(coded.codes[stage, term])
        if kind in kinds.SPEEDS:
            rows[:, stage, term, 0] *= np.exp(plan.spread.rate * draws[:, 6 + stage])
        elif kind in _RAISED:
            rows[:, stage, term, 0] = _raised(_RAISED[kind], rows[:, stage, term, 0], up)
    for stage, stop in np.ndindex(coded.stop_codes.shape):
        kind = int(coded.stop_codes[stage, stop])
        if kind in _RAISED_STOPS:
            stop_rows[:, stage, stop, 0] = _raised(_RAISED_STOPS[kind], stop_rows[:, stage, stop, 0], up)
    return rows, stop_rows


# What the first slot of a hold, or of a stop on the way up, is set to; the rest stays where it is.
_RAISED: Final = {
    kinds.CONSTANT_PRESSURE: "log_p",
    kinds.CONSTANT_DENSITY: "log_density",
    kinds.CONSTANT_THETA: "log_theta",
    kinds.CONSTANT_HEIGHT: "alt_m",
}
_RAISED_STOPS: Final = {
    kinds.ALTITUDE_ABOVE: "alt_m",
    kinds.PRESSURE_BELOW: "log_p",
    kinds.DENSITY_BELOW: "log_density",
}
# Potential temperature is that at 1000 hPa; its exponent is R / c_p of dry air, 2/7.
_THETA_PA, _THETA_POWER = 1000e2, 2.0 / 7.0


def _raised(what: str, value: Float64s, up_m: Float64s) -> Float64s:
    """Return a target `up_m` higher, by the standard atmosphere; NaN (taken at the start) stays."""
    if what == "alt_m" or not up_m.any():
        return value + up_m
    alt = np.arange(-1000.0, 80_000.0, 50.0)
    pressure, density = atmosphere.pressure_pa(alt), atmosphere.density_kgpm3(alt)
    theta = atmosphere.temperature_k(alt) * (_THETA_PA / pressure) ** _THETA_POWER
    profile = {"log_p": -np.log(pressure), "log_density": -np.log(density), "log_theta": np.log(theta)}[what]
    sign = 1.0 if what == "log_theta" else -1.0
    return np.asarray(sign * np.interp(np.interp(sign * value, profile, alt) + up_m, alt, profile))


def _reached(plan: Plan, start_time: Float64s) -> tuple[Float64s, int]:
    """Return the kept times from the first start of some members on, and how many lie before."""
    along = -1.0 if plan.backward else 1.0
    missed = int((along * plan.keep_s < (along * start_time).min()).sum())
    return plan.keep_s[missed:], missed


def _columns(plan: Plan, tracks: Tracks, missed: int) -> Blocks:
    """Lay tracks out as the ensemble has them: times rising, NaN where a member is not aloft.

    The first `missed` times lie before all starts, and the tracks do not have them.
    """
    shape, turn = tracks.lon_deg.shape, slice(None, None, -1 if plan.backward else 1)

    def whole(values: npt.NDArray[Any], absent: float, kind: type[np.generic]) -> npt.NDArray[Any]:
        out = np.full((shape[0], missed + shape[1]), absent, kind)
        out[:, missed:] = values
        return np.ascontiguousarray(out[:, turn])

    state = {
        "lon": tracks.lon_deg, "lat": tracks.lat_deg,
        "alt_m": tracks.alt_m, "pressure_pa": tracks.pressure_pa,
    }  # fmt: skip
    aloft = np.logical_and.reduce([np.isfinite(values) for values in state.values()])
    flying = np.where(tracks.status == AIR_HELD, OTHER_WIND, ALOFT)
    status = np.where(aloft, flying, np.where(tracks.status < 0, NOT_BEGUN, ENDED))
    out: Blocks = {
        name: whole(np.where(aloft, values, np.nan), math.nan, np.float32) for name, values in state.items()
    }
    out["status"] = whole(status, NOT_BEGUN, np.int8)
    out["stage"] = whole(np.where(aloft, tracks.stage, -1), -1, np.int8)
    ends = {
        "end_time_s": tracks.end_time_s, "end_lon": tracks.end_lon_deg, "end_lat": tracks.end_lat_deg,
        "end_alt_m": tracks.end_alt_m, "end_pressure_pa": tracks.end_pressure_pa,
    }  # fmt: skip
    return {**out, **{n: v.astype(np.float64) for n, v in ends.items()}, "end_code": tracks.end_code}


END_ATTRS: Final[dict[str, dict[str, Any]]] = {
    "end_time_s": {"long_name": "time of the last known state, POSIX seconds UTC", "units": "s"},
    "end_lon": {"long_name": "longitude of the last known state", "units": "degrees_east"},
    "end_lat": {"long_name": "latitude of the last known state", "units": "degrees_north"},
    "end_alt_m": {"long_name": "altitude of the last known state above the WGS-84 ellipsoid", "units": "m"},
    "end_pressure_pa": {"long_name": "pressure of the last known state", "units": "Pa"},
    "end_code": {
        "long_name": "what ended the member",
        "flag_values": np.array(list(END_CODES), np.int8),
        "flag_meanings": " ".join(
            text.replace(": ", "_").replace(", ", "_").replace(" ", "_") for text in END_CODES.values()
        ),
    },
    "stage": {"long_name": "stage of the flight, -1 where not aloft"},
    "balloon": {"long_name": "which start the member flies from"},
    "wind_member": {"long_name": "which of the winds the member flies in"},
}


def as_ensemble(plan: Plan, arrays: Blocks, attrs: Mapping[str, str]) -> xr.Dataset:
    """Return arrays of `fly_block` as a checked flight ensemble."""
    dataset = make_ensemble(
        kind="origin" if plan.backward else "forecast",
        time_s=np.sort(plan.keep_s),
        lon_deg=arrays["lon"],
        lat_deg=arrays["lat"],
        alt_m=arrays["alt_m"],
        pressure_pa=arrays["pressure_pa"],
        status=arrays["status"],
        attrs=attrs,
    )
    for name, about in END_ATTRS.items():
        dims = ("member", "time")[: arrays[name].ndim]
        dataset[name] = (dims, arrays[name], about)
    return dataset


def provenance(plan: Plan) -> dict[str, str]:
    """Say what an ensemble was made from: the attributes of its dataset."""
    grid = _first_grid(plan)
    scheme = plan.scheme or default_scheme(_bare(grid.pressure_pa))
    step = (
        f"error below {plan.tolerance_m:g} m a step"
        if plan.tolerance_m is not None
        else (f"{STEP_S if plan.step_s is None else plan.step_s:g} s")
    )
    air = "from the winds' files"
    if not _brings_air(grid):
        air = "US Standard Atmosphere 1976: the winds bring neither temperature nor height"
    named = ", ".join(f"{one.name or i}: {_start_words(one)}" for i, one in enumerate(plan.starts))
    ground = "WGS-84 ellipsoid: no terrain was given" if plan.terrain is None else "terrain as given"
    said = {
        "source": f"overflight {__version__}",
        "flight": described(plan.flight),
        "winds": f"{grid.name or 'gridded winds'}" + _member_words(plan),
        "wind_error": "none added" if plan.error is None else described(plan.error),
        "wind_error_every_s": f"{plan.error_every_s:g}",
        "starts": named,
        "spread": described(plan.spread),
        "seed": str(plan.seed),
        "members_of_each_balloon": str(plan.members),
        "time_end": iso_utc(plan.time_end),
        "interpolation": f"{scheme.space} in space, {scheme.level} in log-pressure, {scheme.time} in time",
        "step": step,
        "air": air,
        "ground": ground,
        "device": plan.device,
    }
    return {**said, **plan.attrs}


def described(thing: object) -> str:
    """Return a record in words that depend on its content alone, not on where it lies in memory.

    An object of its own kind may say what it holds by a method `content_id`, as stores of winds do.
    """
    content = getattr(thing, "content_id", None)
    if callable(content) and not isinstance(thing, type):
        return f"{type(thing).__name__}({content()})"
    if is_dataclass(thing) and not isinstance(thing, type):
        inner = ", ".join(f"{f.name}={described(getattr(thing, f.name))}" for f in fields(thing))
        return f"{type(thing).__name__}({inner})"
    if isinstance(thing, tuple | list):
        return "(" + ", ".join(described(one) for one in thing) + ")"
    if isinstance(thing, Mapping):
        return "{" + ", ".join(f"{key!r}: {described(thing[key])}" for key in sorted(thing, key=repr)) + "}"
    if isinstance(thing, FunctionType):
        return _function_words(thing)
    if isinstance(wkb := getattr(thing, "wkb", None), bytes):
        # A geometry: its own words leave most of a long outline out.
        return hashlib.sha256(wkb).hexdigest()[:16]
    if isinstance(thing, np.ndarray):
        digest = hashlib.sha256(f"{thing.dtype.str}{thing.shape}".encode())
        digest.update(np.ascontiguousarray(thing).data)
        return digest.hexdigest()[:16]
    if callable(thing):
        return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', type(thing).__name__)}"
    return repr(thing)


def plan_id(plan: Plan) -> str:
    """Return a digest of all that the bytes of an ensemble depend on.

    Raises
    ------
    InputError
        When a part of it cannot be told from another by its content.
    """
    try:
        words = described(plan)
    except RecursionError:
        words = "<a function that refers to itself at 0x0>"
    if found := re.search(r"<[^<>]* at 0x[0-9a-fA-F]+>", words):
        raise InputError(
            f"a run that goes on later cannot tell {found[0]} from another by its content",
            field="flight, winds",
            remedy="Use a named function of a module, a frozen dataclass that can be called, or an object "
            "with a method content_id().",
        )
    return hashlib.sha256(f"{__version__} {words}".encode()).hexdigest()


def _function_words(function: FunctionType) -> str:
    """Return a function's name, and a digest of its code and of the values that it has from elsewhere.

    Two lambdas of one place differ by what they enclose.
    """
    names = function.__code__.co_names
    used = {name: function.__globals__[name] for name in names if name in function.__globals__}
    values = {
        name: one for name, one in used.items() if isinstance(one, int | float | str | tuple | np.ndarray)
    }
    cells = [described(cell.cell_contents) for cell in function.__closure__ or ()]
    parts = [_code_words(function.__code__), *cells, described(values), described(function.__defaults__)]
    parts.append(described(function.__kwdefaults__))
    opaque = "".join(re.findall(r"<[^<>]* at 0x[0-9a-fA-F]+>", " ".join(parts)))
    digest = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
    return f"{function.__module__}.{function.__qualname__}#{digest}{opaque}"


def _code_words(code: CodeType) -> str:
    """Return what compiled code does, without the file and the lines that it is from."""
    inner = []
    for one in code.co_consts:
        # The order of a set of words differs from one run of Python to the next.
        plain = sorted(map(repr, one)) if isinstance(one, frozenset) else repr(one)
        inner.append(_code_words(one) if isinstance(one, CodeType) else str(plain))
    return f"{code.co_code.hex()} {code.co_names} {code.co_freevars} {' '.join(inner)}"


def _member_words(plan: Plan) -> str:
    if len(plan.winds) == 1:
        return ""
    return f" and others: {len(plan.winds)} members of a forecast, flown in turn by the members"


def _start_words(one: Start) -> str:
    height = f"{one.pressure_pa:g} Pa" if one.alt_m is None else f"{one.alt_m:g} m"
    return f"{one.lon_deg:g}°, {one.lat_deg:g}°, {height}, {iso_utc(one.time_s)}"


def _bare(pressure_pa: Float64s) -> PackedGrid:
    """Return a packed grid of levels alone, which are all that `default_scheme` goes by."""
    none = np.zeros(0)
    return PackedGrid(none, np.log(pressure_pa), none, none, False, False, np.zeros((0,) * 5, np.float32))


def _brings_air(winds: Grid | WindStore) -> bool:
    if isinstance(winds, Grid):
        return winds.temperature_k is not None or winds.geopotential_m is not None
    return bool({"temperature_k", "geopotential_m"} & set(winds.fields))


def _first_grid(plan: Plan) -> Grid | WindStore:
    """Return winds to say where they are from and what they hold; a store tells it without being read."""
    winds = plan.winds[0]
    if isinstance(winds, Grid):
        return winds
    if isinstance(winds, WindStore):
        # Raises where the store has nothing for the time of the run.
        window_plan(winds.time_s, plan.starts[0].time_s, plan.time_end, 1, 0, winds.name)
        return winds
    for grid, _, _ in winds.windows(plan.starts[0].time_s, plan.time_end):
        return grid
    raise OverflightError(
        "the winds have nothing for the time of the run", remedy="Give winds that reach the start."
    )


def settled_error(winds: Sequence[Winds], error: WindError | str | None) -> WindError | None:
    """Return the error to fly with; winds are one field, or the members of a forecast.

    'default' or 'auto' is none for the members of a forecast, which hold their own error; `PRIOR_ERROR` where
    the winds, a grid or a store, state their spread; else `ANALYSIS_ERROR`.

    Raises
    ------
    InputError
        When the error is none of these words, or takes its size from winds that state no spread.
    """
    stated = all(_states_spread(one) for one in winds)
    if isinstance(error, str):
        if error not in ("default", "auto"):
            raise InputError(
                f"the error is {error[:40]!r}", field="error", remedy="Give a WindError, 'default' or None."
            )
        if len(winds) > 1:
            return None
        return PRIOR_ERROR if stated else ANALYSIS_ERROR
    if error is not None and error.sd_u_mps is None and not stated:
        raise InputError(
            "the wind error takes its size from the winds, and they state no spread",
            field="error",
            remedy="Give the error sizes of its own, as ANALYSIS_ERROR has.",
        )
    return error


def _states_spread(winds: Winds) -> bool:
    """Whether a grid, or a store by the names of its fields, has a standard deviation."""
    return "u_sd_mps" in getattr(winds, "fields", ()) or getattr(winds, "u_sd_mps", None) is not None


def _kept_times(
    starts: tuple[Start, ...], end: float, keep_s: float | npt.ArrayLike, reach_s: float
) -> Float64s:
    """Return the times to keep, in the order of the run."""
    begins = [one.time_s for one in starts]
    direction = -1.0 if end < begins[0] else 1.0
    if np.ndim(keep_s) > 0:
        kept = np.array(keep_s, dtype=np.float64)
        last = max(direction * begin for begin in begins) + reach_s
        if kept.size == 0 or not (np.isfinite(kept).all() and (direction * np.diff(kept) > 0.0).all()):
            raise InputError(
                "the times to keep must follow one another in the order of the run", field="keep_s"
            )
        if direction * kept[-1] > direction * end or direction * kept[-1] < last:
            raise InputError(
                "the last time to keep lies outside the run",
                field="keep_s",
                remedy="Keep a time after all starts and none after the end.",
            )
        return np.asarray(kept, np.float64)
    every = float(np.asarray(keep_s))
    begin = min(begins) if direction > 0 else max(begins)
    if not (math.isfinite(every) and every > 0.0):
        raise InputError(f"keep_s is {every}", field="keep_s", remedy="Give seconds above zero.")
    length = abs(end - begin)
    if length / every > 1e6:
        raise LimitError(f"{length / every:.0f} times to keep", remedy="Keep fewer.")
    even = begin + direction * every * np.arange(math.floor(length / every + 1e-9) + 1)
    return np.asarray(even if abs(even[-1] - end) < 1e-3 else np.append(even, end))
