"""The names that scripts need, gathered from the parts that own them.

::

    from overflight.api import assess, write_outputs

    answer = assess("my-case")
    write_outputs(answer, "answer")

Every question is a function of a flight ensemble, an `xarray.Dataset` of members and times, whatever made
it: `crossings`, `sight_windows`. `docs/nomenclature.md` tells units and names.
"""

from __future__ import annotations

from pathlib import Path

from overflight.case import Case, read_case, write_new_case
from overflight.claims.table import Claim, read_claims
from overflight.crossings import crossings, lead_time
from overflight.errors import InputError, OverflightError
from overflight.exports.geojson import write_track_geojson
from overflight.exports.kml import write_track_kml
from overflight.exports.netcdf import read_ensemble, write_ensemble
from overflight.exposure.sight import sight_windows
from overflight.pipeline import Assessment, Inputs, assess, read_inputs, write_outputs
from overflight.places.areafile import read_areas
from overflight.places.areas import Area
from overflight.places.borders import country, sovereign_airspace, territorial_sea
from overflight.places.sites import read_sites
from overflight.reconstruct.posterior import Reconstruction, Settings, forecast, origin, reconstruct
from overflight.records import Finding, Mark, Sighting, check_ensemble, make_ensemble
from overflight.sightings import read_sightings
from overflight.times import iso_utc, parse_utc
from overflight.trajectories.solve import advect, drift_sounding
from overflight.winds.choose import CaseWinds, choose_winds
from overflight.winds.grid import Grid
from overflight.winds.gridded import describe as describe_grid
from overflight.winds.gridded import read_grid
from overflight.winds.interpolate import sample as sample_wind
from overflight.winds.prior import prior_grid
from overflight.winds.soundings import read_soundings

EXAMPLES = Path(__file__).parent / "examples"


def example(name: str) -> Path:
    """Return the folder of a case that comes with the package: '2023' or 'k9yo-15'.

    Raises InputError for another name.
    """
    names = sorted(path.name for path in EXAMPLES.iterdir() if (path / "case.toml").is_file())
    if name not in names:
        raise InputError(f"there is no example '{name}'", remedy=f"Use one of {', '.join(names)}.")
    return EXAMPLES / name


__all__ = [
    "Area",
    "Assessment",
    "Case",
    "CaseWinds",
    "Claim",
    "Finding",
    "Grid",
    "Inputs",
    "Mark",
    "OverflightError",
    "Reconstruction",
    "Settings",
    "Sighting",
    "advect",
    "assess",
    "check_ensemble",
    "choose_winds",
    "country",
    "crossings",
    "describe_grid",
    "drift_sounding",
    "example",
    "forecast",
    "iso_utc",
    "lead_time",
    "make_ensemble",
    "origin",
    "parse_utc",
    "prior_grid",
    "read_areas",
    "read_case",
    "read_claims",
    "read_ensemble",
    "read_grid",
    "read_inputs",
    "read_sightings",
    "read_sites",
    "read_soundings",
    "reconstruct",
    "sample_wind",
    "sight_windows",
    "sovereign_airspace",
    "territorial_sea",
    "write_ensemble",
    "write_new_case",
    "write_outputs",
    "write_track_geojson",
    "write_track_kml",
]
