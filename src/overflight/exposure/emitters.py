"""Classes of emitters at a site, and the receiver that may have listened. Assumed, unless a source is given.

A user's own stand in a CSV or TOML file (`read_emitters`): `id, name, frequency_hz, eirp_dbm, bandwidth_hz,
height_m, duty, source`, and `eirp_spread_db` (how far the power toward the balloon may be off either way),
`polarisation` (vertical where nothing is said) and `assumed`. `height_m` is that of the antenna above the
ground around it, `duty` the share of the time on the air.

The classes that come with the package are of the textbook sort and name no place and no system. Their EIRP is
that toward the receiver: a radar's main beam points at it for a moment only, its back lobe always does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from overflight.errors import InputError
from overflight.exposure.classfile import ClassRow, assumed, number, parse_class_rows, words
from overflight.exposure.p528 import POLARISATIONS, Polarisation
from overflight.exposure.radio import Emitter, Receiver
from overflight.places.sites import Site
from overflight.rows import Problems, read_unique, shorten

REQUIRED: Final = ("id", "name", "frequency_hz", "eirp_dbm", "bandwidth_hz", "height_m", "duty", "source")
OPTIONAL: Final = ("eirp_spread_db", "polarisation", "assumed")
# Half the range within which the EIRP of an assumed class may lie, decibels.
SPREAD_DB: Final = 10.0
POLARISATION_REMEDY: Final = "Write vertical or horizontal, or leave it empty."


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitterClass:
    """What may transmit at a site. Fields as in the module docstring."""

    id: str
    name: str
    frequency_hz: float
    eirp_dbm: float
    bandwidth_hz: float
    height_m: float
    duty: float
    source: str
    eirp_spread_db: float = SPREAD_DB
    polarisation: Polarisation = "vertical"
    assumed: bool = True
    file: str = ""
    line: int = 0

    def __post_init__(self) -> None:
        # Whatever `radio.Emitter` refuses is refused here.
        _emitter(self, 0.0, 0.0, 0.0)
        for name, low, high, remedy in (
            ("height_m", 0.0, 20_000.0, "Give metres above the ground, 0 to 20000."),
            ("eirp_spread_db", 0.0, 100.0, "Give decibels, 0 to 100."),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"emitter '{self.id}': it is {value!r}", field=name, remedy=remedy)
        if self.polarisation not in POLARISATIONS:
            raise InputError(
                f"emitter '{self.id}': it is '{shorten(str(self.polarisation))}'",
                field="polarisation",
                remedy=POLARISATION_REMEDY,
            )


def _emitter(one: EmitterClass, lon_deg: float, lat_deg: float, alt_m: float) -> Emitter:
    return Emitter(
        id=one.id,
        name=one.name,
        lon_deg=lon_deg,
        lat_deg=lat_deg,
        alt_m=alt_m,
        frequency_hz=one.frequency_hz,
        eirp_dbm=one.eirp_dbm,
        bandwidth_hz=one.bandwidth_hz,
        duty=one.duty,
        source=one.source,
    )


def emitter_at(one: EmitterClass, site: Site, ground_m: float) -> Emitter:
    """Return an emitter of a class at a site whose ground lies at a height above sea level."""
    return _emitter(one, site.lon_deg, site.lat_deg, ground_m + one.height_m)


_GENERIC: Final = "assumed: a generic class, not known of any place"

# Frequency, EIRP and bandwidth as textbooks have them; height and duty are round numbers.
BUILT_IN: Final[tuple[EmitterClass, ...]] = tuple(
    EmitterClass(
        id=id_,
        name=f"{name} (assumed)",
        frequency_hz=mhz * 1e6,
        eirp_dbm=eirp,
        bandwidth_hz=bandwidth,
        height_m=height,
        duty=duty,
        source=_GENERIC,
    )
    for id_, name, mhz, eirp, bandwidth, height, duty in (
        ("vhf-handheld", "VHF hand-held radio", 150.0, 37.0, 12.5e3, 1.5, 0.05),
        ("handset", "cellular handset", 1900.0, 23.0, 180e3, 1.5, 0.05),
        ("wifi", "Wi-Fi access point", 2437.0, 20.0, 20e6, 3.0, 0.2),
        ("adsb", "aircraft transponder on the ground", 1090.0, 54.0, 4.6e6, 3.0, 1.0),
        ("radar-main-beam", "airport radar, main beam", 2800.0, 123.4, 1e6, 15.0, 0.003),
        ("radar-back-lobe", "airport radar, back lobe", 2800.0, 80.4, 1e6, 15.0, 1.0),
        ("microwave-side-lobe", "microwave link, far side lobe", 6200.0, 20.0, 30e6, 30.0, 1.0),
    )
)

# An antenna that takes from all sides alike and an ordinary front end; 10 dB above the noise to be of use.
RECEIVER: Final = Receiver(
    id="assumed-receiver", low_hz=30e6, high_hz=40e9, gain_dbi=0.0, noise_figure_db=3.0, needed_db=10.0
)


def read_emitters(paths: Iterable[Path]) -> tuple[EmitterClass, ...]:
    """Read emitter classes in order. Raises InputError as `parse_emitters`, and where two share an id."""
    return read_unique(paths, parse_emitters, "emitter")


def parse_emitters(text: str, file: str) -> tuple[EmitterClass, ...]:
    """Parse a table of emitters, CSV or (by the end of `file`) TOML.

    Raises InputError that names file, line, field and remedy.
    """
    problems = Problems(file)
    rows = parse_class_rows(text, file, "emitter", REQUIRED, OPTIONAL)
    made = [_class(row, file, problems) for row in rows]
    problems.raise_any()
    return tuple(one for one in made if one is not None)


def _class(row: ClassRow, file: str, problems: Problems) -> EmitterClass | None:
    before = len(problems.found)
    values: dict[str, Any] = {}
    for name in (*REQUIRED[2:7], "eirp_spread_db"):
        default = SPREAD_DB if name == "eirp_spread_db" else math.nan
        values[name] = number(
            row, name, problems, default=default, low=-1e15, high=1e15, remedy="Give a number in its unit."
        )
    name, source = words(row, "name", problems), words(row, "source", problems)
    is_assumed, polarisation = assumed(row, problems), _polarisation(row, problems)
    if len(problems.found) > before:
        return None
    try:
        return EmitterClass(
            id=str(row.cells["id"]),
            name=name,
            source=source,
            polarisation=polarisation,
            assumed=is_assumed,
            file=file,
            line=row.line,
            **values,
        )
    except InputError as error:
        problems.add(row.line_of(error.field), error.field, error.what, error.remedy)
        return None


def _polarisation(row: ClassRow, problems: Problems) -> Polarisation:
    """Return the polarisation of a row: vertical where the cell is empty, refused where it is no word."""
    value = row.cells.get("polarisation", "")
    if value == "":
        return "vertical"
    for known in POLARISATIONS:
        if value == known:
            return known
    problems.add(
        row.line_of("polarisation"), "polarisation",
        f"emitter '{shorten(str(row.cells['id']))}': it is '{shorten(str(value))}'", POLARISATION_REMEDY,
    )  # fmt: skip
    return "vertical"


def emitter_row(one: EmitterClass) -> dict[str, Any]:
    """Return a class as a plain row of the result."""
    return {
        "emitter": one.id,
        "name": one.name,
        "assumed": one.assumed,
        "source": one.source,
        "frequency_hz": one.frequency_hz,
        "eirp_dbm": one.eirp_dbm,
        "eirp_spread_db": one.eirp_spread_db,
        "bandwidth_hz": one.bandwidth_hz,
        "polarisation": one.polarisation,
        "height_m": one.height_m,
        "duty": one.duty,
    }
