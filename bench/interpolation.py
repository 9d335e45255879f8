"""Interpolation: what do cubic schemes gain, axis by axis, on made and on real winds, and at what cost?

Usage: python bench/interpolation.py --data FOLDER [--particles 1000] [--parts made cost real time]
       [--json bench/interpolation.json] [--plot docs/img/interpolation.png]

FOLDER holds the two GFS files named below, the Darwin soundings (arm/) and the directions of 2023 (dir2023/).

1. Made winds: five seeded fields (global 1 deg, 8 levels, 41 times 6 h apart; jets and 40 travelling waves)
   whose wind is known everywhere. 5-day flights at constant pressure by every scheme, against flights in the
   field itself.
2. Real winds: nodes are left out of an analysis, in space, level and time, one axis at a time and together.
   The wind is compared at the nodes left out, flights with those in the whole file. Flights in the whole
   file need interpolation too: the linear and the cubic one are taken in turn, so that neither scheme is
   measured with itself alone.
3. Time by itself: soundings 6 h apart and a year of directions 12 h apart, thinned.
4. Cost: seconds of processor time for 10,000 flights of 5 days, scheme by scheme and step by step, in the
   plain loop of this file: to compare schemes, not to say how fast `fly` is.

An existing --json file keeps the parts that are not run again; --parts with none only draws. Errors are rms
per component in m/s; for flights the distance at the end in km.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import platform
import sys
import time
from dataclasses import replace
from datetime import datetime
from itertools import product
from pathlib import Path

import numba
import numpy as np

from overflight import __version__
from overflight.units import EARTH_RADIUS_M
from overflight.winds.grid import Grid
from overflight.winds.gridded import read_grid
from overflight.winds.interpolate import PackedGrid, pack
from overflight.winds.schemes import Scheme, cell_weights, default_scheme, sample_scheme, scheme_wind_at
from overflight.winds.sounding_arm import read_arm
from overflight.winds.soundings import fill_heights

GLOBAL = "gfs_uv_1p0_20190926-20191005.nc"
REGIONAL = "gfs_0p5_florida_20170424.nc"
HOUR, DAY = 3600.0, 86400.0
STEP_S = 900.0
PARTS = ("made", "cost", "real", "time")
RUN_S = 5 * DAY
LINEAR = Scheme()
MADE = [Scheme(*kinds) for kinds in product(("linear", "cubic"), repeat=3)]
MADE += [Scheme("cubic", "lagrange", "cubic"), Scheme("lagrange", "lagrange", "lagrange")]


def name(scheme: Scheme) -> str:
    """Three letters for space, level and time: l linear, c cubic, g Lagrange."""
    letters = {"linear": "l", "cubic": "c", "lagrange": "g"}
    return "".join(letters[kind] for kind in (scheme.space, scheme.level, scheme.time))


# --- flights ---------------------------------------------------------------------------------------------


@numba.njit
def rate(wind, data, t, logp, x, y, z):
    """Return the motion of a unit vector on the sphere, and whether there is wind."""
    flat = math.hypot(x, y)
    lo, la = math.atan2(y, x), math.atan2(z, flat)
    u, v, good = wind(data, t, logp, math.degrees(la), math.degrees(lo))
    u, v = u / EARTH_RADIUS_M, v / EARTH_RADIUS_M
    sin_lo, cos_lo, sin_la, cos_la = math.sin(lo), math.cos(lo), math.sin(la), math.cos(la)
    return -sin_lo * u - sin_la * cos_lo * v, cos_lo * u - sin_la * sin_lo * v, cos_la * v, good


@numba.njit
def fly(wind, data, start, logp, begin, step, steps, every, out):
    """Carry (N, 3) unit vectors at constant pressure by classical Runge-Kutta steps; keep every so many."""
    for i in range(start.shape[0]):
        x, y, z = start[i]
        out[i] = np.nan
        for k in range(steps):
            t = begin[i] + k * step
            a0, a1, a2, g1 = rate(wind, data, t, logp[i], x, y, z)
            h = 0.5 * step
            b0, b1, b2, g2 = rate(wind, data, t + h, logp[i], x + h * a0, y + h * a1, z + h * a2)
            c0, c1, c2, g3 = rate(wind, data, t + h, logp[i], x + h * b0, y + h * b1, z + h * b2)
            d0, d1, d2, g4 = rate(wind, data, t + step, logp[i], x + step * c0, y + step * c1, z + step * c2)
            if not (g1 and g2 and g3 and g4):
                break
            h = step / 6.0
            x += h * (a0 + 2 * b0 + 2 * c0 + d0)
            y += h * (a1 + 2 * b1 + 2 * c1 + d1)
            z += h * (a2 + 2 * b2 + 2 * c2 + d2)
            length = math.sqrt(x * x + y * y + z * z)
            x, y, z = x / length, y / length, z / length
            if (k + 1) % every == 0:
                out[i, (k + 1) // every - 1] = x, y, z


@numba.njit
def grid_wind(data, t, logp, la, lo):
    u, v, _, _, status = scheme_wind_at(*data, t, logp, la, lo)
    return u, v, status == 0


def flights(wind, data, start, logp, begin, *, step=STEP_S, run=RUN_S, keep=RUN_S):
    """Return places (N, K, 3) every `keep` seconds, NaN from where the wind is lost."""
    steps, every = round(run / step), round(keep / step)
    out = np.empty((len(start), steps // every, 3))
    begin = np.broadcast_to(np.asarray(begin, float), len(start)).copy()
    fly(wind, data, start, logp, begin, step, steps, every, out)
    return out


def in_grid(packed: PackedGrid, scheme: Scheme, *rest, **more):
    return flights(grid_wind, (*scheme.codes, *packed), *rest, **more)


def apart_km(a, b):
    """Great-circle distance of unit vectors."""
    half = np.sqrt(np.sum((a - b) ** 2, axis=-1)) / 2
    return 2 * EARTH_RADIUS_M / 1000 * np.arcsin(np.minimum(half, 1))


def vectors(lon_deg, lat_deg):
    lo, la = np.radians(lon_deg), np.radians(lat_deg)
    return np.stack([np.cos(la) * np.cos(lo), np.cos(la) * np.sin(lo), np.sin(la)], axis=-1)


def spread_of(km, linear_km) -> dict:
    """Median, 90 %, and beside the linear ones."""
    both = np.isfinite(km) & np.isfinite(linear_km)
    a, b = km[both], linear_km[both]
    low, high = np.percentile(a, [50, 90])
    return {
        "flights": int(both.sum()),
        "median_km": float(low),
        "p90_km": float(high),
        "median_to_linear": float(low / np.median(b)),
        "p90_to_linear": float(high / np.percentile(b, 90)),
        "closer": float(np.mean(a < b)),
    }


# --- 1. made winds ----------------------------------------------------------------------------------------


def draw_waves(seed: int) -> np.ndarray:
    """Rows of: zonal and meridional number, speed, frequency (1/s), tilt (rad per ln p), two phases."""
    rng = np.random.default_rng([2026, seed])
    k = np.arange(1.0, 41.0)
    period = np.exp(rng.uniform(np.log(1.5 * DAY), np.log(12 * DAY), 40))
    columns = (
        k, rng.integers(1, 21, 40).astype(float), 14.0 / np.sqrt(k), 2 * np.pi / period,
        rng.uniform(-2, 2, 40), rng.uniform(0, 2 * np.pi, 40), rng.uniform(0, 2 * np.pi, 40),
    )  # fmt: skip
    return np.stack(columns, axis=1)


@numba.njit
def jets(logp, phi):
    """Zonal flow, m/s: westerly about 45 N and 48 S, its strength changing with height."""
    h = logp - math.log(7000.0)
    north = (28.0 + 8.0 * math.sin(1.1 * h)) * math.exp(-(((phi - math.radians(45.0)) / 0.21) ** 2))
    south = (34.0 - 10.0 * h) * math.exp(-(((phi + math.radians(48.0)) / 0.24) ** 2))
    return north + south


@numba.njit
def made_wind(data, t, logp, la, lo):
    """Jets, and waves of the stream function s cos²phi cos(l phi + b) cos(k lambda - w t + tilt ln p + c)."""
    (waves,) = data
    phi, lam = math.radians(la), math.radians(lo)
    cos, sin = math.cos(phi), math.sin(phi)
    u, v = jets(logp, phi), 0.0
    for w in range(waves.shape[0]):
        k, across, speed, omega, tilt, b, c = waves[w]
        size = speed / math.hypot(k, across)
        phase = k * lam - omega * t + tilt * logp + c
        cb, sb = math.cos(across * phi + b), math.sin(across * phi + b)
        u += size * (2 * cos * sin * cb + across * cos * cos * sb) * math.cos(phase)
        v -= size * k * cos * cb * math.sin(phase)
    return u, v, True


def made_grid(waves: np.ndarray) -> Grid:
    """Sample a made wind on the grid of the task; products of latitude and longitude, wave by wave."""
    time_s, lat, lon = np.arange(41) * 6 * HOUR, np.linspace(-90.0, 90.0, 181), np.arange(360.0)
    pressure = np.array([10.0, 20, 30, 50, 70, 100, 150, 200]) * 100
    k, across, speed, omega, tilt, b, c = waves.T
    phi, lam = np.radians(lat)[:, None], np.radians(lon)
    size = speed / np.hypot(k, across)
    cb, sb = np.cos(across * phi + b), np.sin(across * phi + b)
    east = size * (2 * np.cos(phi) * np.sin(phi) * cb + across * np.cos(phi) ** 2 * sb)
    north = -size * k * np.cos(phi) * cb
    u = np.empty((41, 8, 181, 360), np.float32)
    v = np.empty_like(u)
    for (i, t), (j, p) in product(enumerate(time_s), enumerate(pressure)):
        phase = k[:, None] * lam + (-omega * t + tilt * np.log(p) + c)[:, None]
        u[i, j] = east @ np.cos(phase) + np.array([[jets(np.log(p), x)] for x in phi[:, 0]])
        v[i, j] = north @ np.sin(phase)
    return Grid(
        time_s=time_s, pressure_pa=pressure, lat_deg=lat, lon_deg=lon, u_mps=u, v_mps=v, periodic=True
    )


def made_case(seed: int, particles: int):
    """Return a made field packed, starts in it, and where they truly end."""
    waves = draw_waves(seed)
    rng = np.random.default_rng([5, seed])
    lat = np.degrees(np.arcsin(rng.uniform(*np.sin(np.radians([-60, 60])), particles)))
    start = vectors(rng.uniform(0, 360, particles), lat)
    logp = rng.uniform(math.log(1500), math.log(18000), particles)
    begin = rng.uniform(0.5 * DAY, 4.5 * DAY, particles)
    truth = flights(made_wind, (waves,), start, logp, begin)[:, -1]
    return pack(made_grid(waves)), start, logp, begin, truth


def made_winds(count: int, particles: int) -> list[dict]:
    """Errors of flights in made winds, scheme by scheme."""
    rows = []
    for seed in range(count):
        packed, start, logp, begin, truth = made_case(seed, particles)
        errors = {name(s): apart_km(in_grid(packed, s, start, logp, begin)[:, -1], truth) for s in MADE}
        row = {key: spread_of(km, errors["lll"]) for key, km in errors.items()}
        rows.append({"seed": seed, "travel_km": float(np.median(apart_km(start, truth))), "schemes": row})
        print_made(rows[-1])
    print("all made fields: median error to that of linear, mean and range over the fields")
    for key in rows[0]["schemes"]:
        ratio = [row["schemes"][key]["median_to_linear"] for row in rows]
        wide = [row["schemes"][key]["p90_to_linear"] for row in rows]
        print(
            f"  {key}  {np.mean(ratio):.3f} ({min(ratio):.3f}-{max(ratio):.3f})   90 %: {np.mean(wide):.3f}"
        )
    return rows


def print_made(row: dict) -> None:
    print(f"made field {row['seed']}, median distance travelled {row['travel_km']:.0f} km")
    for key, s in row["schemes"].items():
        print(f"  {key}  median {s['median_km']:7.1f} km   90 % {s['p90_km']:7.0f} km   "
              f"to linear {s['median_to_linear']:.3f}")  # fmt: skip


# --- 4. cost ----------------------------------------------------------------------------------------------


def costs(particles: int) -> dict:
    """Processor seconds for 10,000 flights of 5 days, and the error, by scheme and by step."""
    packed, start, logp, begin, truth = made_case(0, particles)
    found = {}
    in_grid(packed, LINEAR, start[:1], logp[:1], begin[:1])  # compiles
    wanted = [(s, STEP_S) for s in MADE]
    wanted += [(s, step) for s in (LINEAR, Scheme("cubic", "cubic", "cubic")) for step in (300, 1800, 3600)]
    for scheme, step in wanted:
        # Processor time: the machine may be shared.
        clock = time.process_time()
        ends = in_grid(packed, scheme, start, logp, begin, step=step)[:, -1]
        found[f"{name(scheme)} {step:.0f} s"] = {
            "seconds_10000": (time.process_time() - clock) * 10000 / particles,
            "median_km": float(np.median(apart_km(ends, truth))),
        }
    print("\nprocessor seconds for 10,000 flights of 5 days, and median error on made field 0")
    for key, c in found.items():
        print(f"  {key:11s} {c['seconds_10000']:7.1f} s  {c['median_km']:7.1f} km")
    return found


# --- 2. real winds ----------------------------------------------------------------------------------------


def thinned(grid: Grid, every: int = 1, levels=None, times=None) -> Grid:
    """Keep every so manieth row and column, and the named levels and times."""
    t = np.arange(grid.time_s.size) if times is None else np.asarray(times)
    level = np.arange(grid.pressure_pa.size) if levels is None else np.asarray(levels)
    y, x = np.arange(0, grid.lat_deg.size, every), np.arange(0, grid.lon_deg.size, every)
    pick = np.ix_(t, level, y, x)
    return replace(
        grid, time_s=grid.time_s[t], pressure_pa=grid.pressure_pa[level], lat_deg=grid.lat_deg[y],
        lon_deg=grid.lon_deg[x], u_mps=grid.u_mps[pick], v_mps=grid.v_mps[pick],
    )  # fmt: skip


def held_out(grid: Grid, packed: PackedGrid, scheme: Scheme, times, levels) -> np.ndarray:
    """Return the mean square error per component, level by level, over all nodes of a file."""
    la, lo = np.meshgrid(grid.lat_deg, grid.lon_deg, indexing="ij")
    out = np.empty((len(times), len(levels)))
    for (i, t), (j, level) in product(enumerate(times), enumerate(levels)):
        w = sample_scheme(packed, grid.time_s[t], grid.pressure_pa[level], la, lo, scheme)
        square = 0.5 * ((w.u_mps - grid.u_mps[t, level]) ** 2 + (w.v_mps - grid.v_mps[t, level]) ** 2)
        weight = np.where(np.isfinite(square) & (np.abs(la) < 90), np.cos(np.radians(la)), 0.0)
        out[i, j] = np.sum(np.where(weight > 0, square, 0) * weight) / weight.sum()
    return out.mean(axis=0)


def wind_errors(grid: Grid, cases: dict, bands: dict) -> list[dict]:
    """Errors at nodes left out: one row a case and a band of pressure."""
    rows = []
    for title, (thin, schemes, times, levels) in cases.items():
        packed = pack(thin)
        squares = {name(s): held_out(grid, packed, s, times, levels) for s in schemes}
        hpa = grid.pressure_pa[list(levels)] / 100
        for band, (low, high) in bands.items():
            inside = (hpa >= low) & (hpa <= high)
            if inside.any():
                rms = {key: float(np.sqrt(sq[inside].mean())) for key, sq in squares.items()}
                default = name(default_scheme(packed))
                rows.append({"left out": title, "levels": band, "default": default, "rms_mps": rms})
    print_winds(rows)
    return rows


def print_winds(rows: list[dict]) -> None:
    for row in rows:
        linear = row["rms_mps"]["lll"]
        cells = "  ".join(
            f"{k} {x:.3f} ({x / linear - 1:+.1%})" if k != "lll" else f"lll {x:.3f}"
            for k, x in row["rms_mps"].items()
        )
        print(f"  {row['left out']:34s} {row['levels']:15s} default {row['default']}  {cells}")


def leave_one(grid: Grid, axis: str) -> dict:
    """Each inner time or level left out in turn; returns cases for `wind_errors`."""
    count = (grid.time_s if axis == "time" else grid.pressure_pa).size
    cases = {}
    for drop in range(1, count - 1):
        keep = [i for i in range(count) if i != drop]
        if axis == "time":
            gap = (grid.time_s[drop + 1] - grid.time_s[drop - 1]) / HOUR
            thin, times, levels = thinned(grid, times=keep), [drop], range(grid.pressure_pa.size)
            title = f"time {drop + 1}, a gap of {gap:.0f} h"
        else:
            ratio = grid.pressure_pa[drop + 1] / grid.pressure_pa[drop - 1]
            thin, levels = thinned(grid, levels=keep), [drop]
            times = sorted({0, grid.time_s.size // 2, grid.time_s.size - 1})
            title = f"{grid.pressure_pa[drop] / 100:.0f} hPa, a gap of x {ratio:.1f}"
        cases[title] = (thin, schemes_of(axis), times, levels)
    return cases


def schemes_of(axis: str) -> list[Scheme]:
    """The schemes that differ from the linear one in one axis."""
    return [LINEAR, *(replace(LINEAR, **{axis: kind}) for kind in ("cubic", "lagrange"))]


def all_of(cases: dict, grid: Grid, bands: dict) -> list[dict]:
    """Pool cases that each leave one level out: mean square over cases in a band of levels."""
    pooled: dict = {}
    for thin, schemes, times, levels in cases.values():
        packed = pack(thin)
        for s in schemes:
            square = held_out(grid, packed, s, times, levels)
            hpa = grid.pressure_pa[levels[0]] / 100
            for band, (low, high) in bands.items():
                if low <= hpa <= high:
                    pooled.setdefault(band, {}).setdefault(name(s), []).append(float(square.mean()))
    rows = [
        {"left out": "one level in turn", "levels": band, "default": "ccc",
         "rms_mps": {key: float(np.sqrt(np.mean(sq))) for key, sq in by.items()}}
        for band, by in pooled.items()
    ]  # fmt: skip
    print_winds(rows)
    return rows


def axis_case(thin: Grid, axis: str, groups: dict):
    """One axis thinned: schemes and truths differ in that axis alone."""
    schemes = schemes_of(axis)
    chosen = replace(LINEAR, **{axis: getattr(default_scheme(pack(thin)), axis)})
    return thin, schemes, schemes[:2], chosen, groups


def joint_case(whole: Grid, thin: Grid, groups: dict):
    """All axes thinned: the default, and the cubic everywhere, against linear."""
    default = default_scheme(pack(thin))
    schemes = list(dict.fromkeys([LINEAR, Scheme("cubic", "cubic", "cubic"), default]))
    truths = list(dict.fromkeys([LINEAR, default_scheme(pack(whole))]))
    return thin, schemes, truths, default, groups


def path_errors(grid, cases, start, logp, begin, *, run, keep, step=STEP_S) -> list[dict]:
    """Flights in thinned winds against flights in the whole file, by each of two truths.

    The error of a flight is taken at the last kept time at which no flight of it has left the data.
    """
    whole = pack(grid)
    more = {"run": run, "keep": keep, "step": step}
    rows, known = [], {}
    for title, (thin, schemes, truths, chosen, groups) in cases.items():
        packed = pack(thin)
        ends = {name(s): in_grid(packed, s, start, logp, begin, **more) for s in schemes}
        for against in truths:
            if against not in known:
                known[against] = in_grid(whole, against, start, logp, begin, **more)
            km = {key: apart_km(places, known[against]) for key, places in ends.items()}
            good = np.all([np.isfinite(x) for x in km.values()], axis=0).sum(axis=1)
            at = {k: np.where(good > 0, x[np.arange(len(x)), good - 1], np.nan) for k, x in km.items()}
            for group, inside in groups.items():
                by = {key: spread_of(x[inside], at["lll"][inside]) for key, x in at.items()}
                rows.append({
                    "left out": title, "levels": group, "truth": name(against), "chosen": name(chosen),
                    "median_h": float(np.median(good[inside]) * keep / HOUR), "schemes": by,
                })  # fmt: skip
                print_path(rows[-1])
    return rows


def print_path(row: dict) -> None:
    cells = "  ".join(
        f"{k} {s['median_km']:.1f}/{s['p90_km']:.0f}"
        + (f" ({s['median_to_linear'] - 1:+.1%}, closer {s['closer']:.0%})" if k != "lll" else "")
        for k, s in row["schemes"].items()
    )
    print(f"  {row['left out']:34s} {row['levels']:10s} {row['median_h']:3.0f} h, truth {row['truth']}, "
          f"chosen {row['chosen']}: median/90 % km {cells}")  # fmt: skip


BANDS_GLOBAL = {"10 hPa": (10, 10), "70 hPa": (70, 70), "250 hPa": (250, 250), "500-950 hPa": (500, 950)}
BANDS_REGIONAL = {"1-10 hPa": (1, 10), "20-150 hPa": (20, 150), "175-1000 hPa": (175, 1000)}


def global_file(data: Path, particles: int) -> dict:
    """Nodes left out of the global analyses, and 5-day flights in what is left."""
    grid = read_grid(data / "wind" / GLOBAL)
    every_level = range(7)
    print(f"\n{GLOBAL}: wind at nodes left out, rms m/s")
    cases = {
        f"{k - 1} rows of {k}: {k} deg": (thinned(grid, k), schemes_of("space"), [0, 2, 4, 6], every_level)
        for k in (2, 3, 4)
    }
    cases |= leave_one(grid, "time") | leave_one(grid, "level")
    together = [Scheme("cubic"), Scheme("cubic", "cubic"), Scheme("cubic", "cubic", "cubic")]
    gone = [1, 3, 5]
    rest = [i for i in range(7) if i not in gone]
    thin_all = thinned(grid, 2, rest, [0, 2, 4, 5, 6])
    cases["2 deg, 70 500 850 hPa, two times"] = (thin_all, [LINEAR, *together], [1, 3], every_level)
    winds = wind_errors(grid, cases, BANDS_GLOBAL)

    rng = np.random.default_rng(26)
    starts = [(level, t) for level in (10e2, 70e2, 250e2) for t in (0, 1, 3)]
    each = max(1, particles // 3)
    count = each * len(starts)
    start = vectors(rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count))))
    logp = np.repeat([math.log(p) for p, _ in starts], each)
    # The last start leaves the five days to the last analysis.
    begin = np.repeat([min(grid.time_s[t], grid.time_s[-1] - RUN_S) for _, t in starts], each)
    groups = {f"{p / 100:.0f} hPa": np.isclose(logp, math.log(p)) for p in (10e2, 70e2, 250e2)}
    print(f"\n{GLOBAL}: 5-day flights")
    held_times = thinned(grid, times=[0, 1, 3, 5, 6])
    held_levels = thinned(grid, levels=rest)
    paths = path_errors(
        grid,
        {
            "2 deg": axis_case(thinned(grid, 2), "space", groups),
            "4 deg": axis_case(thinned(grid, 4), "space", groups),
            "29 Sep and 1 Oct": axis_case(held_times, "time", groups),
            "70, 500, 850 hPa": axis_case(held_levels, "level", {"70 hPa": groups["70 hPa"]}),
            "2 deg, those levels, those times": joint_case(
                grid, thinned(grid, 2, rest, [0, 1, 3, 5, 6]), groups
            ),
        },
        start, logp, begin, run=RUN_S, keep=RUN_S,
    )  # fmt: skip
    return {"wind": winds, "path": paths}


def regional_file(data: Path, particles: int) -> dict:
    """Nodes left out of the regional forecast, and flights for as long as they stay in it."""
    grid = read_grid(data / "wind" / REGIONAL)
    levels = range(grid.pressure_pa.size)
    even = list(range(0, len(levels), 2))
    print(f"\n{REGIONAL}: wind at nodes left out, rms m/s")
    odd_inside = list(range(1, len(levels) - 1, 2))
    cases = {
        "every other row: 1 deg": (thinned(grid, 2), schemes_of("space"), [0, 3], levels),
        "two rows of three: 1.5 deg": (thinned(grid, 3), schemes_of("space"), [0, 3], levels),
        "every other level": (thinned(grid, levels=even), schemes_of("level"), [0, 3], odd_inside),
    }
    cases |= leave_one(grid, "time")
    cases["1 deg, every other level, time 2"] = (
        thinned(grid, 2, even, [0, 2, 3]),
        [LINEAR, Scheme("cubic"), Scheme("cubic", "cubic"), Scheme("cubic", "cubic", "cubic")], [1], levels,
    )  # fmt: skip
    winds = wind_errors(grid, cases, BANDS_REGIONAL)
    winds += all_of(leave_one(grid, "level"), grid, BANDS_REGIONAL)

    rng = np.random.default_rng(24)
    count = 2 * particles
    start = vectors(rng.uniform(275, 283, count), rng.uniform(27, 31, count))
    logp = rng.uniform(math.log(300), math.log(30000), count)
    groups = {"3-20 hPa": logp < math.log(2000), "20-300 hPa": logp >= math.log(2000)}
    print(f"\n{REGIONAL}: flights of up to 9 h, to the last hour inside")
    paths = path_errors(
        grid,
        {
            "1 deg": axis_case(thinned(grid, 2), "space", groups),
            "1.5 deg": axis_case(thinned(grid, 3), "space", groups),
            "every other level": axis_case(thinned(grid, levels=even), "level", groups),
            "time 2": axis_case(thinned(grid, times=[0, 2, 3]), "time", groups),
            "time 3": axis_case(thinned(grid, times=[0, 1, 3]), "time", groups),
            "1 deg, every other level, time 2": joint_case(grid, thinned(grid, 2, even, [0, 2, 3]), groups),
        },
        start, logp, grid.time_s[0], run=9 * HOUR, keep=HOUR, step=300.0,
    )  # fmt: skip
    return {"wind": winds, "path": paths}


# --- 3. time by itself ------------------------------------------------------------------------------------


def in_time(times: np.ndarray, values: np.ndarray, step: int, gap_h: float) -> np.ndarray:
    """Predict each row from those `step` and 3 `step` before and after; squares of linear, cubic, Lagrange.

    `times` and complex `values` (T, levels). Rows whose neighbours stand further apart are passed over.
    """
    squares = []
    for i in range(3 * step, len(times) - 3 * step):
        four = [i - 3 * step, i - step, i + step, i + 3 * step]
        for j in range(values.shape[1]):
            t, z = times[four, j], values[four, j]
            a, h, b = np.diff(t)
            if not np.isfinite([a, h, b, abs(z.sum()), abs(values[i, j])]).all():
                continue
            if max(a, h, b) > 1.3 * gap_h * HOUR:
                continue
            share = (times[i, j] - t[1]) / h
            weights = [np.array(cell_weights(kind, a, h, b, share)) for kind in (0, 1, 2)]
            squares.append([abs(w @ z - values[i, j]) ** 2 / 2 for w in weights])
    return np.array(squares)


def darwin(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times and winds (T, levels) of the soundings, means over 500 m from 12 to 25 km."""
    heights = np.arange(12250.0, 25000.0, 500.0)
    files = sorted((data / "arm").glob("twp*.cdf"))
    times, winds = (np.full((len(files), heights.size), np.nan + 0j) for _ in range(2))
    for i, file in enumerate(files):
        sounding = fill_heights(read_arm(file)[0])
        layer = np.floor((sounding.alt_msl_m - 12000.0) / 500.0)
        for j in range(heights.size):
            inside = layer == j
            if inside.any():
                times[i, j] = sounding.time_s[inside].mean()
                winds[i, j] = np.mean(sounding.u_mps[inside] + 1j * sounding.v_mps[inside])
    return times.real, winds


