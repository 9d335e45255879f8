"""The example cases: they read without complaint, and say what they are said to say."""

from __future__ import annotations

from pathlib import Path

import pytest

import overflight
from overflight.case import Case, check_sighting_ids, read_case
from overflight.claims.table import read_claims
from overflight.geo import distance_m
from overflight.places.areafile import read_areas
from overflight.places.areas import inside
from overflight.places.sites import read_sites
from overflight.records import Sighting
from overflight.sightings import read_sightings
from overflight.sightings.kinds import KINDS
from overflight.sightings.plausibility import require_observations
from overflight.sightings.witness import sighting_region

EXAMPLES = Path(overflight.__file__).parent / "examples"
NAMES = ("2023", "k9yo-15")


def sightings_of(case: Case) -> dict[str, Sighting]:
    rows = read_sightings(case.inputs["sightings"], time_start=case.time_start, time_end=case.time_end)
    return {s.id: s for s in rows}


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> Case:
    return read_case(EXAMPLES / request.param)


def test_example_reads_and_hypotheses_name_its_sightings(case: Case) -> None:
    sightings = sightings_of(case)
    check_sighting_ids(case, sightings)
    require_observations(tuple(sightings.values()), case.time_start, case.time_end)
    assert case.winds.source == "prior"
    assert all(s.kind in KINDS for s in sightings.values())
    assert all(s.url.startswith("https://") for s in sightings.values())


def test_every_fitted_sighting_has_a_region(case: Case) -> None:
    for s in sightings_of(case).values():
        region = sighting_region(s, 18_300.0, 600.0)
        assert (region is None) == (s.lat_deg is None)
        if region is not None and s.lat_deg is not None and s.lon_deg is not None:
            assert float(distance_m(s.lon_deg, s.lat_deg, region.lon_deg, region.lat_deg)) < 100e3


def test_example_says_where_it_is_from(case: Case) -> None:
    readme = (case.folder / "README.md").read_text(encoding="utf-8")
    assert "**Sources.**" in readme
    for name in case.hashes:
        assert f"`{name}`" in readme


def test_2023_has_the_rival_accounts_and_the_misfits() -> None:
    case = read_case(EXAMPLES / "2023")
    sightings = sightings_of(case)
    assert len(sightings) == 74
    assert sum(s.fitted for s in sightings.values()) == 66
    groups = {h.group: [x.id for x in case.hypotheses if x.group == h.group] for h in case.hypotheses}
    assert groups == {"launch": ["launch-15-jan", "launch-20-jan"], "entry": ["entry-yukon", "entry-nwt"]}
    assert sightings["P001"].phase == "ascent"
    assert [m.code for m in sightings["P017"].marks] == ["alt_contradicts"]
    assert sightings["P033"].time_end - sightings["P032"].time_start == 49 * 60.0
    assert sightings["P072"].time_start == case.time_end
    end = distance_m(-78.8880, 33.5350, sightings["P073"].lon_deg or 0.0, sightings["P073"].lat_deg or 0.0)
    assert float(end) < 1e3


@pytest.mark.parametrize("name", ["P029", "P062"])
def test_2023_views_to_the_south_lie_south_of_the_watcher(name: str) -> None:
    s = sightings_of(read_case(EXAMPLES / "2023"))[name]
    region = sighting_region(s, 18_300.0, 600.0)
    assert s.bearing_deg == 180.0
    assert region is not None
    assert s.lat_deg is not None
    assert region.lat_deg < s.lat_deg - 0.1


def test_2023_claims_and_sites() -> None:
    case = read_case(EXAMPLES / "2023")
    claims = [c for path in case.inputs["claims"] for c in read_claims(path)]
    ids = {c.id for c in claims}
    assert 40 <= len(claims) <= 60
    assert all(r.claim_id in ids for c in claims for r in c.relations)
    sites = read_sites(case.inputs["sites"])
    assert [s.id for s in sites] == ["MALMSTROM", "BILLINGS", "STLOUIS"]
    assert all(s.source for s in sites)


def test_k9yo_is_fitted_to_its_last_report_alone() -> None:
    case = read_case(EXAMPLES / "k9yo-15")
    sightings = sightings_of(case)
    assert [i for i, s in sightings.items() if s.fitted] == ["K004"]
    assert sightings["K004"].alt_low_m == pytest.approx(38_910 * 0.3048, abs=1.0)
    assert [m.code for m in sightings["K001"].marks] == ["outside_window"]
    (area,) = read_areas(case.inputs["areas"][0])
    yukon = sightings["K007"]
    assert inside(area, yukon.lon_deg or 0.0, yukon.lat_deg or 0.0)
    assert not inside(area, -160.9, 58.66)
