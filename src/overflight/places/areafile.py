"""Read the areas a user brings: polygons in GeoJSON (RFC 7946).

Layout: a FeatureCollection (or one Feature) of Polygon or MultiPolygon. `properties.id` (letters, digits,
`_`, `-`) names the findings, `properties.name` is printed, `properties.kind` is one of `areas.KINDS`
('user' when left out). `id` may also stand on the feature, as the RFC has it.

An area across ±180° is written in either of the two usual ways: cut there into a MultiPolygon (RFC 7946,
3.1.9), or with longitudes that run on past 180. A ring that jumps by more than half a turn between two
positions is neither, and is refused, because it would as well mean the long way round. Altitudes
(third numbers) are left out. What is repaired carries a mark; nothing is dropped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from overflight.errors import InputError, LimitError
from overflight.places.areas import KINDS, Area
from overflight.places.frame import into_one_frame
from overflight.records import Mark

Float64s = npt.NDArray[np.float64]

MAX_BYTES = 50_000_000
MAX_AREAS = 2_000
MAX_VERTICES = 500_000
MAX_TURN_DEG = 540.0
# A repair that changes the area of the outline by more than this share is no longer the user's outline.
MAX_CHANGE = 0.01


def read_areas(path: Path) -> tuple[Area, ...]:
    """Read a GeoJSON file of areas, in the order of the file.

    Raises InputError naming the feature and the field, LimitError for a file that is too large.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LimitError(
                f"the file is larger than {MAX_BYTES // 1_000_000} MB",
                where=path.name,
                remedy="Simplify the outlines or leave out areas far from the flight.",
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read it: {error.strerror}", file=path.name) from error
    return parse_areas(data, file=path.name)


def parse_areas(data: bytes, *, file: str = "areas.geojson") -> tuple[Area, ...]:
    """Parse GeoJSON bytes as `read_areas` does; `file` is named in errors."""
    features = _features(data, file)
    if len(features) > MAX_AREAS:
        raise LimitError(f"{len(features)} areas; the limit is {MAX_AREAS}", where=file)
    areas: list[Area] = []
    room = MAX_VERTICES
    for index, feature in enumerate(features):
        where = f"features[{index}]"
        area, used = _area(feature, file, where, room)
        room -= used
        if area.id in {a.id for a in areas}:
            raise InputError(
                f"the id '{area.id}' is used twice",
                file=file,
                field=f"{where}.properties.id",
                remedy="Give every area its own id.",
            )
        areas.append(area)
    return tuple(areas)


def _features(data: bytes, file: str) -> list[Any]:
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}", file=file, remedy="Save it as GeoJSON in UTF-8.") from error
    kind = raw.get("type") if isinstance(raw, dict) else None
    if kind == "Feature":
        return [raw]
    if kind != "FeatureCollection" or not isinstance(raw.get("features"), list) or not raw["features"]:
        raise InputError(
            "not a GeoJSON FeatureCollection with features",
            file=file,
            field="type",
            remedy="Export the areas as a FeatureCollection of Polygon or MultiPolygon features.",
        )
    return list(raw["features"])


def _area(feature: Any, file: str, where: str, room: int) -> tuple[Area, int]:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        raise InputError("the feature has no properties", file=file, field=where, remedy="Give id and name.")
    area_id = _text(properties.get("id", feature.get("id")), file, f"{where}.properties.id")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", area_id):
        raise InputError(
            f"the id '{area_id[:70]}' cannot name findings",
            file=file,
            field=f"{where}.properties.id",
            remedy="Use up to 64 letters, digits, '_' and '-'.",
        )
    name = _text(properties.get("name", area_id), file, f"{where}.properties.name")[:200]
    kind = properties.get("kind", "user")
    if kind not in KINDS:
        raise InputError(
            f"the kind {kind!r:.80} is unknown",
            file=file,
            field=f"{where}.properties.kind",
            remedy=f"Use one of {', '.join(KINDS)}, or leave it out.",
        )
    polygons, marks, used = _outline(feature.get("geometry"), file, f"{where}.geometry", room)
    basis = f"outline given by the user in {file}; taken as it is"
    geometry = into_one_frame(polygons)
    area = Area(id=area_id, name=name, kind=kind, geometry=geometry, basis=basis, phrase=name, marks=marks)
    return area, used


def _text(value: Any, file: str, field: str) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool) or not str(value).strip():
        raise InputError(
            "the value is missing or not a text", file=file, field=field, remedy="Give a short text."
        )
    return str(value).strip()


