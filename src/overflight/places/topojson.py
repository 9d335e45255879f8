"""Decode TopoJSON: shared arcs, quantised and delta-encoded, to arrays of longitude and latitude.

Layout (TopoJSON specification 1.0, sections 2.1.2-2.1.4): `arcs` is a list of lines. With a `transform`
the first position of an arc is absolute, the others are steps, and `x * scale + translate` gives degrees.
A geometry names rings by arc indices; index `~i` (negative) is arc `i` backwards, and where two arcs of a
ring meet the shared position is written once. Only polygons are read; points and lines are left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError

Float64s = npt.NDArray[np.float64]

# An arc index a ring uses; negative means backwards (`~i`).
Ring = tuple[int, ...]
Rings = tuple[Ring, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One geometry of the file: `polygons` is a tuple of (outer, *holes), each a ring of arc indices."""

    id: str
    name: str
    polygons: tuple[Rings, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """The arcs of a file, each an array (N, 2) of longitude and latitude, and the shapes made of them."""

    arcs: tuple[Float64s, ...]
    shapes: tuple[Shape, ...]


def parse_topojson(data: bytes, name: str = "countries") -> Topology:
    """Decode one object of a TopoJSON file.

    Raises InputError when the bytes are no TopoJSON or hold no object called `name`.
    """
    try:
        raw = json.loads(data)
        arcs = _arcs(raw)
        shapes = tuple(_shape(g) for g in raw["objects"][name]["geometries"])
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise InputError(
            f"the bytes are not TopoJSON with polygons under '{name}': {error!r}",
            remedy="Use countries-50m.json of the npm package world-atlas, unchanged.",
        ) from error
    return Topology(arcs, shapes)


def ring_coordinates(topology: Topology, ring: Ring) -> Float64s:
    """Return the closed ring (N, 2), degrees, that a tuple of arc indices stands for."""
    parts = [_arc(topology, index) for index in ring]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def _arc(topology: Topology, index: int) -> Float64s:
    return topology.arcs[index] if index >= 0 else topology.arcs[~index][::-1]


def _arcs(raw: dict[str, Any]) -> tuple[Float64s, ...]:
    transform = raw.get("transform")
    arcs = [np.asarray(arc, dtype=np.float64)[:, :2] for arc in raw["arcs"]]
    if transform:
        scale, shift = np.asarray(transform["scale"]), np.asarray(transform["translate"])
        arcs = [np.cumsum(arc, axis=0) * scale + shift for arc in arcs]
    return tuple(arcs)


def _shape(geometry: dict[str, Any]) -> Shape:
    kind, arcs = geometry["type"], geometry.get("arcs", [])
    polygons = {"Polygon": [arcs], "MultiPolygon": arcs}.get(kind, [])
    return Shape(
        id=str(geometry.get("id") or ""),
        name=str(geometry.get("properties", {}).get("name", "")),
        polygons=tuple(tuple(tuple(ring) for ring in polygon) for polygon in polygons),
    )
