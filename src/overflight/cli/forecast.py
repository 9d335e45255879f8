"""`overflight forecast` and `overflight backtrack`: an ensemble of one flight, its pictures and its data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight import __version__
from overflight.cli import flight_winds, flights
from overflight.cli.flight_winds import FlightWinds
from overflight.cli.flights import Asked, Error, Kind
from overflight.cli.screen import Progress, note, say, say_json, share_bar
from overflight.errors import CoverageError, InputError
from overflight.units import HOUR_S

if TYPE_CHECKING:
    import xarray as xr

    from overflight.balloons.terms import Flight
    from overflight.trajectories.ensemble import Spread, Start
    from overflight.trajectories.solve import HeightMap

FORMATS = ("nc", "zarr", "geojson", "kml", "czml")
USUAL_FORMATS = "nc,geojson,kml"
MEMBERS = 500
# Hours and times kept where nothing is said: a float is asked for days, what comes down for its flight.
FLOAT_HOURS, MOVING_HOURS = 72.0, 12.0
MOST_HOURS = 24.0 * 366
# Steps and errors of what crosses the air: a step at 5 m/s is 150 m, and the error turns every 300 m.
MOVING_STEP_S, MOVING_ERROR_S, FLOAT_ERROR_S = 30.0, 60.0, 1800.0
BLOCKS = 20  # parts of a run between which the bar moves
# Summary and pictures of an ensemble that is too large for memory are of so many of its members.
TOLD_MEMBERS = 5_000
# What the winds lack where no member begins, by code of `END_CODES`.
BEYOND = {
    1: "the winds have nothing of its time",
    2: "the winds have nothing of its height",
    3: "the winds have nothing of its latitude",
    4: "the winds have nothing of its longitude",
    5: "the winds have no value there",
}
PRIOR_LOWEST_PA = 300e2
# Members that all lose the wind sooner had none to begin with.
LEAST_FLIGHT_S = 60.0
# Fewer members tell no nine tenths.
FEWEST_TOLD = 30

LatOption = Annotated[float | None, typer.Option("--lat", help="Latitude of the start, degrees north.")]
LonOption = Annotated[float | None, typer.Option("--lon", help="Longitude, degrees east; west is negative.")]
AtOption = Annotated[
    tuple[float, float] | None, typer.Option("--at", metavar="LAT LON", help="Both at once: --at 46.8 -108.5")
]
TimeOption = Annotated[
    str, typer.Option("--time", "-t", metavar="TIME", help="Start, UTC, such as 2023-02-01T18:00Z.")
]
AltitudeOption = Annotated[
    str | None,
    typer.Option(
        "--altitude", "-z", metavar="HEIGHT", help="Height of the start: 18000, 18km, 60000ft (m if bare)."
    ),
]
PressureOption = Annotated[
    float | None, typer.Option("--pressure", "-p", metavar="HPA", help="Or its pressure, hPa.")
]
KindOption = Annotated[
    Kind,
    typer.Option(
        "--kind",
        "-k",
        help="float keeps its pressure, density is superpressure, sounding climbs, bursts and falls.",
    ),
]
AscentOption = Annotated[
    float | None,
    typer.Option(
        metavar="M/S", help="Climb at this rate; a float then climbs from the ground to --altitude."
    ),
]
BurstOption = Annotated[str | None, typer.Option(metavar="HEIGHT", help="Where a sounding bursts: 30km.")]
DescentOption = Annotated[
    float | None,
    typer.Option(
        "--descent-rate", "--parachute", metavar="M/S", help="Speed of the descent at sea level; 5 if unsaid."
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A number of the balloon, such as mass_kg=2.2; repeat it."
    ),
]
PlanOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A flight of several stages, TOML, in place of --kind; docs/forecast.md."
    ),
]
HoursOption = Annotated[
    float | None, typer.Option(metavar="H", help="How long, hours; 72, or 12 for what comes down.")
]
UntilOption = Annotated[
    str | None,
    typer.Option(metavar="AREA", help="End at this border: a country's code, or a GeoJSON file of areas."),
]
StepOption = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Step of the run: 5min; 30s for what crosses the air.")
]
KeepOption = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="Keep a position every 1h, 10min, ...; by length if unsaid."),
]
MembersOption = Annotated[
    int, typer.Option("--members", "-n", min=1, help="Flights of the ensemble: more are smoother and slower.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the random numbers.")]
WindsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--winds",
        "-w",
        metavar="FILE|STORE|CASE|prior",
        help="Winds to fly in; repeat it for files that follow in time. The prior if unsaid.",
    ),
]
ErrorOption = Annotated[
    Error, typer.Option(help="Error of the winds: by what they are, an analysis', the prior's, or none.")
]
PlaceSpreadOption = Annotated[
    float, typer.Option(metavar="KM", help="How well the place is known: one standard deviation, km.")
]
AltSpreadOption = Annotated[
    float | None,
    typer.Option(metavar="M", help="How well its level or burst is known, m; 0, or 1000 for a burst."),
]
TimeSpreadOption = Annotated[str | None, typer.Option(metavar="DURATION", help="How well the time is known.")]
RateSpreadOption = Annotated[
    float | None, typer.Option(metavar="PERCENT", help="Spread of rates of ascent and descent; 0, or 5.")
]
TerrainOption = Annotated[
    list[Path] | None,
    typer.Option(metavar="FILE", help="Elevation, .hgt or GeoTIFF; repeat it. The ellipsoid if unsaid."),
]
OutOption = Annotated[
    Path, typer.Option("--out", "-o", help="Folder for data and pictures; made if need be.")
]
FormatOption = Annotated[
    str, typer.Option("--format", "-f", metavar="LIST", help=f"What to write: {', '.join(FORMATS)}.")
]
PlotOption = Annotated[bool, typer.Option("--plot/--no-plot", help="Draw the map and the heights.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the summary.")]


def _command(backward: bool) -> Callable[..., None]:
    """Return the command: forward, or back in time. Its help is set beside."""

    def command(
        moment: TimeOption,
        at: AtOption = None,
        lat: LatOption = None,
        lon: LonOption = None,
        altitude: AltitudeOption = None,
        pressure: PressureOption = None,
        kind: KindOption = Kind.FLOAT,
        ascent_rate: AscentOption = None,
        burst: BurstOption = None,
        descent_rate: DescentOption = None,
        settings: SetOption = None,
        plan: PlanOption = None,
        hours: HoursOption = None,
        until: UntilOption = None,
        winds: WindsOption = None,
        error: ErrorOption = Error.AUTO,
        members: MembersOption = MEMBERS,
        seed: SeedOption = 1,
        spread_km: PlaceSpreadOption = 0.0,
        spread_alt: AltSpreadOption = None,
        spread_time: TimeSpreadOption = None,
        spread_rate: RateSpreadOption = None,
        terrain: TerrainOption = None,
        step: StepOption = None,
        keep: KeepOption = None,
        out: OutOption = Path("forecast" if not backward else "backtrack"),
        formats: FormatOption = USUAL_FORMATS,
        plot: PlotOption = True,
        as_json: JsonOption = False,
    ) -> None:
        asked = Asked(
            kind=kind,
            alt_m=flights.length_m(altitude, "--altitude"),
            pressure_pa=flights.pressure_pa(pressure),
            ascent_mps=ascent_rate,
            burst_m=flights.length_m(burst, "--burst"),
            descent_mps=descent_rate,
            settings=tuple(settings or ()),
            plan=plan,
            backward=backward,
        )
        wanted = read_formats(formats)
        begun = time.monotonic()
        with share_bar() as tell:
            ground = read_ground(terrain, tell)
            start = flights.start_of(asked, flights.place(at, lat, lon), flights.moment(moment), ground)
            flight = flights.flight_of(asked, None if until is None else flights.border(until, start))
            spread = flights.spread_of(
                asked, flight, spread_km, spread_alt, spread_rate,
                flights.duration_s(spread_time, "--spread-time") or 0.0,
            )  # fmt: skip
            time_end = _end(asked, start, hours)
            found = _winds(winds or (), asked, start, spread, time_end, tell)
            flown = _fly(
                flight, found, start, spread, time_end, asked, out,
                error=flights.error_of(error), members=members, seed=seed, terrain=ground,
                step_s=flights.duration_s(step, "--step"), keep_s=flights.duration_s(keep, "--keep"),
                store=wanted == ("zarr",), tell=tell,
            )  # fmt: skip
            told = tell_of(flown, start, found, tell)
            written = write(flown, out, wanted, plot, told, start, tell, stem_of(backward))
        told["seconds"] = round(time.monotonic() - begun, 2)
        _print(told, written, as_json)

    return command


forecast = _command(backward=False)
forecast.__name__ = "forecast"
forecast.__doc__ = """Forecast where a balloon goes: an ensemble of flights through winds with their error.

    Without --winds it flies in the climatological prior, the usual winds of the season with their wide
    spread, and says so. Prints where the flight is after some hours, within what distance half and nine
    tenths of the members lie, the countries below and how the flights end; writes data, map and heights.

    \b
    overflight forecast --at 46.8 -108.5 --time 2023-02-01T18:00Z --altitude 60000ft
    overflight forecast --at 46.8 -108.5 -t 2023-02-01T18:00Z -z 18km --winds gfs.nc --spread-alt 300
    overflight forecast --at 37.7 -122.2 -t 2024-05-01T12:00Z --kind sounding --burst 30km --winds gfs.nc
    overflight forecast --at 40 -105 -t 2024-05-01T15:00Z --kind solar --set diameter_m=6 -w gfs.nc
    overflight forecast --at 40 -105 -t 2024-05-01T15:00Z --ascent-rate 1.5 -z 12km -w gfs.nc
    overflight forecast --at 40 -105 -t 2024-05-01T15:00Z --plan flight.toml -w store.zarr --format nc,czml
    """

backtrack = _command(backward=True)
backtrack.__name__ = "backtrack"
backtrack.__doc__ = """Run a balloon back in time: where did what is here now come from?

    The same as forecast with the clock turned back: --time is when it was at the place, --hours how far
    back to go. A sounding that lies at the place goes up, past its burst and down to where it was let go.
    Gas, heat and power have no way back: take float, density, theta, height, control, ascent, descent or
    sounding.

    \b
    overflight backtrack --at 46.8 -108.5 --time 2023-02-01T18:00Z --altitude 60000ft --hours 96
    overflight backtrack --at 33.6 -78.7 -t 2023-02-04T19:39Z -z 19km --winds era5.nc --until CHN
    """


def read_formats(text: str) -> tuple[str, ...]:
    """Read the list of --format."""
    wanted = tuple(
        dict.fromkeys(word.strip().lower().lstrip(".") for word in text.split(",") if word.strip())
    )
    for word in wanted:
        if word not in FORMATS:
            raise InputError(
                f"'{word[:20]}' is no format", field="--format", remedy=f"Take some of {', '.join(FORMATS)}."
            )
    return wanted


def read_ground(files: Sequence[Path] | None, tell: Progress) -> HeightMap | None:
    """Read the terrain."""
    from overflight.places.terrain import read_terrain

    if not files:
        return None
    tell("reading the terrain", 0.0)
    return read_terrain(files)


def stem_of(backward: bool) -> str:
    """Return how the files are called."""
    return "origin" if backward else "forecast"


def _end(asked: Asked, start: Start, hours: float | None) -> float:
    moving = flights.moves_vertically(asked) and asked.plan is None and asked.ascent_mps is None
    moving = moving or asked.kind in (Kind.SOUNDING, Kind.ASCENT)
    length = (MOVING_HOURS if moving else FLOAT_HOURS) if hours is None else hours
    if not 0.0 < length <= MOST_HOURS:
        raise InputError(
            f"{length:g} h is no length of a run",
            field="--hours",
            remedy=f"Give above 0 to {MOST_HOURS:g} hours.",
        )
    return start.time_s + (-length if asked.backward else length) * HOUR_S


def _winds(
    words: Sequence[str], asked: Asked, start: Start, spread: Spread, time_end: float, tell: Progress
) -> FlightWinds:
    slack = flights.CUT_SD * spread.time_s
    low, high = sorted((start.time_s, time_end))
    levels = flights.levels_pa(asked, spread.level_m)
    return flight_winds.choose(words, (low - slack, high + slack), levels, tell)


def _fly(
    flight: Flight,
    found: FlightWinds,
    start: Start,
    spread: Spread,
    time_end: float,
    asked: Asked,
    out: Path,
    *,
    error: Any,
    members: int,
    seed: int,
    terrain: HeightMap | None,
    step_s: float | None,
    keep_s: float | None,
    store: bool,
    tell: Progress,
) -> xr.Dataset:
    """Fly the ensemble; in memory, or block by block into a store that is all that was asked for."""
    from overflight.trajectories.ensemble import simulate
    from overflight.trajectories.ensemble_store import open_ensemble, simulate_to

    moving = flights.moves_vertically(asked)
    settings: dict[str, Any] = {
        "members": members, "seed": seed, "time_end": time_end, "spread": spread, "error": error,
        "keep_s": keep_s or usual_keep_s(abs(time_end - start.time_s), moving),
        "step_s": (MOVING_STEP_S if moving else None) if step_s is None else step_s,
        "error_every_s": MOVING_ERROR_S if moving else FLOAT_ERROR_S,
        "terrain": terrain, "attrs": {"title": title_of(flight, start, asked.backward)},
        "progress": lambda share: tell("flying", share),
    }  # fmt: skip
    tell("flying (a first run compiles for half a minute)", 0.0)
    if store:
        out.mkdir(parents=True, exist_ok=True)
        path = simulate_to(out / f"{stem_of(asked.backward)}.zarr", flight, found.winds, start, **settings)
        flown = open_ensemble(path)
    else:
        flown = simulate(flight, found.winds, start, block=max(25, -(-members // BLOCKS)), **settings)
    _refuse_grounded(flown, start, found)
    return flown if store else trimmed(flown)


def trimmed(flown: xr.Dataset) -> xr.Dataset:
    """Leave out the times at which nobody is aloft any more, or, back in time, yet."""
    import numpy as np

    aloft = np.flatnonzero(np.isfinite(flown["lon"].values).any(axis=0))
    if aloft.size == 0:
        return flown
    return flown.isel(time=slice(max(int(aloft[0]) - 1, 0), int(aloft[-1]) + 2))


def usual_keep_s(length_s: float, moving: bool) -> float:
    """Return the time between kept positions where none is asked for: 150 of them, or 720 of what climbs."""
    steps = (60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0)
    least, most = (60.0, 720) if moving else (600.0, 150)
    return next((s for s in steps if s >= least and length_s / s <= most), steps[-1])


def _refuse_grounded(flown: xr.Dataset, start: Start, found: FlightWinds) -> None:
    """Raise CoverageError when the winds do not have the start of any member."""
    from overflight.trajectories.stops import END_CODES, FINISHED, STOPPED
    from overflight.units import HPA_PA

    codes = flown["end_code"].values
    lost = (codes > FINISHED) & (codes < STOPPED)
    moved = ~lost | (abs(flown["end_time_s"].values - start.time_s) > LEAST_FLIGHT_S)
    if moved.any():
        return
    level = "" if start.pressure_pa is None else f" at {start.pressure_pa / HPA_PA:g} hPa"
    level = level if start.alt_m is None else f" at {start.alt_m:g} m"
    remedy = f"The winds reach over: {found.reach}. Start within them, or give others with --winds."
    if found.is_prior and _is_low(start):
        remedy += " The prior has nothing below some 9 km: what begins at the ground needs winds of the day."
    raise CoverageError(
        f"no member could begin{level}: {BEYOND.get(int(codes[0]), END_CODES[int(codes[0])])}",
        where=found.title,
        remedy=remedy,
    )


def _is_low(start: Start) -> bool:
    """Tell whether a start lies below what the prior holds."""
    if start.pressure_pa is not None:
        return start.pressure_pa > PRIOR_LOWEST_PA
    from overflight.atmosphere import pressure_pa

    return float(pressure_pa(start.alt_m or 0.0)) > PRIOR_LOWEST_PA


def tell_of(flown: xr.Dataset, start: Start, found: FlightWinds, tell: Progress) -> dict[str, Any]:
    """Return the summary of an ensemble as values for JSON."""
    from overflight.report.outlook import outlook
    from overflight.times import iso_utc

    tell("looking where it is", 0.0)
    seen = outlook(some_of(flown), start.time_s)
    lost = sum(row["members"] for row in seen["ends"] if row["lost"])
    notes = list(found.notes)
    if lost:
        notes.append(
            f"{lost} of {seen['members']} members left the winds ({found.reach}) and end there: what is told "
            "of later times is of the others"
        )
    if flown.sizes["member"] > TOLD_MEMBERS:
        notes.append(f"The summary and the pictures are of the first {TOLD_MEMBERS} members.")
    if seen["members"] < FEWEST_TOLD:
        notes.append(f"{seen['members']} members are too few for radii and chances: ask for 100 or more")
    for name in ("air", "ground"):
        if ":" in (said := str(flown.attrs.get(name, ""))):
            notes.append(f"{name}: {said}")
    return {
        "overflight": __version__,
        "title": str(flown.attrs["title"]),
        "start": {"lon_deg": start.lon_deg, "lat_deg": start.lat_deg, "time": iso_utc(start.time_s),
                  "alt_m": start.alt_m, "pressure_pa": start.pressure_pa},
        "winds": {"title": found.title, "reach": found.reach, "prior": found.is_prior},
        "wind_error": str(flown.attrs["wind_error"]),
        "spread": str(flown.attrs["spread"]),
        "seed": int(flown.attrs["seed"]),
        **seen,
        "members": int(flown.sizes["member"]),
        "notes": notes,
    }  # fmt: skip


def some_of(flown: xr.Dataset) -> xr.Dataset:
    """Return an ensemble in memory, thinned where it is too large to be looked at whole."""
    if flown.sizes["member"] > TOLD_MEMBERS:
        flown = flown.isel(member=slice(TOLD_MEMBERS))
    some = flown.load()
    some["weight"] = some["weight"] / float(some["weight"].sum())
    return some


def write(
    flown: xr.Dataset,
    out: Path,
    wanted: Sequence[str],
    plot: bool,
    told: Mapping[str, Any],
    start: Start,
    tell: Progress,
    stem: str,
) -> list[Path]:
    """Write data and pictures into a folder; return the paths."""
    from overflight.exports.atomic import replace_bytes
    from overflight.exports.czml import write_czml
    from overflight.exports.geojson import write_track_geojson
    from overflight.exports.kml import write_track_kml
    from overflight.exports.netcdf import write_ensemble
    from overflight.exports.zarr import write_ensemble_zarr
    from overflight.report.flight_plots import draw_flight, draw_heights
    from overflight.report.result import result_json

    out.mkdir(parents=True, exist_ok=True)
    ensembles, title = {str(flown.attrs["kind"]): flown}, str(told["title"])
    named = {"sections": {"case": {"title": title}}}
    step_s = region_step_s(flown)
    writers: dict[str, Callable[[Path], Any]] = {
        "nc": lambda path: write_ensemble(flown, path),
        # A store was written as it was flown.
        "zarr": lambda path: None if wanted == ("zarr",) else write_ensemble_zarr(flown, path),
        "geojson": lambda path: write_track_geojson(ensembles, {}, path, step_s=step_s),
        "kml": lambda path: write_track_kml(ensembles, named, path, step_s=step_s),
        "czml": lambda path: write_czml(flown, path, title=title, step_s=step_s),
    }
    written = []
    for kind in wanted:
        tell(f"writing {kind}", 0.0)
        written.append(out / f"{stem}.{kind}")
        writers[kind](written[-1])
    written.append(out / f"{stem}.json")
    replace_bytes(written[-1], result_json(told))
    if plot:
        tell("drawing", 0.0)
        some = some_of(flown)
        written.append(
            draw_flight(some, out / f"{stem}-map.png", title=f"{title}\n{under(told)}",
                        start=(start.lon_deg, start.lat_deg))
        )  # fmt: skip
        written.append(draw_heights(some, out / f"{stem}-height.png", title=title))
    return written


def region_step_s(flown: xr.Dataset) -> float:
    """Return the time between the regions of exports: six hours, or a twelfth of a shorter run."""
    from overflight.times import from_datetime64

    time_s = from_datetime64(flown["time"].values)
    span = float(time_s[-1] - time_s[0])
    steps = (60.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0)
    return next((s for s in steps if span / s <= 13), steps[-1])


def under(told: Mapping[str, Any]) -> str:
    """Return the second line of a picture: members, winds and their error."""
    lost = sum(row["members"] for row in told["ends"] if row["lost"])
    text = f"{told['members']} members; winds: {told['winds']['title'][:60]}"
    return text + (f"; {lost} left the winds" if lost else "")


def _print(told: dict[str, Any], written: Sequence[Path], as_json: bool) -> None:
    from overflight.report.outlook import lines

    if as_json:
        say_json({**told, "paths": {path.name: str(path) for path in written}})
        return
    say(told["title"])
    say(f"  {told['members']} members, seed {told['seed']}; winds: {told['winds']['title']}")
    for line in lines(told):
        say(line)
    for text in told["notes"]:
        note(f"  Note: {text}")
    for path in written:
        say(str(path))


def title_of(flight: Flight, start: Start, backward: bool) -> str:
    """Return what heads the pictures and files."""
    from overflight.report.outlook import place_words
    from overflight.times import iso_utc

    what = "Back from" if backward else "Forecast from"
    name = flight.name or "flight plan"
    return f"{what} {place_words(start.lon_deg, start.lat_deg)}, {iso_utc(start.time_s)[:16]}Z ({name})"
