"""Real winds against real tracks: how far off a path is that other balloons' winds drive.

    python bench/real_pairs.py DATA [--json bench/real_pairs.json] [--members 1000] [--only darwin ...]

DATA holds folders `arm` (ARM soundings, netCDF), `rs41_oak` (decoded RS41, CSV), `shab` (APRS, CSV) and
`pyballoon` (logger, CSV); other flights of the same kinds are taken as they are found there.

In a pair the winds of one or more *drivers* are analysed (`overflight.winds.analysis`), winds are drawn
jointly along the height and time of the *later* balloon, and each drawn wind carries it from its true start.
The score is the energy score of the ensemble of ends (Gneiting and Raftery, JASA 102, 2007, equation 21), in
kilometres: the mean distance to the truth less half the mean distance between members. Coverage is the share
of ends inside the ensemble's central 90 % (Mahalanobis, chi-squared with two degrees of freedom).

Nothing is scored on what it was fitted to. Darwin: scales are fitted on the soundings outside the block (four
in a row, about a day) of the later balloon, and so is the spread of persistence, its rival; the rival is
also given fits that leave out the later sounding alone, and the pairs that are scored themselves. Oakland
and SHAB: scales are fitted on the drivers. pyBalloon: on the other flights, in five parts.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time as clock
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight import geo
from overflight.trajectories.solve import drift_sounding, integrate
from overflight.units import HOUR_S
from overflight.winds.analysis import Observations, WindAnalysis, analyse, observe
from overflight.winds.analysis_fit import Fit, describe, fit_scales, points
from overflight.winds.flights import read_flights
from overflight.winds.soundings import Sounding, fill_heights, read_soundings

Float64s = npt.NDArray[np.float64]

LAGS_H = (6, 12, 24, 48)
LAG_TOLERANCE_H = 2.0
SHAB_HOURS = (1, 2, 3, 6, 11)
BLOCK = 4
NODE_LOG_P, NODE_S = 0.05, 300.0
CHI2_90 = 4.605170185988092
BOOTSTRAPS = 10_000
ALL = ["own", "darwin", "oakland", "shab", "pyballoon"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """Ends of drawn paths (members, 2) about the truth, and of the mean path, km east and north."""

    members: Float64s
    mean: Float64s
    drift_km: float
    hours: float


# --- one pair ------------------------------------------------------------------------------------------


def nodes(later: Sounding) -> npt.NDArray[np.int64]:
    """Rows of the later balloon at which winds are drawn: first, last, and by layers between."""
    log_p, kept = np.log(later.pressure_pa), [0]
    for k in range(1, later.time_s.size):
        moved = abs(log_p[k] - log_p[kept[-1]]) >= NODE_LOG_P
        if moved or later.time_s[k] - later.time_s[kept[-1]] >= NODE_S or k == later.time_s.size - 1:
            kept.append(k)
    return np.array(kept)


def carry(later: Sounding, at: npt.NDArray[np.int64], u: Float64s, v: Float64s) -> tuple[Float64s, Float64s]:
    """Carry members from the start with winds (members, nodes), linear in time between the nodes."""
    when, alt = later.time_s[at], later.alt_msl_m[at]
    good = np.zeros(len(u), dtype=np.int8)

    def wind(t: float, lon: Float64s, lat: Float64s) -> tuple[Float64s, Float64s, npt.NDArray[np.int8]]:
        k = min(max(int(np.searchsorted(when, t, side="right")) - 1, 0), when.size - 2)
        w = (t - when[k]) / (when[k + 1] - when[k])
        return (1 - w) * u[:, k] + w * u[:, k + 1], (1 - w) * v[:, k] + w * v[:, k + 1], good

    track = integrate(
        wind,
        np.full(len(u), later.lon_deg[0]),
        np.full(len(u), later.lat_deg[0]),
        when[0],
        when[-1],
        step_s=120.0,
        keep_s=when,
        alt_m=lambda t: np.interp(t, when, alt),
        radius_m=later.reckoned_radius_m,
    )
    return track.lon_deg, track.lat_deg


def drive(
    analysis: WindAnalysis, later: Sounding, members: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Float64s, Float64s, Float64s, Float64s]:
    """Return the nodes, and the paths of the mean (nodes) and of members (members, nodes).

    Winds are drawn along the path of the mean, found in three rounds: a member that strays meets the wind
    of the mean path. At the distances here (tens of km, scales of hundreds) that is of second order.
    """
    at = nodes(later)
    when, pressure = later.time_s[at], later.pressure_pa[at]
    lon, lat = np.full(at.size, later.lon_deg[0]), np.full(at.size, later.lat_deg[0])
    for _ in range(3):
        found = analysis.sample(when, pressure, lat, lon)
        lost = np.flatnonzero(found.status)
        if lost.size:
            at = at[: lost[0]]
            when, pressure = when[: lost[0]], pressure[: lost[0]]
            lon, lat = lon[: lost[0]], lat[: lost[0]]
            continue
        lon, lat = (x[0] for x in carry(later, at, found.u_mps[None], found.v_mps[None]))
    u, v = analysis.draw(when, pressure, lat, lon, members, rng)
    lons, lats = carry(later, at, u, v)
    return at, lon, lat, lons, lats


def plane(lon: Float64s, lat: Float64s, lon0: float, lat0: float) -> Float64s:
    """Kilometres east and north of a place, last axis, by distance and bearing."""
    angle = np.radians(geo.bearing_deg(lon0, lat0, lon, lat))
    far = geo.distance_m(lon0, lat0, lon, lat) / 1e3
    return np.stack([far * np.sin(angle), far * np.cos(angle)], axis=-1)


def ends(
    later: Sounding,
    paths: tuple[npt.NDArray[np.int64], Float64s, Float64s, Float64s, Float64s],
    after_s: float = np.inf,
) -> Flown:
    """Return where members and mean are, about the truth, at the last node not later than `after_s`."""
    at, lon, lat, lons, lats = paths
    k = int(np.flatnonzero(later.time_s[at] - later.time_s[0] <= after_s)[-1])
    true_lon, true_lat = float(later.lon_deg[at[k]]), float(later.lat_deg[at[k]])
    drift = geo.distance_m(later.lon_deg[0], later.lat_deg[0], true_lon, true_lat)
    return Flown(
        members=plane(lons[:, k], lats[:, k], true_lon, true_lat),
        mean=plane(lon[k], lat[k], true_lon, true_lat),
        drift_km=float(drift) / 1e3,
        hours=float(later.time_s[at[k]] - later.time_s[0]) / HOUR_S,
    )


def energy_score(members: Float64s) -> float:
    """Energy score of members (M, 2) about the truth at the origin; pairs are member and shifted member."""
    spread = np.mean([np.hypot(*(members - np.roll(members, s, axis=0)).T).mean() for s in (1, 7, 61)])
    return float(np.hypot(*members.T).mean() - 0.5 * spread)


def inside_90(members: Float64s) -> bool:
    away = members.mean(axis=0)
    return bool(away @ np.linalg.solve(np.cov(members.T), away) <= CHI2_90)


def radius_90(members: Float64s) -> float:
    """Distance from their mean that holds 90 % of the members: the stated spread in one number."""
    return float(np.quantile(np.hypot(*(members - members.mean(axis=0)).T), 0.9))


def told(flown: Flown) -> dict[str, Any]:
    return {
        "hours": round(flown.hours, 2),
        "drift_km": round(flown.drift_km, 1),
        "miss_km": round(float(np.hypot(*flown.mean)), 2),
        "stated_90_km": round(radius_90(flown.members), 2),
        "inside_90": inside_90(flown.members),
        "energy_score_km": round(energy_score(flown.members), 2),
    }


def cut(sounding: Sounding, begin: int, end: int) -> Sounding:
    names = ("time_s", "lat_deg", "lon_deg", "alt_msl_m", "pressure_pa", "u_mps", "v_mps")
    return replace(sounding, **{name: getattr(sounding, name)[begin:end] for name in names})


# --- persistence ---------------------------------------------------------------------------------------


def persisted(driver: Sounding, later: Sounding) -> Flown:
    """Carry the later balloon with the driver's wind at the nearest height, held at its ends."""
    at = nodes(later)
    order = np.argsort(driver.pressure_pa, kind="stable")
    x = np.log(driver.pressure_pa[order])
    here = np.log(later.pressure_pa[at])
    u, v = (np.interp(here, x, w[order])[None] for w in (driver.u_mps, driver.v_mps))
    lon, lat = carry(later, at, u, v)
    return ends(later, (at, lon[0], lat[0], lon, lat))


