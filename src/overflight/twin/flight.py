"""Fly the twin: a balloon under orders through a true wind, steered by a forecast that errs.

::

    Balloon ─┐                    truth (Grid + ErrorWaves) ─┐
    Orders ──┼─► arrays ─► flight_kernel.fly_steps ──────────┼─► TwinFlight ─► FlightEnsemble "twin"
    Start ───┘                 forecast (Grid + ErrorWaves) ─┘

The truth is what moves the balloon; the forecast is all that its pilot knows beside what the balloon feels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from overflight import __version__
from overflight.balloons.coded import CodedFlight, code
from overflight.balloons.control import FIRST_COMMAND
from overflight.balloons.stops import Signed
from overflight.balloons.terms import AltitudeControl, Flight, Hold, Propulsion, Stage, ZeroPressure
from overflight.errors import InputError, LimitError
from overflight.records import make_ensemble
from overflight.times import iso_utc, short_utc
from overflight.trajectories import steps
from overflight.trajectories.ensemble import Start
from overflight.trajectories.particles import begin_run
from overflight.trajectories.solve import HeightMap, ground_arrays, step_settings
from overflight.trajectories.stops import END_CODES, MOVING
from overflight.twin import flight_kernel as kernel
from overflight.twin.autopilot import Autopilot, Drift, Order, Orders, code_orders, code_pilot, orders_of
from overflight.twin.budget import Balloon, check_power
from overflight.winds.error import WindError
from overflight.winds.error_waves import ErrorWaves, draw_waves
from overflight.winds.grid import Float64s, Grid
from overflight.winds.interpolate import pack
from overflight.winds.schemes import Scheme, default_scheme
from overflight.winds.thermo import pack_thermo

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Start", "TwinFlight", "fly_twin"]

# Steps of one flight: three months of minutes.
STEPS_MOST: Final = 200_000
# Between two draws of the error of the true wind, s.
ERROR_EVERY_S: Final = 300.0
HOLD_BELOW_M: Final = 1000.0
# Sentences of one kind; more are counted.
SAID_MOST: Final = 6
TRUTH_STREAM, FORECAST_STREAM = 0, 1
RAN: Final = "reached the end of the run"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwinFlight:
    """A flight of the twin, step by step, all arrays (T,); the last row is where and when it ended.

    `order` is the index of the order in force (-1: none yet), `stage` that of the flight's stage.
    `commanded_alt_m` is NaN where no height is sought. Airspeeds are the balloon's own, through the air;
    winds are the true ones. `battery_j`, `ballast_kg` and `gas_kg` are what is left at that time. `panel_w`,
    `load_w` (what the payload got), `pump_w`, `propeller_w` and `spilled_w` hold for the step that begins
    there: the battery changes by step × (panel - load - pump - propeller - spilled). The last row has none.

    `end` says what ended it, in the words of `trajectories.stops.END_CODES`; `notes` what happened on the
    way: orders, arrivals, budgets spent and since when.
    """

    time_s: Float64s
    lon_deg: Float64s
    lat_deg: Float64s
    alt_m: Float64s
    pressure_pa: Float64s
    order: npt.NDArray[np.int16]
    stage: npt.NDArray[np.int16]
    commanded_alt_m: Float64s
    airspeed_east_mps: Float64s
    airspeed_north_mps: Float64s
    wind_u_mps: Float64s
    wind_v_mps: Float64s
    battery_j: Float64s
    ballast_kg: Float64s
    gas_kg: Float64s
    panel_w: Float64s
    load_w: Float64s
    pump_w: Float64s
    propeller_w: Float64s
    spilled_w: Float64s
    end: str
    notes: tuple[str, ...]
    balloon: Balloon
    orders: tuple[Order, ...]
    attrs: Mapping[str, str]

    def ensemble(self) -> xr.Dataset:
        """Return the flight as a flight ensemble of kind "twin" with one member."""
        return make_ensemble(
            kind="twin",
            time_s=self.time_s,
            lon_deg=self.lon_deg[None],
            lat_deg=self.lat_deg[None],
            alt_m=self.alt_m[None],
            pressure_pa=self.pressure_pa[None],
            status=np.zeros((1, self.time_s.size), np.int8),
            attrs=self.attrs,
        )


def fly_twin(
    balloon: Balloon,
    orders: Orders,
    truth: Grid,
    forecast: Grid | None,
    start: Start,
    time_end: float,
    *,
    truth_error: ErrorWaves | WindError | None = None,
    forecast_error: ErrorWaves | WindError | None = None,
    autopilot: Autopilot | None = None,
    terrain: HeightMap | None = None,
    scheme: Scheme | None = None,
    step_s: float = 60.0,
    seed: int = 0,
) -> TwinFlight:
    """Fly a balloon under orders and return what it did.

    Parameters
    ----------
    orders : a behaviour, an order, or several in the order of their times; before the first it drifts.
    truth, truth_error : the wind that moves the balloon: a grid and an error on top of it.
    forecast, forecast_error : what the pilot believes; `truth` and no error when None. An error given as a
        `WindError` is drawn from the seed, apart for truth and forecast; as `ErrorWaves` its first member is.
    time_end : POSIX seconds UTC, after the start.
    autopilot : how heights are chosen. terrain : what the balloon lands on; the ellipsoid when None.
    scheme : of interpolation of the truth, `winds.schemes.default_scheme` when None; the pilot's is linear.
    step_s : between two rows, and the longest step.

    Returns
    -------
    TwinFlight
        Nothing is raised for a balloon that leaves the data, lands or bursts: it ends there, with the reason.

    Raises
    ------
    InputError, LimitError
        When something asked for cannot be used, or the flight has more than 200,000 steps.
    """
    check_power(balloon)
    given = orders_of(orders, start.time_s)
    grid_s = _times(start.time_s, time_end, step_s)
    pilot = autopilot or Autopilot()
    coded = code(_with_propeller(balloon), step_s=step_s)
    waves = _drawn(truth_error, truth, seed, TRUTH_STREAM)
    packed, air = pack(truth), pack_thermo(truth)
    settings = step_settings(1.0, step_s, 0.0, HOLD_BELOW_M, waves, ERROR_EVERY_S)
    settings[steps.ORDER] = steps.RK4.order
    believed = truth if forecast is None else forecast
    f_packed = packed if believed is truth else pack(believed)
    f_air = air if believed is truth else pack_thermo(believed)
    f_waves = _drawn(forecast_error, believed, seed, FORECAST_STREAM)
    chosen = default_scheme(packed) if scheme is None else scheme
    run = begin_run(
        coded, np.array([start.lon_deg]), np.array([start.lat_deg]), np.array([start.time_s]),
        np.array([start.pressure_pa if start.alt_m is None else start.alt_m], np.float64),
        start.alt_m is None, None, step_s, np.zeros(0), 1.0, waves is not None, True, False,
    )  # fmt: skip
    track, events = np.zeros((kernel.ROWS, grid_s.size + 1)), np.zeros((kernel.EVENTS_MOST, 3))
    arguments: tuple[Any, ...] = (
        steps.stepper(), *chosen.codes, *packed, air, *_member(waves), *ground_arrays(terrain), settings,
        steps.RK4.table, coded.codes.copy(), coded.rows[None].copy(), coded.stop_codes,
        coded.stop_rows[None].copy(), _sizes(waves), *f_packed, f_air, *(x[0] for x in _one(f_waves)),
        _sizes(f_waves), _balloon_row(balloon), _control_row(balloon, step_s), code_pilot(pilot),
        *code_orders(given), grid_s, *run.arrays(), track, events,
    )  # fmt: skip
    written, count = kernel.fly_steps(*arguments)
    return _record(
        balloon, given, track[:, :written], events[: min(count, kernel.EVENTS_MOST)], count, int(run.code[0]),
        _attrs(balloon, truth, believed, step_s, seed), coded,
    )  # fmt: skip


def _times(start_s: float, end_s: float, step_s: float) -> Float64s:
    if not (math.isfinite(end_s) and end_s > start_s):
        raise InputError(
            f"the end is {end_s}", field="time_end", remedy="Give POSIX seconds after the start."
        )
    if not (math.isfinite(step_s) and 1.0 <= step_s <= 3600.0):
        raise InputError(f"the step is {step_s} s", field="step_s", remedy="Give 1 to 3600, such as 60.")
    count = math.ceil((end_s - start_s) / step_s - 1e-9)
    if count > STEPS_MOST:
        raise LimitError(f"the flight has {count} steps", remedy=f"End it earlier: {STEPS_MOST} at most.")
    times = np.array(start_s + step_s * np.arange(count + 1), np.float64)
    times[-1] = end_s
    return times


def _with_propeller(balloon: Balloon) -> Flight:
    """Return the flight with a propeller, at rest, in the stages that float."""
    for stage in balloon.flight.stages:
        _check_stage(stage)
    if balloon.propeller is None:
        return balloon.flight
    idle = Propulsion(airspeed_mps=0.0, heading_deg=0.0)
    stages = tuple(
        replace(stage, terms=(*stage.terms, idle))
        if any(isinstance(term, Hold | ZeroPressure) for term in stage.terms)
        else stage
        for stage in balloon.flight.stages
    )
    return replace(balloon.flight, stages=stages)


def _check_stage(stage: Stage) -> None:
    if any(isinstance(stop, Signed) for stop in stage.stops):
        raise InputError(
            "a stage ends by a function of Python",
            field="stops",
            remedy="Give a stop by height, time or store.",
        )
    if any(isinstance(term, Propulsion | AltitudeControl) for term in stage.terms):
        raise InputError(
            "a stage steers by itself",
            field="flight",
            remedy="Give the twin's balloon a Control or a Propeller, and its flight a hold.",
        )


def _drawn(error: ErrorWaves | WindError | None, grid: Grid, seed: int, stream: int) -> ErrorWaves | None:
    own = isinstance(error, WindError) and error.sd_u_mps is None
    own |= isinstance(error, ErrorWaves) and math.isnan(error.sd_u)
    if own and grid.u_sd_mps is None:
        raise InputError(
            f"the error has the size of the grid's spread and '{grid.name}' states none",
            remedy="Give the error a size, m/s.",
        )
    if not isinstance(error, WindError):
        return error
    if not 0 <= seed < 2**63:
        raise InputError(f"the seed is {seed}", field="seed", remedy="Give zero or a whole number above.")
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(stream,))))
    return draw_waves(error, [rng])


def _member(waves: ErrorWaves | None) -> tuple[Float64s, Float64s, Float64s]:
    if waves is None:
        none = np.zeros((0, 0, 0))
        return none, none, none
    return _one(waves)


def _one(waves: ErrorWaves | None) -> tuple[Float64s, Float64s, Float64s]:
    """Return the first member's waves (1, 5, F) and amplitudes (1, 3, F); no waves for None."""
    if waves is None:
        return np.zeros((1, 5, 0)), np.zeros((1, 3, 0)), np.zeros((1, 3, 0))
    first, cosines, sines = (np.array(x[:1], np.float64) for x in waves[:3])
    return first, cosines, sines


