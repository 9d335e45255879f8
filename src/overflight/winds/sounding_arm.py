"""ARM balloon-borne sounding (SONDE, datastream `sondewnpn`, level b1), netCDF.

Layout: dimension `time`; scalar `base_time` (seconds since 1970) plus `time_offset(time)`; `lat`, `lon`
in degrees; `alt` metres above mean sea level; `pres` in hPa; `u_wind`, `v_wind` in m/s, eastward and
northward; -9999 (attribute `missing_value`) where missing, also in lat and lon, which do not say so.

The positions are not GPS fixes: the attributes `latitude_calculation` and `longitude_calculation` say
that they were added up from the wind with 111137 m a degree, whatever the height. On the ellipsoid at the
height of flight the same wind ends 0.3 % short of them, half a kilometre after 120.

Source: the ARM SONDE handbook, DOE/SC-ARM-TR-029, and the files' own attributes.

Left out: temperature and humidity, and the `qc_*` fields: their range tests call winds above 75 m/s bad,
which the polar night jet exceeds.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError
from overflight.records import Mark
from overflight.units import HPA_PA
from overflight.winds.soundings import Sounding, make_sounding, read_bytes

FILL = -9999.0

# The sphere of `latitude_calculation`: 111137 m a degree.
RECKONED_RADIUS_M = math.degrees(111_137.0)

_MARK = Mark("position_reckoned", "positions were worked out from the wind, not measured", "note")

# Our column: (ARM variable, the units it may state, factor to SI).
_VARIABLES: dict[str, tuple[str, tuple[str, ...], float]] = {
    "lat_deg": ("lat", ("degree_N", "degrees", "degrees_north", "degree_north"), 1.0),
    "lon_deg": ("lon", ("degree_E", "degrees", "degrees_east", "degree_east"), 1.0),
    "alt_msl_m": ("alt", ("m", "meters above Mean Sea Level", "meters"), 1.0),
    "pressure_pa": ("pres", ("hPa", "mb", "millibars"), HPA_PA),
    "u_mps": ("u_wind", ("m/s", "m s-1"), 1.0),
    "v_mps": ("v_wind", ("m/s", "m s-1"), 1.0),
}


def read_arm(path: Path) -> tuple[Sounding, ...]:
    """Read one ARM sounding file. Returns a tuple of one; see `parse_arm`."""
    return parse_arm(read_bytes(path), file=str(path))


def parse_arm(data: bytes, *, file: str = "sounding.cdf") -> tuple[Sounding, ...]:
    """Parse the bytes of one ARM sounding file. Returns a tuple of one.

    Raises
    ------
    InputError
        When it is no netCDF, lacks a variable, or a variable has unknown units or the wrong shape.
    """
    import netCDF4

    try:
        dataset = netCDF4.Dataset("in-memory.nc", mode="r", memory=data)
    except OSError as error:
        raise InputError(
            f"this is no readable netCDF: {error.strerror or error}",
            file=file,
            remedy="Fetch the file again; it may be cut short.",
        ) from error
    with dataset:
        dataset.set_auto_mask(False)
        return (_sounding(dataset, file),)


def _sounding(dataset: Any, file: str) -> Sounding:
    offset = _values(dataset, "time_offset", file)
    base = _values(dataset, "base_time", file)
    if base.size != 1 or "1970" not in str(getattr(dataset["base_time"], "units", "")):
        raise InputError(
            "base_time must be one number in seconds since 1970",
            file=file,
            field="base_time",
            remedy="Use the b1 files as ARM publishes them.",
        )
    columns = {
        ours: _in_units(dataset, name, units, file) * factor
        for ours, (name, units, factor) in _VARIABLES.items()
    }
    for ours, values in columns.items():
        if values.shape != offset.shape:
            raise InputError(
                f"the variable has shape {values.shape}, time has {offset.shape}",
                file=file,
                field=_VARIABLES[ours][0],
            )
    station = " ".join(
        str(getattr(dataset, name, "")).split(":")[0] for name in ("site_id", "facility_id")
    ).strip()
    reckoned = "111137" in str(getattr(dataset, "latitude_calculation", ""))
    return make_sounding(
        station=station or "unnamed",
        source="arm",
        file=file,
        time_s=base.item() + offset,
        lat_deg=columns["lat_deg"],
        lon_deg=columns["lon_deg"],
        alt_msl_m=columns["alt_msl_m"],
        pressure_pa=columns["pressure_pa"],
        u_mps=columns["u_mps"],
        v_mps=columns["v_mps"],
        marks=(_MARK,) if reckoned else (),
        reckoned_radius_m=RECKONED_RADIUS_M if reckoned else None,
    )


def _in_units(dataset: Any, name: str, allowed: tuple[str, ...], file: str) -> npt.NDArray[np.float64]:
    values = _values(dataset, name, file)
    units = str(getattr(dataset[name], "units", ""))
    if units not in allowed:
        raise InputError(
            f"the units are '{units}'", file=file, field=name, remedy=f"Expected one of {', '.join(allowed)}."
        )
    return values


def _values(dataset: Any, name: str, file: str) -> npt.NDArray[np.float64]:
    if name not in dataset.variables:
        raise InputError(
            "the variable is missing", file=file, field=name, remedy="Use an ARM sondewnpn b1 file."
        )
    variable = dataset[name]
    values = np.asarray(variable[:])
    if values.dtype.kind not in "iuf":
        raise InputError(f"the variable holds {values.dtype}, not numbers", file=file, field=name)
    values = values.astype(np.float64)
    if values.ndim > 1:
        raise InputError(f"the variable has {values.ndim} dimensions, not one", file=file, field=name)
    fill = float(getattr(variable, "missing_value", FILL))
    # lat and lon carry the fill without declaring it, so both are struck.
    return np.where((values == fill) | (values == FILL), np.nan, values)
