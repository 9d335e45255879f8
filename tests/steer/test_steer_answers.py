"""The verdict on a case: findings, the section, and the report that prints them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from made_steering import HOUR, PLAIN, flown, made_grid, turning

from overflight.errors import CaseError
from overflight.reconstruct.motion import make_air
from overflight.report.book import Book
from overflight.report.result import record_dict
from overflight.report.steer_plots import draw_steer
from overflight.report.steer_section import steer_parts
from overflight.steer import answers
from overflight.steer.answers import steer_case
from overflight.steer.findings import findings_of
from overflight.steer.section import section_of
from overflight.steer.verdict import ACCUSING
from overflight.times import iso_utc, to_datetime64

START = 1675209600.0  # 1 February 2023, 00Z
LEVELS_HPA = np.array([5, 10, 20, 30, 50, 70, 100, 150, 200, 300], float)


def write_case(folder: Path, *, winds: bool, every: int = 1, extra: str = "") -> Path:
    """Write the case of a balloon that pushes 9 m/s through a known wind, now this way and now that."""
    folder.mkdir()
    (folder / "case.toml").write_text(
        f'version = 1\n[case]\ntitle = "made"\nstart = {iso_utc(START)}\nend = {iso_utc(START + 60 * HOUR)}\n'
        f'[winds]\nsource = "prior"\n[inputs]\nsightings = "sightings.csv"\nsites = "sites.csv"\n{extra}',
        encoding="utf-8",
    )
    fixes = flown(
        make_air(PLAIN, made_grid(turning, 3.5)), hours=60, every_h=1, seed=3, error_mps=1.5, sd_km=4.0,
        push=lambda t: [(9.0, 0.0), (0.0, -9.0), (-9.0, 0.0), (0.0, 9.0)][int(t // 15) % 4],
    )  # fmt: skip
    lon, lat = PLAIN.to_lonlat(fixes.x_km * 1e3, fixes.y_km * 1e3)
    rows = ["id,time_utc_start,time_utc_end,lat,lon,radius_km,kind,source,reliability"]
    for k in range(0, fixes.time_s.size, every):
        when = iso_utc(START + fixes.time_s[k])
        rows.append(f"F{k:03d},{when},{when},{lat[k]:.4f},{lon[k]:.4f},14,telemetry,operator,high")
    (folder / "sightings.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    sites = "id,name,lat_deg,lon_deg,source\nNEAR,<b>Near</b> & dear,0.1,2.0,test\nFAR,Far,60,120,test\n"
    (folder / "sites.csv").write_text(sites, encoding="utf-8")
    if winds:
        write_field(folder / "winds" / "field.nc")
    return folder


def write_field(path: Path) -> None:
    """Write the turning wind as a file of a user's own, in the layout of ERA5."""
    grid = made_grid(turning)
    time_s = START + np.array([-6.0, 24.0, 72.0]) * HOUR
    log_p = np.log(grid.pressure_pa)

    def on_levels(field):
        """Bring a steady field (1, L, Y, X) to the file's levels and times."""
        columns = field[0].reshape(log_p.size, -1)
        asked = np.log(LEVELS_HPA * 100.0)
        out = np.array([np.interp(asked, log_p, column) for column in columns.T], np.float32).T
        shape = (3, LEVELS_HPA.size, *field.shape[2:])
        return np.broadcast_to(out.reshape(shape[1:]), shape)

    dims = ("valid_time", "pressure_level", "latitude", "longitude")
    data = xr.Dataset(
        {
            "u": (dims, on_levels(grid.u_mps), {"units": "m s**-1", "standard_name": "eastward_wind"}),
            "v": (dims, on_levels(grid.v_mps), {"units": "m s**-1", "standard_name": "northward_wind"}),
        },
        coords={
            "valid_time": to_datetime64(time_s),
            "pressure_level": ("pressure_level", LEVELS_HPA, {"units": "hPa"}),
            "latitude": ("latitude", grid.lat_deg, {"units": "degrees_north"}),
            "longitude": ("longitude", grid.lon_deg, {"units": "degrees_east"}),
        },
    )
    path.parent.mkdir()
    data.to_netcdf(path)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_case(tmp_path_factory.mktemp("steer") / "case", winds=True)


@pytest.fixture(scope="module")
def answer(case: Path):
    return steer_case(case, particles=1500, seed=1)


def test_with_winds_of_the_day_the_case_has_a_verdict(answer) -> None:
    assert answer.asked.verdict.word == "steered"
    by_id = {f.id: f for f in answer.findings}
    assert by_id["steer.flight.side"].value == {"category": "steered"}
    assert by_id["steer.flight.p_steered"].value["p"] > 0.95
    assert by_id["steer.effort.airspeed_rms"].value["lo"] == pytest.approx(9.0, abs=2.5)


def test_on_the_climatology_the_same_case_cannot_be_told(case: Path) -> None:
    prior = steer_case(case, particles=500, seed=1, winds_source="prior-only")
    assert prior.asked.verdict.word == "cannot tell"
    (side,) = [f for f in prior.findings if f.id == "steer.flight.side"]
    assert (side.kind, side.value) == ("undetermined", None)
    assert "climatology" in side.reason or "winds of the season" in side.reason


