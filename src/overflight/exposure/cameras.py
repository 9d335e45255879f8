"""Classes of cameras: what might have been aboard. All of it assumed, until a camera is found.

Nobody outside knows what a balloon carried. The classes that come with the package span what a gondola bears,
from a mapping camera to the largest telescope that has been flown on amateur and research flights; they are
no statement about any balloon. A user's own stand in a CSV or TOML file (`read_cameras`): `id, name,
focal_m, aperture_m, pitch_m, columns, rows, source` and, as far as known, the other fields of
`optics.Camera`, `smear_px`, and `assumed` (true where nothing else is said).

The built-in classes point at the place and hold still: what they give is the best that such a camera could
do. λN/p is 1.46 for all of them, within the 1 to 2 on which GIQE 5 was tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overflight.errors import InputError
from overflight.exposure.classfile import ClassRow, assumed, number, parse_class_rows, words
from overflight.exposure.optics import LEAST_Q, MOST_Q, Camera, gsd_m, rayleigh_m
from overflight.rows import Problems, read_unique

REQUIRED: Final = ("id", "name", "focal_m", "aperture_m", "pitch_m", "columns", "rows", "source")
# Numbers of `optics.Camera` that may be left out.
_OPTIONAL: Final = ("wavelength_m", "exposure_s", "efficiency", "read_noise", "full_well", "bits")
OPTIONAL: Final = (*_OPTIONAL, "smear_px", "assumed")
_WHOLE: Final = ("columns", "rows", "bits")
MOST_SMEAR_PX: Final = 16.0
# The height and wavelength at which a class is described in words.
TOLD_ALT_M: Final = 18_300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraClass:
    """A camera that may have been aboard. `assumed` is False only where a source shows that it was.

    `smear_px` is how far a picture moves while it is taken.
    """

    camera: Camera
    name: str
    source: str
    assumed: bool = True
    smear_px: float = 0.0
    file: str = ""
    line: int = 0

    @property
    def id(self) -> str:
        """Return the id of the camera."""
        return self.camera.id

    @property
    def in_range(self) -> bool:
        """Whether λN/p lies where the image quality equation was tried; outside nothing is assessed."""
        return LEAST_Q <= self.camera.q <= MOST_Q


def _built_in(id_: str, name: str, aperture_m: float) -> CameraClass:
    camera = Camera(
        id=id_, focal_m=10.0 * aperture_m, aperture_m=aperture_m, pitch_m=3.76e-6, columns=9576, rows=6388
    )
    source = "assumed: f/10, 3.76 µm pixels, 61 megapixels, 1 ms, no smear; not known of any balloon"
    return CameraClass(camera=camera, name=name, source=source)


# Ground sample distance straight down from 18.3 km: 0.69, 0.138, 0.046, 0.023 m.
BUILT_IN: Final[tuple[CameraClass, ...]] = (
    _built_in("assumed-1cm", "small mapping camera, 1 cm aperture (assumed)", 0.01),
    _built_in("assumed-5cm", "camera with a 5 cm lens (assumed)", 0.05),
    _built_in("assumed-15cm", "telescope of 15 cm (assumed)", 0.15),
    _built_in("assumed-30cm", "telescope of 30 cm (assumed)", 0.30),
)


def read_cameras(paths: Iterable[Path]) -> tuple[CameraClass, ...]:
    """Read camera classes in order. Raises InputError as `parse_cameras`, and where two share an id."""
    return read_unique(paths, parse_cameras, "camera")


def parse_cameras(text: str, file: str) -> tuple[CameraClass, ...]:
    """Parse a table of cameras, CSV or (by the end of `file`) TOML.

    Raises InputError that names file, line, field and remedy: a camera without aperture, a column that is not
    known, a value that is no number.
    """
    problems = Problems(file)
    rows = parse_class_rows(text, file, "camera", REQUIRED, OPTIONAL)
    made = [_camera(row, file, problems) for row in rows]
    problems.raise_any()
    return tuple(one for one in made if one is not None)


def _camera(row: ClassRow, file: str, problems: Problems) -> CameraClass | None:
    before = len(problems.found)
    values: dict[str, Any] = {}
    for name in (*REQUIRED[2:7], *_OPTIONAL):
        if row.cells.get(name, "") == "":
            continue
        value = number(
            row, name, problems, default=math.nan, low=-1e12, high=1e12, remedy="Give a number in SI units."
        )
        if name in _WHOLE and math.isfinite(value) and value != int(value):
            problems.add(row.line_of(name), name, f"{value:g} is no whole number", "Give a whole number.")
        values[name] = int(value) if name in _WHOLE and math.isfinite(value) else value
    smear = number(
        row, "smear_px", problems, default=0.0, low=0.0, high=MOST_SMEAR_PX, remedy="Give pixels, 0 to 16."
    )
    name, source = words(row, "name", problems), words(row, "source", problems)
    is_assumed = assumed(row, problems)
    if len(problems.found) > before:
        return None
    try:
        camera = Camera(id=str(row.cells["id"]), **values)
    except InputError as error:
        problems.add(row.line_of(error.field), error.field, error.what, error.remedy)
        return None
    return CameraClass(
        camera=camera,
        name=name,
        source=source,
        assumed=is_assumed,
        smear_px=smear,
        file=file,
        line=row.line,
    )


def camera_row(one: CameraClass) -> dict[str, Any]:
    """Return a class as a plain row of the result: what it is, and what it would do from 18.3 km."""
    camera = one.camera
    return {
        "camera": one.id,
        "name": one.name,
        "assumed": one.assumed,
        "source": one.source,
        "focal_m": camera.focal_m,
        "aperture_m": camera.aperture_m,
        "pitch_m": camera.pitch_m,
        "q": round(camera.q, 3),
        "q_tried": one.in_range,
        "gsd_at_18300_m": float(gsd_m(camera.pitch_m, camera.focal_m, TOLD_ALT_M)),
        "rayleigh_at_18300_m": float(rayleigh_m(camera.wavelength_m, camera.aperture_m, TOLD_ALT_M)),
    }
