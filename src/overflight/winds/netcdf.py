"""Gridded wind from NetCDF files and Zarr folders, through xarray.

Layouts read, by the names of wind and axes (`WIND_NAMES`, `AXIS_NAMES`):

- ERA5 from the Climate Data Store: `u v` on `time level latitude longitude` (until 2024; int16 with scale
  and offset, `expver` as a dimension where preliminary data are mixed in), and on `valid_time
  pressure_level latitude longitude` with `number` and `expver` as coordinates (since 2024).
- ARCO ERA5 (Zarr): `u_component_of_wind v_component_of_wind` on `time level latitude longitude`.
- GFS from THREDDS: `u-component_of_wind_isobaric` on `time1 isobaric lat lon`, levels in Pa; from the
  OPeNDAP server: `ugrdprs` on `time lev lat lon`; from wgrib2: `UGRD`.
- What cfgrib wrote: `u v` on `time` or `step`, `isobaricInhPa`, with `valid_time`.
- CF names `ua va`, reanalysis names `uwnd vwnd`, and MERRA-2 `U V`.

Temperature and height (`AIR_NAMES`) are read where they stand on the same dimensions as the wind: height as
geopotential height, or as geopotential, which is divided by standard gravity. So is the spread of the wind
(`SPREAD_NAMES`), one standard deviation, as `store_write` writes it: by its name, or by the CF standard name
with the modifier `standard_error`.

Left out: model levels, curvilinear and rotated grids, groups inside NetCDF-4, one variable a level.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from overflight.errors import InputError, LimitError, OverflightError
from overflight.units import DAY_S, HOUR_S
from overflight.winds.classic import check_length
from overflight.winds.source import (
    AVERAGED,
    MAX_AXIS,
    WHOLE_ERROR,
    Float64s,
    Part,
    Source,
    air_scale,
    checked_axis,
    clean_text,
    pressures_pa,
    speed_factor,
)
from overflight.winds.store_format import refuse_unsound

# Eastward wind to northward wind; the first that a file has is read. Names are compared in lower case.
WIND_NAMES: dict[str, str] = {
    "u": "v",
    "u_component_of_wind": "v_component_of_wind",
    "u-component_of_wind_isobaric": "v-component_of_wind_isobaric",
    "eastward_wind": "northward_wind",
    "ugrd": "vgrd",
    "ugrdprs": "vgrdprs",
    "ua": "va",
    "uwnd": "vwnd",
    "u_wind": "v_wind",
}

# Temperature and geopotential height; the first that a file has is read.
AIR_NAMES: dict[Part, tuple[str, ...]] = {
    "t": ("t", "temperature", "temperature_isobaric", "tmp", "tmpprs", "ta", "air_temperature", "air"),
    "h": (
        *("gh", "hgt", "hgtprs", "geopotential_height", "geopotential_height_isobaric", "zg", "h"),
        *("z", "geopotential"),
    ),
}

# Spread of u and v: the name, and the CF standard name (Conventions 1.11, appendix C), by which it is found.
SPREAD_NAMES: dict[Part, tuple[str, str]] = {
    "u_sd": ("u_sd", "eastward_wind standard_error"),
    "v_sd": ("v_sd", "northward_wind standard_error"),
}

# What each axis is called; trailing digits (`time1`, `isobaric3`) are dropped before the look-up.
AXIS_NAMES: dict[str, str] = {
    **dict.fromkeys(("time", "valid_time", "step", "validtime", "forecast_time"), "time"),
    **dict.fromkeys(("level", "levels", "lev", "plev", "pressure_level", "pressure", "pres"), "level"),
    **dict.fromkeys(("isobaric", "isobaricinhpa", "isobaricinpa", "air_pressure", "plevel"), "level"),
    **dict.fromkeys(("latitude", "lat"), "lat"),
    **dict.fromkeys(("longitude", "lon"), "lon"),
    **dict.fromkeys(("number", "member", "ensemble", "ens", "realization", "ensemble_member"), "member"),
    "expver": "expver",
}

# How the usual suppliers name wind, time and level; for people to read.
NAMINGS: dict[tuple[str, str, str], str] = {
    ("u", "valid_time", "pressure_level"): "as ERA5 from the Climate Data Store since 2024",
    ("u", "time", "level"): "as ERA5 from the Climate Data Store until 2024",
    ("u_component_of_wind", "time", "level"): "as ARCO ERA5",
    ("u-component_of_wind_isobaric", "time", "isobaric"): "as GFS from THREDDS",
    ("ugrdprs", "time", "lev"): "as GFS from OPeNDAP",
    ("ugrd", "time", "level"): "as GFS through wgrib2",
    ("u", "time", "isobaricinhpa"): "as cfgrib writes GRIB",
    ("u", "step", "isobaricinhpa"): "as cfgrib writes GRIB",
    ("u", "valid_time", "isobaricinhpa"): "as cfgrib writes GRIB",
    ("uwnd", "time", "level"): "as the NCEP reanalyses",
}

# A variable, and the factor and offset to our units.
_Scaled = tuple[xr.Variable, float, float]

_STEP_SECONDS = {"seconds": 1.0, "minutes": 60.0, "hours": HOUR_S, "days": DAY_S, "nanoseconds": 1e-9}
_ATTRS = ("title", "source", "institution", "history")


@contextmanager
def open_netcdf(path: Path) -> Iterator[Source]:
    """Open a NetCDF file (classic or NetCDF-4) of gridded wind.

    Raises
    ------
    InputError
        When it is damaged, or is not wind on pressure levels over latitude and longitude.
    """
    with path.open("rb") as stream:
        classic = stream.read(3) == b"CDF"
    if classic:
        check_length(path)
    with _dataset(path, "netcdf4") as dataset:
        yield _source(dataset, path.name, "NetCDF")


@contextmanager
def open_zarr(path: Path) -> Iterator[Source]:
    """Open a Zarr folder (format 2 or 3) of gridded wind. Errors as `open_netcdf`."""
    _refuse_pickles(path)
    refuse_unsound(path)
    with _dataset(path, "zarr") as dataset:
        yield _source(dataset, path.name, "Zarr")


@contextmanager
def _dataset(path: Path, engine: str) -> Iterator[xr.Dataset]:
    """Open lazily; what the libraries raise, now or while reading, becomes an InputError."""
    with warnings.catch_warnings():
        # Several fill values, absent consolidated metadata: neither changes what is read.
        warnings.simplefilter("ignore")
        try:
            dataset = xr.open_dataset(
                path, engine=engine, decode_times=False, decode_timedelta=False, chunks=None, cache=False
            )
        except Exception as error:
            raise _damaged(path.name, error) from error
        try:
            with dataset:
                yield dataset
        except (OverflightError, MemoryError):
            raise
        except (OSError, RuntimeError, ValueError, TypeError, KeyError, IndexError) as error:
            raise _damaged(path.name, error) from error


def _damaged(file: str, error: Exception) -> InputError:
    return InputError(
        f"cannot be read ({type(error).__name__}: {clean_text(error)})",
        file=file,
        remedy="The file is damaged or incomplete, or not a grid: fetch it again.",
    )


def _refuse_pickles(path: Path) -> None:
    """Refuse a Zarr folder that asks for the pickle codec: reading it would run code from the file."""
    for pattern in ("", "*/"):
        for name in (".zmetadata", ".zarray", "zarr.json"):
            for file in path.glob(pattern + name):
                if re.search(rb'"(numcodecs\.)?pickle"', file.read_bytes()):
                    raise InputError(
                        "the Zarr metadata asks for the codec 'pickle', which runs code when read",
                        file=f"{path.name}/{file.relative_to(path)}",
                        remedy="Take the data from a source that stores numbers.",
                    )


def _source(dataset: xr.Dataset, file: str, kind: str) -> Source:
    u_name, v_name = _wind_names(dataset, file)
    u, v = dataset[u_name].variable, dataset[v_name].variable
    if u.dims != v.dims or u.shape != v.shape:
        raise InputError(
            f"has dimensions {dict(v.sizes)}, but {u_name} has {dict(u.sizes)}", file=file, field=v_name
        )
    axes = _axes(dataset, u_name, file)
    for dim in u.dims:
        if u.sizes[dim] > MAX_AXIS:
            raise LimitError(
                f"the axis '{dim}' claims {u.sizes[dim]} nodes; at most {MAX_AXIS} are read",
                where=file,
                remedy="Cut the file to the region and period of the flight.",
            )
    time_s = _times(dataset, axes.get("time"), file)
    level_name, pressure, level_note = _levels(dataset, axes.get("level"), file)
    parts: dict[Part, _Scaled] = {}
    notes = [level_note]
    for part, variable, name in (("u", u, u_name), ("v", v, v_name)):
        factor, note = speed_factor(variable.attrs.get("units"), file=file, name=name)
        parts["u" if part == "u" else "v"] = variable, factor, 0.0
        notes.append(note)
    air, air_notes = _air(dataset, u, file)
    spread, spread_notes = _spread(dataset, u, file)
    notes += air_notes + spread_notes + _expver_notes(dataset, axes)
    return Source(
        file=file,
        format=kind,
        naming=_naming(u_name, axes.get("time") or "time", level_name),
        time_s=time_s,
        pressure_pa=pressure,
        lat_deg=_coordinate(dataset, axes["lat"], file),
        lon_deg=_coordinate(dataset, axes["lon"], file),
        members=_members(dataset, axes.get("member")),
        read=_reader({**parts, **air, **spread}, axes),
        read_cost=_chunk_bytes(u) + _chunk_bytes(v),
        air=tuple(air),
        spread=bool(spread),
        averaged=_averaged(dataset),
        whole_error=_said(dataset, "spread") == WHOLE_ERROR,
        notes=tuple(note for note in notes if note),
        attrs={name: clean_text(dataset.attrs[name]) for name in _ATTRS if name in dataset.attrs},
    )


def _wind_names(dataset: xr.Dataset, file: str) -> tuple[str, str]:
    names = {str(name).lower(): str(name) for name in dataset.data_vars}
    for u, v in WIND_NAMES.items():
        if u in names and v in names:
            return names[u], names[v]
    halves = [names[n] for pair in WIND_NAMES.items() for n in pair if n in names]
    held = ", ".join(sorted(names.values())[:12]) or "nothing"
    if halves:
        raise InputError(
            f"has {halves[0]} but not the other component of the wind",
            file=file,
            remedy=f"Ask the supplier for both u and v on pressure levels; the file holds {held}.",
        )
    raise InputError(
        f"no wind found: the file holds {held}",
        file=file,
        remedy="Give u and v on pressure levels, named as ERA5, GFS or CF name them.",
    )


def _air(dataset: xr.Dataset, u: xr.Variable, file: str) -> tuple[dict[Part, _Scaled], list[str]]:
    """Find temperature and height on the dimensions of the wind; a note tells of what had to be left out."""
    names = {str(name).lower(): str(name) for name in dataset.data_vars}
    found: dict[Part, _Scaled] = {}
    notes = []
    for part, candidates in AIR_NAMES.items():
        held = [names[name] for name in candidates if name in names]
        here = [name for name in held if dataset[name].variable.dims == u.dims]
        if here:
            variable = dataset[here[0]].variable
            try:
                factor, offset, note = air_scale(part, variable.attrs.get("units"), file=file, name=here[0])
            except InputError as error:
                # Many ask for the wind alone, which it does not hurt.
                notes.append(f"{here[0]} left out: {error.what}")
                continue
            found[part] = variable, factor, offset
            notes.append(note)
        elif held:
            notes.append(f"{held[0]} stands on other dimensions than the wind: left out")
    return found, notes


def _spread(dataset: xr.Dataset, u: xr.Variable, file: str) -> tuple[dict[Part, _Scaled], list[str]]:
    """Find the spread of both components on the dimensions of the wind; a note tells why it was left out."""
    found: dict[Part, _Scaled] = {}
    notes = []
    for part, (plain, standard) in SPREAD_NAMES.items():
        for name in dataset.data_vars:
            variable = dataset[name].variable
            said = " ".join(str(variable.attrs.get("standard_name", "")).split())
            if part in found or (str(name).lower() != plain and said != standard):
                continue
            if variable.dims != u.dims:
                notes.append(f"{name} stands on other dimensions than the wind: left out")
                continue
            try:
                factor, note = speed_factor(variable.attrs.get("units"), file=file, name=str(name))
            except InputError as error:
                notes.append(f"{name} left out: {error.what}")
                continue
            found[part] = variable, factor, 0.0
            notes.append(note)
    if len(found) == 1:
        return {}, [*notes, f"{next(iter(found))} left out: the spread of the other component is not there"]
    return found, notes


def _averaged(dataset: xr.Dataset) -> str:
    """Say of how many members the spread of a store of ours is; empty where it is of none."""
    said = _said(dataset, "members")
    return said if said.startswith(AVERAGED) else ""


def _said(dataset: xr.Dataset, key: str) -> str:
    """Return what the provenance of a store of ours says; empty in other files."""
    provenance = dataset.attrs.get("provenance")
    return clean_text(provenance.get(key, "")) if isinstance(provenance, dict) else ""


def _axes(dataset: xr.Dataset, u_name: str, file: str) -> dict[str, str]:
    """Return the dimension that stands for each of time, level, lat, lon, member, expver."""
    axes: dict[str, str] = {}
    for dim, size in dataset[u_name].variable.sizes.items():
        kind = AXIS_NAMES.get(str(dim).lower().rstrip("0123456789")) or _kind_by_attrs(dataset, dim)
        if kind is None and size == 1:
            continue
        if kind is None or kind in axes:
            raise InputError(
                f"the dimension '{dim}' of {dataset[u_name].variable.dims} "
                + ("is not known" if kind is None else f"is a second axis of {kind} beside '{axes[kind]}'"),
                file=file,
                field=u_name,
                remedy="Keep time, pressure level, latitude, longitude and at most an ensemble member.",
            )
        axes[kind] = str(dim)
    lost = [kind for kind in ("lat", "lon") if kind not in axes]
    if lost:
        raise InputError(
            f"no axis of {' or '.join(lost)} among {dataset[u_name].variable.dims}",
            file=file,
            field=u_name,
            remedy="Regrid to a regular latitude-longitude grid.",
        )
    return axes


def _kind_by_attrs(dataset: xr.Dataset, dim: Hashable) -> str | None:
    attrs = dataset[dim].attrs if dim in dataset.variables else {}
    standard = str(attrs.get("standard_name", ""))
    by_name = {"latitude": "lat", "longitude": "lon", "time": "time", "air_pressure": "level"}
    return by_name.get(standard, "member" if standard == "realization" else None)


def _coordinate(dataset: xr.Dataset, dim: str, file: str) -> Float64s:
    if dim not in dataset.variables:
        raise InputError(
            "the dimension has no coordinate values, so where the wind stands is unknown",
            file=file,
            field=dim,
            remedy="Write the axis into the file.",
        )
    return checked_axis(dataset[dim].variable.values, file=file, name=dim)


def _levels(dataset: xr.Dataset, dim: str | None, file: str) -> tuple[str, Float64s, str]:
    if dim is None:
        dim = next((str(n) for n in dataset.variables if _is_scalar(dataset, n, "level")), None)
    if dim is None:
        raise InputError(
            "no pressure level is given, neither as an axis nor as one value",
            file=file,
            remedy="Use winds on pressure levels; winds at 10 m do not carry a balloon.",
        )
    variable = dataset[dim].variable if dim in dataset.variables else None
    if variable is None or "hybrid" in str(variable.attrs.get("standard_name", "")):
        raise InputError(
            "the level axis is not pressure", file=file, field=dim, remedy="Ask for pressure levels."
        )
    values = checked_axis(np.atleast_1d(variable.values), file=file, name=dim)
    unit = variable.attrs.get("units") or ("hPa" if dim.lower() == "isobaricinhpa" else None)
    pressure, note = pressures_pa(values, unit, file=file, name=dim)
    return dim, pressure, note


def _is_scalar(dataset: xr.Dataset, name: Hashable, kind: str) -> bool:
    plain = str(name).lower().rstrip("0123456789")
    return AXIS_NAMES.get(plain) == kind and dataset[name].ndim == 0


def _times(dataset: xr.Dataset, dim: str | None, file: str) -> Float64s:
    """Return valid times: `valid_time` before the axis itself, or the run's time plus the step."""
    dims = () if dim is None else (dim,)
    along = [n for n in dataset.variables if dataset[n].dims == dims and _is_dated(dataset[n].attrs)]
    along.sort(key=lambda n: (str(n) != "valid_time", n != dim, str(n).rstrip("0123456789") != "time"))
    step = dataset.variables.get(dim if dim is not None else "step")
    step_s = None
    if step is not None and str(step.attrs.get("units", "")).lower() in _STEP_SECONDS:
        step_s = np.atleast_1d(step.values).astype(float) * _STEP_SECONDS[str(step.attrs["units"]).lower()]
    if along and (str(along[0]) == "valid_time" or dim is not None or step_s is None):
        return _decoded(dataset, along[0], file)
    runs = [n for n in ("time", "reftime", "forecast_reference_time") if n in dataset.variables]
    if step_s is not None and runs and dataset[runs[0]].size == 1:
        return _decoded(dataset, runs[0], file)[:1] + step_s
    raise InputError(
        "no time of validity is given as '... since ...'",
        file=file,
        field=dim or "time",
        remedy="Give the time axis units such as 'hours since 1970-01-01', or add valid_time.",
    )