def directions(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times and unit vectors (T, levels) of a table of directions."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    times = [datetime.fromisoformat(row[0] + "+00:00").timestamp() for row in rows]
    degrees = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows])
    return np.repeat(np.array(times)[:, None], degrees.shape[1], axis=1), np.exp(1j * np.radians(degrees))


def time_alone(data: Path) -> list[dict]:
    """Linear and cubic in time on series of real soundings and a reanalysis, thinned."""
    series = {"Darwin soundings, 12-25 km, m/s": (*darwin(data), 6)}
    for place, source in product(("SLC", "PAFA"), ("era5", "radiosonde")):
        file = data / "dir2023" / f"{place}-2023-{source}.csv"
        series[f"unit vector of direction, {place} {source}"] = (*directions(file), 12)
    rows = []
    print("\ntime by itself: rms per component at times left out")
    for title, (times, values, base_h) in series.items():
        for step in (1, 2):
            squares = in_time(times, values, step, 2 * step * base_h)
            if len(squares):
                rms = np.sqrt(squares.mean(axis=0))
                rows.append({"series": title, "gap_h": 2 * step * base_h, "values": len(squares),
                             "linear": rms[0], "cubic": rms[1], "lagrange": rms[2]})  # fmt: skip
                print(f"  {title:42s} gap {rows[-1]['gap_h']} h, {len(squares)} values: linear {rms[0]:.3f}, "
                      f"cubic {rms[1]:.3f} ({rms[1] / rms[0] - 1:+.1%}), Lagrange {rms[2]:.3f}")  # fmt: skip
    return rows