def persistence_spread(rows: Sequence[dict[str, Any]], lag: int, hours: float) -> Float64s:
    """Covariance (2, 2) of persistence's error at a lag, fitted on `rows`: sizes by lag, a power of duration.

    The power (0 to 2 by quarters) is the most probable one over all lags together.
    """

    def sizes(power: float) -> dict[int, Float64s]:
        out = {}
        for one in LAGS_H:
            errors = np.array([r["error"] / r["hours"] ** power for r in rows if r["lag"] == one])
            out[one] = np.mean(errors**2, axis=0) if len(errors) else np.full(2, np.nan)
        return out

    def cost(power: float) -> float:
        fitted = sizes(power)
        return float(sum(0.5 * np.log(fitted[r["lag"]]).sum() + 2 * power * np.log(r["hours"]) for r in rows))

    best = min(np.arange(0.0, 2.01, 0.25), key=cost)
    return np.asarray(np.diag(sizes(float(best))[lag]) * hours ** (2 * best))


# --- Darwin --------------------------------------------------------------------------------------------


def darwin(soundings: Sequence[Sounding], members: int) -> dict[str, Any]:
    """Score every pair at the lags, the analysis from one and from all earlier soundings, and persistence."""
    rng = np.random.default_rng(20060119)
    rows = pairs(soundings)
    seen = observe(soundings)
    fits = {block: fit_without(seen, block) for block in range((len(soundings) - 1) // BLOCK + 1)}
    white = rng.standard_normal((members, 2))
    for row in rows:
        i, j = row["driver"], row["later"]
        later, fit = row.pop("sounding"), fits[j // BLOCK]
        for name, drivers in (("one", seen.flight == i), ("all", seen.flight <= i)):
            flown = ends(later, drive(analyse(seen.take(drivers), fit=fit), later, members, rng))
            row[name] = told(flown)
        others = [r for r in rows if j // BLOCK not in (r["driver"] // BLOCK, r["later"] // BLOCK)]
        apart = [r for r in rows if j not in (r["driver"], r["later"])]
        for name, known in (("persistence", others), ("persistence_loo", apart), ("persistence_seen", rows)):
            spread = persistence_spread(known, row["lag"], row["hours"])
            row[name] = told(
                Flown(
                    members=row["error"] + white @ np.linalg.cholesky(spread).T,
                    mean=row["error"],
                    drift_km=row["drift_km"],
                    hours=row["hours"],
                )
            )
    methods = ("one", "all", "persistence", "persistence_loo", "persistence_seen")
    return {
        "pairs": len(rows),
        "soundings": len(soundings),
        "pooled": {m: pooled(rows, m) for m in methods},
        "by_lag": {
            f"{lag} h": {m: pooled([r for r in rows if r["lag"] == lag], m) for m in methods}
            for lag in LAGS_H
        },
        "gain_over_persistence": {m: gain(rows, m) for m in ("one", "all")},
        "scales": {f"without block {b}": scales(f) for b, f in fits.items()},
    }


def pairs(soundings: Sequence[Sounding]) -> list[dict[str, Any]]:
    rows = []
    for j, later in enumerate(soundings):
        for i, driver in enumerate(soundings[:j]):
            apart = (later.time_s[0] - driver.time_s[0]) / HOUR_S
            lag = [one for one in LAGS_H if abs(apart - one) < LAG_TOLERANCE_H]
            if not lag:
                continue
            # Both must have been there: the end is where the lower of the two tops was passed.
            above = np.flatnonzero(later.pressure_pa < driver.pressure_pa.min())
            short = cut(later, 0, int(above[0]) if above.size else later.time_s.size)
            flown = persisted(driver, short)
            rows.append(
                {
                    "driver": i,
                    "later": j,
                    "lag": lag[0],
                    "hours": flown.hours,
                    "drift_km": flown.drift_km,
                    "error": flown.mean,
                    "sounding": short,
                }
            )
    return rows


def fit_without(seen: Observations, block: int) -> Fit:
    part = seen.take(seen.flight // BLOCK != block)
    at = points(part.time_s, part.pressure_pa, part.lat_deg, part.lon_deg)
    return fit_scales(at, np.stack([part.u_mps, part.v_mps], axis=1), part.sd_mps)


def pooled(rows: Sequence[dict[str, Any]], method: str) -> dict[str, Any]:
    if not rows:
        return {"pairs": 0}
    miss = [r[method]["miss_km"] for r in rows]
    return {
        "pairs": len(rows),
        "energy_score_km": round(float(np.mean([r[method]["energy_score_km"] for r in rows])), 3),
        "coverage_90": round(float(np.mean([r[method]["inside_90"] for r in rows])), 3),
        "coverage_90_interval": block_interval(rows, lambda r: float(r[method]["inside_90"])),
        "median_miss_km": round(float(np.median(miss)), 2),
        "p90_miss_km": round(float(np.quantile(miss, 0.9)), 2),
    }


def gain(rows: Sequence[dict[str, Any]], method: str) -> dict[str, Any]:
    out = {}
    for rival in ("persistence", "persistence_loo", "persistence_seen"):

        def difference(r: dict[str, Any], rival: str = rival) -> float:
            return float(r[rival]["energy_score_km"] - r[method]["energy_score_km"])

        out[rival] = {
            "km": round(float(np.mean([difference(r) for r in rows])), 3),
            "interval": block_interval(rows, difference),
        }
    return out


def block_interval(rows: Sequence[dict[str, Any]], value: Any) -> list[float]:
    """95 % interval of a mean by a circular block bootstrap over the later soundings, `BLOCK` in a row."""
    latest = max(r["later"] for r in rows) + 1
    total, count = np.zeros(latest), np.zeros(latest)
    for r in rows:
        total[r["later"]] += value(r)
        count[r["later"]] += 1
    rng = np.random.default_rng(1)
    begin = rng.integers(0, latest, (BOOTSTRAPS, -(-latest // BLOCK)))
    index = ((begin[..., None] + np.arange(BLOCK)) % latest).reshape(BOOTSTRAPS, -1)[:, :latest]
    weight = count[index].sum(axis=1)
    mean = total[index].sum(axis=1)[weight > 0] / weight[weight > 0]
    return [round(float(q), 3) for q in np.quantile(mean, (0.025, 0.975))]


# --- the others ----------------------------------------------------------------------------------------


def own(soundings: Sequence[Sounding]) -> dict[str, Any]:
    """Integrate each sounding's own wind and compare with its own positions."""
    rows = {}
    for sounding in soundings:
        track = drift_sounding(sounding)
        off = geo.distance_m(track.lon_deg[0], track.lat_deg[0], sounding.lon_deg, sounding.lat_deg) / 1e3
        far = geo.distance_m(sounding.lon_deg[0], sounding.lat_deg[0], sounding.lon_deg, sounding.lat_deg)
        rows[Path(sounding.file).name] = {
            "end_km": round(float(off[-1]), 4),
            "worst_on_the_way_km": round(float(off.max()), 4),
            "drift_km": round(float(far[-1]) / 1e3, 1),
        }
    return {"flights": rows, "worst_end_km": max(r["end_km"] for r in rows.values())}


def oakland(soundings: Sequence[Sounding], members: int) -> dict[str, Any]:
    rng = np.random.default_rng(20230116)
    seen, out = observe(soundings), dict[str, Any]()
    for j in range(1, len(soundings)):
        for name, part in (("one", seen.flight == j - 1), ("all", seen.flight < j)):
            analysis = analyse(seen.take(part))
            later = soundings[j]
            apart = (later.time_s[0] - soundings[j - 1].time_s[0]) / HOUR_S
            row = {"lag_h": round(float(apart), 1), **told(ends(later, drive(analysis, later, members, rng)))}
            row["persistence_miss_km"] = round(float(np.hypot(*persisted(soundings[j - 1], later).mean)), 2)
            out[f"{later.station} from {name} before"] = row
            if name == "all" and j == len(soundings) - 1:
                out["scales"] = scales(analysis.fit)
    return out


def shab(flights: Sequence[Sounding], members: int) -> dict[str, Any]:
    """Drive each balloon of a day with all others of that day, from its start, at hours after it."""
    rng = np.random.default_rng(20220822)
    out: dict[str, Any] = {}
    for later in flights:
        drivers = [f for f in flights if f is not later and abs(f.time_s[0] - later.time_s[0]) < 12 * HOUR_S]
        if not drivers:
            continue
        analysis = analyse(observe(drivers))
        paths = drive(analysis, later, members, rng)
        at, lon, lat, _, _ = paths
        rows: dict[str, Any] = {}
        for hours in SHAB_HOURS:
            if later.time_s[-1] - later.time_s[0] < hours * HOUR_S:
                continue
            row = told(ends(later, paths, hours * HOUR_S))
            rows[f"{hours} h"] = {**row, "nearest_miss_km": nearest_miss(drivers, later, hours * HOUR_S)}
        mean = analysis.sample(later.time_s[at], later.pressure_pa[at], lat, lon)
        high = np.concatenate([d.pressure_pa for d in drivers]).min()
        above = later.pressure_pa[at] < high * np.exp(0.05)
        rows["spread_mps"] = {
            "at heights the others sampled": _mean_sd(mean, ~above),
            "above them": _mean_sd(mean, above),
        }
        rows["scales"] = scales(analysis.fit)
        out[f"{later.station} from {', '.join(d.station for d in drivers)}"] = rows
    return out


def nearest_miss(drivers: Sequence[Sounding], later: Sounding, after_s: float) -> float:
    """Miss of the simple method: at each moment the wind of the others' sample nearest in height."""
    at = nodes(later)
    alt, u, v = (np.concatenate([getattr(d, n) for d in drivers]) for n in ("alt_msl_m", "u_mps", "v_mps"))
    k = np.abs(later.alt_msl_m[at][:, None] - alt[None]).argmin(axis=1)
    lon, lat = carry(later, at, u[k][None], v[k][None])
    return round(float(np.hypot(*ends(later, (at, lon[0], lat[0], lon, lat), after_s).mean)), 2)


def _mean_sd(found: Any, part: npt.NDArray[np.bool_]) -> list[float] | None:
    if not part.any():
        return None
    return [round(float(np.sqrt(np.mean(sd[part] ** 2))), 2) for sd in (found.u_sd_mps, found.v_sd_mps)]


def descents(flights: Sequence[Sounding], members: int) -> dict[str, Any]:
    """Drive each flight's descent with the wind of its ascent."""
    rng = np.random.default_rng(2018)
    out: dict[str, Any] = {}
    seen = observe(flights)
    fits = [fit_others(seen, part) for part in range(5)]
    for number, flight in enumerate(flights):
        top = int(np.argmax(flight.alt_msl_m))
        up, down = cut(flight, 0, top + 1), cut(flight, top, flight.time_s.size)
        if up.time_s.size < 3 or down.time_s.size < 3:
            out[flight.station] = f"left out: {up.time_s.size} winds up, {down.time_s.size} down"
            continue
        analysis = analyse(observe([up]), fit=fits[number % 5])
        row = told(ends(down, drive(analysis, down, members, rng)))
        row["persistence_miss_km"] = round(float(np.hypot(*persisted(up, down).mean)), 2)
        out[flight.station] = row
    rows = [r for r in out.values() if isinstance(r, dict)]
    miss = np.array([r["miss_km"] for r in rows])
    out["summary"] = {
        "flights": len(rows),
        "median_miss_km": round(float(np.median(miss)), 2),
        "p90_miss_km": round(float(np.quantile(miss, 0.9)), 2),
        "inside_90": int(sum(r["inside_90"] for r in rows)),
        "energy_score_km": round(float(np.mean([r["energy_score_km"] for r in rows])), 2),
        "persistence_median_km": round(float(np.median([r["persistence_miss_km"] for r in rows])), 2),
    }
    out["scales"] = scales(fits[0])
    return out


def fit_others(seen: Observations, part: int) -> Fit:
    """Scales from the flights outside one part of five; flights share the numbers and nothing else."""
    kept = seen.take(seen.flight % 5 != part)
    at = points(kept.time_s, kept.pressure_pa, kept.lat_deg, kept.lon_deg)
    wind = np.stack([kept.u_mps, kept.v_mps], axis=1)
    return fit_scales(at, wind, kept.sd_mps, group=kept.flight)


def scales(fit: Fit) -> list[dict[str, Any]]:
    rows = [
        {
            k: v if isinstance(v, str) else (None if not np.isfinite(v) else round(float(v), 3))
            for k, v in row.items()
        }
        for row in describe(fit)
    ]
    noise = {"term": "noise", "u m/s": round(fit.noise_mps[0], 3), "v m/s": round(fit.noise_mps[1], 3)}
    return [*rows, noise]


# --- all together --------------------------------------------------------------------------------------


def read_all(folder: Path, pattern: str, read: Any) -> list[Sounding]:
    found = [
        fill_heights(s) for path in sorted(folder.glob(pattern)) for s in read(path) if s.time_s.size > 2
    ]
    return sorted(found, key=lambda s: float(s.time_s[0]))


def print_table(result: dict[str, Any], indent: str = "") -> None:
    for key, value in result.items():
        if key == "scales":
            continue
        if isinstance(value, dict) and any(isinstance(v, dict) for v in value.values()):
            print(f"{indent}{key}")
            print_table(value, indent + "  ")
        else:
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            print(f"{indent}{key}: {text}")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--only", nargs="*", default=ALL, help="parts; the others stay as the JSON has them")
    asked = parser.parse_args(argv)
    started = clock.monotonic()
    arm = read_all(asked.data / "arm", "*.cdf", read_soundings)
    twp = [s for s in arm if "twp" in Path(s.file).name]
    parts: dict[str, Any] = {
        "own": lambda: own(arm),
        "darwin": lambda: darwin(twp, asked.members),
        "oakland": lambda: oakland(read_all(asked.data / "rs41_oak", "*.csv", read_soundings), asked.members),
        "shab": lambda: shab(read_all(asked.data / "shab", "*.csv", read_flights), asked.members),
        "pyballoon": lambda: descents(
            read_all(asked.data / "pyballoon", "*.csv", read_flights), asked.members
        ),
    }
    result: dict[str, Any] = {"members": asked.members, "python": platform.python_version()}
    if asked.json and asked.json.exists() and asked.only != ALL:
        result = json.loads(asked.json.read_text(encoding="utf-8")) | result
    for name in asked.only:
        result[name] = parts[name]()
        print(f"\n{name} ({clock.monotonic() - started:.0f} s)", flush=True)
        print_table(result[name], "  ")
    if asked.json:
        asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
