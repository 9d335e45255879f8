"""The layout of a wind store: a Zarr (format 3) folder cut for reading time after time.

::

    <store>/zarr.json              attributes: whether it is complete, periodic, steady; provenance
    <store>/time level latitude longitude      axes: POSIX seconds, pascals, degrees; all increase
    <store>/u v [u_sd v_sd] [t gh]             float32 (time, level, latitude, longitude)
    <store>/progress.txt           while it is being written: the times that are there, one a line

A chunk holds one time, whole rows and columns, and as many levels as fit `CHUNK_BYTES`. Each is packed with
Blosc (LZ4, shuffled) and ends in a CRC-32C, so damage is noticed when it is read; a chunk is written even
where all of it is missing values, so an absent one is damage too. Any reader of Zarr 3 can open a store, and
`overflight.winds.gridded.read_grid` does. Sources: Zarr core specification, version 3; RFC 3720 for the CRC.

What a store says of itself is checked before any array is opened: shapes, types, codecs and sizes.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from overflight.errors import InputError, LimitError
from overflight.winds.source import MAX_AXIS, clean_text

VERSION = 1
MARK = "overflight_wind_store"
ROOT_FILE, PROGRESS_FILE = "zarr.json", "progress.txt"
AXES = ("time", "level", "latitude", "longitude")
# Field of a grid, array of the store, CF standard name and unit.
FIELDS: dict[str, tuple[str, str, str]] = {
    "u_mps": ("u", "eastward_wind", "m s-1"),
    "v_mps": ("v", "northward_wind", "m s-1"),
    "u_sd_mps": ("u_sd", "eastward_wind standard_error", "m s-1"),
    "v_sd_mps": ("v_sd", "northward_wind standard_error", "m s-1"),
    "temperature_k": ("t", "air_temperature", "K"),
    "geopotential_m": ("gh", "geopotential_height", "m"),
}
AXIS_UNITS = {
    "time": ("time", "seconds since 1970-01-01"),
    "level": ("air_pressure", "Pa"),
    "latitude": ("latitude", "degrees_north"),
    "longitude": ("longitude", "degrees_east"),
}
CHUNK_BYTES = 32 * 1024 * 1024
# A chunk is unpacked as a whole; stores of others may have larger ones than ours, within reason.
MAX_CHUNK_BYTES = 1024**3
MAX_META_BYTES = 4_000_000
# Unpackers that run no code from the file.
CODECS = ("bytes", "blosc", "zstd", "gzip", "crc32c")

_REMEDY = "Fetch or write the store again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFacts:
    """What the metadata of an array says: shape, and shape of a chunk."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]


