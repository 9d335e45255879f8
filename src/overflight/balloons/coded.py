"""Turn a flight into the integers and rows that compiled kernels read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from overflight.atmosphere import Float64s
from overflight.balloons import codes, stops, terms
from overflight.balloons.air import GRAVITY_MPS2, scale_height_m
from overflight.balloons.codes import Codes
from overflight.balloons.descent import terminal_speed_mps
from overflight.balloons.gases import HEAT_J_PER_KG_K, lift_ratio
from overflight.balloons.propulsion import COURSE, HEADING, PLACE
from overflight.balloons.stops import Stop
from overflight.balloons.terms import Flight, Term
from overflight.errors import InputError

# Slots of a row; a schedule of altitudes may need more.
SLOTS = 16
STOP_SLOTS = 2
# What practitioners let a parachute come down with (m/s at sea level).
PARACHUTE_MPS = 5.0
# The last of a store goes over this time, or over a step when that is longer, so that no step overdraws it.
TRICKLE_S = 300.0
# The temperature that ballast's greatest rate is reckoned for: between 190 and 270 K it is 20 % off at most.
BALLAST_K = 220.0


class CodedFlight(NamedTuple):
    """A flight as kernels take it: S stages of at most K terms and J stops; code 0 stands for none.

    codes (S, K), rows (S, K, P), stop_codes (S, J), stop_rows (S, J, Q), store (3,).
    """

    codes: Codes
    rows: Float64s
    stop_codes: Codes
    stop_rows: Float64s
    store: Float64s


def code(flight: Flight, *, backward: bool = False, step_s: float = 0.0) -> CodedFlight:
    """Return the flight as arrays.

    Parameters
    ----------
    backward : the run goes back in time. Holds then come to their surface as time runs back; without that
        the least deviation would grow instead of decay.
    step_s : longest step of the run: no hold gets a time constant under it, which keeps steps of
        Runge-Kutta stable (they are up to 2.78 time constants).

    Raises
    ------
    InputError
        When a term cannot run backward.
    """
    if backward:
        for term in (term for stage in flight.stages for term in stage.terms):
            _check_backward(term)
    term_rows = [[_term(term, backward, abs(step_s)) for term in stage.terms] for stage in flight.stages]
    stop_rows = [
        [_stop(stop, j, stage.terms, abs(step_s)) for j, stop in enumerate(stage.stops)]
        for stage in flight.stages
    ]
    found = _stacked(term_rows, SLOTS)
    ends = _stacked(stop_rows, STOP_SLOTS)
    return CodedFlight(*found, *ends, np.asarray(flight.store, dtype=np.float64))


def needs_begin(coded: CodedFlight) -> bool:
    """Return whether a target is taken from the start of its stage, so that rows are needed per member."""
    holds = np.isin(coded.codes, codes.HOLDS)
    return bool(np.isnan(coded.rows[..., 0][holds]).any())


def _stacked(rows: Sequence[Sequence[tuple[int, list[float]]]], slots: int) -> tuple[Codes, Float64s]:
    """Lay rows of stages side by side, filled up with code 0 and zeros."""
    width = max([1, *(len(stage) for stage in rows)])
    depth = max([slots, *(len(row) for stage in rows for _, row in stage)])
    which = np.zeros((len(rows), width), dtype=np.int64)
    values = np.zeros((len(rows), width, depth), dtype=np.float64)
    for s, stage in enumerate(rows):
        for k, (number, row) in enumerate(stage):
            which[s, k] = number
            values[s, k, : len(row)] = row
    return which, values


def _term(term: Term, backward: bool, step_s: float) -> tuple[int, list[float]]:
    match term:
        case terms.ConstantPressure():
            return codes.CONSTANT_PRESSURE, _hold(term, _log(term.pressure_pa), backward, step_s)
        case terms.ConstantDensity():
            return codes.CONSTANT_DENSITY, _hold(term, _log(term.density_kgpm3), backward, step_s)
        case terms.ConstantTheta():
            return codes.CONSTANT_THETA, _hold(term, _log(term.theta_k), backward, step_s)
        case terms.ConstantHeight():
            target = math.nan if term.alt_m is None else float(term.alt_m)
            return codes.CONSTANT_HEIGHT, _hold(term, target, backward, step_s)
        case terms.Ascent():
            return codes.STEADY, [float(term.rate_mps)]
        case terms.Descent():
            return codes.STEADY, [-float(term.rate_mps)]
        case terms.Parachute():
            return codes.PARACHUTE, [_sea_level(term)]
        case terms.FreeLift():
            return codes.FREE_LIFT, [1.0, term.gas_kg, term.mass_kg, lift_ratio(term.gas), term.drag]
        case terms.ZeroPressure():
            return codes.ZERO_PRESSURE, _zero(term, step_s)
        case terms.SolarHotAir():
            return codes.SOLAR_HOT_AIR, _hot_air(term, step_s)
        case terms.Leak():
            gas = 0.0 if term.gas_kg is None else term.gas_kg
            ratio = lift_ratio(term.gas)
            return codes.LEAK, [term.loss_kgps, term.spare_kg, gas, ratio, term.drag, float(gas > 0.0)]
        case terms.AltitudeControl():
            return codes.ALTITUDE_CONTROL, _control(term, backward, step_s)
        case terms.Propulsion():
            return codes.PROPULSION, _propulsion(term, step_s)


def _check_backward(term: Term) -> None:
    """Refuse what has no way back: what the gas and the stores were is not known from what they became."""
    remedy = ""
    match term:
        case terms.ZeroPressure() | terms.SolarHotAir():
            remedy = "Give the heights it had, as an AltitudeControl with means='free' or as a hold."
        case terms.Leak():
            remedy = "Leave the Leak out, or give the heights as an AltitudeControl with means='free'."
        case terms.AltitudeControl() if term.means != "free":
            remedy = "Take means='free'."
        case terms.Propulsion() if term.power_w is not None:
            remedy = "Leave power_w out."
    if remedy:
        raise InputError(f"{type(term).__name__} cannot run backward", field="terms", remedy=remedy)


def _zero(term: terms.ZeroPressure, step_s: float) -> list[float]:
    lag = term.heat_s * GRAVITY_MPS2 / HEAT_J_PER_KG_K[term.gas]
    return [
        1.0,
        term.volume_m3,
        term.gas_kg,
        term.mass_kg,
        lift_ratio(term.gas),
        term.drag,
        term.day_superheat_k,
        term.night_superheat_k,
        lag,
        term.ballast_kgps,
        term.ballast_below_m,
        max(term.tau_s, step_s),
        max(TRICKLE_S, step_s),
    ]


def _hot_air(term: terms.SolarHotAir, step_s: float) -> list[float]:
    return [
        1.0,
        term.diameter_m,
        term.mass_kg,
        term.absorptivity,
        term.emissivity,
        term.albedo,
        term.ground_k,
        term.drag,
        max(term.tau_s, step_s),
        term.sink_drag,
    ]


def _control(term: terms.AltitudeControl, backward: bool, step_s: float) -> list[float]:
    tau = max(float(term.tau_s), step_s)
    head = [
        float(len(term.commands)),
        term.up_mps,
        term.down_mps,
        term.low_alt_m,
        term.high_alt_m,
        float(terms.MEANS.index(term.means)),
        term.mass_kg or 0.0,
        lift_ratio(term.gas),
        term.gas_budget_kg,
        term.pump_w,
        -tau if backward else tau,
        max(TRICKLE_S, step_s),
    ]
    return head + [float(x) for command in term.commands for x in command]


def _propulsion(term: terms.Propulsion, step_s: float) -> list[float]:
    if term.heading_deg is not None:
        aim = [HEADING, term.heading_deg, 0.0]
    elif term.course_deg is not None:
        aim = [COURSE, term.course_deg, 0.0]
    else:
        aim = [PLACE, *(term.toward or (0.0, 0.0))]
    budget = [term.power_w or 0.0, term.solar_w, term.battery_j, term.load_w]
    return [term.airspeed_mps, *aim, *budget, max(term.tau_s, step_s), max(TRICKLE_S, step_s)]


def _log(value: float | None) -> float:
    return math.nan if value is None else math.log(value)


def _hold(
    term: terms.Hold,
    target: float,
    backward: bool,
    step_s: float,
) -> list[float]:
    tau = max(float(term.tau_s), step_s)
    return [target, -tau if backward else tau, float(term.max_mps)]


def _sea_level(term: terms.Parachute) -> float:
    if term.mass_kg is not None and term.drag_area_m2 is not None:
        return terminal_speed_mps(term.mass_kg, term.drag_area_m2)
    return PARACHUTE_MPS if term.sea_level_mps is None else float(term.sea_level_mps)


def _left(index: int, given: Sequence[Term], step_s: float) -> float:
    """Return what is left of a store when it counts as empty.

    A store that drains at a rate r goes as exp(-t / trickle) from r × trickle on. With r × trickle / e left,
    as much time has passed as an even drain takes for all of it.
    """
    most = max((_drain(index, term) for term in given), default=0.0)
    return most * max(TRICKLE_S, step_s) / math.e


def _drain(index: int, term: Term) -> float:
    """Return the greatest rate at which a term empties a store, kg/s of ballast (0) or W of energy (1)."""
    match term:
        case terms.ZeroPressure() if index == 0:
            return float(term.ballast_kgps)
        case terms.AltitudeControl(means="ballast") if index == 0:
            return (term.mass_kg or 0.0) / scale_height_m(BALLAST_K) * float(term.up_mps)
        case terms.AltitudeControl(means="air") if index == 1:
            return float(term.pump_w)
        case terms.Propulsion() if index == 1:
            return (term.power_w or 0.0) + term.load_w
        case _:
            return 0.0


def _stop(stop: Stop, index: int, given: Sequence[Term], step_s: float) -> tuple[int, list[float]]:
    match stop:
        case stops.AltitudeAbove():
            return codes.ALTITUDE_ABOVE, [float(stop.alt_m)]
        case stops.AltitudeBelow():
            return codes.ALTITUDE_BELOW, [float(stop.alt_m)]
        case stops.PressureAbove():
            return codes.PRESSURE_ABOVE, [math.log(stop.pressure_pa)]
        case stops.PressureBelow():
            return codes.PRESSURE_BELOW, [math.log(stop.pressure_pa)]
        case stops.DensityBelow():
            return codes.DENSITY_BELOW, [math.log(stop.density_kgpm3)]
        case stops.Ground():
            return codes.GROUND, [0.0]
        case stops.Duration():
            return codes.DURATION, [float(stop.duration_s)]
        case stops.At():
            return codes.AT, [float(stop.time_s)]
        case stops.SunAbove():
            return codes.SUN_ABOVE, [float(stop.elevation_deg)]
        case stops.SunBelow():
            return codes.SUN_BELOW, [float(stop.elevation_deg)]
        case stops.StoreEmpty():
            return codes.STORE_EMPTY, [float(stop.index), _left(stop.index, given, step_s)]
        case stops.Signed():
            return codes.SIGNED, [float(index)]
