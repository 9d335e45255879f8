"""The records that parts exchange: sightings, findings, and the flight ensemble.

Records are frozen and hold data only; the verbs live in the part that owns the knowledge.
`docs/result.schema.json` derives from this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from overflight.errors import OverflightError
from overflight.times import to_datetime64

if TYPE_CHECKING:
    import xarray as xr

Reliability = Literal["high", "medium", "low", "unknown"]
FindingKind = Literal["interval", "probability", "category", "undetermined"]
EnsembleKind = Literal["posterior", "forecast", "origin", "twin"]

RELIABILITIES: tuple[Reliability, ...] = ("high", "medium", "low", "unknown")

EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Mark:
    """Why a row is doubtful or unusable. `severity` is 'note', 'doubtful' or 'unusable'."""

    code: str
    reason: str
    severity: Literal["note", "doubtful", "unusable"] = "doubtful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One row of the sightings table: where and when something was said to be.

    Times are POSIX seconds UTC. The region is for the *balloon*, not the watcher: a circle that the
    reporter's words put it in (`lon_deg`, `lat_deg`, `radius_km`) or a polygon. A bearing or an elevation
    narrows it and is measured *from* (`lon_deg`, `lat_deg`). Altitudes are as reported; `alt_kind` says which
    kind of altitude that is, mostly 'unspecified'.

    `role` is 'observation' (may be fitted) or 'context' (read and shown, never fitted: model output,
    airspace closures, debris, aircraft standing in for the balloon). `phase` 'ascent' or 'descent'
    keeps a height out of the estimate of the float level. `marks` tell what is implausible and why;
    a row with an 'unusable' mark is shown and not fitted. `raw` is the row as it was read.
    """

    id: str
    time_start: float
    time_end: float
    kind: str
    role: Literal["observation", "context"]
    source: str
    reliability: Reliability = "unknown"
    lon_deg: float | None = None
    lat_deg: float | None = None
    radius_km: float | None = None
    polygon: tuple[tuple[float, float], ...] = ()
    bearing_deg: float | None = None
    bearing_sd_deg: float | None = None
    elevation_deg: float | None = None
    elevation_sd_deg: float | None = None
    alt_low_m: float | None = None
    alt_high_m: float | None = None
    alt_kind: Literal["unspecified", "geometric", "msl", "pressure"] = "unspecified"
    phase: Literal["float", "ascent", "descent"] = "float"
    place: str = ""
    text: str = ""
    url: str = ""
    marks: tuple[Mark, ...] = ()
    raw: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    file: str = ""
    line: int = 0

    @property
    def fitted(self) -> bool:
        """Whether the reconstruction may use this row."""
        return (
            self.role == "observation"
            and self.lat_deg is not None
            and not any(mark.severity == "unusable" for mark in self.marks)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One answer. The report prints nothing else as fact.

    `id` is part.subject.quantity, such as `crossing.CAN.entry`; never a counter. `value` holds
    `p05`, `p50`, `p95` (quantiles), or `p` (a probability), or `lo` and `hi` (hard bounds), or
    `category` (a word), and is None when undetermined. Times are POSIX seconds with unit 'posix_s'.
    `given` says under which winds and scenario; `evidence` lists ids of sightings, claims, findings.
    """

    id: str
    question: str
    kind: FindingKind
    unit: str
    value: Mapping[str, float | str] | None
    given: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    evidence: tuple[str, ...] = ()
    reason: str = ""

    def __post_init__(self) -> None:
        _check_finding(self)


_VALUE_KEYS: dict[str, tuple[frozenset[str], ...]] = {
    "interval": (frozenset({"p05", "p50", "p95"}), frozenset({"lo", "hi"})),
    "probability": (frozenset({"p"}),),
    "category": (frozenset({"category"}),),
}


def _check_finding(finding: Finding) -> None:
    parts = finding.id.split(".")
    if len(parts) < 3 or not all(parts):
        raise OverflightError(
            f"finding id '{finding.id}' is not part.subject.quantity",
            remedy="Name the part, the subject and the quantity, such as 'crossing.CAN.entry'.",
        )
    if finding.kind == "undetermined":
        if finding.value is not None or not finding.reason:
            raise OverflightError(
                f"finding '{finding.id}' is undetermined but has a value or no reason",
                remedy="Give value=None and say in `reason` why the data cannot decide.",
            )
        return
    if finding.kind not in _VALUE_KEYS:
        raise OverflightError(f"finding '{finding.id}' is of the unknown kind {finding.kind!r}")
    value = finding.value or {}
    if frozenset(value) not in _VALUE_KEYS[finding.kind]:
        raise OverflightError(f"finding '{finding.id}' of kind {finding.kind} has value keys {sorted(value)}")
    if finding.kind == "category":
        if not isinstance(value["category"], str) or not value["category"]:
            raise OverflightError(
                f"finding '{finding.id}' has {value['category']!r} for a category, not a word"
            )
    else:
        _check_numbers(finding, value)


def _check_numbers(finding: Finding, value: Mapping[str, float | str]) -> None:
    ordered = [value[key] for key in ("p", "lo", "p05", "p50", "p95", "hi") if key in value]
    numbers = [float(v) for v in ordered if not isinstance(v, str) and math.isfinite(v)]
    if len(numbers) < len(ordered):
        raise OverflightError(
            f"finding '{finding.id}' holds a number that is not finite",
            remedy="Use kind='undetermined' with a reason.",
        )
    if numbers != sorted(numbers):
        raise OverflightError(f"finding '{finding.id}' has quantiles or bounds out of order: {ordered}")
    if finding.kind == "probability" and not 0.0 <= numbers[0] <= 1.0:
        raise OverflightError(f"finding '{finding.id}' has probability {numbers[0]}")


def quantile_value(
    values: npt.ArrayLike, weight: npt.ArrayLike, *, offset: float = 0.0
) -> dict[str, float | str]:
    """Return `{p05, p50, p95}` of weighted samples, for the `value` of an interval finding."""
    p05, p50, p95 = weighted_quantile(values, weight, (0.05, 0.50, 0.95)) + offset
    return {"p05": float(p05), "p50": float(p50), "p95": float(p95)}


# Below so many effective members the 5th and 95th percentiles are the extremes of a handful.
MIN_EFFECTIVE: Final = 5.0


def effective_members(weight: npt.ArrayLike) -> float:
    """Return how many members of equal weight tell as much as these: (Σw)² / Σw² (Kish 1965), 0 for none."""
    w = np.asarray(weight, dtype=float)
    return float(w.sum() ** 2 / (w**2).sum()) if (w > 0.0).any() else 0.0


def spread(values: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]) -> dict[str, float | str] | None:
    """Return p05, p50 and p95 of the members (M,) that have a value; None where too few of them tell."""
    if effective_members(weight[np.isfinite(values)]) < MIN_EFFECTIVE:
        return None
    # About the least one: instants have ten digits before the point.
    shift = float(np.nanmin(values))
    return quantile_value(values - shift, weight, offset=shift)


def weighted_quantile(
    values: npt.ArrayLike, weight: npt.ArrayLike, probabilities: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Quantiles of weighted samples, interpolated between mid-points of their weights.

    `values` and `weight` have shape (N,); NaN values are left out. Returns the shape of
    `probabilities`, NaN where no sample remains.
    """
    x = np.asarray(values, dtype=float).ravel()
    w = np.broadcast_to(np.asarray(weight, dtype=float), x.shape)
    keep = np.isfinite(x) & (w > 0)
    probs = np.asarray(probabilities, dtype=float)
    if not keep.any():
        return np.full(probs.shape, np.nan)
    order = np.argsort(x[keep], kind="stable")
    x, w = x[keep][order], w[keep][order]
    middle = (np.cumsum(w) - 0.5 * w) / w.sum()
    return np.asarray(np.interp(probs, middle, x))


# The meaning of `status(member, time)`; also the CF flag_values and flag_meanings of the variable. Code 3:
# the winds do not reach the member and another stood in: the prior, or below their lowest level that level's.
STATUS: dict[int, str] = {
    0: "aloft",
    1: "not_begun",
    2: "ended",
    3: "aloft_outside_wind_data_other_wind_used",
}

ENSEMBLE_KINDS: tuple[EnsembleKind, ...] = ("posterior", "forecast", "origin", "twin")

_STATE_ATTRS: dict[str, dict[str, str]] = {
    "lon": {"standard_name": "longitude", "units": "degrees_east", "long_name": "longitude, -180 to 180"},
    "lat": {"standard_name": "latitude", "units": "degrees_north", "long_name": "latitude"},
    "alt_m": {
        "standard_name": "height_above_reference_ellipsoid",
        "units": "m",
        "long_name": "altitude above the WGS-84 ellipsoid",
    },
    "pressure_pa": {"standard_name": "air_pressure", "units": "Pa", "long_name": "ambient pressure"},
}


def make_ensemble(
    *,
    kind: EnsembleKind,
    time_s: npt.ArrayLike,
    lon_deg: npt.ArrayLike,
    lat_deg: npt.ArrayLike,
    alt_m: npt.ArrayLike,
    pressure_pa: npt.ArrayLike,
    status: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    scenario: npt.ArrayLike | None = None,
    scenario_names: tuple[str, ...] = ("only",),
    attrs: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Build a checked flight ensemble.

    Parameters
    ----------
    time_s : (T,) POSIX seconds UTC, increasing; stored as datetime64[ns].
    lon_deg, lat_deg, alt_m, pressure_pa : (M, T); degrees, metres above WGS-84, pascals. NaN outside a
        member's life. Longitudes are wrapped to [-180, 180).
    status : (M, T) codes of `STATUS`.
    weight : (M,) non-negative; normalised here. Equal when None.
    scenario : (M,) index into `scenario_names`. Zero when None.
    attrs : provenance: winds, seed, version, hashes of inputs.

    Raises
    ------
    OverflightError
        When a shape, a range or the life of a member is wrong; see `check_ensemble`.
    """
    import xarray as xr

    time = to_datetime64(np.round(np.asarray(time_s, dtype=np.float64) * 1e3) / 1e3)
    if time.ndim != 1:
        raise OverflightError(f"the time axis has {time.ndim} dimensions, not one", where="time")
    lon = _wrapped(lon_deg)
    state = {"lon": lon, "lat": lat_deg, "alt_m": alt_m, "pressure_pa": pressure_pa}
    members = lon.shape[0] if lon.ndim == 2 else 0
    for name, values in {**state, "status": status}.items():
        if np.shape(values) != (members, time.size):
            raise OverflightError(
                f"the shape is {np.shape(values)}, not (members, times) = ({members}, {time.size})",
                where=name,
            )
    w = np.full(members, 1.0) if weight is None else np.asarray(weight, dtype=np.float64)
    if w.shape != (members,) or not np.isfinite(w).all() or (w < 0).any() or w.sum() <= 0:
        raise OverflightError("ensemble weights must be one non-negative number a member, not all zero")
    index = np.zeros(members, np.int16) if scenario is None else np.asarray(scenario)
    if index.shape != (members,) or not np.isin(index, np.arange(len(scenario_names))).all():
        raise OverflightError(
            f"scenarios must be one index a member into {len(scenario_names)} names", where="scenario"
        )
    # Before they are cut down to int8, where 256 would become 0.
    if not np.isin(status, list(STATUS)).all():
        raise OverflightError("a status code is not in records.STATUS", where="status")
    dims = ("member", "time")
    data: dict[str, Any] = {
        name: (dims, np.asarray(values, dtype=np.float32), _STATE_ATTRS[name])
        for name, values in state.items()
    }
    data["status"] = (
        dims,
        np.asarray(status, dtype=np.int8),
        {
            "long_name": "what the member is doing",
            "flag_values": np.array(list(STATUS), dtype=np.int8),
            "flag_meanings": " ".join(STATUS.values()),
        },
    )
    data["weight"] = ("member", w / w.sum(), {"long_name": "normalised weight", "units": "1"})
    data["scenario"] = (
        "member",
        index.astype(np.int16),
        {
            "long_name": "rival account the member follows",
            "flag_values": np.arange(len(scenario_names), dtype=np.int16),
            "flag_meanings": " ".join(name.replace(" ", "_") for name in scenario_names),
        },
    )
    dataset = xr.Dataset(
        data,
        coords={
            "member": ("member", np.arange(members, dtype=np.int32), {"long_name": "ensemble member"}),
            "time": ("time", time, {"standard_name": "time", "axis": "T"}),
        },
        attrs={
            "Conventions": "CF-1.11",
            "featureType": "trajectory",
            "kind": kind,
            **dict(attrs or {}),
        },
    )
    check_ensemble(dataset)
    return dataset


def _wrapped(lon_deg: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Longitudes in [-180, 180) as float32, which rounds 179.9999999 up to 180."""
    lon = ((np.asarray(lon_deg, dtype=np.float64) + 180.0) % 360.0 - 180.0).astype(np.float32)
    return np.where(lon >= 180.0, np.float32(-180.0), lon)


def check_ensemble(dataset: xr.Dataset) -> None:
    """Raise OverflightError naming the variable where a dataset is not a flight ensemble."""
    names = ("time", "lon", "lat", "alt_m", "pressure_pa", "status", "weight", "scenario")
    missing = [name for name in names if name not in dataset.variables]
    if missing:
        raise OverflightError(f"the ensemble lacks {', '.join(missing)}")
    if dataset.attrs.get("kind") not in ENSEMBLE_KINDS:
        raise OverflightError(
            f"ensemble kind is {dataset.attrs.get('kind')!r}",
            remedy=f"Use one of {', '.join(ENSEMBLE_KINDS)}.",
        )
    time = dataset["time"].values
    if time.dtype != np.dtype("datetime64[ns]") or time.ndim != 1 or time.size == 0:
        raise OverflightError("the ensemble's time axis must be datetime64[ns], not empty", where="time")
    if np.isnat(time).any() or (np.diff(time) <= np.timedelta64(0)).any():
        raise OverflightError("the ensemble's time axis must increase and have no gap", where="time")
    for name in ("lon", "lat", "alt_m", "pressure_pa", "status"):
        if dataset[name].dims != ("member", "time"):
            raise OverflightError(f"dims are {dataset[name].dims}, not ('member', 'time')", where=name)
    status = dataset["status"].values
    if not np.isin(status, list(STATUS)).all():
        raise OverflightError("a status code is not in records.STATUS", where="status")
    alive = np.isin(status, (0, 3))
    for name in ("lon", "lat", "alt_m", "pressure_pa"):
        finite = np.isfinite(dataset[name].values)
        if (finite != alive).any():
            raise OverflightError("values must be finite while aloft and NaN otherwise", where=name)
    if alive.any():
        _check_ranges(dataset, alive)
    for name in ("weight", "scenario"):
        if dataset[name].dims != ("member",):
            raise OverflightError(f"dims are {dataset[name].dims}, not ('member',)", where=name)
    weight = dataset["weight"].values
    if not (weight >= 0).all() or abs(weight.sum() - 1.0) > 1e-6:
        raise OverflightError("weights must be non-negative and sum to one", where="weight")


def _check_ranges(dataset: xr.Dataset, alive: npt.NDArray[np.bool_]) -> None:
    limits = {
        "lon": (-180.0, 180.0),
        "lat": (-90.0, 90.0),
        "alt_m": (-500.0, 60e3),
        "pressure_pa": (10.0, 120e3),
    }
    for name, (low, high) in limits.items():
        values = dataset[name].values[alive]
        if (values < low).any() or (values > high).any():
            raise OverflightError(
                f"values from {values.min():g} to {values.max():g} leave {low:g} to {high:g}", where=name
            )
