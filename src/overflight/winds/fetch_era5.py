"""Plan downloads of ERA5 winds from the public ARCO store on Google Cloud.

Layout (github.com/google-research/arco-era5): a Zarr (format 2) store `ar/full_37-1h-0p25deg-chunk-1.zarr-v3`
with `u_component_of_wind` and `v_component_of_wind` of dims (time, level, latitude, longitude), hourly since
1900 on 37 levels and 0.25°. A chunk is one hour, all levels, the globe: 154 MB before compression. The store
packs chunks with Blosc, so only the blocks of the wanted levels are fetched (`blosc_part`); with another
packing the whole chunk is. The box is cut out on arrival: the file in the cache holds the box alone.

ERA5 © Copernicus Climate Change Service; the licence asks for acknowledgement, which the file carries.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.errors import CoverageError, FetchError, LimitError
from overflight.times import iso_utc, parse_utc
from overflight.units import HOUR_S, HPA_PA
from overflight.winds.blosc_part import HEAD_BYTES, Frame, blocks_for, head_bytes, parse_frame, rebuild
from overflight.winds.fetch_plan import Box, FetchPlan, Part, Window, bracket_levels
from overflight.winds.web import NotThereError, Web, get_all, get_small

ERA5_URL = "https://storage.googleapis.com/gcp-public-data-arco-era5/ar/full_37-1h-0p25deg-chunk-1.zarr-v3"

VARIABLES = {"u": "u_component_of_wind", "v": "v_component_of_wind"}
DIMS = ("time", "level", "latitude", "longitude")

ACKNOWLEDGEMENT = "Contains modified Copernicus Climate Change Service information (ERA5)."

MAX_META_BYTES = 1_000_000
MAX_AXIS_BYTES = 64_000_000
MAX_CHUNK_BYTES = 1_000_000_000
MAX_FIELDS = 20_000
# The head of a frame is read together with what follows, to save a request.
FIRST_READ_BYTES = 16_384
# Ranges this near to one another are fetched as one.
GAP_BYTES = 32_768

MAX_WIND_MPS = 250.0

Float64s = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Array:
    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    compressor: dict[str, Any] | None
    separator: str


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk of one hour of one component: where it is, and its head if it is a Blosc frame."""

    url: str
    etag: str
    total: int
    frame: Frame | None


@dataclass(frozen=True, slots=True)
class _Recipe:
    """How the parts become the file: axes, wanted levels and columns, and the parts of each chunk."""

    time_s: tuple[float, ...]
    pressure_pa: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    level_index: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    array: _Array
    chunks: tuple[_Chunk, ...]
    parts: tuple[tuple[Part, ...], ...]


def plan_era5(
    web: Web,
    window: Window,
    box: Box,
    levels_pa: tuple[float, float],
    *,
    now_s: float,
    step_s: float = 3 * HOUR_S,
    base_url: str = ERA5_URL,
) -> FetchPlan:
    """Plan ERA5 winds for a window, every `step_s` (a multiple of an hour).

    Parameters
    ----------
    window : first and last time, POSIX seconds UTC; widened to the fields around it.
    box : west, south, east, north, degrees; west greater than east crosses the antimeridian.
    levels_pa : lowest and highest pressure; the levels inside and the next on each side are taken.
    now_s : the present, POSIX seconds: ERA5 of a later time is refused without asking.

    Raises
    ------
    CoverageError
        When the store does not reach the window or the levels.
    FetchError
        When the store has another layout than this module knows.
    """
    times = _times(window, step_s, now_s)
    u, v = (_array(web, base_url, name, DIMS) for name in VARIABLES.values())
    if (u.shape, u.chunks, u.dtype, u.compressor) != (v.shape, v.chunks, v.dtype, v.compressor):
        raise FetchError("u and v are not laid out alike", where=base_url)
    if u.chunks != (1, *u.shape[1:]) or u.dtype.kind != "f" or math.prod(u.chunks) * 4 > MAX_CHUNK_BYTES:
        raise FetchError(f"chunks are {u.chunks} of {u.dtype}, not one hour each", where=base_url)
    level, lat, lon = (_axis(web, base_url, name) for name in DIMS[1:])
    if (level.size, lat.size, lon.size) != u.shape[1:]:
        raise FetchError("the axes do not fit the winds", where=base_url)
    steps = _time_indexes(web, base_url, times)
    levels = bracket_levels(list(level * HPA_PA), levels_pa)
    if not levels or levels[0] > min(levels_pa) or levels[-1] < max(levels_pa):
        raise CoverageError(
            f"the levels go from {level.min():g} to {level.max():g} hPa, "
            f"the case from {min(levels_pa) / HPA_PA:g} to {max(levels_pa) / HPA_PA:g}"
        )
    level_index = tuple(i for i, p in enumerate(level * HPA_PA) if p in levels)
    rows, columns = _cut(lat, lon, box)
    urls = [
        f"{base_url}/{a.name}/{a.separator.join(map(str, (step, 0, 0, 0)))}" for step in steps for a in (u, v)
    ]
    when = [t for t in times for _ in VARIABLES]
    chunks = get_all(web, [partial(_chunk, web, url, u, t) for url, t in zip(urls, when, strict=True)])
    parts = tuple(_parts(chunk, u, level_index) for chunk in chunks)
    recipe = _Recipe(times, level * HPA_PA, lat, lon, level_index, rows, columns, u, tuple(chunks), parts)
    return FetchPlan(
        source="era5",
        title="ERA5 0.25°",
        window=(times[0], times[-1]),
        box=_box(lat[list(rows)], lon[list(columns)], lon.size),
        levels_pa=levels,
        parts=tuple(part for several in parts for part in several),
        file_name="wind.nc",
        assemble=partial(_assemble, recipe),
    )


