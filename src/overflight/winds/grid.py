"""The Grid record: gridded horizontal wind on pressure levels, with temperature and height where known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError

Float32s = npt.NDArray[np.float32]
Float64s = npt.NDArray[np.float64]

# Names of the fields of a grid that have its whole shape.
FIELDS = ("u_mps", "v_mps", "u_sd_mps", "v_sd_mps", "temperature_k", "geopotential_m")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Eastward and northward wind on a regular grid of time, pressure, latitude and longitude.

    Axes are strictly increasing: `time_s` (T,) POSIX seconds UTC, `pressure_pa` (L,), `lat_deg` (Y,),
    `lon_deg` (X,) as 0-360 or -180-180 or any unwrapped span up to 360 degrees, *without* a repeated
    seam column. `periodic` is True when the columns close the circle. `u_mps` and `v_mps` have shape
    (T, L, Y, X), float32, NaN where the source has no value. `u_sd_mps` and `v_sd_mps` are the spread
    of the truth about the value where the source states one (a climatology, an ensemble), else None.
    `temperature_k` and `geopotential_m` are temperature and geopotential height on the same nodes, float32,
    None where they were not asked for or the source has none; see `overflight.winds.thermo`.
    A grid with one time is a steady field only if `steady`; otherwise it holds at that instant alone.
    """

    time_s: Float64s
    pressure_pa: Float64s
    lat_deg: Float64s
    lon_deg: Float64s
    u_mps: Float32s
    v_mps: Float32s
    u_sd_mps: Float32s | None = None
    v_sd_mps: Float32s | None = None
    temperature_k: Float32s | None = None
    geopotential_m: Float32s | None = None
    periodic: bool = False
    steady: bool = False
    name: str = ""
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for axis in ("time_s", "pressure_pa", "lat_deg", "lon_deg"):
            values = getattr(self, axis)
            if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
                raise InputError(
                    "the axis must be one-dimensional, finite and not empty", file=self.name, field=axis
                )
            if (np.diff(values) <= 0).any():
                raise InputError("the axis must increase strictly", file=self.name, field=axis)
        self._check_ranges()
        shape = (self.time_s.size, self.pressure_pa.size, self.lat_deg.size, self.lon_deg.size)
        for variable in FIELDS:
            values = getattr(self, variable)
            if values is not None and values.shape != shape:
                raise InputError(
                    f"the shape is {values.shape}, the axes say {shape}", file=self.name, field=variable
                )

    def _check_ranges(self) -> None:
        """Refuse axes that interpolation would misread: no pressure, beyond a pole, past the circle."""
        if self.pressure_pa[0] <= 0.0:
            raise InputError("pressure must be positive", file=self.name, field="pressure_pa")
        if self.lat_deg[0] < -90.0 or self.lat_deg[-1] > 90.0:
            raise InputError("latitude must lie within ±90°", file=self.name, field="lat_deg")
        if self.lon_deg[-1] - self.lon_deg[0] >= 360.0:
            raise InputError(
                "the columns span the whole circle or more",
                file=self.name,
                field="lon_deg",
                remedy="Leave out the repeated seam column.",
            )

    @property
    def nbytes(self) -> int:
        """Bytes held by the fields."""
        fields = (getattr(self, name) for name in FIELDS)
        return sum(f.nbytes for f in fields if f is not None)
