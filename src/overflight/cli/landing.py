"""`overflight landing`: where the pieces come down if a flight ends, and when that is least risky."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli import flight_winds, flights
from overflight.cli.flight_winds import FlightWinds
from overflight.cli.flights import Error
from overflight.cli.forecast import (
    AtOption,
    ErrorOption,
    JsonOption,
    LatOption,
    LonOption,
    PlaceSpreadOption,
    PressureOption,
    SeedOption,
    TerrainOption,
    WindsOption,
    read_ground,
)
from overflight.cli.screen import Progress, note, say, say_json, share_bar
from overflight.errors import InputError
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

    from overflight.places.population import Raster
    from overflight.trajectories.fragments import Fragment
    from overflight.trajectories.landing import Cloud, Landing
    from overflight.trajectories.landing_windows import LandingWindows

SETS = ("large", "sounding")
MEMBERS, WINDOW_MEMBERS = 2_000, 500
# Places of a flight that is given as one place with a spread.
PLACES = 500
# The longest fall that winds are read for: pieces that fall slower than 1 m/s are still on their way.
FALL_S = 6 * HOUR_S
SHOWN_WINDOWS = 5


class Per(StrEnum):
    """What a population raster counts by."""

    CELL = "cell"
    KM2 = "km2"


class By(StrEnum):
    """What the windows of least risk are of."""

    LAND = "land"
    POPULATED = "populated"


def landing(
    flight: Annotated[
        Path | None,
        typer.Argument(
            metavar="FLIGHT", help="An ensemble: forecast.nc, flight.nc or a .zarr; without it, a place."
        ),
    ] = None,
    moment: Annotated[
        str | None, typer.Option("--time", "-t", metavar="TIME", help="When the flight ends, UTC.")
    ] = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Ask for ends from here on ...")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="... to here: when is the risk least?")
    ] = None,
    every: Annotated[str, typer.Option(metavar="DURATION", help="Time between the ends asked.")] = "30min",
    at: AtOption = None,
    lat: LatOption = None,
    lon: LonOption = None,
    altitude: Annotated[
        str | None, typer.Option("--altitude", "-z", metavar="HEIGHT", help="Of a place: 18km, 60000ft.")
    ] = None,
    pressure: PressureOption = None,
    spread_km: PlaceSpreadOption = 0.0,
    spread_alt: Annotated[
        float, typer.Option(metavar="M", help="How well the height of a place is known, m.")
    ] = 0.0,
    fragments: Annotated[
        str,
        typer.Option(
            metavar="SET|FILE", help="Pieces: large, sounding, or a .csv or .toml; docs/landing.md."
        ),
    ] = "large",
    winds: WindsOption = None,
    error: ErrorOption = Error.AUTO,
    terrain: TerrainOption = None,
    population: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Raster of people: GeoTIFF or ESRI ASCII.")
    ] = None,
    per: Annotated[Per, typer.Option(help="What it counts by.")] = Per.CELL,
    populated_from: Annotated[
        float, typer.Option(min=0.0, help="People from which on a cell counts as populated.")
    ] = 1.0,
    by: Annotated[
        By | None, typer.Option(help="Risk of the windows; people where a raster is given.")
    ] = None,
    hold_below: Annotated[
        str, typer.Option(metavar="HEIGHT", help="How far the lowest wind goes on below its level.")
    ] = "1km",
    members: Annotated[
        int | None, typer.Option("--members", "-n", min=2, help="Pieces a class; 2000, or 500 for windows.")
    ] = None,
    seed: SeedOption = 1,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for data and pictures.")] = Path("landing"),
    plot: Annotated[bool, typer.Option("--plot/--no-plot", help="Draw the map and the risk.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Say where the pieces come down if a flight ends at a time, with chances and their error.

    The flight is an ensemble that forecast or assess wrote, or a place with its spread. With --from and --to
    it asks every half hour and tells the windows in which the risk on the ground is least. For safety below:
    what to warn, what to clear, where to search.

    The winds must reach the ground; the prior ends at 9 km. Pieces of a class that is not yours are assumed.

    \b
    overflight landing forecast/forecast.nc --time 2023-02-04T19:39Z --winds gfs.nc
    overflight landing forecast/forecast.nc --from 2023-02-04T12:00Z --to 2023-02-05T00:00Z --winds gfs.nc
    overflight landing --at 33.6 -78.7 --altitude 19km --time 2023-02-04T19:39Z --winds gfs.nc --spread-km 2
    overflight landing flight.nc -t 2024-05-01T14:00Z -w gfs.nc --fragments pieces.csv --terrain N40W106.hgt
    """
    begun = time.monotonic()
    windowed = begin is not None or end is not None
    if moment is None and not windowed:
        raise InputError(
            "when the flight ends is missing", field="--time", remedy="Give --time, or --from and --to."
        )
    if windowed and flight is None:
        raise InputError(
            "windows are of a flight, not of a place",
            field="--from",
            remedy="Give an ensemble, such as forecast.nc, or --time.",
        )
    with share_bar() as tell:
        time_s = None if moment is None else flights.moment(moment)
        ends = _ends(begin, end) if windowed else None
        pieces = read_pieces(fragments)
        held_m = flights.length_m(hold_below, "--hold-below") or 0.0
        source: xr.Dataset | Cloud = (
            _place_cloud(flights.place(at, lat, lon), altitude, pressure, time_s, spread_km, spread_alt, seed)
            if flight is None
            else _read_flight(flight, (at, lat, lon, altitude, pressure), tell)
        )
        found = _winds(winds or (), source, time_s, ends, tell)
        shared: dict[str, Any] = {
            "seed": seed,
            "error": _error(error),
            "terrain": read_ground(terrain, tell),
            "population": read_people(population, per, tell),
            "populated_from": populated_from,
            "hold_below_m": held_m,
        }
        windows = None
        if ends is not None:
            windows = _windows(source, pieces, found, ends, every, by, members, shared, tell)
            time_s = _best(windows) if time_s is None else time_s
        come = None if time_s is None else _landing(source, time_s, pieces, found, members, shared, tell)
        told = _told(come, windows, found, seed)
        written = _write(come, windows, told, out, plot, tell)
    told["seconds"] = round(time.monotonic() - begun, 2)
    if as_json:
        say_json({**_plain(told), "paths": {path.name: str(path) for path in written}})
        return
    for line in lines(told):
        say(line)
    for text in told["notes"]:
        note(f"  Note: {text}")
    for path in written:
        say(str(path))


