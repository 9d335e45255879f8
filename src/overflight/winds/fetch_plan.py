"""What a download will bring, before anything is brought: the records that planners return."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from overflight.times import iso_utc, to_datetime
from overflight.units import HPA_PA

Window = tuple[float, float]
Box = tuple[float, float, float, float]

# Turns the verified parts, in order, into the one file of the entry.
Assemble = Callable[[Sequence[Path], Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a remote file: bytes `first` to `first + size - 1`.

    `etag` is what the server called the version of the file when it was planned, empty where not known.
    `check` says what the bytes must be: whole GRIB messages, or anything of that length.
    """

    url: str
    first: int
    size: int
    etag: str = ""
    check: Literal["grib", "length"] = "length"

    @property
    def name(self) -> str:
        """A name for the piece on disk, the same in every run."""
        return hashlib.sha256(f"{self.url} {self.first} {self.size}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FetchPlan:
    """A download: its parts, and how they become one file that `read_grid` reads.

    `window` is from the first to the last field that it brings, `box` and `levels_pa` what the file will
    hold. `title` is a line for people; `describe` adds the size.
    """

    source: str
    title: str
    window: Window
    box: Box
    levels_pa: tuple[float, ...]
    parts: tuple[Part, ...]
    file_name: str
    assemble: Assemble

    @property
    def total_bytes(self) -> int:
        """Bytes that the download brings."""
        return sum(part.size for part in self.parts)

    @property
    def id(self) -> str:
        """The name of the entry in the cache: source, window and a digest of all it asks for."""
        asked = "\n".join(part.name for part in self.parts) + repr((self.box, self.levels_pa, self.file_name))
        first, last = (f"{to_datetime(t):%Y%m%dT%H}" for t in self.window)
        return f"{self.source}-{first}-{last}-{hashlib.sha256(asked.encode()).hexdigest()[:10]}"


def describe(plan: FetchPlan) -> str:
    """Say in one sentence what a plan brings and how much it is."""
    low, high = min(plan.levels_pa) / HPA_PA, max(plan.levels_pa) / HPA_PA
    return (
        f"{plan.title}, {iso_utc(plan.window[0])} to {iso_utc(plan.window[1])}, {len(plan.levels_pa)} levels "
        f"from {low:g} to {high:g} hPa: {human_bytes(plan.total_bytes)} in {len(plan.parts)} parts."
    )


def human_bytes(count: int) -> str:
    """Return a size in decimal units, such as '1.2 GB'."""
    size = float(count)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000.0:
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000.0
    return f"{size:.1f} GB"


def bracket_levels(available_pa: Sequence[float], wanted_pa: tuple[float, float]) -> tuple[float, ...]:
    """Return the levels inside a span of pressure, and the next one on each side, lowest pressure first."""
    levels = sorted(set(available_pa))
    low, high = min(wanted_pa), max(wanted_pa)
    above = [p for p in levels if p <= low][-1:]
    below = [p for p in levels if p >= high][:1]
    return tuple(sorted({*above, *below, *(p for p in levels if low <= p <= high)}))