def _is_dated(attrs: Mapping[Any, Any]) -> bool:
    return (
        " since " in str(attrs.get("units", "")).lower()
        and attrs.get("standard_name") != "forecast_reference_time"
    )


def _decoded(dataset: xr.Dataset, name: Hashable, file: str) -> Float64s:
    variable = dataset[name].variable
    values = checked_axis(np.atleast_1d(variable.values), file=file, name=str(name))
    bare = xr.Dataset({"moment": ("moment", values, dict(variable.attrs))})
    try:
        moments = xr.decode_cf(bare)["moment"].values
    except (ValueError, OverflowError) as error:
        raise InputError(
            f"the times cannot be read ({clean_text(error)})", file=file, field=str(name)
        ) from error
    if not np.issubdtype(moments.dtype, np.datetime64):
        raise InputError(
            f"the calendar is '{variable.attrs.get('calendar')}'",
            file=file,
            field=str(name),
            remedy="Only real dates can be compared with sightings; model years cannot be used.",
        )
    return np.asarray(moments.astype("datetime64[ms]").astype(np.int64) / 1e3)


def _members(dataset: xr.Dataset, dim: str | None) -> tuple[int, ...]:
    if dim is None:
        return ()
    if dim not in dataset.variables:
        return tuple(range(dataset.sizes[dim]))
    return tuple(int(label) for label in np.atleast_1d(dataset[dim].values))