def read_pieces(word: str) -> tuple[Fragment, ...]:
    """Return the classes of pieces that --fragments names."""
    from overflight.trajectories.fragmentfile import read_fragments
    from overflight.trajectories.fragments import LARGE_FRAGMENTS, SOUNDING_FRAGMENTS

    if word in SETS:
        return LARGE_FRAGMENTS if word == "large" else SOUNDING_FRAGMENTS
    if not Path(word).is_file():
        raise InputError(
            f"'{word[:60]}' is no file and no set",
            field="--fragments",
            remedy=f"Give a .csv or .toml, or one of {', '.join(SETS)}.",
        )
    return read_fragments(word)


def read_people(path: Path | None, per: Per, tell: Progress) -> Raster | None:
    """Read the population raster."""
    from overflight.places.population import read_population

    if path is None:
        return None
    tell("reading the population", 0.0)
    return read_population(path, per=per.value)


def _error(error: Error) -> Any:
    word = flights.error_of(error)
    return "auto" if word == "default" else word


def _ends(begin: str | None, end: str | None) -> tuple[float, float]:
    if begin is None or end is None:
        raise InputError("one end is missing", field="--from, --to", remedy="Give both.")
    low, high = flights.moment(begin, "--from"), flights.moment(end, "--to")
    if not low < high:
        raise InputError("--to is not after --from", field="--to", remedy="Exchange them.")
    return low, high


