"""Write a store of winds as the fields come, so that a writer that was killed goes on where it stopped.

::

    grids, or files read piece by piece ──► chunks of one time ──► progress.txt ──► complete

Until its last time is written a store says that it is incomplete, and nothing reads it. What is there already
is not written again: `progress.txt` names the times, each after all its chunks are in place.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from overflight.errors import InputError
from overflight.times import iso_utc
from overflight.winds.grid import Float64s, Grid
from overflight.winds.gridded import Box, Window, read_pieces
from overflight.winds.store_format import (
    AXES,
    AXIS_UNITS,
    CHUNK_BYTES,
    FIELDS,
    MARK,
    PROGRESS_FILE,
    ROOT_FILE,
    VERSION,
    is_store,
    level_chunk,
    read_progress,
    store_attributes,
)

# Told the times that are there, POSIX seconds of the last, and their number.
Progress = Callable[[float, int], None]


def write_store(
    path: str | Path,
    grids: Iterable[Grid],
    *,
    overwrite: bool = False,
    chunk_bytes: int = CHUNK_BYTES,
    progress: Progress | None = None,
) -> Path:
    """Write grids, in the order of time, as one store; return its path.

    An unfinished store of the same axes is gone on with: times that it holds are passed over.

    Parameters
    ----------
    path : the folder of the store.
    grids : each with one time or more, on the same levels, rows and columns and with the same fields. Only
        one is held at a time. A time that came before is passed over.
    overwrite : replace a store that is there. Anything that is not a store is never replaced.
    chunk_bytes : the size of a chunk before it is packed, at least one level.
    progress : called after each time with that time and the number of times that are there.

    Raises
    ------
    InputError
        When something else is at `path`, there are no grids, or they do not belong together.
    """
    path = Path(path)
    _make_room(path, overwrite)
    arrays: dict[str, Any] = {}
    first: Grid | None = None
    times = read_progress(path) if path.exists() else []
    for grid in grids:
        if first is None:
            arrays = _continued(path, grid) if times else _created(path, grid, chunk_bytes)
            first = _axes_only(grid)
        _check_same(first, grid)
        for i, moment in enumerate(float(t) for t in grid.time_s):
            if times and moment <= times[-1]:
                if moment not in times:
                    raise _out_of_order(grid, moment, times[-1])
                continue
            _write_time(arrays, grid, i, len(times))
            times.append(moment)
            with (path / PROGRESS_FILE).open("a", encoding="ascii") as out:
                out.write(f"{moment!r}\n")
            if progress is not None:
                progress(moment, len(times))
    if first is None or not times:
        raise InputError("there are no winds to write", file=path.name, remedy="Give one grid or more.")
    _complete(path, times)
    return path


def store_files(
    path: str | Path,
    files: Sequence[str | Path],
    *,
    window: Window | None = None,
    levels_pa: tuple[float, float] | None = None,
    box: Box | None = None,
    member: int | None = None,
    thermo: bool = False,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Write files of gridded winds as one store, piece by piece; options as in `gridded.read_grid`.

    The files stand in the order of time; where two hold a time, the first counts. Going on with an unfinished
    store reads only what it lacks.

    Raises
    ------
    InputError, CoverageError, LimitError
        As `write_store` and `read_grid`.
    """
    done = read_progress(Path(path)) if Path(path).is_dir() else []

    def pieces() -> Iterator[Grid]:
        last = done[-1] if done and not overwrite else -np.inf
        for file in files:
            for grid in read_pieces(
                file, window=window, levels_pa=levels_pa, box=box, member=member, thermo=thermo, after=last
            ):
                last = float(grid.time_s[-1])
                yield grid

    return write_store(path, pieces(), overwrite=overwrite, progress=progress)


def _make_room(path: Path, overwrite: bool) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if not is_store(path):
        if path.is_dir() and not any(path.iterdir()):
            return
        raise InputError("something else is there", file=path.name, remedy="Choose another folder.")
    if overwrite:
        shutil.rmtree(path)
    elif store_attributes(path).get("complete") is True:
        raise InputError(
            "the store is there and complete",
            file=path.name,
            remedy="Choose another folder, or overwrite it.",
        )