def level_chunk(levels: int, rows: int, columns: int, chunk_bytes: int = CHUNK_BYTES) -> int:
    """Return how many levels a chunk holds."""
    return max(1, min(levels, chunk_bytes // (4 * rows * columns)))


def is_store(path: Path) -> bool:
    """Tell whether a folder is a wind store of this package, complete or not."""
    return _is_ours(_attributes(path))


def store_attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a store, complete or not.

    Raises
    ------
    InputError
        When the folder is no wind store, or one of another version.
    """
    if not path.is_dir():
        raise InputError("there is no such folder", file=path.name, remedy="Check the path.")
    attributes = _attributes(path)
    if not _is_ours(attributes):
        raise InputError(
            "the folder is not a wind store",
            file=path.name,
            remedy="Make one from a file of winds with overflight.winds.store.store_files.",
        )
    if attributes[MARK] != VERSION:
        raise InputError(
            f"the store is of version {clean_text(attributes[MARK])}, this reads {VERSION}",
            file=path.name,
            remedy=_REMEDY,
        )
    return attributes


def refuse_unsound(path: Path) -> None:
    """Refuse a store whose writing was cut off, or that lacks chunks; other Zarr folders pass.

    A reader of Zarr would take an absent chunk for missing values without a word.

    Raises
    ------
    InputError
        When the store says that it is not complete, or is not.
    """
    attributes = _attributes(path)
    if not _is_ours(attributes):
        return
    if attributes.get("complete") is True:
        for array in [array for array, _, _ in FIELDS.values() if (path / array).is_dir()]:
            facts = array_facts(path, array, AXES)
            for index in range(0, facts.shape[0], facts.chunks[0]):
                if not all(file.is_file() for file in chunk_files(path, array, facts, index)):
                    raise InputError(
                        f"a chunk of time number {index + 1} is missing",
                        file=f"{path.name}/{array}",
                        remedy=_REMEDY,
                    )
        return
    count = len(read_progress(path))
    raise InputError(
        f"the store is incomplete: its writing was cut off after {count} times",
        file=path.name,
        remedy="Run what wrote it again: it goes on from there.",
    )


def read_progress(path: Path) -> list[float]:
    """Return the times, POSIX seconds, that an unfinished store holds."""
    file = path / PROGRESS_FILE
    if not file.is_file():
        return []
    if file.stat().st_size > MAX_META_BYTES:
        raise InputError("it is too large", file=f"{path.name}/{PROGRESS_FILE}", remedy=_REMEDY)
    try:
        # A last line without its end was being written when the writer was killed.
        whole = file.read_text(encoding="ascii").rpartition("\n")[0]
        times = [float(line) for line in whole.splitlines()]
    except ValueError as error:
        raise InputError(
            "its list of times is damaged", file=f"{path.name}/{PROGRESS_FILE}", remedy=_REMEDY
        ) from error
    if not all(map(math.isfinite, times)) or any(b <= a for a, b in pairwise(times)):
        raise InputError("its list of times is damaged", file=f"{path.name}/{PROGRESS_FILE}", remedy=_REMEDY)
    return times


def array_facts(path: Path, name: str, dims: tuple[str, ...]) -> ArrayFacts:
    """Read the metadata of an array and refuse what cannot be read safely.

    Raises
    ------
    InputError
        When the array is not there, or its shape, type, chunks or codecs are not of this layout.
    LimitError
        When an axis or a chunk is larger than any field of winds has.
    """
    where = f"{path.name}/{name}"
    if not (path / name / ROOT_FILE).is_file():
        raise InputError("the array is not there", file=where, remedy=_REMEDY)
    meta = _read_json(path / name / ROOT_FILE)
    try:
        shape = tuple(_counts(meta["shape"]))
        chunks = tuple(_counts(meta["chunk_grid"]["configuration"]["chunk_shape"]))
        codecs = [str(codec["name"]) for codec in meta["codecs"]]
        separator = meta["chunk_key_encoding"].get("configuration", {}).get("separator", "/")
        plain = meta["node_type"] == "array" and meta["chunk_grid"]["name"] == "regular"
        plain = plain and meta["chunk_key_encoding"]["name"] == "default" and separator == "/"
        kind = str(meta["data_type"])
        named = meta.get("dimension_names")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(f"its metadata are damaged ({error})", file=where, remedy=_REMEDY) from error
    if not plain or len(shape) != len(dims) or len(chunks) != len(dims) or list(named or dims) != list(dims):
        raise InputError(f"the array is not of dims {dims} in plain chunks", file=where, remedy=_REMEDY)
    if kind not in ("float32", "float64"):
        raise InputError(f"the type is '{clean_text(kind)}', not a float", file=where, remedy=_REMEDY)
    if strange := [codec for codec in codecs if codec not in CODECS]:
        raise InputError(
            f"it is packed with '{clean_text(strange[0])}', which is not unpacked here",
            file=where,
            remedy=f"Pack it with one of {', '.join(CODECS)}.",
        )
    if max(shape) > MAX_AXIS or 8 * math.prod(chunks) > MAX_CHUNK_BYTES:
        raise LimitError(
            f"it claims the shape {shape} in chunks of {chunks}; at most {MAX_AXIS} nodes an axis and "
            f"{MAX_CHUNK_BYTES >> 20} MiB a chunk are read",
            where=where,
            remedy="Cut the store to the region and period of the flight.",
        )
    return ArrayFacts(shape=shape, chunks=chunks)


def chunk_files(path: Path, name: str, facts: ArrayFacts, time_index: int) -> list[Path]:
    """Return the files of the chunks that hold one time of a field."""
    counts = [-(-n // c) for n, c in zip(facts.shape[1:], facts.chunks[1:], strict=True)]
    base = path / name / "c" / str(time_index // facts.chunks[0])
    return [
        base / str(level) / str(row) / str(column)
        for level in range(counts[0])
        for row in range(counts[1])
        for column in range(counts[2])
    ]


def _counts(values: Any) -> list[int]:
    counts = [int(n) for n in values]
    if any(n < 1 or isinstance(v, bool | float | str) for n, v in zip(counts, values, strict=True)):
        raise ValueError("its shape is no list of counts")
    return counts


def _is_ours(attributes: dict[str, Any]) -> bool:
    return MARK in attributes


def _attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a Zarr group, none where they cannot be read: it is none of ours then."""
    if not (path / ROOT_FILE).is_file():
        return {}
    try:
        attributes = _read_json(path / ROOT_FILE).get("attributes", {})
    except InputError:
        return {}
    return attributes if isinstance(attributes, dict) else {}


def _read_json(file: Path) -> dict[str, Any]:
    where = f"{file.parent.name}/{file.name}"
    try:
        if file.stat().st_size > MAX_META_BYTES:
            raise ValueError("it is too large")
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"cannot be read ({clean_text(error)})", file=where, remedy=_REMEDY) from error
    if not isinstance(content, dict):
        raise InputError("is no JSON object", file=where, remedy=_REMEDY)
    return content