def _read_flight(path: Path, beside: tuple[Any, ...], tell: Progress) -> xr.Dataset:
    from overflight.exports.netcdf import read_ensemble
    from overflight.exports.zarr import read_ensemble_zarr

    if any(one is not None for one in beside):
        raise InputError("a place stands beside the flight", field="--at", remedy="Give one of the two.")
    if not path.exists():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    tell("reading the flight", 0.0)
    return read_ensemble_zarr(path) if path.is_dir() else read_ensemble(path)


def _place_cloud(
    where: tuple[float, float],
    altitude: str | None,
    pressure: float | None,
    time_s: float | None,
    spread_km: float,
    spread_alt_m: float,
    seed: int,
) -> Cloud:
    """Return a cloud about a place: normal in the plane and in height."""
    import numpy as np

    from overflight.atmosphere import alt_from_pressure, pressure_pa
    from overflight.geo import destination
    from overflight.trajectories.landing import Cloud

    alt, given = flights.length_m(altitude, "--altitude"), flights.pressure_pa(pressure)
    if (alt is None) == (given is None):
        raise InputError(
            "the height is missing or given twice", field="--altitude", remedy="Give it, or --pressure."
        )
    for name, value in (("--spread-km", spread_km), ("--spread-alt", spread_alt_m)):
        if not 0.0 <= value < 1e6:
            raise InputError(f"{value:g} is no spread", field=name, remedy="Give zero or more.")
    count = 1 if spread_km == spread_alt_m == 0.0 else PLACES
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    east, north, up = rng.standard_normal((3, count)).clip(-4.0, 4.0)
    lon, lat = destination(
        np.full(count, where[0]), np.full(count, where[1]),
        np.degrees(np.arctan2(east, north)), spread_km * 1e3 * np.hypot(east, north),
    )  # fmt: skip
    level = alt if alt is not None else float(alt_from_pressure(given or 0.0))
    pressures = np.asarray(pressure_pa(np.clip(level + spread_alt_m * up, -400.0, 75e3)), np.float64)
    return Cloud(
        time_s=time_s or 0.0, lon_deg=lon, lat_deg=lat, pressure_pa=np.atleast_1d(pressures),
        weight=np.full(count, 1.0 / count),
    )  # fmt: skip


def _winds(
    words: Sequence[str],
    source: xr.Dataset | Cloud,
    time_s: float | None,
    ends: tuple[float, float] | None,
    tell: Progress,
) -> FlightWinds:
    times = [t for t in (time_s, *(ends or ())) if t is not None]
    return flight_winds.choose(words, (min(times), max(times) + FALL_S), None, tell)


def _windows(
    source: Any,
    pieces: Sequence[Fragment],
    found: FlightWinds,
    ends: tuple[float, float],
    every: str,
    by: By | None,
    members: int | None,
    shared: Mapping[str, Any],
    tell: Progress,
) -> LandingWindows:
    from overflight.trajectories.landing_windows import landing_windows

    tell("looking for the least risk", 0.0)
    return landing_windows(
        source, pieces, found.winds, time_start=ends[0], time_end=ends[1],
        every_s=flights.duration_s(every, "--every") or 0.0, by=None if by is None else by.value,
        members=members or WINDOW_MEMBERS,
        progress=lambda share: tell("looking for the least risk", share), **shared,
    )  # fmt: skip


def _best(windows: LandingWindows) -> float | None:
    judged = [row for row in windows.times if row.alike is not None]
    return min(judged, key=lambda row: row.risk.p).time_s if judged else None


