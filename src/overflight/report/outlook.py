"""What a forecaster asks of an ensemble first: where it is when, over which countries, and how it ends.

Numbers for JSON, and lines for a terminal. Radii are about the median place: those that hold 50 and 90 % of
the weight still aloft. They say how far, not where: the regions on the map do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from overflight.balloons import codes
from overflight.crossings import crossings
from overflight.geo import distance_m
from overflight.places.borders import countries_met, country
from overflight.records import weighted_quantile
from overflight.regions import median_track
from overflight.report.text import interval
from overflight.times import from_datetime64, iso_utc, short_utc
from overflight.trajectories.steps import NO_AIR
from overflight.trajectories.stops import END_CODES, FINISHED, GROUND_UNKNOWN, STOPPED
from overflight.units import FOOT_M, HOUR_S
from overflight.winds.interpolate import WIND_STATUS
from overflight.words import percent

if TYPE_CHECKING:
    import xarray as xr

Float64s = npt.NDArray[np.float64]
Row = dict[str, Any]

# Hours after the start that are told, as far as the run goes.
HOURS = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 6, 12, 24, 48, 72, 96, 120, 168, 240, 336, 480, 720)
# No more rows than these in a terminal.
MOST_ROWS = 8
MOST_COUNTRIES = 12
# Members that countries are looked for with: more do not move the shares that are printed.
COUNTRY_MEMBERS = 2_000
# How ends are told to people, by the words of END_CODES; those that are not here read well as they are.
END_WORDS = {
    **{
        f"lost the wind: {WIND_STATUS[code]}": words
        for code, words in (
            (1, "came to the end of the winds in time"),
            (2, "left the heights that the winds cover"),
            (3, "left the latitudes that the winds cover"),
            (4, "left the longitudes that the winds cover"),
            (5, "came to where the winds have no value"),
        )
    },
    **{
        END_CODES[STOPPED + code]: words
        for code, words in (
            (codes.ALTITUDE_ABOVE, "rose to the height of its stop"),
            (codes.ALTITUDE_BELOW, "sank to the height of its stop"),
            (codes.PRESSURE_ABOVE, "sank to the pressure of its stop"),
            (codes.PRESSURE_BELOW, "rose to the pressure of its stop"),
            (codes.DENSITY_BELOW, "rose to the density of its stop"),
            (codes.GROUND, "came to the ground"),
            (codes.DURATION, "came to the end of its last stage"),
            (codes.AT, "came to the time of its stop"),
            (codes.SUN_ABOVE, "ended when the sun stood high enough"),
            (codes.SUN_BELOW, "ended when the sun stood low enough"),
            (codes.STORE_EMPTY, "ran out of ballast or energy"),
            (codes.SIGNED, "came to the border"),
        )
    },
    END_CODES[GROUND_UNKNOWN]: "came to the ground, taken as the ellipsoid where the terrain has no height",
    END_CODES[NO_AIR]: "left the standard atmosphere",
}


def outlook(ensemble: xr.Dataset, start_s: float, *, hours: Sequence[float] = HOURS) -> Row:
    """Return positions, countries and ends of a flight ensemble, as values for JSON.

    `start_s` is when the flight starts, POSIX seconds; the hours count from it, back in time for an ensemble
    of kind 'origin'.
    """
    return {
        "kind": str(ensemble.attrs["kind"]),
        "members": int(ensemble.sizes["member"]),
        "positions": _positions(ensemble, start_s, hours),
        "countries": _countries(ensemble),
        "ends": _ends(ensemble),
    }


def _positions(ensemble: xr.Dataset, start_s: float, hours: Sequence[float]) -> list[Row]:
    time_s = from_datetime64(ensemble["time"].values)
    sign = -1.0 if ensemble.attrs["kind"] == "origin" else 1.0
    aloft = np.isfinite(ensemble["lon"].values).any(axis=0)
    if not aloft.any():
        return []
    reach = max(sign * (time_s[aloft] - start_s)) / HOUR_S
    wanted = [h for h in hours if h <= reach + 1e-6]
    if not wanted or reach - wanted[-1] > 0.02 * reach:
        wanted.append(float(reach))
    rows: dict[int, Row] = {}
    for hour in wanted:
        index = int(np.abs(time_s - (start_s + sign * hour * HOUR_S)).argmin())
        # Between kept times nothing is told, but of the last one.
        off = abs(abs(time_s[index] - start_s) - hour * HOUR_S)
        if index not in rows and (off <= 60.0 or hour is wanted[-1]):
            rows[index] = _position(ensemble, index, sign * (time_s[index] - start_s) / HOUR_S)
    return list(rows.values())


def _position(ensemble: xr.Dataset, index: int, hours: float) -> Row:
    at = ensemble.isel(time=index)
    lon, lat, alt = (at[name].values.astype(float) for name in ("lon", "lat", "alt_m"))
    aloft = np.isfinite(lon)
    weight = np.where(aloft, at["weight"].values.astype(float), 0.0)
    row: Row = {
        "time": iso_utc(float(from_datetime64(at["time"].values[None])[0])),
        "hours": round(hours, 3) + 0.0,
        "aloft_share": float(weight.sum()),
    }
    if not aloft.any() or not weight.sum() > 0.0:
        return row
    middle = median_track(lon[aloft, None], lat[aloft, None], weight[aloft])[:, 0]
    away = distance_m(middle[0], middle[1], lon[aloft], lat[aloft])
    r50, r90 = weighted_quantile(away, weight[aloft], (0.5, 0.9))
    p05, p50, p95 = weighted_quantile(alt[aloft], weight[aloft], (0.05, 0.5, 0.95))
    return {
        **row,
        "lon_deg": float(middle[0]),
        "lat_deg": float(middle[1]),
        "radius50_m": float(r50),
        "radius90_m": float(r90),
        "alt_m": {"p05": float(p05), "p50": float(p50), "p95": float(p95)},
    }


def _countries(ensemble: xr.Dataset) -> list[Row]:
    every = max(1, math.ceil(ensemble.sizes["member"] / COUNTRY_MEMBERS))
    some = ensemble.isel(member=slice(None, None, every)).load()
    some["weight"] = some["weight"] / float(some["weight"].sum())
    met = countries_met(some["lon"].values, some["lat"].values)[:MOST_COUNTRIES]
    found = crossings(some, [country(code) for code in met])
    names = ("area", "name", "probability", "enters", "starts_inside", "entry", "exit", "hours_inside")
    rows = [{name: row[name] for name in names} for row in found.table]
    return sorted(rows, key=lambda row: (-float(row["probability"]), str(row["area"])))


def _ends(ensemble: xr.Dataset) -> list[Row]:
    if "end_code" not in ensemble:
        return []
    ended, weight = ensemble["end_code"].values, ensemble["weight"].values.astype(float)
    lon, lat = ensemble["end_lon"].values, ensemble["end_lat"].values
    rows = []
    for code in np.unique(ended):
        here = ended == code
        time = weighted_quantile(ensemble["end_time_s"].values[here], weight[here], (0.05, 0.5, 0.95))
        middle = median_track(lon[here, None], lat[here, None], weight[here])[:, 0]
        away = distance_m(middle[0], middle[1], lon[here], lat[here])
        r50, r90 = weighted_quantile(away, weight[here], (0.5, 0.9))
        rows.append(
            {
                "end": END_CODES[int(code)],
                "lost": FINISHED < int(code) < STOPPED,
                "share": float(weight[here].sum()),
                "members": int(here.sum()),
                "time_s": dict(zip(("p05", "p50", "p95"), map(float, time), strict=True)),
                "lon_deg": float(middle[0]),
                "lat_deg": float(middle[1]),
                "radius50_m": float(r50),
                "radius90_m": float(r90),
            }
        )
    return sorted(rows, key=lambda row: -float(row["share"]))


def lines(seen: Mapping[str, Any]) -> list[str]:
    """Return the outlook as lines for a terminal."""
    out = ["  time (UTC)       hours   place (median)        50 % in  90 % in   height (5-95 %)        aloft"]
    out += [_position_line(row) for row in _thinned(seen["positions"])]
    over = [row for row in seen["countries"] if row["probability"] >= 0.005]
    if over:
        back = " (going back in time)" if seen["kind"] == "origin" else ""
        out.append(f"  Over{back}:")
        out += [_country_line(row) for row in over]
    if seen["ends"]:
        out.append("  How it ends:")
        out += [_end_line(row) for row in seen["ends"]]
    return out


def _thinned(rows: Sequence[Row]) -> list[Row]:
    if len(rows) <= MOST_ROWS:
        return list(rows)
    # Late hours say more than early ones.
    return [rows[0], *rows[len(rows) - MOST_ROWS + 1 :]]


def _position_line(row: Row) -> str:
    head = f"  {short_utc_of(row['time']):<15} {row['hours']:6.1f}   "
    if "lon_deg" not in row:
        return f"{head}nobody aloft"
    # Rounded to the metre: a start on the ellipsoid may come out a hair below it.
    alt = {name: round(value) + 0.0 for name, value in row["alt_m"].items()}
    height = (
        f"{alt['p50'] / 1e3:5.2f} km ({alt['p05'] / 1e3:.2f} to {alt['p95'] / 1e3:.2f}), "
        f"{alt['p50'] / FOOT_M / 1e3:.1f} kft"
    )
    radii = f"{distance_words(row['radius50_m']):>8} {distance_words(row['radius90_m']):>8}"
    where = place_words(row["lon_deg"], row["lat_deg"])
    return f"{head}{where:<20} {radii}   {height:<30} {share_words(row['aloft_share'])}"


def short_utc_of(iso: str) -> str:
    """Write a time of the outlook short: '28 Jan 05:00Z'."""
    from overflight.times import parse_utc

    return short_utc(parse_utc(iso))


def _country_line(row: Row) -> str:
    text = f"    {share_words(row['probability']):>5}  {row['name']}"
    if row["starts_inside"] > 0.5:
        text += ", from the start"
        return text + (f"; out {interval(row['exit'], 'posix_s')}" if row["exit"] else "")
    return text + (f", in {interval(row['entry'], 'posix_s')}" if row["entry"] else "")


def _end_line(row: Row) -> str:
    text = f"    {share_words(row['share']):>5}  {END_WORDS.get(row['end'], row['end'])}"
    if row["end"] == END_CODES[FINISHED]:
        return text
    text += f", {interval(row['time_s'], 'posix_s')}, about {place_words(row['lon_deg'], row['lat_deg'])}"
    text += f", 90 % within {distance_words(row['radius90_m'])}"
    if row["lost"]:
        text += f" ({row['members']} members: what became of them is not known)"
    return text


def place_words(lon_deg: float, lat_deg: float) -> str:
    """Write a place: '46.80° N, 108.50° W'."""
    north, east = "N" if lat_deg >= 0 else "S", "E" if lon_deg >= 0 else "W"
    return f"{abs(lat_deg):.2f}° {north}, {abs(lon_deg):.2f}° {east}"


def share_words(share: float) -> str:
    """Write a share of the members: '37 %', 'all'."""
    return "all" if share > 1.0 - 1e-9 else percent(min(max(share, 0.0), 1.0))


def distance_words(length_m: float) -> str:
    """Write a distance in kilometres, with a decimal where it is short."""
    return f"{length_m / 1e3:.1f} km" if length_m < 9_950.0 else f"{length_m / 1e3:,.0f} km"