def _times(window: Window, step_s: float, now_s: float) -> tuple[float, ...]:
    if not (step_s > 0 and step_s % HOUR_S == 0) or not all(map(math.isfinite, (*window, now_s))):
        raise FetchError(
            "the step must be whole hours and the window finite", remedy="Give hours, such as 3."
        )
    first, last = math.floor(window[0] / step_s) * step_s, math.ceil(window[1] / step_s) * step_s
    count = round((last - first) / step_s) + 1
    if window[1] < window[0] or count > MAX_FIELDS:
        raise LimitError(f"the window asks for {count} times", remedy="Shorten it, or take a longer step.")
    if last > now_s:
        raise CoverageError(
            f"ERA5 is a reanalysis and has nothing for {iso_utc(last)}",
            remedy="Fetch GFS for the present and the future (`--source gfs`).",
        )
    return tuple(first + i * step_s for i in range(count))


def _json(web: Web, url: str) -> dict[str, Any]:
    try:
        raw = json.loads(get_small(web, url, max_bytes=MAX_META_BYTES).content)
    except ValueError as error:
        raise FetchError(f"the metadata is no JSON: {error}", where=url) from error
    if not isinstance(raw, dict):
        raise FetchError("the metadata is no JSON object", where=url)
    return raw


def _array(web: Web, base_url: str, name: str, dims: tuple[str, ...]) -> _Array:
    url = f"{base_url}/{name}/.zarray"
    raw, attrs = _json(web, url), _json(web, f"{base_url}/{name}/.zattrs")
    try:
        array = _Array(
            name,
            tuple(int(n) for n in raw["shape"]),
            tuple(int(n) for n in raw["chunks"]),
            np.dtype(raw["dtype"]),
            raw["compressor"],
            str(raw.get("dimension_separator", ".")),
        )
        fits = raw["zarr_format"] == 2 and raw["order"] == "C" and not raw["filters"]
    except (KeyError, TypeError, ValueError) as error:
        raise FetchError(f"the array's metadata is not as expected: {error!r}", where=url) from error
    if not fits or tuple(attrs.get("_ARRAY_DIMENSIONS", ())) != dims or len(array.shape) != len(dims):
        raise FetchError(
            f"the array is not laid out as {', '.join(dims)} in Zarr format 2",
            where=url,
            remedy="The store may have changed; give the base URL of the one with this layout.",
        )
    return array


def _unpack(data: bytes, array: _Array, where: str) -> npt.NDArray[Any]:
    """Undo an array's compressor; the result is flat."""
    import numcodecs  # type: ignore[import-untyped]  # no stubs; zarr brings it

    try:
        raw = data if array.compressor is None else numcodecs.get_codec(array.compressor).decode(data)
        return np.frombuffer(raw, dtype=array.dtype)
    except (ValueError, RuntimeError, TypeError) as error:
        raise FetchError(
            f"the data do not unpack: {error}", where=where, remedy="Fetch again; the piece is damaged."
        ) from error


def _axis(web: Web, base_url: str, name: str) -> Float64s:
    array = _array(web, base_url, name, (name,))
    if array.chunks[0] < array.shape[0] or array.dtype.kind not in "iuf":
        raise FetchError("the axis is in several chunks, or holds no numbers", where=f"{base_url}/{name}")
    url = f"{base_url}/{name}/0"
    values = _unpack(get_small(web, url, max_bytes=MAX_AXIS_BYTES).content, array, url)
    values = values[: array.shape[0]].astype(np.float64)
    if values.size != array.shape[0] or not np.isfinite(values).all():
        raise FetchError("the axis is cut short or holds what is no number", where=url)
    return values