def _outline(geometry: Any, file: str, field: str, room: int) -> tuple[list[Any], tuple[Mark, ...], int]:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    groups = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(str(kind))
    if not isinstance(groups, list) or not groups:
        raise InputError(
            f"the geometry is {kind!r:.60}", file=file, field=field, remedy="Use Polygon or MultiPolygon."
        )
    marks: dict[str, Mark] = {}
    polygons: list[Any] = []
    used = 0
    for number, rings in enumerate(groups):
        here = f"{field}.coordinates[{number}]" if kind == "MultiPolygon" else f"{field}.coordinates"
        if not isinstance(rings, list) or not rings:
            raise InputError("a polygon without rings", file=file, field=here)
        arrays = [_ring(ring, file, f"{here}[{i}]", marks) for i, ring in enumerate(rings)]
        used += sum(len(a) for a in arrays)
        if used > room:
            raise LimitError(
                f"more than {MAX_VERTICES} positions in all", where=file, remedy="Simplify the outlines."
            )
        polygons.append(_valid(arrays, file, here, marks))
    return polygons, tuple(marks.values()), used


def _ring(ring: Any, file: str, field: str, marks: dict[str, Mark]) -> Float64s:
    try:
        xy = np.array([position[:2] for position in ring], dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError, IndexError) as error:
        raise InputError(
            "a position is not [longitude, latitude]", file=file, field=field, remedy="Write numbers."
        ) from error
    if len(xy) and (xy[0] != xy[-1]).any():
        xy = np.vstack([xy, xy[:1]])
        marks["ring_closed"] = Mark(
            "ring_closed", "a ring was not closed; its first position ends it", "note"
        )
    _check_ring(xy, file, field)
    return xy


def _check_ring(xy: Float64s, file: str, field: str) -> None:
    if len(xy) < 4:
        problem, remedy = "a ring has fewer than four positions", "Close it on its first position."
    elif not np.isfinite(xy).all():
        problem, remedy = "a position is not finite", "Write plain numbers of degrees."
    elif (np.abs(xy[:, 1]) > 90.0).any():
        problem = f"latitude {xy[np.abs(xy[:, 1]) > 90.0][0, 1]:g} is beyond the pole"
        remedy = "Positions are [longitude, latitude]; perhaps they are swapped."
    elif (np.abs(xy[:, 0]) > MAX_TURN_DEG).any() or np.ptp(xy[:, 0]) > 360.0:
        problem, remedy = "longitudes span more than a turn", "Give longitudes from -180 to 180."
    elif (jump := _jump(xy)) is not None:
        problem = f"a ring jumps from longitude {jump[0]:g} to {jump[1]:g}, and which way round is not said"
        remedy = (
            "Cut it at ±180° into a MultiPolygon, or let longitudes run on past 180 (190 for -170); for a "
            "line that is meant to be that long, add positions in between."
        )
    else:
        return
    raise InputError(problem, file=file, field=field, remedy=remedy)


def _jump(xy: Float64s) -> tuple[float, float] | None:
    """Return the first step of more than half a turn; a whole turn along a parallel is plain enough."""
    step = np.abs(np.diff(xy[:, 0]))
    at = np.flatnonzero((step > 180.0) & (step < 360.0))
    return (float(xy[at[0], 0]), float(xy[at[0] + 1, 0])) if at.size else None


def _valid(rings: list[Float64s], file: str, field: str, marks: dict[str, Mark]) -> Any:
    if not shapely.is_ccw(shapely.linearrings(rings[0])):
        marks["winding"] = Mark(
            "winding", "an outer ring runs clockwise; RFC 7946 wants the other way", "note"
        )
    polygon = shapely.Polygon(rings[0], rings[1:])
    if polygon.is_valid and polygon.area > 0:
        return polygon
    why = shapely.is_valid_reason(polygon)
    mended = shapely.make_valid(polygon)
    # The shoelace counts a loop that runs backwards as negative, so a bow-tie changes when it is mended.
    before, after = polygon.area, mended.area
    if after <= 0 or abs(after - before) > MAX_CHANGE * max(before, after):
        raise InputError(
            f"the outline crosses itself or has no area ({why})",
            file=file,
            field=field,
            remedy="Draw it so that no two of its edges cross.",
        )
    marks["outline_repaired"] = Mark("outline_repaired", f"the outline was not valid ({why}); repaired")
    return mended