def _expver_notes(dataset: xr.Dataset, axes: Mapping[str, str]) -> list[str]:
    """Tell where ERA5 is preliminary (expver 5); along a dimension the final data come first."""
    if "expver" not in dataset.variables or dataset["expver"].size > MAX_AXIS:
        return []
    kinds = sorted({str(x).lstrip("0") for x in np.atleast_1d(dataset["expver"].values)})
    if kinds == ["1"]:
        return []
    how = ", final where both stand" if "expver" in axes else ""
    return [f"expver {' and '.join(kinds)} (5 is preliminary ERA5){how}"]


def _naming(u_name: str, time_name: str, level_name: str) -> str:
    plain = [n.lower().rstrip("0123456789") for n in (time_name, level_name)]
    supplier = NAMINGS.get((u_name.lower(), plain[0], plain[1]))
    names = f"{u_name} on {time_name}, {level_name}"
    return f"{names} ({supplier})" if supplier else names


def _chunk_bytes(variable: xr.Variable) -> int:
    """Bytes of one stored chunk when unpacked: the least that any read of it costs."""
    chunks = variable.encoding.get("chunksizes") or variable.encoding.get("chunks")
    return int(np.prod([float(n) for n in chunks])) * 8 if chunks else 0


def _reader(parts: Mapping[Part, _Scaled], axes: Mapping[str, str]) -> Any:
    """Return the `ReadBlock` of a dataset: selects lazily, then loads, in (t, l, y, x) order."""
    order = [axes[kind] for kind in ("time", "level", "lat", "lon") if kind in axes]
    absent = tuple(i for i, kind in enumerate(("time", "level", "lat", "lon")) if kind not in axes)

    def read(
        part: Part, member: int | None, times: slice, levels: slice, rows: slice, columns: slice
    ) -> Float64s:
        variable, factor, offset = parts[part]
        wanted = dict(zip(("time", "level", "lat", "lon"), (times, levels, rows, columns), strict=True))
        picks: dict[Any, Any] = {axes[kind]: s for kind, s in wanted.items() if kind in axes}
        if member is not None:
            picks[axes["member"]] = member
        known = set(axes.values())
        picks |= {dim: 0 for dim in variable.dims if dim not in known}
        block = variable.isel(picks)
        if "expver" in axes:
            values = _final_first(block.transpose(axes["expver"], *order).values)
        else:
            values = block.transpose(*order).values
        scaled: Float64s = np.asarray(values, dtype=np.float64) * factor + offset
        return np.expand_dims(scaled, absent)

    return read


def _final_first(values: Float64s) -> Float64s:
    """Merge along the first axis: the first value that is not missing."""
    merged: Float64s = values[0]
    for other in values[1:]:
        merged = np.where(np.isnan(merged), other, merged)
    return merged
