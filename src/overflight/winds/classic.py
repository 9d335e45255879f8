"""The length that a classic NetCDF file must have, from its header.

The NetCDF library reads the lost end of a truncated classic file as zeros without a word, and a wind of
zero is a plausible wind. So the header is read here first and the file's length compared.

Layout: *NetCDF Classic Format Specification* (Unidata; OGC 10-092r3), versions 1 (CDF-1), 2 (64-bit
offset) and 5 (64-bit data). Files being written by a stream (record count all ones) are not checked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from overflight.errors import InputError

# Bytes of an external type by its number: byte char short int float double, and the unsigned of CDF-5.
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}
_MAX_HEADER = 16 * 1024 * 1024


@dataclass(slots=True)
class _Cursor:
    """A place in the header; every read moves `at`."""

    data: bytes
    wide: bool
    at: int = 4

    def number(self) -> int:
        """Read a count: 4 bytes, 8 in CDF-5."""
        return self.fixed(8 if self.wide else 4)

    def fixed(self, size: int) -> int:
        """Read a big-endian integer of 4 or 8 bytes."""
        (value,) = struct.unpack_from(">Q" if size == 8 else ">I", self.data, self.at)
        self.at += size
        return int(value)

    def skip(self, size: int) -> None:
        """Pass over bytes, padded to four."""
        self.at += -(-size // 4) * 4
        if self.at > len(self.data):
            raise struct.error("past the end")


def check_length(path: Path) -> None:
    """Refuse a classic NetCDF file that is shorter than its header says.

    Raises
    ------
    InputError
        When bytes are missing or the header cannot be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_MAX_HEADER)
    try:
        needed = needed_bytes(head)
    except (struct.error, KeyError, IndexError) as error:
        raise InputError("the NetCDF header is damaged", file=path.name, remedy="Fetch it again.") from error
    length = path.stat().st_size
    if length < needed:
        raise InputError(
            f"the file is truncated: {length} bytes of {needed}", file=path.name, remedy="Fetch it again."
        )


def needed_bytes(head: bytes) -> int:
    """Return the least length in bytes of the classic file that begins with `head`."""
    version = head[3]
    cursor = _Cursor(head, wide=version == 5)
    records = cursor.number()
    streaming = (1 << (64 if version == 5 else 32)) - 1
    lengths = _dimensions(cursor)
    _attributes(cursor)
    fixed_end, record_size, record_start, lone_record = 0, 0, 0, 0
    record_variables = 0
    for begin, size, is_record in _variables(cursor, lengths, offset_bytes=4 if version == 1 else 8):
        if is_record:
            record_start = begin if not record_variables else min(record_start, begin)
            record_variables += 1
            record_size += -(-size // 4) * 4
            lone_record = size
        else:
            fixed_end = max(fixed_end, begin + size)
    if not record_variables or records in (0, streaming):
        return max(fixed_end, cursor.at)
    # A lone record variable is not padded between records; the last record's padding may be absent.
    stride = lone_record if record_variables == 1 else record_size
    return max(fixed_end, record_start + stride * records - 3)


def _name(cursor: _Cursor) -> None:
    cursor.skip(cursor.number())


def _dimensions(cursor: _Cursor) -> list[int]:
    cursor.fixed(4)
    lengths = []
    for _ in range(cursor.number()):
        _name(cursor)
        lengths.append(cursor.number())
    return lengths


def _attributes(cursor: _Cursor) -> None:
    cursor.fixed(4)
    for _ in range(cursor.number()):
        _name(cursor)
        size = _TYPE_BYTES[cursor.fixed(4)]
        cursor.skip(size * cursor.number())


def _variables(cursor: _Cursor, lengths: list[int], *, offset_bytes: int) -> list[tuple[int, int, bool]]:
    """Return (begin, bytes of the whole variable or of one record, whether it has records)."""
    cursor.fixed(4)
    found = []
    for _ in range(cursor.number()):
        _name(cursor)
        shape = [lengths[cursor.number()] for _ in range(cursor.number())]
        _attributes(cursor)
        size = _TYPE_BYTES[cursor.fixed(4)]
        cursor.number()  # the stored size: wrong by design for variables over 4 GB, so it is computed
        begin = cursor.fixed(offset_bytes)
        is_record = bool(shape) and shape[0] == 0
        for length in shape[1:] if is_record else shape:
            size *= length
        found.append((begin, size, is_record))
    return found
