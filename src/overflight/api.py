"""The names that scripts need, gathered from the parts that own them.

::

    from overflight.api import assess, write_outputs

    answer = assess("my-case")
    write_outputs(answer, "answer")

Every question is a function of a flight ensemble, an `xarray.Dataset` of members and times, whatever made
it, `assess` or `simulate`: `crossings`, `sight_windows`, `expose`, `schedule`, `landing`. Cases are asked one
question by `steer_case` and `custody_case`; `examine_file` asks of a stream whether it is whole,
`verify_ledger` of a log. A `Flight` is stages of terms and stops; `fly` carries particles through winds.
`docs/nomenclature.md` tells units and names.
"""

from __future__ import annotations

from pathlib import Path

from overflight.balloons.planfile import read_plan
from overflight.balloons.stops import (
    AltitudeAbove,
    AltitudeBelow,
    At,
    DensityBelow,
    Duration,
    Ground,
    PressureAbove,
    PressureBelow,
    Signed,
    StoreEmpty,
    SunAbove,
    SunBelow,
)
from overflight.balloons.terms import (
    AltitudeControl,
    Ascent,
    ConstantDensity,
    ConstantHeight,
    ConstantPressure,
    ConstantTheta,
    Descent,
    Flight,
    FreeLift,
    Leak,
    Parachute,
    Propulsion,
    SolarHotAir,
    Stage,
    ZeroPressure,
)
from overflight.case import Case, read_case, write_new_case
from overflight.claims.answers import ClaimsAnswer, answer_claims
from overflight.claims.questions import states as claim_states
from overflight.claims.table import Claim, read_claims
from overflight.claims.timeline import answer_timeline, read_events
from overflight.crossings import crossings, lead_time
from overflight.custody.custody_section import CustodyAnswer, custody_case
from overflight.custody.evidence import Account, read_account
from overflight.custody.integrity import Comparison, Examined, examine_file, examine_frames
from overflight.custody.integrity import compare as compare_streams
from overflight.errors import InputError, OverflightError
from overflight.exports.geojson import write_track_geojson
from overflight.exports.kml import write_track_kml
from overflight.exports.ledger import record_result
from overflight.exports.netcdf import read_ensemble, write_ensemble
from overflight.exposure.answers import ExposureAnswer, Horizons, expose, read_horizons
from overflight.exposure.cameras import CameraClass, read_cameras
from overflight.exposure.compare import BalloonView, balloon_view
from overflight.exposure.emitters import EmitterClass, read_emitters
from overflight.exposure.images import image_site
from overflight.exposure.looks import MemberLooks, member_looks
from overflight.exposure.satellite_answers import SatelliteAnswer, gather_sets, satellite_answers
from overflight.exposure.schedule import Schedule, schedule
from overflight.exposure.schedule_files import schedule_bytes
from overflight.exposure.settings import ExposureSettings
from overflight.exposure.sight import sight_windows
from overflight.exposure.signals import signal_site
from overflight.ledger.checkpoint import Checkpoint, read_public_key
from overflight.ledger.log import Ledger, open_ledger
from overflight.ledger.proof import check_growth_proof, check_proof, make_growth_proof, make_proof
from overflight.ledger.stamps import read_roots
from overflight.ledger.verify import Verification, verify_ledger
from overflight.pipeline import Assessment, Inputs, assess, read_inputs, write_outputs
from overflight.places.areafile import read_areas
from overflight.places.areas import Area
from overflight.places.borders import country, sovereign_airspace, territorial_sea
from overflight.places.population import read_population
from overflight.places.sites import read_sites
from overflight.places.terrain import read_terrain
from overflight.programme.answers import answer_programme
from overflight.programme.catalogue import read_catalogue
from overflight.reconstruct.posterior import Reconstruction, Settings, forecast, origin, reconstruct
from overflight.records import Finding, Mark, Sighting, check_ensemble, make_ensemble
from overflight.satellites.elements import ElementSet, read_elements
from overflight.satellites.orbits import choose_orbits
from overflight.satellites.passes import Passes, find_passes
from overflight.satellites.sensors import Sensor, read_sensors
from overflight.satellites.settings import SatelliteSettings
from overflight.satellites.store import ElementStore
from overflight.satellites.store import open_store as open_elements
from overflight.sightings import read_sightings
from overflight.steer.answers import SteerAnswer, steer_case
from overflight.times import iso_utc, parse_utc
from overflight.trajectories.drift import advect, drift_sounding
from overflight.trajectories.ensemble import Spread, Start, simulate
from overflight.trajectories.ensemble_store import open_ensemble, simulate_to
from overflight.trajectories.fragments import Fragment
from overflight.trajectories.landing import landing
from overflight.trajectories.landing_windows import landing_windows
from overflight.trajectories.solve import fly
from overflight.trajectories.tracks import Tracks
from overflight.winds.analysis import WindAnalysis, analyse, observe
from overflight.winds.choose import CaseWinds, choose_winds
from overflight.winds.error import WindError
from overflight.winds.flights import read_flights
from overflight.winds.grid import Grid
from overflight.winds.gridded import describe as describe_grid
from overflight.winds.gridded import read_grid
from overflight.winds.interpolate import sample as sample_wind
from overflight.winds.prior import prior_grid
from overflight.winds.schemes import Scheme
from overflight.winds.soundings import read_soundings
from overflight.winds.store import WindStore, open_store
from overflight.winds.store_write import write_store

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
    "Account",
    "AltitudeAbove",
    "AltitudeBelow",
    "AltitudeControl",
    "Area",
    "Ascent",
    "Assessment",
    "At",
    "BalloonView",
    "CameraClass",
    "Case",
    "CaseWinds",
    "Checkpoint",
    "Claim",
    "ClaimsAnswer",
    "Comparison",
    "ConstantDensity",
    "ConstantHeight",
    "ConstantPressure",
    "ConstantTheta",
    "CustodyAnswer",
    "DensityBelow",
    "Descent",
    "Duration",
    "ElementSet",
    "ElementStore",
    "EmitterClass",
    "Examined",
    "ExposureAnswer",
    "ExposureSettings",
    "Finding",
    "Flight",
    "Fragment",
    "FreeLift",
    "Grid",
    "Ground",
    "Horizons",
    "Inputs",
    "Leak",
    "Ledger",
    "Mark",
    "MemberLooks",
    "OverflightError",
    "Parachute",
    "Passes",
    "PressureAbove",
    "PressureBelow",
    "Propulsion",
    "Reconstruction",
    "SatelliteAnswer",
    "SatelliteSettings",
    "Schedule",
    "Scheme",
    "Sensor",
    "Settings",
    "Sighting",
    "Signed",
    "SolarHotAir",
    "Spread",
    "Stage",
    "Start",
    "SteerAnswer",
    "StoreEmpty",
    "SunAbove",
    "SunBelow",
    "Tracks",
    "Verification",
    "WindAnalysis",
    "WindError",
    "WindStore",
    "ZeroPressure",
    "advect",
    "analyse",
    "answer_claims",
    "answer_programme",
    "answer_timeline",
    "assess",
    "balloon_view",
    "check_ensemble",
    "check_growth_proof",
    "check_proof",
    "choose_orbits",
    "choose_winds",
    "claim_states",
    "compare_streams",
    "country",
    "crossings",
    "custody_case",
    "describe_grid",
    "drift_sounding",
    "examine_file",
    "examine_frames",
    "example",
    "expose",
    "find_passes",
    "fly",
    "forecast",
    "gather_sets",
    "image_site",
    "iso_utc",
    "landing",
    "landing_windows",
    "lead_time",
    "make_ensemble",
    "make_growth_proof",
    "make_proof",
    "member_looks",
    "observe",
    "open_elements",
    "open_ensemble",
    "open_ledger",
    "open_store",
    "origin",
    "parse_utc",
    "prior_grid",
    "read_account",
    "read_areas",
    "read_cameras",
    "read_case",
    "read_catalogue",
    "read_claims",
    "read_elements",
    "read_emitters",
    "read_ensemble",
    "read_events",
    "read_flights",
    "read_grid",
    "read_horizons",
    "read_inputs",
    "read_plan",
    "read_population",
    "read_public_key",
    "read_roots",
    "read_sensors",
    "read_sightings",
    "read_sites",
    "read_soundings",
    "read_terrain",
    "reconstruct",
    "record_result",
    "sample_wind",
    "satellite_answers",
    "schedule",
    "schedule_bytes",
    "sight_windows",
    "signal_site",
    "simulate",
    "simulate_to",
    "sovereign_airspace",
    "steer_case",
    "territorial_sea",
    "verify_ledger",
    "write_ensemble",
    "write_new_case",
    "write_outputs",
    "write_store",
    "write_track_geojson",
    "write_track_kml",
]
