"""The sealed truth of an exercise: `truth.json`, `truth.nc` beside it, and the seal that the case carries.

::

    truth.nc    a FlightEnsemble of kind "twin", a member an object (none ever aloft where there was none)
    truth.json  everything else; its `files` holds the SHA-256 of truth.nc
    seal        the SHA-256 of truth.json, whose first `SHORT` hexadecimal digits stand in the case's title

A truth that was changed afterwards no longer has the seal that the case was given, and a result carries the
title of its case: `read_truth` and `check_seal` refuse it. `docs/exercises.md` lists every field.

The seal keeps nobody from making the exercise again who guesses its scenario and its seed: a trainer takes
a seed of many digits and keeps it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from overflight.errors import InputError, OverflightError
from overflight.records import check_ensemble, make_ensemble
from overflight.twin.reports import Track

if TYPE_CHECKING:
    import xarray as xr

VERSION: Final = "1.0"
FILE, PATHS = "truth.json", "truth.nc"
SHORT: Final = 16
MOST_BYTES: Final = 64 * 1024 * 1024
_TITLE = re.compile(rf"\b([0-9a-f]{{{SHORT}}})\b")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """A truth as it was read: `truth.json`, `truth.nc`, and the hash of the first."""

    data: Mapping[str, Any]
    ensemble: xr.Dataset
    seal: str

    def track(self, id_: str) -> tuple[Any, ...]:
        """Return time_s, lon_deg, lat_deg, alt_m of one object, (T,), NaN when it was not aloft."""
        ids = [one["id"] for one in self.data["objects"]]
        member = ids.index(id_)
        time_s = self.ensemble["time"].values.astype("datetime64[ns]").astype(np.int64) / 1e9
        return time_s, *(self.ensemble[n].values[member].astype(float) for n in ("lon", "lat", "alt_m"))


def truth_ensemble(
    tracks: Sequence[Track], window: tuple[float, float], attrs: Mapping[str, str]
) -> xr.Dataset:
    """Return the tracks as one ensemble on the times of all of them; one member never aloft where none is."""
    if not any(t.time_s.size for t in tracks):
        nothing = np.full((max(1, len(tracks)), 2), np.nan)
        return make_ensemble(
            kind="twin", time_s=np.array(window), lon_deg=nothing, lat_deg=nothing, alt_m=nothing,
            pressure_pa=nothing, status=np.ones(nothing.shape, np.int8), attrs=attrs,
        )  # fmt: skip
    time_s = np.unique(np.concatenate([t.time_s for t in tracks]))
    status = np.zeros((len(tracks), time_s.size), np.int8)
    state = np.full((4, len(tracks), time_s.size), np.nan)
    for m, track in enumerate(tracks):
        if track.time_s.size == 0:
            status[m] = 1
            continue
        status[m, time_s < track.time_s[0]] = 1
        status[m, time_s > track.time_s[-1]] = 2
        aloft = status[m] == 0
        for row, values in enumerate((track.lon_deg, track.lat_deg, track.alt_m, track.pressure_pa)):
            state[row, m, aloft] = np.interp(time_s[aloft], track.time_s, values)
    return make_ensemble(
        kind="twin", time_s=time_s, lon_deg=state[0], lat_deg=state[1], alt_m=state[2], pressure_pa=state[3],
        status=status, attrs=attrs,
    )  # fmt: skip


def write_truth(folder: Path, data: Mapping[str, Any], ensemble: xr.Dataset) -> str:
    """Write the truth into a folder and return its seal. `files` is added to the data."""
    folder.mkdir(parents=True, exist_ok=True)
    write_paths(ensemble, folder / PATHS)
    whole = {**data, "files": {PATHS: hashlib.sha256((folder / PATHS).read_bytes()).hexdigest()}}
    text = truth_json(whole)
    (folder / FILE).write_bytes(text)
    return hashlib.sha256(text).hexdigest()


def truth_json(data: Mapping[str, Any]) -> bytes:
    """Return the bytes of `truth.json`: keys sorted, numbers to the millisecond and six digits."""
    text = json.dumps(_plain(data), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(v) for v in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return None
        return round(number, 3) if abs(number) >= 1e8 else float(f"{number:.6g}") + 0.0
    return int(value) if isinstance(value, np.integer) else value


def write_paths(ensemble: xr.Dataset, path: Path) -> None:
    """Write the ensemble as NetCDF-4, the same bytes each time."""
    check_ensemble(ensemble)
    ordered = ensemble[sorted(str(name) for name in ensemble.data_vars)]
    ordered.attrs = dict(sorted(ensemble.attrs.items()))
    packed = {
        "zlib": True,
        "complevel": 4,
        "shuffle": True,
        "dtype": "float32",
        "_FillValue": np.float32(np.nan),
    }
    encoding: dict[str, dict[str, Any]] = dict.fromkeys(("lon", "lat", "alt_m", "pressure_pa"), packed)
    encoding |= {"status": {"dtype": "int8", "zlib": True, "_FillValue": None}}
    encoding |= {"time": {"dtype": "float64", "units": "seconds since 1970-01-01", "_FillValue": None}}
    ordered.to_netcdf(path, engine="netcdf4", format="NETCDF4", encoding=encoding)


def read_truth(path: str | Path) -> Truth:
    """Read a truth: its folder, or its `truth.json`.

    Raises
    ------
    InputError
        When a file is missing or damaged, or `truth.nc` is not the one that was sealed.
    """
    import xarray as xr

    given = Path(path)
    folder = given.parent if given.name == FILE else given
    text = _bytes(folder / FILE)
    try:
        data = json.loads(text)
        version, digest = str(data["schema_version"]), str(data["files"][PATHS])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"is no truth of an exercise ({error})",
            file=FILE,
            remedy="Give the folder that `exercise` wrote.",
        ) from error
    if version.split(".")[0] != VERSION.split(".")[0]:
        raise InputError(
            f"has the schema {version}, this release reads {VERSION}", file=FILE, field="schema_version"
        )
    if hashlib.sha256(_bytes(folder / PATHS)).hexdigest() != digest:
        raise InputError(
            "is not the file that was sealed", file=PATHS, remedy="Make the exercise again with its seed."
        )
    try:
        with xr.open_dataset(folder / PATHS, engine="netcdf4") as source:
            ensemble = source.load()
        ensemble = ensemble.assign_coords(time=ensemble["time"].astype("datetime64[ns]"))
        check_ensemble(ensemble)
    except OverflightError:
        raise
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise InputError(f"cannot be read as NetCDF ({error})", file=PATHS) from error
    return Truth(data=data, ensemble=ensemble, seal=hashlib.sha256(text).hexdigest())


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("is larger than any truth", file=path.name)
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=str(path), remedy="Give the folder of the truth."
        ) from error


def seal_in(title: str) -> str | None:
    """Return the seal that a case's title carries, None where it has none."""
    found = _TITLE.search(title)
    return found[1] if found else None


def check_seal(truth: Truth, title: str) -> None:
    """Raise InputError where the title of a case does not carry the seal of this truth."""
    carried = seal_in(title)
    if carried is None:
        raise InputError(
            f"the title '{title[:80]}' carries no seal",
            field="sections.case.title",
            remedy="Score an assessment of the exercise's own case, its title left as it was.",
        )
    if not truth.seal.startswith(carried):
        raise InputError(
            f"the truth has the seal {truth.seal[:SHORT]}, the case was given {carried}",
            file=FILE,
            remedy="It is the truth of another exercise, or it was changed after the case was made.",
        )