def _time_indexes(web: Web, base_url: str, times: tuple[float, ...]) -> list[int]:
    """Return where the times stand on the store's axis, read from the axis itself."""
    array = _array(web, base_url, "time", ("time",))
    units = str(_json(web, f"{base_url}/time/.zattrs").get("units", ""))
    epoch = _epoch(units, base_url)
    # The axis is hourly from its epoch: the guess says which chunk to read, the chunk whether it holds.
    guesses = [round((t - epoch) / HOUR_S) for t in times]
    if guesses[0] < 0 or guesses[-1] >= array.shape[0]:
        raise CoverageError(
            f"the store's times do not reach from {iso_utc(times[0])} to {iso_utc(times[-1])}", where=base_url
        )
    for number in sorted({guess // array.chunks[0] for guess in guesses}):
        url = f"{base_url}/time/{number}"
        values = _unpack(get_small(web, url, max_bytes=MAX_AXIS_BYTES).content, array, url)
        mine = [g for g in guesses if g // array.chunks[0] == number]
        inside = [g - number * array.chunks[0] for g in mine]
        if max(inside) >= values.size or values[inside].tolist() != mine:
            raise FetchError("the store's time axis is not hourly from its epoch", where=url)
    return guesses


def _epoch(units: str, base_url: str) -> float:
    words = units.split()
    try:
        if words[:2] != ["hours", "since"] or not 3 <= len(words) <= 4:
            raise ValueError("not 'hours since DATE'")
        text = datetime.fromisoformat(" ".join(words[2:])).isoformat()
        return parse_utc(text if "+" in text else text + "Z")
    except ValueError as error:
        raise FetchError(f"the time units are '{units[:60]}': {error}", where=f"{base_url}/time") from error


def _cut(lat: Float64s, lon: Float64s, box: Box) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rows and columns that surround a box, columns eastward from its western edge."""
    west, south, east, north = box
    if not (-90.0 <= south <= north <= 90.0) or not (math.isfinite(west) and math.isfinite(east)):
        raise FetchError(f"the box {box} is not west, south, east, north in degrees")
    spacing = abs(float(lat[1] - lat[0])) if lat.size > 1 else 180.0
    rows = tuple(int(i) for i in np.flatnonzero((lat > south - spacing) & (lat < north + spacing)))
    step = 360.0 / lon.size
    width = 360.0 if east - west >= 360.0 else (east - west) % 360.0
    if width + 2 * step >= 360.0:
        return rows, tuple(range(lon.size))
    away = (lon - west + step) % 360.0
    order = np.argsort(away, kind="stable")
    return rows, tuple(int(i) for i in order[away[order] < width + 2 * step])


def _box(lat: Float64s, lon: Float64s, whole: int) -> Box:
    if lon.size == whole:
        return (-180.0, float(lat.min()), 180.0, float(lat.max()))
    west, east = ((float(x) + 180.0) % 360.0 - 180.0 for x in (lon[0], lon[-1]))
    return (west, float(lat.min()), east, float(lat.max()))


def _chunk(web: Web, url: str, array: _Array, time_s: float) -> _Chunk:
    """Read the head of a chunk."""
    try:
        reply = get_small(web, url, max_bytes=FIRST_READ_BYTES, first=0, size=FIRST_READ_BYTES)
        packed = array.compressor is not None and array.compressor.get("id") == "blosc"
        head = reply.content
        need = head_bytes(head) if packed else 0
        if need > len(head):
            head += get_small(web, url, max_bytes=need, first=len(head), size=need - len(head)).content
    except NotThereError as error:
        raise CoverageError(
            f"the store has no ERA5 for {iso_utc(time_s)}",
            where=url,
            remedy="ERA5 comes with a delay of days and this store of months; for later dates fetch GFS.",
        ) from error
    frame = parse_frame(head) if packed else None
    raw = math.prod(array.chunks) * array.dtype.itemsize
    if reply.total > 2 * raw + HEAD_BYTES or (frame and (frame.nbytes, frame.cbytes) != (raw, reply.total)):
        raise FetchError("the chunk has not the size that the store's metadata say", where=url)
    return _Chunk(url, reply.etag, reply.total, frame)


def _blocks(frame: Frame, array: _Array, level_index: tuple[int, ...]) -> list[int]:
    size = math.prod(array.chunks[2:]) * array.dtype.itemsize
    return sorted({block for i in level_index for block in blocks_for(frame, i * size, size)})


def _parts(chunk: _Chunk, array: _Array, level_index: tuple[int, ...]) -> tuple[Part, ...]:
    """Return the byte ranges that hold the blocks of the wanted levels, near ones joined."""
    if chunk.frame is None:
        return (Part(url=chunk.url, first=0, size=chunk.total, etag=chunk.etag),)
    spans = sorted(chunk.frame.blocks[block] for block in _blocks(chunk.frame, array, level_index))
    ranges: list[list[int]] = []
    for first, end in spans:
        if ranges and first - ranges[-1][1] <= GAP_BYTES:
            ranges[-1][1] = max(ranges[-1][1], end)
        else:
            ranges.append([first, end])
    return tuple(Part(url=chunk.url, first=a, size=b - a, etag=chunk.etag) for a, b in ranges)


def _levels(
    chunk: _Chunk, parts: tuple[Part, ...], data: Sequence[bytes], array: _Array, level_index: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """Unpack the wanted levels of a chunk: (levels, rows, columns)."""
    plane = math.prod(array.chunks[2:])
    size = plane * array.dtype.itemsize
    if chunk.frame is None:
        flat = _unpack(data[0], array, chunk.url)
        if flat.size != math.prod(array.chunks):
            raise FetchError("the chunk has not the size that the store's metadata say", where=chunk.url)
        starts = [i * plane for i in level_index]
    else:
        frame = chunk.frame
        blocks = _blocks(frame, array, level_index)
        content = {}
        for block in blocks:
            first, end = frame.blocks[block]
            at = next(
                k for k, part in enumerate(parts) if part.first <= first and end <= part.first + part.size
            )
            content[block] = data[at][first - parts[at].first : end - parts[at].first]
        flat = _unpack(rebuild(frame, blocks, content), array, chunk.url)
        # Where a level begins among the kept blocks, in items.
        place = {block: k * frame.blocksize for k, block in enumerate(blocks)}
        starts = [
            (place[i * size // frame.blocksize] + i * size % frame.blocksize) // array.dtype.itemsize
            for i in level_index
        ]
    planes = [flat[s : s + plane].reshape(array.chunks[2:]) for s in starts]
    return np.stack(planes).astype(np.float32)


def _assemble(recipe: _Recipe, paths: Sequence[Path], target: Path) -> None:
    """Write the box and levels as NetCDF in the layout of the present Climate Data Store."""
    import netCDF4

    with netCDF4.Dataset(target, "w", format="NETCDF4") as out:
        _define(out, recipe)
        at = 0
        for number, (chunk, parts) in enumerate(zip(recipe.chunks, recipe.parts, strict=True)):
            data = [path.read_bytes() for path in paths[at : at + len(parts)]]
            at += len(parts)
            values = _levels(chunk, parts, data, recipe.array, recipe.level_index)
            values = values[:, list(recipe.rows)][:, :, list(recipe.columns)]
            # Missing values are let through as NaN; anything else beyond all winds is damage.
            if np.nanmax(np.abs(values), initial=0.0) > MAX_WIND_MPS:
                raise FetchError(
                    f"the winds exceed {MAX_WIND_MPS:g} m/s: the data are damaged",
                    where=chunk.url,
                    remedy="Delete the entry's folder in the cache and fetch again.",
                )
            out["uv"[number % 2]][number // 2] = values


def _define(out: Any, recipe: _Recipe) -> None:
    lon = recipe.lon_deg[list(recipe.columns)]
    axes: tuple[tuple[str, npt.ArrayLike, str, str], ...] = (
        ("valid_time", recipe.time_s, "seconds since 1970-01-01", "time"),
        ("pressure_level", recipe.pressure_pa[list(recipe.level_index)] / HPA_PA, "hPa", "air_pressure"),
        ("latitude", recipe.lat_deg[list(recipe.rows)], "degrees_north", "latitude"),
        # Made continuous, so that a box over the seam stays one span.
        ("longitude", np.unwrap(lon, period=360.0), "degrees_east", "longitude"),
    )
    for name, values, units, standard_name in axes:
        out.createDimension(name, np.size(np.asarray(values)))
        axis = out.createVariable(name, "f8", (name,))
        axis.units, axis.standard_name = units, standard_name
        axis[:] = values
    out["valid_time"].calendar = "proleptic_gregorian"
    dims = tuple(axis[0] for axis in axes)
    for name, standard_name in (("u", "eastward_wind"), ("v", "northward_wind")):
        wind = out.createVariable(name, "f4", dims, compression="zlib", complevel=1, fill_value=np.nan)
        wind.units, wind.standard_name = "m s**-1", standard_name
    out.Conventions = "CF-1.11"
    out.source = "ERA5 reanalysis, ARCO-ERA5 public Zarr store"
    out.acknowledgement = ACKNOWLEDGEMENT