def _sizes(waves: ErrorWaves | None) -> Float64s:
    return np.zeros(3) if waves is None else np.array([waves.origin_s, waves.sd_u, waves.sd_v])


def _balloon_row(balloon: Balloon) -> Float64s:
    row = np.zeros(kernel.BALLOON)
    if balloon.control is not None:
        row[kernel.B_CONTROL] = 1.0
        row[kernel.B_PUMP_W] = balloon.control.pump_w if balloon.control.means == "air" else 0.0
    if balloon.propeller is not None:
        row[kernel.B_PROPELLER] = 1.0
        row[kernel.B_AIRSPEED] = balloon.propeller.airspeed_mps
        row[kernel.B_PROPELLER_W] = balloon.propeller.power_w
    if (power := balloon.power) is not None:
        row[kernel.B_POWER] = 1.0
        row[kernel.B_PANEL_W], row[kernel.B_TILT] = power.panel_w, power.panel_tilt_deg
        row[kernel.B_BATTERY_J], row[kernel.B_LOAD_W] = power.battery_j, power.load_w
        row[kernel.B_RESERVE_J] = power.reserve * power.battery_j
        row[kernel.B_CHARGE_J] = power.charge * power.battery_j
    return row


def _control_row(balloon: Balloon, step_s: float) -> Float64s:
    """Return the row of `balloons.control`, a command of its own to be filled in."""
    if balloon.control is None:
        return np.zeros(FIRST_COMMAND + 2)
    c = balloon.control
    term = AltitudeControl(
        target=c.low_alt_m, up_mps=c.up_mps, down_mps=c.down_mps, low_alt_m=c.low_alt_m,
        high_alt_m=c.high_alt_m, means=c.means, mass_kg=c.mass_kg, gas_budget_kg=c.gas_budget_kg, gas=c.gas,
        pump_w=0.0,
    )  # fmt: skip
    row = code(Flight((Stage((term,)),)), step_s=step_s).rows[0, 0]
    return np.array(row[: FIRST_COMMAND + 2], np.float64)