def _landing(
    source: Any,
    time_s: float,
    pieces: Sequence[Fragment],
    found: FlightWinds,
    members: int | None,
    shared: Mapping[str, Any],
    tell: Progress,
) -> Landing:
    from overflight.trajectories.landing import landing as let_fall

    tell("letting the pieces fall", 0.0)
    return let_fall(
        source, time_s, pieces, found.winds, members=members or MEMBERS,
        progress=lambda share: tell("letting the pieces fall", share), **shared,
    )  # fmt: skip


def _told(
    come: Landing | None, windows: LandingWindows | None, found: FlightWinds, seed: int
) -> dict[str, Any]:
    """Return the answer as values."""
    from overflight.times import iso_utc

    assumed = come is not None and any("assumed" in fall.fragment.basis for fall in come.falls)
    notes = [*found.notes]
    notes += ["the pieces are assumed; give your own with --fragments"] if assumed else []
    for part in (come, windows):
        notes += [text for text in (part.notes if part else ()) if text not in notes]
    return {
        "overflight": __version__,
        "time": None if come is None else iso_utc(come.time_s),
        "winds": {"title": found.title, "reach": found.reach, "prior": found.is_prior},
        "seed": seed,
        "members": 0 if come is None else int(come.falls[0].landed.size),
        "fragments": [] if come is None else [_fragment_row(fall, come) for fall in come.falls],
        "windows": None if windows is None else _window_rows(windows),
        "findings": [*(come.findings if come else ()), *(windows.findings if windows else ())],
        "notes": notes,
    }


def _fragment_row(fall: Any, come: Landing) -> dict[str, Any]:
    """Return what the findings of one class say, by quantity."""
    head = f"landing.{fall.fragment.name}."
    mine = {f.id.removeprefix(head): f for f in come.findings if f.id.startswith(head)}
    row: dict[str, Any] = {"name": fall.fragment.name, "basis": fall.fragment.basis}
    for name, finding in mine.items():
        value: dict[str, Any] = (
            dict(finding.value or {}) if finding.kind != "undetermined" else {"why": finding.reason}
        )
        if "monte_carlo_sd" in finding.given:
            value["sd"] = float(finding.given["monte_carlo_sd"])
        row[name] = value
    row["regions"] = [
        {"level": region.level, "area_km2": float(f"{region.area_km2:.4g}")} for region in fall.regions
    ]
    return row


def _window_rows(found: LandingWindows) -> dict[str, Any]:
    from overflight.times import iso_utc

    def finite(chance: Any) -> dict[str, float] | None:
        return None if chance.p != chance.p else {"p": chance.p, "sd": chance.sd}

    return {
        "by": found.by,
        "tied": found.tied,
        "least": [[iso_utc(a), iso_utc(b)] for a, b in found.windows],
        "times": [
            {
                "time": iso_utc(row.time_s), "risk": finite(row.risk), "alike": row.alike,
                "land": {name: finite(c) for name, c in row.land.items()},
                "populated": {name: finite(c) for name, c in row.populated.items()},
                "aloft_share": row.aloft_share, "landed_share": row.landed_share,
            }
            for row in found.times
        ],
    }  # fmt: skip


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    from overflight.report.result import record_dict

    return {**told, "findings": [record_dict(finding) for finding in told["findings"]]}


def _write(
    come: Landing | None,
    windows: LandingWindows | None,
    told: Mapping[str, Any],
    out: Path,
    plot: bool,
    tell: Progress,
) -> list[Path]:
    from overflight.exports.atomic import replace_bytes
    from overflight.exports.landing import write_landing_geojson, write_landing_kml
    from overflight.report.landing_plots import draw_landing, draw_risks
    from overflight.report.result import result_json

    tell("writing", 0.0)
    out.mkdir(parents=True, exist_ok=True)
    title = f"If the flight ends at {told['time']}; winds: {told['winds']['title'][:60]}"
    written = [out / "landing.json"]
    replace_bytes(written[0], result_json(_plain(told)))
    if come is not None:
        written += [out / "landing.geojson", out / "landing.kml"]
        write_landing_geojson(come, written[1])
        write_landing_kml(come, written[2], title=title)
        drawn = draw_landing(come, out / "landing-map.png", title=title) if plot else None
        written += [drawn] if drawn else []
    if windows is not None and plot:
        written.append(
            draw_risks(windows, out / "landing-risk.png", title=f"Winds: {told['winds']['title'][:60]}")
        )
    return written


