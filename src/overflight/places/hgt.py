"""SRTM tiles: `.hgt` files of 1 and 3 arc seconds, also in a zip.

A file is a square of big-endian 16-bit metres, rows from the north, the first and last row and column on
whole degrees: 3601 or 1201 each way. The name gives the south-west corner (N37W123); -32768 is a void
(NASA and USGS, SRTM Topo, version 2.0 documentation, section 3). Left out: the radar image and number files
that stand beside them, and tiles of other sizes.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

import numpy as np

from overflight.errors import InputError, OverflightError
from overflight.places.tiles import Float32s, Tile
from overflight.rows import shorten

# Rows of a tile by the bytes of the file.
ROWS: dict[int, int] = {2 * n * n: n for n in (1201, 3601)}
VOID = -32768
_NAME = re.compile(r"([NS])(\d{2})([EW])(\d{3})(?!\d)", re.IGNORECASE | re.ASCII)


def read_hgt(path: Path) -> Tile:
    """Read one tile. Raises InputError when the file, its size or its name is not that of a tile."""
    name, data = _content(path)
    south, west = _corner(name, path.name)
    values = parse_hgt(data, path.name)
    step = 1.0 / (values.shape[0] - 1)
    return Tile(west, south, step, step, values, path.name)


def parse_hgt(data: bytes, file: str) -> Float32s:
    """Return the heights (Y, X) in a tile's bytes, metres, rows from the south, NaN for voids."""
    rows = ROWS.get(len(data))
    if rows is None:
        raise InputError(
            f"is not {' or '.join(f'{n:,}' for n in ROWS)} bytes long, as SRTM tiles are",
            file=file,
            remedy="Was the download cut short?",
        )
    values = np.frombuffer(data, ">i2").reshape(rows, rows)[::-1]
    return np.where(values == VOID, np.float32(np.nan), values.astype(np.float32))


def _corner(name: str, file: str) -> tuple[float, float]:
    found = _NAME.match(name)
    if found is None:
        raise InputError(
            f"the name '{shorten(name)}' does not begin with the corner of a tile",
            file=file,
            remedy="Name it such as N37W123.hgt.",
        )
    south = float(found[2]) * (1.0 if found[1].upper() == "N" else -1.0)
    west = float(found[4]) * (1.0 if found[3].upper() == "E" else -1.0)
    if not (-90.0 <= south <= 89.0 and -180.0 <= west <= 180.0):
        raise InputError(f"the corner {found[0]} is not on the globe", file=file)
    return south, west


def _content(path: Path) -> tuple[str, bytes]:
    """Return the tile's own name, and one byte more than the largest tile at most."""
    limit = max(ROWS) + 1
    try:
        if not path.name.lower().endswith(".zip"):
            with path.open("rb") as stream:
                return path.name, stream.read(limit)
        with zipfile.ZipFile(path) as archive:
            inner = [n for n in archive.namelist() if n.lower().endswith(".hgt")]
            if len(inner) != 1:
                raise InputError(f"holds {len(inner)} .hgt files, not one", file=path.name)
            with archive.open(inner[0]) as stream:
                return inner[0].rsplit("/", 1)[-1], stream.read(limit)
    except OverflightError:
        raise
    # RuntimeError: encrypted, or a compression that this Python does not know.
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InputError(f"cannot be read ({shorten(str(reason))})", file=path.name) from error