def _created(path: Path, grid: Grid, chunk_bytes: int) -> dict[str, Any]:
    import zarr

    path.mkdir(parents=True, exist_ok=True)
    attributes = {
        MARK: VERSION,
        "complete": False,
        "periodic": bool(grid.periodic),
        "steady": bool(grid.steady),
        "name": grid.name,
        "provenance": {str(k): str(v) for k, v in grid.provenance.items()},
        "fields": _fields(grid),
        "Conventions": "CF-1.11",
    }
    # First of all: a folder that is not marked as a store is never written over.
    _write_json(path / ROOT_FILE, {"zarr_format": 3, "node_type": "group", "attributes": attributes})
    for name, values in _axes(grid).items():
        if name != "time":
            _write_axis(path, name, values)
    shape = (0, grid.pressure_pa.size, grid.lat_deg.size, grid.lon_deg.size)
    levels = level_chunk(shape[1], shape[2], shape[3], chunk_bytes)
    arrays = {}
    for name in _fields(grid):
        array, standard, unit = FIELDS[name]
        arrays[name] = zarr.create_array(
            path / array,
            shape=shape,
            chunks=(1, levels, *shape[2:]),
            dtype="float32",
            compressors=_packing(),
            fill_value=np.nan,
            dimension_names=AXES,
            attributes={"standard_name": standard, "units": unit},
            config={"write_empty_chunks": True},
            overwrite=True,
        )
    return arrays


def _continued(path: Path, grid: Grid) -> dict[str, Any]:
    """Open the arrays of an unfinished store, which must be of the grid's axes and fields."""
    import zarr

    attributes = store_attributes(path)
    held = _axes(grid)
    same = attributes.get("fields") == _fields(grid)
    for name in AXES[1:]:
        stored = np.asarray(zarr.open_array(path / name, mode="r")[:])
        same = same and stored.shape == held[name].shape and bool((stored == held[name]).all())
    if not same:
        raise InputError(
            "an unfinished store of other levels, rows, columns or fields is there",
            file=path.name,
            remedy="Choose another folder, or overwrite it.",
        )
    arrays = {}
    for name in _fields(grid):
        arrays[name] = zarr.open_array(path / FIELDS[name][0], mode="r+").with_config(
            {"write_empty_chunks": True}
        )
    return arrays


def _write_time(arrays: dict[str, Any], grid: Grid, index: int, at: int) -> None:
    for name, array in arrays.items():
        if array.shape[0] <= at:
            # Resizing counts all chunks, so the length grows by doubling; `_complete` cuts it to the times.
            array.resize((2 * at + 64, *array.shape[1:]))
        array[at] = getattr(grid, name)[index]


def _complete(path: Path, times: list[float]) -> None:
    import zarr

    for name in FIELDS:
        array = path / FIELDS[name][0]
        if array.is_dir():
            opened = zarr.open_array(array, mode="r+")
            if opened.shape[0] != len(times):
                opened.resize((len(times), *opened.shape[1:]))
    _write_axis(path, "time", np.asarray(times))
    attributes = store_attributes(path) | {"complete": True}
    _write_json(path / ROOT_FILE, {"zarr_format": 3, "node_type": "group", "attributes": attributes})
    (path / PROGRESS_FILE).unlink(missing_ok=True)


def _write_axis(path: Path, name: str, values: Float64s) -> None:
    import zarr

    standard, unit = AXIS_UNITS[name]
    zarr.create_array(
        path / name,
        data=np.ascontiguousarray(values, np.float64),
        chunks=(values.size,),
        compressors=_packing(),
        fill_value=np.nan,
        dimension_names=(name,),
        attributes={"standard_name": standard, "units": unit},
        config={"write_empty_chunks": True},
        overwrite=True,
    )


def _packing() -> Any:
    from zarr.codecs import BloscCodec, Crc32cCodec

    return (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec())


def _fields(grid: Grid) -> list[str]:
    return [name for name in FIELDS if getattr(grid, name) is not None]


def _axes(grid: Grid) -> dict[str, Float64s]:
    values = (grid.time_s, grid.pressure_pa, grid.lat_deg, grid.lon_deg)
    return {name: np.asarray(v, np.float64) for name, v in zip(AXES, values, strict=True)}


def _axes_only(grid: Grid) -> Grid:
    """Return a grid of one time, so that the first one need not be kept whole."""
    cut = {name: getattr(grid, name)[:1].copy() for name in _fields(grid)}
    return replace(grid, time_s=grid.time_s[:1].copy(), **cut)


def _check_same(first: Grid, grid: Grid) -> None:
    ours, theirs = _axes(first), _axes(grid)
    for name in AXES[1:]:
        if ours[name].shape != theirs[name].shape or not (ours[name] == theirs[name]).all():
            raise InputError(
                f"its {name} axis differs from that of '{first.name}'",
                file=grid.name,
                remedy="Write stores of one grid each.",
            )
    if _fields(first) != _fields(grid) or first.periodic != grid.periodic:
        raise InputError(
            f"it has not the same fields as '{first.name}'",
            file=grid.name,
            remedy="Write stores of the same fields each.",
        )


def _out_of_order(grid: Grid, moment: float, last: float) -> InputError:
    return InputError(
        f"the time {iso_utc(moment)} comes after {iso_utc(last)} was written",
        file=grid.name,
        remedy="Give the grids in the order of time.",
    )


def _write_json(file: Path, content: dict[str, Any]) -> None:
    """Put a file in place whole or not at all."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(draft, file)
