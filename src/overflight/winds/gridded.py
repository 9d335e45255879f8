"""Read gridded wind from NetCDF, Zarr and GRIB into a `Grid`, or only describe it.

::

    path ── content ──► open_netcdf / open_zarr / open_grib ──► Source ──► choose a block ──► Grid
                                                                  └──► GridInfo

The format is told by content, never by the file's name. The memory a read will take is reckoned before it
starts, and with a window, levels or a box only the nodes that surround them are read. A file is whatever
somebody sent: damage, wrong units and impossible sizes end in an error that says what to do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from overflight.errors import CoverageError, InputError, LimitError
from overflight.times import iso_utc
from overflight.units import HPA_PA
from overflight.winds.cache import size_of
from overflight.winds.grid import Float32s, Float64s, Grid
from overflight.winds.source import AVERAGED, WHOLE_ERROR, Part, Source, check_values

# Of the memory that is free, the share that one grid and its packed copy may take.
MEMORY_SHARE = 0.6
# A grid holds 8 bytes a node (u and v as float32) and the kernel's copy 16; temperature and height take as
# much as u and v in each.
GRID_BYTES, PACKED_BYTES, AIR_BYTES = 8, 16, 8
# How much is unpacked at once, as float64, unless one time alone is larger.
BLOCK_BYTES = 128 * 1024 * 1024
# What a piece of `read_pieces` holds of u and v.
PIECE_BYTES = 256 * 1024 * 1024
# A longitude axis closes when the gap is no wider than its spacing, but for rounding.
SEAM_TOLERANCE = 0.01

Window = tuple[float, float]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridInfo:
    """What a file of gridded wind holds. Times are POSIX seconds UTC; longitudes one unwrapped span.

    `memory_bytes` is what reading all winds takes, with the copy that the kernel uses. `air` names what
    there is beside the wind: "temperature", "height", "spread".
    """

    file: str
    format: str
    naming: str
    times: int
    time_start: float
    time_end: float
    pressure_pa: tuple[float, ...]
    rows: int
    lat_south_deg: float
    lat_north_deg: float
    columns: int
    lon_west_deg: float
    lon_east_deg: float
    periodic: bool
    members: int
    file_bytes: int
    memory_bytes: int
    notes: tuple[str, ...] = ()
    air: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Axis:
    """Increasing values of an axis, and the slices of the file that hold them, in this order.

    With `reverse` the file runs the other way: the slices are read and the axis then turned round.
    """

    values: Float64s
    slices: tuple[slice, ...]
    reverse: bool


@dataclass(frozen=True, slots=True)
class _Block:
    """The part of a source that will be read."""

    time: _Axis
    level: _Axis
    lat: _Axis
    lon: _Axis
    periodic: bool

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Nodes along time, level, latitude and longitude."""
        return (self.time.values.size, self.level.values.size, self.lat.values.size, self.lon.values.size)


@dataclass(frozen=True, slots=True)
class _Ask:
    """Which members and quantities are read: `member` by label, `index` by place, `averaged` over all.

    `spread` is the one that the file states; that of the members is read where they are averaged.
    """

    member: int | None
    index: int | None
    averaged: bool
    spread: bool
    air: tuple[Part, ...]
    thermo: bool


