"""What an exercise is made of: weather, what flies through it, and what is said of that.

Everything is a function of scenario and seed. Each stream of random numbers has a key of its own, so one
observer more does not change what the others see.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from overflight.atmosphere import pressure_pa
from overflight.balloons.stops import Duration, Ground
from overflight.balloons.terms import Leak, Parachute, Stage
from overflight.errors import InputError
from overflight.geo import destination, lonlat, unit_vector, wrap_lon
from overflight.places.sites import Site
from overflight.trajectories.ensemble import Start
from overflight.twin.autopilot import Drift, Order
from overflight.twin.budget import Balloon, balloon, launched
from overflight.twin.flight import TwinFlight, fly_twin
from overflight.twin.memory import Memory, remember
from overflight.twin.observers import Press, Scene, Strays, observe, settle
from overflight.twin.reports import Report, Track, make_track
from overflight.twin.scenario import FlightPlan, Invented, Scenario
from overflight.twin.weather import Weather, make_weather
from overflight.units import HOUR_S

# Streams of random numbers: weather, starts, observers, places, sondes, sisters, frames.
WEATHER, STARTS, OBSERVERS, PLACES, SONDES, SISTERS, FRAMES = range(1, 8)
SPARE_S: Final = 36.0 * HOUR_S
STEP_S: Final = 60.0
GROUND_M: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """An exercise before it is written: what flew, and what was said of it."""

    scenario: Scenario
    seed: int
    weather: Weather
    tracks: tuple[Track, ...]
    flights: Mapping[str, TwinFlight]
    reports: tuple[Report, ...]
    ids: tuple[str, ...]
    plots: tuple[Mapping[str, str], ...]
    memory: Memory | None
    scene: Scene

    @property
    def subject(self) -> Track | None:
        """The track in question; None where nothing flew."""
        return next((t for t in self.tracks if t.id == self.scenario.subject), None)


def make_exercise(scenario: Scenario, seed: int) -> Made:
    """Make weather, flights and reports of a scenario. Raises InputError where it cannot be flown."""
    if not 0 <= seed < 2**63:
        raise InputError(f"the seed is {seed}", field="seed", remedy="Give zero or a whole number above.")
    begin, end = _span(scenario)
    plan = scenario.weather
    weather = make_weather(
        begin - SPARE_S, end + SPARE_S, seed=(seed, WEATHER), forecast_sd_mps=plan.forecast_sd_mps,
        analysis_sd_mps=plan.analysis_sd_mps, subgrid_sd_mps=plan.subgrid_sd_mps,
    )  # fmt: skip
    tracks: list[Track] = []
    flights: dict[str, TwinFlight] = {}
    for index, one in enumerate(scenario.flights):
        rng = np.random.default_rng((seed, STARTS, index))
        if isinstance(one, FlightPlan):
            flights[one.id] = flight = fly_plan(one, scenario.start, weather, rng)
            tracks.append(_track_of(one, flight))
        else:
            tracks.append(invented_track(one, scenario.start, rng))
    scene = Scene(
        tracks=tuple(tracks),
        subject=scenario.subject,
        time_start=_first(tracks, begin),
        time_end=_last(tracks, end),
    )
    reports = _reports(scenario, scene, seed)
    return Made(
        scenario=scenario, seed=seed, weather=weather, tracks=tuple(tracks), flights=flights,
        reports=reports, ids=tuple(f"S{n:03d}" for n in range(1, len(reports) + 1)),
        memory=_memory(scenario, flights, scene, seed),
        plots=tuple(sorted(scene.plots, key=lambda row: (float(row["time_s"]), row["radar"]))), scene=scene,
    )  # fmt: skip


def _span(scenario: Scenario) -> tuple[float, float]:
    hours = [
        one.start_h + one.start_spread_h + one.hours if isinstance(one, FlightPlan) else one.points[-1][0]
        for one in scenario.flights
    ]
    hours += [s.from_h + s.over_h for s in scenario.observers if isinstance(s, Strays)]
    return scenario.start, scenario.start + max([*hours, 24.0]) * HOUR_S


def _first(tracks: Sequence[Track], otherwise: float) -> float:
    return min((float(t.time_s[0]) for t in tracks if t.time_s.size), default=otherwise)


def _last(tracks: Sequence[Track], otherwise: float) -> float:
    return max((float(t.time_s[-1]) for t in tracks if t.time_s.size), default=otherwise)


def settled_sites(scenario: Scenario, scene: Scene, seed: int) -> tuple[Site, ...]:
    """Return the sites where the seed put them, to the digits that `sites.csv` has."""
    sites = []
    for k, site in enumerate(scenario.sites):
        lon, lat = settle(site.spot, scene, np.random.default_rng((seed, PLACES, 0, k)))
        sites.append(
            Site(
                id=site.id, name=site.name, lat_deg=round(lat, 4), lon_deg=round(float(wrap_lon(lon)), 4),
                alt_m=round(site.alt_m), source="the exercise",
            )
        )  # fmt: skip
    return tuple(sites)


def _memory(scenario: Scenario, flights: Mapping[str, TwinFlight], scene: Scene, seed: int) -> Memory | None:
    if scenario.recorder is None or scenario.subject not in flights:
        return None
    sites = settled_sites(scenario, scene, seed)
    rng = np.random.default_rng((seed, FRAMES))
    return remember(scenario.recorder, flights[scenario.subject], sites, seed=seed, rng=rng)


# --- what flies


def fly_plan(plan: FlightPlan, start_s: float, weather: Weather, rng: np.random.Generator) -> TwinFlight:
    """Fly a plan of the scenario; what is random about its start is drawn first."""
    away, side = plan.spread_m * math.sqrt(rng.uniform()), rng.uniform(0.0, 360.0)
    lon, lat = (float(v) for v in destination(plan.lon_deg, plan.lat_deg, side, away))
    late = rng.uniform(0.0, plan.start_spread_h)
    begin = round((start_s + (plan.start_h + late) * HOUR_S) / STEP_S) * STEP_S
    level = None if plan.float_alt_m is None else plan.float_alt_m + plan.float_spread_m * rng.normal()
    orders = tuple(Order(begin + c.at_h * HOUR_S, c.behaviour) for c in plan.orders) or Drift()
    hours = plan.hours if plan.lost_h is None else min(plan.lost_h, plan.hours)
    return fly_twin(
        _balloon(plan, level), orders, weather.truth, weather.truth,
        Start(
            lon_deg=lon, lat_deg=lat, time_s=begin, alt_m=GROUND_M if plan.ascent_mps is not None else level
        ),
        begin + hours * HOUR_S, truth_error=weather.subgrid, forecast_error=weather.forecast_error,
        step_s=STEP_S,
    )  # fmt: skip


def _balloon(plan: FlightPlan, level_m: float | None) -> Balloon:
    one = balloon(plan.balloon)
    flight = one.flight
    if plan.leak_kgps > 0.0:
        leak = Leak(loss_kgps=plan.leak_kgps, spare_kg=plan.spare_kg, gas_kg=plan.gas_kg or None)
        last = flight.stages[-1]
        flight = replace(
            flight,
            stages=(
                *flight.stages[:-1],
                replace(last, terms=(*last.terms, leak), stops=(*last.stops, Ground())),
            ),
        )
    if plan.falls_h is not None:
        last = flight.stages[-1]
        fall = Stage((Parachute(sea_level_mps=6.0),), (Ground(),), "fall")
        ended = replace(last, stops=(*last.stops, Duration(plan.falls_h * HOUR_S)))
        flight = replace(flight, stages=(*flight.stages[:-1], ended, fall))
    one = replace(one, flight=flight)
    if plan.ascent_mps is None or level_m is None:
        return one
    return launched(one, float_alt_m=level_m, ascent_mps=plan.ascent_mps)


def _track_of(plan: FlightPlan, flight: TwinFlight) -> Track:
    return make_track(
        plan.id, flight.time_s, flight.lon_deg, flight.lat_deg, flight.alt_m, flight.pressure_pa
    )


def invented_track(one: Invented, start_s: float, rng: np.random.Generator) -> Track:
    """Return a made-up track minute by minute: great circles at constant speed between its points."""
    away, side = one.spread_m * math.sqrt(rng.uniform()), rng.uniform(0.0, 360.0)
    points = np.array(one.points)
    lon, lat = destination(points[:, 1], points[:, 2], side, away)
    at_s = start_s + points[:, 0] * HOUR_S
    time_s = np.arange(at_s[0], at_s[-1] + 1.0, STEP_S)
    leg = np.clip(np.searchsorted(at_s, time_s, "right") - 1, 0, at_s.size - 2)
    share = (time_s - at_s[leg]) / (at_s[leg + 1] - at_s[leg])
    a, b = unit_vector(lon[leg], lat[leg]), unit_vector(lon[leg + 1], lat[leg + 1])
    angle = np.arctan2(np.linalg.norm(np.cross(a, b, axis=0), axis=0), (a * b).sum(axis=0))
    sine = np.maximum(np.sin(angle), 1e-12)
    x, y = lonlat(np.sin((1.0 - share) * angle) / sine * a + np.sin(share * angle) / sine * b)
    alt = np.interp(time_s, at_s, points[:, 3])
    return make_track(one.id, time_s, x, y, alt, pressure_pa(alt), real=False)


# --- what is said of it


def _reports(scenario: Scenario, scene: Scene, seed: int) -> tuple[Report, ...]:
    """Ask every observer, the press last, and put the rows in the order of their times."""
    reports: list[Report] = []
    for index, one in enumerate(scenario.observers):
        if not isinstance(one, Press):
            reports += observe(one, scene, np.random.default_rng((seed, OBSERVERS, index)))
    for index, one in enumerate(scenario.observers):
        if isinstance(one, Press):
            rng = np.random.default_rng((seed, OBSERVERS, index))
            reports += observe(one, scene, rng, tuple(reports))
    if not reports:
        raise InputError(
            "nobody saw anything with this seed",
            field="observer",
            remedy="Take another seed or more watchers.",
        )
    order = sorted(range(len(reports)), key=lambda i: (reports[i].time_start, reports[i].time_end, i))
    place = {old: new for new, old in enumerate(order)}
    return tuple(
        replace(reports[i], copied_from=None if (c := reports[i].copied_from) is None else place[c])
        for i in order
    )