# --- all --------------------------------------------------------------------------------------------------


def plot(file: Path, result: dict) -> None:
    """Error against cost on made winds, and what is gained on real ones."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4.4), layout="constrained", width_ratios=(1, 1))
    for key, c in result["cost"].items():
        scheme, step = key.split(" ", 1)
        usual = step == f"{STEP_S:.0f} s"
        if not usual and scheme not in ("lll", "ccc"):
            continue
        left.plot(
            c["seconds_10000"], c["median_km"], "o" if usual else "x", ms=5, color="C0" if usual else "0.6"
        )
        if usual and scheme not in ("cgc", "ggg"):
            left.annotate(
                scheme, (c["seconds_10000"], c["median_km"]), xytext=(6, -3), textcoords="offset points",
                fontsize=8,
            )  # fmt: skip
    left.set(
        xscale="log", yscale="log", xlim=(3, 150), xlabel="processor s for 10,000 flights of 5 days",
        ylabel="median error, km",
        title=(
            "made winds; space, level, time: l linear, c cubic\n"
            f"dots: steps of {STEP_S:.0f} s, crosses 300 to 3600 s"
        ),
    )  # fmt: skip
    left.set_yticks([20, 50, 100, 200], ["20", "50", "100", "200"], minor=False)
    left.minorticks_off()
    labels = []
    for file_name, part in result["real"].items():
        for row in part["path"]:
            cubic = next(k for k in row["schemes"] if "c" in k) if row["chosen"] == "lll" else row["chosen"]
            what = row["left out"] if row["left out"][-3:] == "deg" else f"without {row['left out']}"
            label = f"{'global' if file_name == GLOBAL else 'Florida'}, {what}; {row['levels']}"
            if row["left out"].count(",") and "deg" in row["left out"]:
                label = label.replace("without ", "")
            if label not in labels:
                labels.append(label)
            gain = 100 * (row["schemes"][cubic]["median_to_linear"] - 1)
            right.plot(
                gain, labels.index(label), "o" if row["truth"] == "lll" else "s", ms=4.5,
                color="C2" if gain <= 0 else "C3", mfc="none" if row["chosen"] == "lll" else None,
            )  # fmt: skip
    right.axvline(0, color="k", lw=0.8)
    right.set_yticks(range(len(labels)), labels, fontsize=6)
    right.invert_yaxis()
    right.set(
        xlabel="median error of flights, cubic to linear, %",
        title="real winds; truth flown linear (round) or cubic (square)\nfilled: the default is cubic there",
    )
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.title.set_fontsize(9)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=os.environ.get("OVERFLIGHT_TEST_DATA"))
    parser.add_argument("--particles", type=int, default=1000)
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    if args.data is None:
        sys.exit("give the folder of the real winds with --data")
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    machine += f", numba {numba.__version__}"
    print(f"overflight {__version__}; {machine}")
    print("schemes: three letters for space, level, time: l linear, c cubic, g Lagrange\n")
    work = {
        "made": lambda: made_winds(5, args.particles),
        "cost": lambda: costs(args.particles),
        "real": lambda: {
            GLOBAL: global_file(args.data, args.particles),
            REGIONAL: regional_file(args.data, args.particles),
        },
        "time": lambda: time_alone(args.data),
    }
    result: dict = {}
    if args.json and args.json.exists():
        result = json.loads(args.json.read_text(encoding="utf-8"))
    result |= {"version": __version__, "machine": machine, "particles": args.particles, "step_s": STEP_S}
    for part in args.parts:
        result[part] = work[part]()
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if args.plot:
        plot(args.plot, result)


if __name__ == "__main__":
    main()
