"""`overflight winds show`: a level of a wind field, or the profile over a place, as a picture or as text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overflight.cli.options import AsJson
from overflight.cli.screen import note, say, say_json
from overflight.errors import InputError
from overflight.units import HPA_PA, KNOT_MPS

if TYPE_CHECKING:
    from overflight.winds.grid import Grid
    from overflight.winds.views import WindMap, WindProfile

Box = tuple[float, float, float, float]

# A level where stratospheric balloons float, shown when none is named: the held one nearest to it.
USUAL_HPA = 50.0
# What fits a terminal: cells across and rows down.
TEXT_COLUMNS, TEXT_ROWS = 9, 14


def show(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|CASE", help="A file of gridded winds, a store of them, or a case folder."
        ),
    ],
    level: Annotated[
        float | None, typer.Option("--level", "-l", metavar="HPA", help="Pressure level; 50 hPa or nearest.")
    ] = None,
    moment: Annotated[
        str | None,
        typer.Option("--time", "-t", metavar="TIME", help="UTC, such as 2023-01-28T06:00Z; the first time."),
    ] = None,
    at: Annotated[
        tuple[float, float] | None,
        typer.Option("--at", metavar="LAT LON", help="The profile over this place instead of a map."),
    ] = None,
    box: Annotated[
        str | None, typer.Option("--box", metavar="W,S,E,N", help="The part to show, degrees; all of it.")
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="A table in the terminal, no picture.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The picture to write, PNG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the wind of a level on a map, or the profile over a place.

    Draws speed and barbs (in knots) to a PNG, or prints a table with --text: direction from / speed in
    knots, as in a winds-aloft forecast. Between levels and times it interpolates, and says so. Of a case it
    shows the winds that an assessment would use, at the middle of its window and of its heights.

    \b
    overflight winds show era5.nc --level 50 --time 2023-01-28T06:00Z
    overflight winds show era5.nc --at 46.8 -108.5 --text
    overflight winds show my-case --box -170,40,-60,75 -o winds.png
    """
    if at is not None and (level is not None or box is not None):
        raise typer.BadParameter("a profile has all levels of one place", param_hint="--at")
    if text and (out is not None or as_json):
        raise typer.BadParameter("it goes with neither --out nor --json", param_hint="--text")
    asked = None if box is None else parse_box(box)
    if at is None:
        grid, pressure, time_s, area, marks = _map_winds(path, level, moment, asked)
        _show_map(grid, pressure, time_s, area, marks, text=text, out=out, as_json=as_json)
        return
    grid, time_s = _profile_winds(path, moment, at)
    _show_profile(grid, time_s, at, text=text, out=out, as_json=as_json)


def parse_box(text: str) -> Box:
    """Parse 'west,south,east,north' in degrees.

    Raises
    ------
    InputError
        When it is not four numbers that make a box.
    """
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not (all(map(math.isfinite, (west, south, east, north))) and -90.0 <= south < north <= 90.0):
        raise InputError(
            f"'{text}' is not a box",
            field="--box",
            remedy="Give west,south,east,north, such as -170,40,-60,75.",
        )
    return west, south, east, north


def _is_case(path: Path) -> bool:
    return (path / "case.toml").is_file() or path.name == "case.toml"


def _map_winds(
    path: Path, level: float | None, moment: str | None, box: Box | None
) -> tuple[Grid, float, float, Box | None, list[tuple[float, float]]]:
    """Return the grid, the pressure, the time, the box and places to mark."""
    from overflight.times import parse_utc
    from overflight.winds.gridded import describe, read_grid

    if level is not None and not (math.isfinite(level) and level > 0.0):
        raise InputError(f"{level:g} hPa is no pressure", field="--level", remedy="Give hPa, such as 50.")
    asked_s = None if moment is None else parse_utc(moment)
    if _is_case(path):
        return _case_map(path, level, asked_s, box)
    held = describe(_existing(path))
    time_s = held.time_start if asked_s is None else asked_s
    nearest = min(held.pressure_pa, key=lambda p: abs(math.log(p / (USUAL_HPA * HPA_PA))))
    pressure = nearest if level is None else level * HPA_PA
    grid = read_grid(path, window=(time_s, time_s), levels_pa=(pressure, pressure), box=box)
    return grid, pressure, time_s, box, []


