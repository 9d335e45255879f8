"""Flights drawn from the motion model itself, and reports of them drawn from the likelihood itself.

What the reconstruction assumes is true of these, so its regions must hold what they say they hold.
`bench/calibration.py` uses the same flights in larger numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from overflight.geo import destination
from overflight.reconstruct.frame import Frame, fit_frame
from overflight.reconstruct.likelihood import (
    AFAR,
    AFAR_SD_KM,
    MISTAKEN,
    MISTAKEN_SD_KM,
    OTHER_TIME,
    SLIPS_H,
    STATED,
)
from overflight.reconstruct.motion import STATE, Wander, make_air
from overflight.reconstruct.posterior import Reconstruction, Settings
from overflight.reconstruct.sampler import simulate
from overflight.records import Sighting
from overflight.sightings.kinds import kind_info, p_mistaken
from overflight.sightings.witness import SD_PER_RADIUS
from overflight.winds.choose import CaseWinds

HOUR = 3600.0
STEP_S = 1200.0
LEVEL_M = (18_500.0, 1_000.0)


@dataclass(frozen=True)
class Flight:
    """A true flight: place and height at `time_s`, the reports of it, and what each report really is."""

    time_s: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    alt_m: np.ndarray
    sightings: tuple[Sighting, ...]
    readings: tuple[int, ...]


def settings_for(members: int, seed: int) -> Settings:
    return Settings(members=members, seed=seed, float_alt_m=LEVEL_M)


def fly(winds: CaseWinds, start_s: float, hours: float, rng: np.random.Generator, settings: Settings):
    """Draw one true path on the prior winds: times, path in the frame, frame."""
    lon, lat = rng.uniform(-180, 180), rng.uniform(20.0, 65.0)
    ahead = destination(lon, lat, 90.0, 2e6)
    frame = fit_frame([lon, float(ahead[0])], [lat, float(ahead[1])])
    x_m, y_m = frame.to_plane(lon, lat)
    level = np.array([LEVEL_M[0] + LEVEL_M[1] * rng.standard_normal()]) / 1e3
    wander = Wander(
        winds.error_time_s, settings.height_time_s, settings.height_sd_m / 1e3, winds.mixing_km,
        winds.fast_time_s, winds.fast_share,
    )  # fmt: skip
    state = np.zeros((1, STATE))
    state[0, :2] = float(x_m) / 1e3, float(y_m) / 1e3
    state[0, 2:4] = rng.standard_normal(2)
    state[0, 4] = level[0] + wander.height_sd_km * rng.standard_normal()
    # Hours before and after, for clocks that slip.
    time_s = start_s + np.arange(-4 * HOUR, (hours + 4) * HOUR + 1, STEP_S)
    return time_s, simulate(make_air(frame, winds.prior), wander, time_s, state, level, rng)[0], frame


def report(
    id: str, kind: str, reading: int, k: int, time_s: np.ndarray, path: np.ndarray, frame: Frame, rng
) -> Sighting:
    """Draw a report of the balloon at step `k`, as the likelihood says such a reading comes about."""
    radius_km = float(rng.uniform(15.0, 60.0))
    info = kind_info(kind)
    sd = radius_km * SD_PER_RADIUS
    if reading == AFAR:
        sd = math.hypot(sd, AFAR_SD_KM)
    if reading == MISTAKEN:
        sd = MISTAKEN_SD_KM
    shift = 0.0
    if reading == OTHER_TIME:
        hours, share = np.array(SLIPS_H).T
        # The report's clock is off by as much the other way.
        shift = -float(rng.choice(hours, p=share)) * HOUR
    x, y = path[k, 0], path[k, 1]
    dy = sd * rng.standard_normal()
    dx = sd * rng.standard_normal() / math.cos(y / 6371.0)
    lon, lat = frame.to_lonlat((x + dx) * 1e3, (y + dy) * 1e3)
    low = int(rng.integers(0, 2))  # the true step is the first or the second of the window
    begin = time_s[k - low] + shift
    alt: dict[str, float | str] = {}
    if rng.random() < 0.4:
        wrong = rng.random() < info.p_alt_mistaken or reading == MISTAKEN
        z = rng.uniform(8e3, 28e3) if wrong else 1e3 * path[k, 4] + info.alt_sd_m * rng.standard_normal()
        alt = {"alt_low_m": float(z), "alt_high_m": float(z), "alt_kind": "geometric"}
    return Sighting(
        id=id, time_start=float(begin), time_end=float(begin + STEP_S), kind=kind, role="observation",
        source="made", reliability="medium", lon_deg=float(lon), lat_deg=float(lat),
        radius_km=radius_km, **alt,
    )  # fmt: skip


def draw_reading(kind: str, rng: np.random.Generator) -> int:
    info = kind_info(kind)
    wrong = p_mistaken(kind, "medium")
    rest = 1.0 - info.p_afar - info.p_time_slip - wrong
    return int(
        rng.choice([STATED, AFAR, OTHER_TIME, MISTAKEN], p=[rest, info.p_afar, info.p_time_slip, wrong])
    )


def made_flight(
    winds: CaseWinds, start_s: float, rng: np.random.Generator, *, hours: float = 24.0, reports: int = 7
) -> Flight:
    """Draw a flight and its reports; the first and the last report are the balloon's own."""
    settings = settings_for(16, 0)
    time_s, path, frame = fly(winds, start_s, hours, rng, settings)
    inside = np.flatnonzero((time_s >= start_s) & (time_s <= start_s + hours * HOUR))
    when = np.sort(rng.choice(inside[3:-3], reports - 2, replace=False))
    rows, truth = [], []
    for n, k in enumerate([inside[0] + 1, *when, inside[-1] - 1]):
        kind = "telemetry" if n in (0, reports - 1) else "eyewitness_photo"
        reading = STATED if kind == "telemetry" else draw_reading(kind, rng)
        rows.append(report(f"R{n}", kind, reading, int(k), time_s, path, frame, rng))
        truth.append(reading)
    lon, lat = frame.to_lonlat(path[:, 0] * 1e3, path[:, 1] * 1e3)
    return Flight(time_s, lon, lat, path[:, 4] * 1e3, tuple(rows), tuple(truth))


def share_nearer(r: Reconstruction, flight: Flight, time_s: float) -> float:
    """Share of the members that lie nearer to their middle than the truth does: uniform if all is right.

    Nearer by the members' own covariance, so that long regions count as such. The region that holds half of
    the members holds the truth where this is below one half.
    """
    k = int(np.argmin(np.abs(r.node_s - time_s)))
    i = int(np.argmin(np.abs(flight.time_s - r.node_s[k])))
    members = r.paths[:, k, :2]
    x_m, y_m = r.frame.to_plane(flight.lon_deg[i], flight.lat_deg[i])
    true = np.array([float(x_m), float(y_m)]) / 1e3
    turn = 2 * math.pi * 6371.0088
    true[0] += turn * round((np.median(members[:, 0]) - true[0]) / turn)
    middle = np.median(members, axis=0)
    inverse = np.linalg.inv(np.cov((members - middle).T) + 1e-6 * np.eye(2))
    off = members - middle
    away = np.einsum("mi,ij,mj->m", off, inverse, off)
    return float(np.average(away < (true - middle) @ inverse @ (true - middle), weights=r.weight))