def lines(told: Mapping[str, Any]) -> list[str]:
    """Return the answer as lines for a terminal."""
    out = []
    if told["time"]:
        out.append(f"If the flight ends at {told['time']} ({told['members']} members, seed {told['seed']}; "
                   f"winds: {told['winds']['title']})")  # fmt: skip
    for row in told["fragments"]:
        out += _fragment_lines(row)
    if told["windows"]:
        out += _window_lines(told["windows"])
    return out


def _fragment_lines(row: Mapping[str, Any]) -> list[str]:
    from overflight.report.text import interval
    from overflight.trajectories.landing_answers import area_words

    place = row.get("place", {})
    if "why" in place:
        return [f"  {row['name']}: not to be told: {place['why']}"]
    middle = str(place["category"]).split(";")[0]
    areas = [f"{100 * r['level']:.0f} % within {area_words(r['area_km2'])}" for r in row["regions"]]
    out = [f"  {row['name']}: {middle}; {', '.join(areas)}"]
    lost = 1.0 - float(row["followed"]["p"])
    words = [
        f"down {interval(row['time'], 'posix_s')}",
        f"{row['distance']['p50'] / 1e3:.0f} km away ({row['distance']['p05'] / 1e3:.0f}-"
        f"{row['distance']['p95'] / 1e3:.0f})",
        f"at {row['fall_speed']['p50']:.0f} m/s ({row['fall_speed']['p05']:.0f}-"
        f"{row['fall_speed']['p95']:.0f})",
    ]
    out.append(f"    {', '.join(words)}")
    chances = {
        "land": "on land",
        "near_coast": "within 2 km of the coast",
        "populated": "on a populated cell",
    }
    for name, phrase in chances.items():
        if name in row:
            out.append(f"    {phrase}: {chance_words(row[name])}")
    if "people_near" in row:
        out.append(f"    people within 100 m: {row['people_near']['p50']:.3g} "
                   f"({row['people_near']['p05']:.3g}-{row['people_near']['p95']:.3g})")  # fmt: skip
    if lost > 0.0:
        out.append(f"    {100 * lost:.2g} % of the members left the winds; the rest is told")
    return out


def chance_words(value: Mapping[str, Any]) -> str:
    """Write a chance with its Monte Carlo error: '37 % ± 2 %'."""
    from overflight.words import percent

    if "why" in value:
        return f"undetermined: {value['why']}"
    return f"{percent(float(value['p']))} ± {100 * float(value.get('sd', 0.0)):.1f} %"


def _window_lines(found: Mapping[str, Any]) -> list[str]:
    from overflight.trajectories.landing_answers import REMEDY
    from overflight.trajectories.landing_windows import WORDS

    risky = [row["risk"]["p"] for row in found["times"] if row["risk"]]
    head = f"  Least chance that {WORDS[found['by']]}, over {len(found['times'])} times:"
    if not found["least"]:
        return [
            head,
            "    not to be told: too few pieces come down within the winds at any time",
            f"    {REMEDY}",
        ]
    span = f" (from {100 * min(risky):.0f} to {100 * max(risky):.0f} %)" if risky else ""
    if found["tied"]:
        return [head, f"    no time is better than another{span}"]
    shown = [a if a == b else f"{a} to {b}" for a, b in found["least"][:SHOWN_WINDOWS]]
    more = len(found["least"]) - len(shown)
    return [f"{head}{span}", *[f"    {text}" for text in shown], *([f"    and {more} more"] if more else [])]