def _case_map(
    folder: Path, level: float | None, moment: float | None, box: Box | None
) -> tuple[Grid, float, float, Box | None, list[tuple[float, float]]]:
    from overflight.cli.winds import flight_levels
    from overflight.pipeline import read_inputs
    from overflight.sightings.extent import flight_box

    inputs = read_inputs(folder)
    fitted = [s for s in inputs.sightings if s.fitted]
    grid = _case_grid(inputs)
    low, high = flight_levels(inputs)
    pressure = math.sqrt(low * high) if level is None else level * HPA_PA
    if level is None:
        # The grid's own level next to the middle of the flight.
        pressure = float(min(grid.pressure_pa, key=lambda p: abs(math.log(float(p) / pressure))))
    time_s = 0.5 * (inputs.case.time_start + inputs.case.time_end) if moment is None else moment
    marks = [(s.lon_deg, s.lat_deg) for s in fitted if s.lon_deg is not None and s.lat_deg is not None]
    return grid, pressure, time_s, box or flight_box(fitted), marks


def _case_grid(inputs: Any) -> Grid:
    """Return the winds that an assessment would use, and say which they are."""
    from overflight.pipeline import case_winds

    chosen = case_winds(inputs)
    note(f"Winds of the case: {chosen.title}")
    return chosen.prior if chosen.own is None else chosen.own


def _profile_winds(path: Path, moment: str | None, at: tuple[float, float]) -> tuple[Grid, float]:
    from overflight.pipeline import read_inputs
    from overflight.times import parse_utc
    from overflight.winds.gridded import describe, read_grid

    asked = None if moment is None else parse_utc(moment)
    if _is_case(path):
        inputs = read_inputs(path)
        middle = 0.5 * (inputs.case.time_start + inputs.case.time_end)
        return _case_grid(inputs), middle if asked is None else asked
    time_s = describe(_existing(path)).time_start if asked is None else asked
    lat, lon = at
    if not (abs(lat) <= 90.0 and abs(lon) <= 360.0):
        raise InputError(
            f"{lat:g} {lon:g} is no place", field="--at", remedy="Give latitude, then longitude."
        )
    return read_grid(path, window=(time_s, time_s), box=(lon, lat, lon, lat), thermo=True), time_s


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError("there is no such file", file=str(path), remedy="Check the path.")
    return path