def test_the_ratio_of_likelihoods_stands_beside_the_posterior(answer) -> None:
    (row,) = [r for r in answer.section["ratios"] if r["side"] == "steered"]
    assert row["times"]["p05"] <= row["times"]["p50"] <= row["times"]["p95"]
    # Odds are even before, so that the ratio is the posterior odds.
    assert answer.asked.verdict.log_odds == pytest.approx(row["log"]["p50"], abs=0.2)
    second = answer.section["sentences"][1]
    assert "times" in second["text"]
    assert "as probable if it was steered as if it drifted" in second["text"]
    assert second["finding_ids"] == ["steer.flight.ratio_steered", "steer.flight.ratio_not_wind"]
    found = next(f for f in answer.findings if f.id == "steer.flight.ratio_steered")
    assert found.value == row["log"]


def test_who_states_no_particles_gets_a_second_look_where_the_verdict_says_that_it_did_not_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST", 800)
    folder = write_case(tmp_path / "case", winds=True, every=3)
    shares: list[float] = []
    found = steer_case(folder, seed=1, progress=lambda _text, share: shares.append(share))
    assert found.section["verdict"] in ACCUSING
    given = {row["id"]: row["particles"] for row in found.section["hypotheses"]}
    assert given["passive_level"] == given["passive_daynight"] == found.section["particles"] == 800 * 5
    assert shares == sorted(shares)
    assert 0.0 <= shares[0] <= shares[-1] <= 1.0
    stated = steer_case(folder, seed=1, particles=300)
    assert {row["particles"] for row in stated.section["hypotheses"]} == {300}


def test_that_it_did_not_drift_is_printed_and_cited(answer) -> None:
    word = replace(answer.asked.verdict, word="did not drift", reasons=("Why.",))
    asked = replace(answer.asked, verdict=word)
    findings = findings_of(asked)
    section = section_of(asked, findings)
    assert section["verdict"] == "did not drift"
    assert section["sentences"][0]["text"].startswith("It did not drift; whether it was steered or no wind")
    side = next(f for f in findings if f.id == "steer.flight.side")
    assert (side.kind, side.value) == ("category", {"category": "did not drift"})


def test_a_side_that_winds_refuse_has_no_ratio_in_the_text(answer) -> None:
    held = replace(answer.asked.verdict, word="cannot tell", refused=("not wind",))
    asked = replace(answer.asked, verdict=held)
    text = section_of(asked, findings_of(asked))["sentences"][1]["text"]
    assert "if it was steered" in text
    assert "no wind moved it" not in text


def test_every_id_is_there_once_and_every_citation_leads_to_one(answer) -> None:
    ids = [f.id for f in answer.findings]
    assert len(set(ids)) == len(ids)
    assert all(i.startswith("steer.") for i in ids)
    rows = [r for v in answer.section.values() if isinstance(v, list) for r in v if isinstance(r, dict)]
    assert rows
    assert all(row["finding_ids"] for row in rows)
    assert {i for row in rows for i in row["finding_ids"]} <= set(ids)


def test_the_section_is_plain_data(answer) -> None:
    text = json.dumps(answer.section, allow_nan=False)
    assert json.loads(text)["verdict"] == "steered"


def test_the_same_seed_gives_the_same_answer_and_another_does_not(case: Path) -> None:
    one, again, other = (steer_case(case, particles=200, seed=seed) for seed in (1, 1, 2))
    assert json.dumps(again.section) == json.dumps(one.section)
    assert [record_dict(f) for f in again.findings] == [record_dict(f) for f in one.findings]
    assert json.dumps({**other.section, "seed": 1}) != json.dumps(one.section)


def test_the_report_escapes_and_cites(answer) -> None:
    from overflight.report.page import _environment

    parts = steer_parts(answer.section, [])
    assert parts is not None
    book = Book([record_dict(f) for f in answer.findings])
    environment = _environment()
    whole = environment.loader.get_source(environment, "report.html.j2")[0]
    source = whole.split("<!doctype html>")[0] + "{% include 'steer.html.j2' %}"
    page = environment.from_string(source).render(steer=parts, book=book, sightings={})
    assert "&lt;b&gt;Near&lt;/b&gt; &amp; dear" in page
    assert "<b>" not in page
    assert "unsupported" not in page
    assert page.count("<svg") >= 3
    assert 'data-finding="steer.flight.side' in page
    assert answer.section["sentences"][1]["text"] in page


def test_the_picture_is_drawn(answer, tmp_path: Path) -> None:
    path = draw_steer(answer.section, tmp_path / "steer.png", title="made")
    assert path is not None
    assert path.read_bytes().startswith(b"\x89PNG")


def test_one_sighting_is_too_few(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "few", winds=False, every=1000)
    few = steer_case(folder, particles=200)
    assert few.section["verdict"] == "cannot tell"
    assert few.asked is None
    (finding,) = few.findings
    assert "needs two" in finding.reason
    assert draw_steer(few.section, tmp_path / "none.png", title="") is None


def test_a_bad_key_is_named(case: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    shutil.copytree(case, folder)
    with (folder / "case.toml").open("a", encoding="utf-8") as stream:
        stream.write("[ask.steer]\nparticle = 5\n")
    with pytest.raises(CaseError, match=r"ask\.steer"):
        steer_case(folder)