def _attrs(balloon: Balloon, truth: Grid, forecast: Grid, step_s: float, seed: int) -> dict[str, str]:
    return {
        "title": f"Flight of the twin: {balloon.name}",
        "source": f"overflight {__version__}, twin",
        "winds": truth.name or "unnamed grid",
        "forecast": forecast.name or "unnamed grid",
        "step_s": f"{step_s:g}",
        "seed": str(seed),
    }


def _record(
    balloon: Balloon,
    orders: tuple[Order, ...],
    track: Float64s,
    events: Float64s,
    count: int,
    ended: int,
    attrs: Mapping[str, str],
    coded: CodedFlight,
) -> TwinFlight:
    k = kernel
    lon = track[k.R_LON].copy()
    lon[lon >= 180.0] -= 360.0
    end = RAN if ended == MOVING else END_CODES.get(ended, RAN)
    return TwinFlight(
        time_s=track[k.R_TIME].copy(), lon_deg=lon, lat_deg=track[k.R_LAT].copy(),
        alt_m=track[k.R_ALT].copy(), pressure_pa=track[k.R_PRESSURE].copy(),
        order=track[k.R_ORDER].astype(np.int16), stage=track[k.R_STAGE].astype(np.int16),
        commanded_alt_m=track[k.R_COMMANDED].copy(),
        airspeed_east_mps=track[k.R_EAST].copy(), airspeed_north_mps=track[k.R_NORTH].copy(),
        wind_u_mps=track[k.R_WIND_U].copy(), wind_v_mps=track[k.R_WIND_V].copy(),
        battery_j=track[k.R_BATTERY].copy(), ballast_kg=track[k.R_BALLAST].copy(),
        gas_kg=np.maximum(balloon.gas_kg - track[k.R_GAS_LOST], 0.0),
        panel_w=track[k.R_PANEL].copy(), load_w=track[k.R_LOAD].copy(), pump_w=track[k.R_PUMP].copy(),
        propeller_w=track[k.R_PROPELLER].copy(), spilled_w=track[k.R_SPILLED].copy(),
        end=end, notes=_notes(balloon, orders, events, count, track[k.R_TIME, -1], end),
        balloon=balloon, orders=orders, attrs=attrs,
    )  # fmt: skip