def _show_map(
    grid: Grid,
    pressure: float,
    time_s: float,
    box: Box | None,
    marks: list[tuple[float, float]],
    *,
    text: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    import numpy as np

    from overflight.report.wind_plots import draw_map
    from overflight.times import iso_utc
    from overflight.winds.views import map_of

    view = map_of(grid, time_s, pressure, box)
    if text:
        for line in map_lines(view):
            say(line)
        return
    target = out or Path(f"winds-{pressure / HPA_PA:.4g}hPa-{_stamp(time_s)}.png")
    draw_map(view, target, marks)
    if not as_json:
        say(str(target))
        return
    speed = np.hypot(view.u_mps, view.v_mps)
    say_json(
        {
            "name": view.name,
            "time": iso_utc(time_s),
            "level_hpa": round(pressure / HPA_PA, 6),
            "interpolated": not view.on_node,
            "box": [float(x) for x in (view.lon_deg[0], view.lat_deg[0], view.lon_deg[-1], view.lat_deg[-1])],
            "speed_mps": {"mean": float(np.nanmean(speed)), "max": float(np.nanmax(speed))},
            "missing_share": float(np.mean(~np.isfinite(speed))),
            "picture": str(target),
        }
    )


def _show_profile(
    grid: Grid, time_s: float, at: tuple[float, float], *, text: bool, out: Path | None, as_json: bool
) -> None:
    from overflight.report.wind_plots import draw_profile
    from overflight.winds.views import profile_of

    view = profile_of(grid, time_s, *at)
    if text:
        for line in profile_lines(view):
            say(line)
        return
    if as_json:
        picture = None if out is None else str(draw_profile(view, out))
        say_json({**profile_facts(view), "picture": picture})
        return
    target = out or Path(f"winds-{at[0]:g}-{at[1]:g}-{_stamp(time_s)}.png")
    say(str(draw_profile(view, target)))


def map_lines(view: WindMap) -> list[str]:
    """Return a table of direction from and speed in knots over the map, north at the top."""
    import numpy as np

    from overflight.times import iso_utc
    from overflight.winds.views import from_deg

    rows = _some(view.lat_deg.size, TEXT_ROWS)[::-1]
    columns = _some(view.lon_deg.size, TEXT_COLUMNS)
    knots, origin = np.hypot(view.u_mps, view.v_mps) / KNOT_MPS, from_deg(view.u_mps, view.v_mps)
    between = "" if view.on_node else ", interpolated"
    head = f"{view.name}: {view.pressure_pa / HPA_PA:.4g} hPa, {iso_utc(view.time_s)}{between}"
    turned = (view.lon_deg + 180.0) % 360.0 - 180.0
    lines = [
        f"{head}; direction from, degrees / knots",
        "   lat" + "".join(f"{turned[x]:9.1f}" for x in columns),
    ]
    for y in rows:
        cells = "".join(f"{wind_word(origin[y, x], knots[y, x]):>9}" for x in columns)
        lines.append(f"{view.lat_deg[y]:6.1f}{cells}")
    return lines


def wind_word(origin_deg: float, knots: float) -> str:
    """Return a wind as pilots read it, '270/45'; a calm is '000/00', a missing one a dash."""
    if not math.isfinite(knots):
        return "-"
    if round(knots) == 0:
        return "000/00"
    # Wind from north is 360: 000 is calm.
    return f"{(round(origin_deg) - 1) % 360 + 1:03d}/{round(knots):02d}"


def profile_lines(view: WindProfile) -> list[str]:
    """Return a table of the profile, the highest level first."""
    import numpy as np

    from overflight.times import iso_utc
    from overflight.winds.views import from_deg

    spread = bool(np.isfinite(view.u_sd_mps).any())
    kind = "standard atmosphere" if view.standard_heights else "of the data"
    lines = [
        f"{view.name}: {view.lat_deg:g}°, {view.lon_deg:g}°, {iso_utc(view.time_s)}; heights: {kind}",
        "     hPa    alt m   from/kt     m/s   east  north" + ("  sd east  sd north" if spread else ""),
    ]
    for i in range(view.pressure_pa.size)[::-1]:
        u, v = float(view.u_mps[i]), float(view.v_mps[i])
        speed = math.hypot(u, v)
        word = wind_word(float(from_deg(np.array(u), np.array(v))), speed / KNOT_MPS)
        line = (
            f"{view.pressure_pa[i] / HPA_PA:8g} {view.alt_m[i]:8.0f} {word:>9} {speed:7.1f} {u:6.1f} {v:6.1f}"
        )
        lines.append(line + (f" {view.u_sd_mps[i]:8.1f} {view.v_sd_mps[i]:9.1f}" if spread else ""))
    return lines


def profile_facts(view: WindProfile) -> dict[str, Any]:
    """Return the profile ready for JSON: null where there is no value."""
    from overflight.times import iso_utc

    columns = {
        name: [float(x) if math.isfinite(x) else None for x in getattr(view, name)]
        for name in ("pressure_pa", "alt_m", "u_mps", "v_mps", "u_sd_mps", "v_sd_mps")
    }
    place = {"lat_deg": view.lat_deg, "lon_deg": view.lon_deg, "standard_heights": view.standard_heights}
    return {"name": view.name, "time": iso_utc(view.time_s), **place, **columns}


def _some(size: int, most: int) -> list[int]:
    """Return evenly spread places on an axis."""
    import numpy as np

    return [int(i) for i in np.unique(np.linspace(0, size - 1, min(most, size)).round())]


def _stamp(time_s: float) -> str:
    from overflight.times import to_datetime

    return f"{to_datetime(time_s):%Y%m%dT%H%MZ}"
