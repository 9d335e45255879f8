"""Where flights of a catalogue were: over which countries, and over land, sea or near of one of them.

A row's circle is sampled; what all of it lies over is sure, what some of it lies over is possible. A typed
`where` goes before the words, and both before a circle that leaves it open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.geo import destination
from overflight.places.areas import inside, signed_distance_m
from overflight.places.borders import country, country_codes, sovereign_airspace
from overflight.programme.records import FlightRecord, ObjectRecord

Verdict = Literal["yes", "maybe", "no"]
Float64s = npt.NDArray[np.float64]

DEFINED: Final = ("land", "sea", "zone")
# Without the outline of an identification zone: within this of the coast a flight may have been in one,
# beyond it was in none. Chosen wide, so that what is not known stays open.
ZONE_REACH_M: Final = 500e3
# Guam is another area of the map, and its airspace is of the United States.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {"USA": ("USA", "GUM", "PRI", "VIR", "ASM", "MNP")}
_RINGS: Final = ((0.0, 1), (0.35, 8), (0.7, 12), (1.0, 24))


@dataclass(frozen=True, slots=True)
class Places:
    """Shares of each row's circle over the land of countries, by row id and code."""

    over: Mapping[str, Mapping[str, float]]

    def sure(self, row: ObjectRecord) -> str:
        """Return the country that a row was over or off: the only one that its circle or words name."""
        if row.area and row.where in ("land", "sea"):
            return row.area
        possible = self.possible(row)
        return possible[0] if len(possible) == 1 else ""

    def possible(self, row: ObjectRecord) -> tuple[str, ...]:
        """Return the countries that a row may have been over."""
        if row.where == "outside":
            return ()
        named = (row.area,) if row.area else ()
        return tuple(dict.fromkeys((*named, *self.over.get(row.id, {}))))


def place_rows(rows: Iterable[ObjectRecord]) -> Places:
    """Return the countries under the circles of rows."""
    placed = [row for row in rows if row.lon_deg is not None]
    if not placed:
        return Places({})
    lon, lat = (np.stack(part) for part in zip(*(_disc(row) for row in placed), strict=True))
    over: dict[str, dict[str, float]] = {row.id: {} for row in placed}
    for code in country_codes():
        shares = inside(country(code), lon, lat).mean(axis=1)
        for row, share in zip(placed, shares, strict=True):
            if share > 0:
                over[row.id][code] = float(share)
    return Places({i: dict(sorted(found.items(), key=lambda x: (-x[1], x[0]))) for i, found in over.items()})


def _disc(row: ObjectRecord) -> tuple[Float64s, Float64s]:
    """Points of a row's circle, of like areas from the middle to the edge."""
    share = np.concatenate([np.full(n, r) for r, n in _RINGS])
    bearing = np.concatenate([np.arange(n) * 360.0 / n for _, n in _RINGS])
    lon, lat = destination(
        float(row.lon_deg or 0.0), float(row.lat_deg or 0.0), bearing, share * (row.radius_km or 0.0) * 1e3
    )
    return np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)


def where_flights(flights: Sequence[FlightRecord], area: str) -> dict[str, dict[str, Verdict]]:
    """Return, by flight, whether it was over an area's land, in its airspace, in its zone.

    Raises InputError when `area` is no country.
    """
    codes = _PARTS.get(area, (area,))
    if area not in country_codes():
        raise InputError(f"'{area[:20]}' is no country", remedy="Give an ISO 3166-1 code such as USA.")
    rows = [row for flight in flights for row in flight.rows]
    inside_of = _circles(rows, codes)
    out: dict[str, dict[str, Verdict]] = {}
    for flight in flights:
        found = [_row_where(row, codes, inside_of.get(row.id)) for row in flight.rows]
        out[flight.id] = {d: _strongest([one[d] for one in found]) for d in DEFINED}
    return out


def _circles(rows: Sequence[ObjectRecord], codes: Sequence[str]) -> dict[str, dict[str, Verdict]]:
    placed = [row for row in rows if row.lon_deg is not None]
    if not placed:
        return {}
    lon, lat = (np.stack(part) for part in zip(*(_disc(row) for row in placed), strict=True))
    known = [code for code in codes if code in country_codes()]
    airs = [sovereign_airspace(code) for code in known]
    land = np.any([inside(country(code), lon, lat) for code in known], axis=0).mean(axis=1)
    sea = np.any([inside(air, lon, lat) for air in airs], axis=0).mean(axis=1)
    # Positive inside: the least distance to any of the areas from the middle of each circle.
    away = np.min([-signed_distance_m(air, lon[:, 0], lat[:, 0]) for air in airs], axis=0)
    near = away - np.array([(row.radius_km or 0.0) * 1e3 for row in placed]) < ZONE_REACH_M
    return {
        row.id: {
            "land": _of_share(float(land[n])),
            "sea": _of_share(float(sea[n])),
            "zone": "yes" if sea[n] > 0.999 else "maybe" if near[n] else "no",
        }
        for n, row in enumerate(placed)
    }


def _of_share(share: float) -> Verdict:
    return "yes" if share > 0.999 else "maybe" if share > 0 else "no"


_TYPED: Final[Mapping[str, tuple[Verdict, Verdict, Verdict]]] = {
    "land": ("yes", "yes", "yes"),
    "sea": ("no", "yes", "yes"),
    "zone": ("no", "maybe", "yes"),
    "near": ("maybe", "maybe", "maybe"),
    "outside": ("no", "no", "maybe"),
    "": ("maybe", "maybe", "maybe"),
}


def _row_where(
    row: ObjectRecord, codes: Sequence[str], circle: Mapping[str, Verdict] | None
) -> Mapping[str, Verdict]:
    said = dict(zip(DEFINED, _TYPED[row.where], strict=True)) if row.area in codes else None
    firm = row.where not in ("near", "")
    if said is not None and (firm or circle is None):
        return said
    if circle is not None:
        return circle
    # No place and no area: it was seen somewhere, and nobody says that it was here.
    return dict.fromkeys(DEFINED, "no")


def _strongest(verdicts: Sequence[Verdict]) -> Verdict:
    return "yes" if "yes" in verdicts else "maybe" if "maybe" in verdicts else "no"