def read_grid(
    path: str | Path,
    *,
    window: Window | None = None,
    levels_pa: tuple[float, float] | None = None,
    box: Box | None = None,
    member: int | None = None,
    max_bytes: int | None = None,
    thermo: bool = False,
) -> Grid:
    """Read a file of gridded wind.

    Parameters
    ----------
    path : a NetCDF or GRIB file, or a Zarr folder.
    window : first and last time, POSIX seconds UTC. With it, and with the next two, only the nodes inside
        and the next one on each side are read.
    levels_pa : lowest and highest pressure.
    box : west, south, east, north in degrees; west greater than east crosses the antimeridian.
    member : the label of the ensemble member to read. When None, an ensemble becomes its mean, with the
        standard deviation over members (n - 1) as `u_sd_mps`, `v_sd_mps`. Of other files these hold the
        spread that the file states (`u_sd` and `v_sd`, as our stores have), None where it states none.
    max_bytes : the memory that the grid and its packed copy may take; 60 % of what is free when None.
    thermo : read temperature and geopotential height too, where the file has them; of an ensemble the mean.

    Raises
    ------
    InputError
        The file is damaged, is no wind on pressure levels, or its axes or units cannot be right.
    CoverageError
        It has nothing in the window, levels or box.
    LimitError
        It needs more memory than allowed; nothing was read.
    """
    path = Path(path)
    with open_source(path) as source:
        block = _choose(source, window, levels_pa, box)
        ask = _ask(source, member, thermo)
        _guard(source, block, ask, max_bytes)
        return _read(source, block, ask, path.name)