def _notes(
    balloon: Balloon, orders: tuple[Order, ...], events: Float64s, count: int, end_s: float, end: str
) -> tuple[str, ...]:
    """Return what happened, in sentences, in the order of time; the like of one kind are counted."""
    notes = list(_cannot(balloon, orders))
    said: dict[int, int] = {}
    for number, time_s, value in events:
        which = int(number)
        said[which] = said.get(which, 0) + 1
        if said[which] <= SAID_MOST or which in (kernel.E_ORDER, kernel.E_ARRIVED):
            notes.append(f"{short_utc(time_s)}: {_sentence(which, value, balloon, orders)}")
    for which, times in said.items():
        if times > SAID_MOST and which not in (kernel.E_ORDER, kernel.E_ARRIVED):
            notes.append(f"{times - SAID_MOST} times more: {_sentence(which, math.nan, balloon, orders)}")
    if count > len(events):
        notes.append(f"{count - len(events)} more events were not kept")
    notes.append(f"{iso_utc(end_s)}: {end}")
    return tuple(notes)


def _sentence(which: int, value: float, balloon: Balloon, orders: tuple[Order, ...]) -> str:
    match which:
        case kernel.E_ORDER:
            return f"order {int(value) + 1}: {_words(orders[int(value)])}"
        case kernel.E_ARRIVED:
            return f"order {int(value) + 1}: arrived"
        case kernel.E_STEERING_OFF:
            return "the battery is at its reserve: pump and propeller stop"
        case kernel.E_STEERING_ON:
            return "the battery has recovered: steering goes on"
        case kernel.E_LOAD_SHED:
            return "the battery is empty: the load is shed"
        case kernel.E_LOAD_BACK:
            return "the load is fed again"
        case kernel.E_BALLAST_SPENT:
            return "the ballast is spent: no way up"
        case kernel.E_GAS_SPENT:
            return "the gas that may go is spent: no way down"
        case kernel.E_NO_FORECAST:
            return "the forecast does not reach here: the height is kept"
        case _:
            if math.isnan(value):
                return "a stage begins"
            stage = balloon.flight.stages[int(value)]
            return f"stage {int(value) + 1} begins" + (f": {stage.name}" if stage.name else "")


def _words(order: Order) -> str:
    return type(order.behaviour).__name__


def _cannot(balloon: Balloon, orders: tuple[Order, ...]) -> list[str]:
    """Say which orders the balloon has nothing to obey with."""
    notes = []
    for i, order in enumerate(orders):
        what = order.behaviour
        way = "propulsion" if hasattr(what, "toward") else getattr(what, "by", "altitude")
        if isinstance(what, Drift) and what.alt_m is None:
            continue
        if way in ("propulsion", "both") and balloon.propeller is None:
            notes.append(f"order {i + 1} asks for propulsion and the balloon has none")
        if way in ("altitude", "both") and balloon.control is None:
            notes.append(f"order {i + 1} asks for another height and the balloon has no control of it")
    return notes
