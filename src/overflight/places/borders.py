"""Countries, their territorial seas and the airspace above both, from Natural Earth at 1:50 million.

The outlines are those of the file `countries-50m.json` in the npm package world-atlas 2.0.2 (Natural Earth
4.1, public domain), unchanged. They show who administers what, drawn for small maps: an island under a few
kilometres may be missing, a coast is good to a kilometre or two, and no line is a legal boundary. Inland
lakes are land, and the Caspian counts as sea.

Territorial seas are 12 nautical miles from that coast: no straight baselines, no claims of another breadth,
no median lines. Where the seas of two states overlap the water is not divided: it counts for both. Land of
another state is never part of either.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from overflight.errors import InputError
from overflight.places.areas import Area, inside
from overflight.places.codes import ISO_A3, code_of, name_of, with_article
from overflight.places.frame import (
    continuous,
    into_one_frame,
    polygon_parts,
    spherical_polygon,
    turned_to_meet,
)
from overflight.places.sea import TERRITORIAL_SEA_M, belt
from overflight.places.topojson import Shape, Topology, parse_topojson, ring_coordinates

Float64s = npt.NDArray[np.float64]

FILE = "countries-50m.json"

LAND_BASIS = "Natural Earth 4.1 at 1:50 million, approximate; not a legal boundary"
SEA_BASIS = (
    "12 nautical miles along geodesics from the coast of Natural Earth 4.1 at 1:50 million; approximate: no "
    "baselines, no median lines (where two seas overlap both count); not a legal boundary"
)

# A vertex of the file is on a cut of the map when it is this near to ±180° or the south pole.
_CUT_DEG = 1e-6
_CUT_LAT_DEG = -89.99


def country_codes() -> tuple[str, ...]:
    """Return the three-letter codes of all countries and territories in the file, sorted."""
    return tuple(sorted(_atlas()[1]))


def country(code: str) -> Area:
    """Return the land of a country by ISO code (three letters or three digits) or by name.

    Raises InputError when the file has no such country.
    """
    return _land(_known_code(code))


def territorial_sea(code: str) -> Area:
    """Return the sea within 12 nautical miles of a country's coast, approximate, without any land.

    Raises InputError for a country without a coast.
    """
    return _sea(_known_code(code))


def sovereign_airspace(code: str) -> Area:
    """Return the land of a country with its territorial sea: what lies under its sovereign airspace."""
    return _airspace(_known_code(code))


def has_coast(code: str) -> bool:
    """Whether a country of the file meets a sea."""
    return bool(_coast(_known_code(code)))


def countries_met(lon_deg: npt.ArrayLike, lat_deg: npt.ArrayLike) -> tuple[str, ...]:
    """Return the codes of the countries whose land any of the places lies over, most of it first.

    Places are taken to 0.02 degrees, each once: it is meant for choosing which countries to ask about.
    """
    places = np.column_stack([np.ravel(lon_deg), np.ravel(lat_deg)])
    rounded = np.unique(np.round(places[np.isfinite(places).all(axis=1)] / 0.02), axis=0) * 0.02
    lon, lat = rounded.T
    counts = {code: int(inside(_land(code), lon, lat).sum()) for code in country_codes()}
    return tuple(sorted((c for c, n in counts.items() if n), key=lambda c: (-counts[c], c)))


def outlines() -> Iterator[tuple[str, list[tuple[Float64s, Float64s]]]]:
    """Yield name and rings (lon, lat in degrees) of every country, for drawing; holes are rings too."""
    topology, shapes = _atlas()
    for code in country_codes():
        rings = [
            ring_coordinates(topology, ring)
            for shape in shapes[code]
            for polygon in shape.polygons
            for ring in polygon
        ]
        yield _name(code), [(ring[:, 0], ring[:, 1]) for ring in rings]


@lru_cache(maxsize=1)
def _atlas() -> tuple[Topology, Mapping[str, tuple[Shape, ...]]]:
    data = files("overflight.places").joinpath("data", FILE).read_bytes()
    topology = parse_topojson(data)
    shapes: dict[str, tuple[Shape, ...]] = defaultdict(tuple)
    for shape in topology.shapes:
        shapes[code_of(shape.id, shape.name)] += (shape,)
    return topology, MappingProxyType(dict(shapes))


@lru_cache(maxsize=1)
def _by_name() -> Mapping[str, str]:
    names = {s.name.casefold(): code for code, shapes in _atlas()[1].items() for s in shapes}
    full = {_name(code).casefold(): code for code in _atlas()[1]}
    return MappingProxyType({**ISO_A3, **names, **full})


def _known_code(code: str) -> str:
    shapes = _atlas()[1]
    key = code.strip()
    found = key.upper() if key.upper() in shapes else _by_name().get(key.casefold(), "")
    if found not in shapes:
        raise InputError(
            f"no country '{key[:60]}' in Natural Earth 1:50 million",
            remedy="Use an ISO 3166-1 three-letter code such as USA, CAN, CHN; country_codes() lists them.",
        )
    return found


def _name(code: str) -> str:
    shapes = _atlas()[1][code]
    return name_of(code, shapes[0].name)


def _phrase(code: str) -> str:
    return with_article(code, _name(code))


def _polygons(code: str) -> list[Any]:
    topology, shapes = _atlas()
    return [
        spherical_polygon([ring_coordinates(topology, ring) for ring in polygon])
        for shape in shapes[code]
        for polygon in shape.polygons
    ]


@lru_cache(maxsize=512)
def _land(code: str) -> Area:
    return Area(
        id=code,
        name=_name(code),
        kind="sovereign",
        geometry=into_one_frame(_polygons(code)),
        basis=LAND_BASIS,
        phrase=_phrase(code),
    )


@lru_cache(maxsize=4)
def _belts(code: str) -> tuple[Any, ...]:
    return tuple(belt(_coast(code), TERRITORIAL_SEA_M))


@lru_cache(maxsize=64)
def _sea(code: str) -> Area:
    belts = _belts(code)
    if not belts:
        raise InputError(f"{_name(code)} has no coast", remedy="Ask for the country itself.")
    return Area(
        id=f"{code}_sea",
        name=f"{_name(code)}, territorial sea (12 NM, approximate)",
        kind="territorial_sea",
        geometry=_without(into_one_frame(belts), _land(code), *_others(code)),
        basis=SEA_BASIS,
        phrase=f"the territorial sea of {_phrase(code)}",
    )


@lru_cache(maxsize=64)
def _airspace(code: str) -> Area:
    wide = into_one_frame([*_polygons(code), *_belts(code)])
    return Area(
        id=f"{code}_airspace",
        name=f"{_name(code)}, airspace over land and 12 NM of sea (approximate)",
        kind="sovereign_airspace",
        geometry=_without(wide, *_others(code)),
        basis=f"{LAND_BASIS}, with {SEA_BASIS}",
        phrase=f"the airspace of {_phrase(code)}",
    )


def _others(code: str) -> list[Area]:
    return [_land(other) for other in country_codes() if other != code]


def _without(geometry: Any, *areas: Area) -> Any:
    """Take the land of areas away, in whatever turn they meet the geometry."""
    cover = [g for area in areas for g in turned_to_meet(area.geometry, geometry.bounds)]
    for other in cover:
        if shapely.intersects(other, geometry):
            geometry = shapely.difference(geometry, other)
    return shapely.MultiPolygon(polygon_parts(geometry))


@lru_cache(maxsize=1)
def _arc_owners() -> Mapping[int, frozenset[str]]:
    owners: dict[int, set[str]] = defaultdict(set)
    for code, shapes in _atlas()[1].items():
        for arc in _arc_uses(shapes):
            owners[arc].add(code)
    return MappingProxyType({arc: frozenset(codes) for arc, codes in owners.items()})


def _arc_uses(shapes: tuple[Shape, ...]) -> Counter[int]:
    return Counter(
        index if index >= 0 else ~index
        for shape in shapes
        for polygon in shape.polygons
        for ring in polygon
        for index in ring
    )


def _coast(code: str) -> list[Float64s]:
    """Return the lines that only this country uses: what is not shared with a neighbour is coast."""
    topology, shapes = _atlas()
    uses = _arc_uses(shapes[code])
    arcs = [topology.arcs[i] for i, n in sorted(uses.items()) if n == 1 and len(_arc_owners()[i]) == 1]
    return [line for arc in arcs for line in _off_the_cuts(continuous(arc))]


def _off_the_cuts(arc: Float64s) -> list[Float64s]:
    """Split a line where it runs along ±180° or the pole, which are cuts of the map and no coast."""
    on_seam = np.abs((arc[:, 0] % 360.0) - 180.0) < _CUT_DEG
    cut = (on_seam[1:] & on_seam[:-1]) | ((arc[1:, 1] < _CUT_LAT_DEG) & (arc[:-1, 1] < _CUT_LAT_DEG))
    starts = np.flatnonzero(np.diff(np.concatenate([[True], cut, [True]]).astype(int)) == -1)
    ends = np.flatnonzero(np.diff(np.concatenate([[True], cut, [True]]).astype(int)) == 1)
    return [arc[a : b + 1] for a, b in zip(starts, ends, strict=True) if b > a]