def read_pieces(
    path: str | Path,
    *,
    window: Window | None = None,
    levels_pa: tuple[float, float] | None = None,
    box: Box | None = None,
    member: int | None = None,
    max_bytes: int | None = None,
    thermo: bool = False,
    after: float = -math.inf,
) -> Iterator[Grid]:
    """Read a file of gridded wind piece by piece along time; arguments as `read_grid`, for each piece.

    Each piece has as many times as fit `PIECE_BYTES`, at least one. Times up to `after` are passed over.
    """
    path = Path(path)
    with open_source(path) as source:
        whole = _choose(source, window, levels_pa, box)
        ask = _ask(source, member, thermo)
        first = int(np.searchsorted(whole.time.values, after, "right"))
        step = max(1, PIECE_BYTES // (math.prod(whole.shape[1:]) * GRID_BYTES))
        for low in range(first, whole.shape[0], step):
            block = replace(whole, time=_cut(whole.time, low, min(step, whole.shape[0] - low)))
            _guard(source, block, ask, max_bytes)
            yield _read(source, block, ask, path.name)


def _ask(source: Source, member: int | None, thermo: bool) -> _Ask:
    index = _member_index(source, member)
    averaged = index is None and len(source.members) > 1
    only = index if index is not None or not source.members else 0
    spread = source.spread and not averaged
    return _Ask(member, only, averaged, spread, source.air if thermo else (), thermo)


def _read(source: Source, block: _Block, ask: _Ask, name: str) -> Grid:
    u_sd: Float32s | None = None
    v_sd: Float32s | None = None
    if ask.averaged:
        u, u_sd = _read_mean(source, block, "u")
        v, v_sd = _read_mean(source, block, "v")
        air = {part: _read_mean(source, block, part)[0] for part in ask.air}
    else:
        u, v = (_read_one(source, block, part, ask.index) for part in ("u", "v"))
        if ask.spread:
            u_sd, v_sd = (_read_one(source, block, part, ask.index) for part in ("u_sd", "v_sd"))
        air = {part: _read_one(source, block, part, ask.index) for part in ask.air}
    missing = float(np.mean(np.isnan(u) | np.isnan(v)))
    if missing == 1.0:
        raise InputError("every value is missing", file=name, remedy="Choose another file or period.")
    return Grid(
        time_s=block.time.values,
        pressure_pa=block.level.values,
        lat_deg=block.lat.values,
        lon_deg=block.lon.values,
        u_mps=u,
        v_mps=v,
        u_sd_mps=u_sd,
        v_sd_mps=v_sd,
        temperature_k=air.get("t"),
        geopotential_m=air.get("h"),
        periodic=block.periodic,
        name=name,
        provenance=_provenance(source, missing, ask),
    )


def describe(path: str | Path) -> GridInfo:
    """Say what a file of gridded wind holds, without reading the wind. Errors as `read_grid`."""
    path = Path(path)
    with open_source(path) as source:
        block = _choose(source, None, None, None)
        shape = block.shape
        return GridInfo(
            file=source.file,
            format=source.format,
            naming=source.naming,
            times=shape[0],
            time_start=float(block.time.values[0]),
            time_end=float(block.time.values[-1]),
            pressure_pa=tuple(float(p) for p in block.level.values),
            rows=shape[2],
            lat_south_deg=float(block.lat.values[0]),
            lat_north_deg=float(block.lat.values[-1]),
            columns=shape[3],
            lon_west_deg=float(block.lon.values[0]),
            lon_east_deg=float(block.lon.values[-1]),
            periodic=block.periodic,
            members=len(source.members),
            file_bytes=size_of(path),
            memory_bytes=_needed_bytes(source, block, _ask(source, None, False)),
            notes=source.notes,
            air=(*(_AIR_NAMES[part] for part in source.air), *(["spread"] if source.spread else [])),
        )


_AIR_NAMES: dict[Part, str] = {"t": "temperature", "h": "height"}


def open_source(path: Path) -> AbstractContextManager[Source]:
    """Open a file or folder by what it contains.

    Raises
    ------
    InputError
        When it does not exist, cannot be opened, or is no grid.
    """
    if path.is_dir():
        if any((path / name).exists() for name in ("zarr.json", ".zgroup", ".zmetadata", ".zarray")):
            from overflight.winds.netcdf import open_zarr

            return open_zarr(path)
        raise InputError("the folder is not a Zarr store", file=path.name, remedy="Name the file itself.")
    try:
        with path.open("rb") as stream:
            head = stream.read(1024)
    except OSError as error:
        raise InputError(
            f"cannot be opened ({error.strerror})", file=path.name, remedy="Check the path."
        ) from error
    if head.startswith((b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05")):
        from overflight.winds.netcdf import open_netcdf

        return open_netcdf(path)
    # Bulletin headers may stand before the first message.
    if b"GRIB" in head:
        from overflight.winds.grib import open_grib

        return open_grib(path)
    raise InputError(f"is not NetCDF, Zarr or GRIB: {_looks_like(head)}", file=path.name, remedy=_REMEDY)


_REMEDY = "Give a grid of u and v on pressure levels, as ERA5 and GFS come."
_SIGNATURES: dict[bytes, str] = {
    b"\x1f\x8b": "it is gzip: unpack it first",
    b"BZh": "it is bzip2: unpack it first",
    b"\xfd7zXZ": "it is xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "it is zstd: unpack it first",
    b"PK\x03\x04": "it is a ZIP archive: unpack it first",
    b"BUFR": "it is BUFR, which holds soundings, not grids",
    b"<": "it is a web page or XML, so a download probably failed",
    b"{": "it is JSON, so a download probably failed",
}


def _looks_like(head: bytes) -> str:
    if not head:
        return "it is empty"
    start = head.lstrip()
    return next((words for mark, words in _SIGNATURES.items() if start.startswith(mark)), "unknown content")


def _choose(
    source: Source, window: Window | None, levels_pa: tuple[float, float] | None, box: Box | None
) -> _Block:
    """Put the axes in order and cut them to what was asked."""
    file = source.file
    _check_ask(window, levels_pa, box)
    time = _narrow(_increasing(source.time_s, file, "time"), window, file, "time")
    level = _narrow(_increasing(source.pressure_pa, file, "level"), levels_pa, file, "level")
    if np.abs(source.lat_deg).max() > 90.0 + 1e-4:
        raise InputError(
            f"latitudes run from {source.lat_deg.min():g} to {source.lat_deg.max():g}",
            file=file,
            field="latitude",
            remedy="Latitude and longitude may be swapped: check the names of the axes.",
        )
    lat = _increasing(np.clip(source.lat_deg, -90.0, 90.0), file, "latitude")
    lat = _narrow(lat, None if box is None else (box[1], box[3]), file, "latitude")
    lon, periodic = _columns(source.lon_deg, file)
    if box is not None:
        lon, periodic = _narrow_lon(lon, periodic, box[0], box[2], file)
    return _Block(time, level, lat, lon, periodic)


def _check_ask(window: Window | None, levels_pa: tuple[float, float] | None, box: Box | None) -> None:
    for name, pair in (("window", window), ("levels_pa", levels_pa)):
        if pair is not None and not (
            math.isfinite(pair[0]) and math.isfinite(pair[1]) and pair[0] <= pair[1]
        ):
            raise InputError(f"{pair} is not a range from low to high", field=name)
    if box is not None and not (all(map(math.isfinite, box)) and -90.0 <= box[1] <= box[3] <= 90.0):
        raise InputError(
            f"{box} is not a box", field="box", remedy="Give west, south, east, north in degrees."
        )


def _increasing(values: Float64s, file: str, name: str) -> _Axis:
    """Return the axis increasing; turned round if it falls, refused if it does neither."""
    whole = (slice(0, values.size),)
    steps = np.diff(values)
    if (steps > 0).all():
        return _Axis(values, whole, False)
    if (steps < 0).all():
        return _Axis(values[::-1].copy(), whole, True)
    where = int(np.argmax(steps * np.sign(values[-1] - values[0] or 1.0) <= 0)) + 1
    raise InputError(
        f"the axis is out of order: {values[where - 1]:g} is followed by {values[where]:g}",
        file=file,
        field=name,
        remedy="Sort the file along it and remove repeated values.",
    )


def _columns(lon_deg: Float64s, file: str) -> tuple[_Axis, bool]:
    """Unwrap the longitudes, drop a repeated seam column, and tell whether they close the circle."""
    if np.abs(lon_deg).max() > 720.0:
        raise InputError(f"longitudes reach {np.abs(lon_deg).max():g}", file=file, field="longitude")
    steps = np.diff(lon_deg)
    falling = bool(np.median(steps) < 0) if steps.size else False
    jumps = steps > 0 if falling else steps < 0
    turn = np.concatenate([[0.0], np.cumsum(jumps)]) * (-360.0 if falling else 360.0)
    axis = _increasing(lon_deg + turn if jumps.sum() == 1 else lon_deg, file, "longitude")
    values = axis.values
    if values.size < 4:
        return axis, False
    spacing = float(np.diff(values).max())
    if values[-1] - values[0] > 360.0 - SEAM_TOLERANCE * spacing:
        axis = _cut(axis, 0, values.size - 1)
        values = axis.values
    span = values[-1] - values[0]
    if span >= 360.0:
        raise InputError(f"longitudes span {span:g}°, more than the circle", file=file, field="longitude")
    return axis, bool(360.0 - span <= spacing * (1.0 + SEAM_TOLERANCE))


def _cut(axis: _Axis, first: int, count: int) -> _Axis:
    """Keep `count` nodes from `first` on of an axis of one slice."""
    size = axis.values.size
    start = axis.slices[0].start
    low = start + (size - first - count if axis.reverse else first)
    return _Axis(axis.values[first : first + count], (slice(low, low + count),), axis.reverse)


def _narrow(axis: _Axis, ask: tuple[float, float] | None, file: str, name: str) -> _Axis:
    """Keep the nodes inside the range and the next on each side."""
    if ask is None:
        return axis
    values = axis.values
    if ask[1] < values[0] or ask[0] > values[-1]:
        held, wanted = (_range_words(name, pair) for pair in ((values[0], values[-1]), ask))
        raise CoverageError(
            f"holds {name} {held}, nothing of {wanted}",
            where=file,
            remedy="Give winds that cover the flight.",
        )
    first = max(int(np.searchsorted(values, ask[0], "right")) - 1, 0)
    last = min(int(np.searchsorted(values, ask[1], "left")), values.size - 1)
    return _cut(axis, first, last - first + 1)


def _range_words(name: str, pair: tuple[float, float]) -> str:
    if name == "time":
        return f"{iso_utc(pair[0])} to {iso_utc(pair[1])}"
    if name == "level":
        return f"{pair[0] / HPA_PA:g} to {pair[1] / HPA_PA:g} hPa"
    return f"{pair[0]:g} to {pair[1]:g}"


def _narrow_lon(axis: _Axis, periodic: bool, west: float, east: float, file: str) -> tuple[_Axis, bool]:
    """Keep the columns from west to east and the next on each side, across the file's seam if need be."""
    lon, size = axis.values, axis.values.size
    span = 360.0 if east - west >= 360.0 else (east - west) % 360.0
    ahead = (lon - west) % 360.0
    inside = np.flatnonzero(ahead <= span)
    if not periodic:
        return _narrow_regional(axis, west, span, ahead, file), False
    first = int(np.argmin(ahead))
    lead = 0 if ahead[first] == 0.0 else 1
    count = inside.size + lead + (0 if inside.size and ahead[inside].max() == span else 1)
    if count >= size:
        return axis, True
    start = (first - lead) % size
    runs = [(start, min(count, size - start)), (0, max(start + count - size, 0))]
    pieces = [_cut(axis, at, n) for at, n in runs if n]
    values = np.concatenate([piece.values + 360.0 * turn for turn, piece in enumerate(pieces)])
    values = values - 360.0 if values[0] >= 180.0 else values
    return _Axis(values, tuple(piece.slices[0] for piece in pieces), axis.reverse), False


def _narrow_regional(axis: _Axis, west: float, span: float, ahead: Float64s, file: str) -> _Axis:
    lon, inside = axis.values, np.flatnonzero(ahead <= span)
    if inside.size:
        first = int(inside[0]) - int(ahead[inside[0]] > 0.0)
        last = int(inside[-1]) + int(ahead[inside[-1]] < span)
    else:
        x = lon[0] + (west - lon[0]) % 360.0
        if x > lon[-1]:
            raise CoverageError(
                f"holds longitudes {lon[0]:g} to {lon[-1]:g}, nothing of {west:g} to {west + span:g}",
                where=file,
                remedy="Give winds that cover the flight.",
            )
        last = int(np.searchsorted(lon, x))
        first = last - 1
    first, last = max(first, 0), min(last, lon.size - 1)
    return _cut(axis, first, last - first + 1)


def _member_index(source: Source, member: int | None) -> int | None:
    if member is None:
        return None
    if member not in source.members:
        held = ", ".join(map(str, source.members[:40])) or "none"
        raise InputError(
            f"there is no member {member}", file=source.file, field="member", remedy=f"Members: {held}."
        )
    return source.members.index(member)


def _needed_bytes(source: Source, block: _Block, ask: _Ask) -> int:
    """Memory at the worst moment: while reading, or when the kernel's copy is made."""
    cells = math.prod(block.shape)
    spread = GRID_BYTES if ask.averaged or ask.spread else 0
    # The kernel's copy has both, the one made from the other.
    beside = AIR_BYTES * len(ask.air) // 2 + (AIR_BYTES if ask.air else 0)
    held = cells * (GRID_BYTES + spread + beside)
    one_time = cells // block.shape[0] * 8
    reading = max(one_time, min(one_time * block.shape[0], BLOCK_BYTES)) * (5 if ask.averaged else 3)
    return int(held + max(cells * PACKED_BYTES, reading + source.read_cost))


def _guard(source: Source, block: _Block, ask: _Ask, max_bytes: int | None) -> None:
    needed = _needed_bytes(source, block, ask)
    allowed = int(MEMORY_SHARE * free_memory_bytes()) if max_bytes is None else max_bytes
    if needed <= allowed:
        return
    shape = block.shape
    held = source.time_s.size, source.pressure_pa.size, source.lat_deg.size, source.lon_deg.size
    raise LimitError(
        f"reading {shape[0]} times, {shape[1]} levels, {shape[2]} × {shape[3]} nodes "
        f"(of {held[0]}, {held[1]}, {held[2]} × {held[3]}) needs {needed / 1e9:.3g} GB of memory; "
        f"{allowed / 1e9:.3g} GB may be used",
        where=source.file,
        remedy="Read only the flight's part: give window, levels_pa or box, or cut the file with "
        "`cdo sellonlatbox` or `ncks`; or allow more with max_bytes.",
    )


def free_memory_bytes() -> int:
    """Return the memory a process may still take, under the limit of its container if it has one."""
    free = [_proc_available()]
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        free.append(limit - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass  # no such limit
    return max(min(free), 0)


def _proc_available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    # Without the figure, assume the smallest machine that the package is meant for.
    return 4 * 1024**3


def _time_blocks(block: _Block) -> Iterator[tuple[slice, slice]]:
    """Yield (slice of the file, slice of the grid) of times that fit the block size."""
    file = block.time.slices[0]
    size = block.shape[0]
    step = max(1, BLOCK_BYTES // (math.prod(block.shape[1:]) * 8))
    for low in range(0, size, step):
        high = min(low + step, size)
        inner = slice(size - high, size - low) if block.time.reverse else slice(low, high)
        yield slice(file.start + inner.start, file.start + inner.stop), slice(low, high)


def _read_block(source: Source, block: _Block, part: Part, member: int | None, times: slice) -> Float64s:
    """Read one block of times, all axes increasing."""
    (levels,), (rows,) = block.level.slices, block.lat.slices
    pieces = [source.read(part, member, times, levels, rows, columns) for columns in block.lon.slices]
    turned = [_turned(piece, block) for piece in pieces]
    values = turned[0] if len(turned) == 1 else np.concatenate(turned, axis=3)
    check_values(part, values, block.level.values, source.file)
    return values


def _turned(values: Float64s, block: _Block) -> Float64s:
    axes = (block.time, block.level, block.lat, block.lon)
    return values[tuple(slice(None, None, -1) if axis.reverse else slice(None) for axis in axes)]


def _read_one(source: Source, block: _Block, part: Part, member: int | None) -> Float32s:
    out = np.empty(block.shape, np.float32)
    for there, here in _time_blocks(block):
        out[here] = _read_block(source, block, part, member, there)
    return out


def _read_mean(source: Source, block: _Block, part: Part) -> tuple[Float32s, Float32s]:
    """Return mean and standard deviation over members; missing where any member is."""
    mean, sd = np.empty(block.shape, np.float32), np.empty(block.shape, np.float32)
    count = len(source.members)
    for there, here in _time_blocks(block):
        total: Float64s | float = 0.0
        squares: Float64s | float = 0.0
        for index in range(count):
            values = _read_block(source, block, part, index, there)
            total = total + values
            squares = squares + values * values
        average = np.asarray(total) / count
        mean[here] = average
        # Float64 holds the squares of winds to 1e-12, so the short formula costs nothing here.
        sd[here] = np.sqrt(np.maximum(squares - count * average**2, 0.0) / (count - 1))
    return mean, sd


def _provenance(source: Source, missing: float, ask: _Ask) -> dict[str, str]:
    facts = {
        "file": source.file,
        "format": source.format,
        "naming": source.naming,
        "missing_share": f"{missing:.6g}",
        **{f"file_{name}": text for name, text in source.attrs.items() if text},
    }
    if ask.averaged:
        facts["members"] = f"{AVERAGED}{len(source.members)}"
    elif ask.member is not None:
        facts["members"] = f"member {ask.member} of {len(source.members)}"
    elif source.averaged:
        facts["members"] = source.averaged
    if ask.averaged and source.spread:
        facts["spread"] = "of the members; the one that the file states was left out"
    elif ask.spread and source.whole_error:
        facts["spread"] = WHOLE_ERROR
    if ask.thermo:
        held = " and ".join(_AIR_NAMES[part] for part in ask.air)
        facts["air"] = held or "none: the standard atmosphere stands in"
    if source.notes:
        facts["notes"] = "; ".join(source.notes)
    return facts
