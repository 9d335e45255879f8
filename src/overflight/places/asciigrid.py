"""ESRI ASCII grids: six lines of header, then rows of numbers from the north.

The header has `ncols`, `nrows`, the south-west corner as `xllcorner yllcorner` (of the cell) or
`xllcenter yllcenter` (its middle), `cellsize` and, if any, `NODATA_value`; names in any case (ArcGIS Desktop
help, "Esri ASCII raster format"). The format does not say in what the corner is; here it is degrees, and
what cannot be degrees is refused.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from overflight.errors import InputError
from overflight.places.tiles import Float32s, Tile, check_pixels, whole_circle
from overflight.rows import parse_number, read_text, shorten

LIMIT_BYTES = 256 * 2**20
_NAMES = ("ncols", "nrows", "xllcorner", "xllcenter", "yllcorner", "yllcenter", "cellsize", "nodata_value")
_CHARACTERS = re.compile(r"[\d\s.eE+-]*", re.ASCII)
_CHUNK_LINES = 2_000


def read_ascii_grid(path: Path) -> Tile:
    """Read a grid of degrees; the points of the tile are the middles of the cells."""
    return parse_ascii_grid(read_text(path, limit_bytes=LIMIT_BYTES), path.name)


def parse_ascii_grid(text: str, file: str) -> Tile:
    """Parse the text of a grid; `file` names it in messages."""
    head, first, body = _header(text, file)
    columns, rows = _count(head, "ncols", file), _count(head, "nrows", file)
    check_pixels(float(columns) * rows, file)
    step = head.get("cellsize", math.nan)
    if not step > 0.0:
        raise InputError("the header has no size of a cell", file=file, field="cellsize")
    west, south = _corner(head, "x", step, file), _corner(head, "y", step, file)
    if not (south - step / 2 >= -90.0 - step and south + (rows - 0.5) * step <= 90.0 + step):
        raise InputError(
            "its rows are not latitudes", file=file, remedy="Give a grid of degrees, or a GeoTIFF."
        )
    if not (-360.0 <= west <= 360.0 and columns <= whole_circle(step)):
        raise InputError(
            "its columns are not longitudes", file=file, remedy="Give a grid of degrees, or a GeoTIFF."
        )
    values = _values(body, first, columns * rows, file)
    values[values == np.float32(head.get("nodata_value", -9999.0))] = np.nan
    return Tile(west, south, step, step, np.ascontiguousarray(values.reshape(rows, columns)[::-1]), file)


def _header(text: str, file: str) -> tuple[dict[str, float], int, str]:
    """Return the header, the line after it (from 1) and the rest of the text."""
    head: dict[str, float] = {}
    line, at = 1, 0
    while True:
        end = text.find("\n", at)
        words = text[at : end if end >= 0 else len(text)].split()
        if not words or words[0].lower() not in _NAMES:
            return head, line, text[at:]
        name = words[0].lower()
        if len(words) != 2 or name in head:
            raise InputError(
                "is there twice or has no value" if len(words) == 2 else "needs one number",
                file=file,
                line=line,
                field=name,
            )
        try:
            head[name] = parse_number(words[1])
        except ValueError as error:
            raise InputError(str(error), file=file, line=line, field=name) from error
        line, at = line + 1, end + 1
        if end < 0:
            return head, line, ""


def _count(head: dict[str, float], name: str, file: str) -> int:
    value = head.get(name, math.nan)
    if not (value >= 1 and value == round(value)):
        raise InputError("the header has no such count", file=file, field=name, remedy="See an ESRI grid.")
    return round(value)


def _corner(head: dict[str, float], axis: str, step: float, file: str) -> float:
    """Return the middle of the south-west cell along one axis."""
    corner, middle = f"{axis}llcorner", f"{axis}llcenter"
    if (corner in head) == (middle in head):
        raise InputError(
            f"the header must have it or '{middle}'", file=file, field=corner, remedy="See an ESRI grid."
        )
    return head[middle] if middle in head else head[corner] + step / 2


def _values(body: str, first: int, count: int, file: str) -> Float32s:
    values, filled = np.empty(count, np.float32), 0
    lines = body.splitlines()
    for start in range(0, len(lines), _CHUNK_LINES):
        words = " ".join(lines[start : start + _CHUNK_LINES])
        place = first + start
        if not _CHARACTERS.fullmatch(words):
            bad = next(i for i, text in enumerate(lines[start:]) if not _CHARACTERS.fullmatch(text))
            raise InputError(
                f"'{shorten(lines[start + bad].strip())}' holds what is not a number",
                file=file,
                line=place + bad,
            )
        try:
            with np.errstate(over="ignore"):
                part = np.array(words.split(), dtype=np.float64).astype(np.float32)
        except ValueError as error:
            raise InputError(shorten(str(error)), file=file, line=place) from error
        if filled + part.size > count or not np.isfinite(part).all():
            what = "has more values than the header says" if filled + part.size > count else "is not finite"
            raise InputError(what, file=file, line=place)
        values[filled : filled + part.size] = part
        filled += part.size
    if filled < count:
        raise InputError(f"has {filled} values, the header says {count}", file=file)
    return values
