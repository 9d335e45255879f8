"""The whole answer on a made flight: settings, horizons, findings that the section cites, the command."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import synthetic_result
from overflight.cli.expose import expose as command
from overflight.cli.expose import lines
from overflight.errors import CaseError, InputError, OverflightError
from overflight.exports.netcdf import write_ensemble
from overflight.exposure.answers import expose, read_horizons
from overflight.exposure.cameras import BUILT_IN
from overflight.exposure.settings import ExposureSettings, read_settings
from overflight.places.masks import mask_at
from overflight.places.sites import Site
from overflight.records import make_ensemble
from overflight.report.exposure_plots import draw_exposure, exposure_map, exposure_timeline
from overflight.report.exposure_section import exposure_parts, told_sites
from overflight.report.page import report_html
from overflight.report.result import result_json

T0 = 1_675_000_000.0
SITES_CSV = "id,name,lat_deg,lon_deg,alt_m,source\nA,Base,45,10,100,made\nB,Far,-45,10,0,made\n"


def flight(kind="posterior", members=12):
    lon = np.linspace(4.0, 16.0, 49) + 0.02 * np.arange(members)[:, None]
    lat = 45.3 + 0.05 * np.arange(members)[:, None] + 0 * lon
    return make_ensemble(
        kind=kind,
        time_s=T0 + 1800.0 * np.arange(49),
        lon_deg=lon,
        lat_deg=lat,
        alt_m=np.full(lon.shape, 18_000.0),
        pressure_pa=np.full(lon.shape, 7e3),
        status=np.zeros(lon.shape),
    )


def sites():
    return (
        Site(id="A", name="Base", lon_deg=10.0, lat_deg=45.0, alt_m=100.0),
        Site(id="B", name="Far", lon_deg=10.0, lat_deg=-45.0, alt_m=0.0),
    )


@pytest.fixture(scope="module")
def answer():
    return expose(flight(), sites())


def cited(value):
    if isinstance(value, dict):
        for key, one in value.items():
            if key == "finding_ids":
                yield from one
            else:
                yield from cited(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from cited(one)


def test_every_row_of_the_section_cites_findings_that_are_there(answer):
    section = json.loads(result_json(answer.section))
    ids = [f.id for f in answer.findings]
    assert len(set(ids)) == len(ids)
    assert all(i.startswith("exposure.") for i in ids)
    assert set(cited(section)) <= set(ids)
    assert {"rows", "notes", "schedule", "images", "signals", "unknown", "figure"} <= set(section)
    (window,) = section["schedule"]["windows"]
    assert window["site"] == "A"
    assert section["images"]["rows"]
    assert section["signals"]["rows"]


def test_a_site_out_of_view_is_told_and_opens_nothing(answer):
    rows = {row["site"]: row for row in answer.section["rows"]}
    assert rows["A"]["p_in_view"] == 1.0
    assert rows["B"]["p_in_view"] == 0.0
    assert {row["site"] for row in answer.section["unknown"]["rows"]} == {"A"}


def test_parts_are_left_out_where_they_are_not_asked_for():
    small = expose(flight(members=6), sites(), cameras=(), emitters=(), unknown=False)
    assert {"images", "signals", "unknown"}.isdisjoint(small.section)
    future = expose(flight("forecast", 6), sites(), cameras=(), emitters=(), unknown=False)
    assert {f.id.split(".")[0] for f in future.findings} == {"exposure_forecast"}
    said = "\n".join(lines(future.section))
    assert "to come into line of sight" in said
    assert "to have been" not in said


def test_the_words_are_of_what_could_have_been(answer):
    said = lines(answer.section)
    assert said[0].startswith("Base: almost certain (>99 %) to have been in line of sight; for ")
    assert any("to have had the flight in line of sight between" in line for line in said)
    assert "\u00a0" not in "\n".join(said)


def test_a_horizon_takes_hours_away_and_is_named(tmp_path):
    table = tmp_path / "h.csv"
    table.write_text("site,azimuth_deg,elevation_deg\nA,0,10\nA,180,10\n")
    over = read_horizons(sites(), tables=[table])
    assert mask_at(over.light["A"], 90.0) == 10.0
    bare, hidden = (
        expose(flight(members=6), sites()[:1], horizons=h, cameras=(), emitters=(), unknown=False)
        for h in (None, over)
    )
    hours = [one.section["rows"][0]["hours"]["p50"] for one in (bare, hidden)]
    assert 0.0 < hours[1] < 0.4 * hours[0]
    assert hidden.section["rows"][0]["horizon"] == "table h.csv"
    assert "level" in bare.section["notes"][0]
    given = {f.id: f.given for f in hidden.findings}["exposure.A.hours_in_view"]
    assert given["horizon"] == "table h.csv"


def test_ground_from_files_under_light_and_radio_and_with_a_table(tmp_path):
    height = np.zeros((1201, 1201))
    height[:, 900:903] = 1200.0
    dem = tmp_path / "N44E009.hgt"
    dem.write_bytes(np.asarray(height, dtype=">i2").tobytes())
    here = (Site(id="A", name="Base", lon_deg=9.5, lat_deg=44.5, alt_m=0.0),)
    over = read_horizons(here, dem=[dem])
    light, radio = mask_at(over.light["A"], 90.0), mask_at(over.radio["A"], 90.0)
    # Radio is bent more than light, by a share of 0.05 of 0.18 degrees at 20 km.
    assert 3.0 < light < radio < light + 0.02
    table = tmp_path / "h.csv"
    table.write_text("site,azimuth_deg,elevation_deg\nA,0,2\n")
    both = read_horizons(here, dem=[dem], tables=[table])
    assert mask_at(both.light["A"], 90.0) == pytest.approx(light)
    assert mask_at(both.light["A"], 270.0) == 2.0
    table.write_text("site,azimuth_deg,elevation_deg\nZ,0,2\n")
    with pytest.raises(InputError, match="'Z' is not among"):
        read_horizons(here, tables=[table])


def test_settings_of_a_case():
    assert read_settings({}) == ExposureSettings()
    read = read_settings({"niirs": 6, "cloud": 0.3, "refraction": "geometric"}, min_elevation_deg=2.0)
    assert (read.niirs, read.cloud.probability, read.refraction, read.min_elevation_deg) == (
        6,
        0.3,
        "geometric",
        2,
    )
    assert read.cloud.source == "as given by the user"


def test_the_grade_that_is_asked_for_stands_over_a_site_s_own_and_that_over_the_case_s():
    own, bare = (Site(id="A", name="A", lon_deg=0.0, lat_deg=0.0, niirs=n) for n in (4.0, None))
    of_case, asked = read_settings({"niirs": 6}), read_settings({"niirs": 6}, niirs=7.0)
    assert [of_case.level(own), of_case.level(bare)] == [4.0, 6.0]
    assert [asked.level(own), asked.level(bare)] == [7.0, 7.0]
    here = dataclasses.replace(sites()[0], niirs=4.0)
    told = expose(flight(members=6), [here], settings=asked, emitters=(), unknown=False)
    assert {row["level"] for row in told.section["images"]["rows"]} == {7.0}


def test_a_visibility_that_is_given_is_not_open():
    # Where the flight is at noon.
    here = [dataclasses.replace(sites()[0], lon_deg=15.5)]
    told = [
        expose(flight(members=6), here, settings=ExposureSettings(visibility_km=v), emitters=())
        for v in (None, 30.0)
    ]
    shares = [[row["shares"]["visibility"] for row in one.section["unknown"]["rows"]] for one in told]
    assert max(shares[0]) > 0.0
    assert max(shares[1]) == pytest.approx(0.0, abs=1e-12)
    assert "a visibility of 30 km" in told[1].section["images"]["rows"][-1]["text"]


def test_a_level_horizon_is_called_no_bound(answer):
    said = json.dumps([answer.section["notes"], answer.section["schedule"]["notes"]])
    said += "".join(f.reason for f in answer.findings if "window" in f.id or "view" in f.id)
    assert "upper bound" not in said
    assert "what a site on a height sees below its level plane is left out" in said


@pytest.mark.parametrize(
    "table",
    [{"niirs": 10}, {"niirs": True}, {"cloud": "dull"}, {"refraction": "4/3"}, {"visibility_km": 0},
     {"visibilty_km": 23}, {"schedule_probability": 0}, {"min_elevation_deg": float("nan")}],
)  # fmt: skip
def test_settings_that_cannot_be_used_name_their_key(table):
    with pytest.raises(CaseError, match=f"ask.exposure.{next(iter(table))}"):
        read_settings(table)


def test_drawings_and_parts_of_the_report(answer, tmp_path):
    section = json.loads(result_json(answer.section))
    parts = exposure_parts(section, ())
    assert "Base" in parts["timeline"]
    assert "<title>" in parts["map"]
    # B is never in sight, nor heard from so far: its tables would be empty, and the page says so.
    assert {row["site"] for rows in parts["images"]["sites"] for row in rows} == {"A"}
    assert {row["site"] for rows in parts["signals"]["sites"] for row in rows} == {"A"}
    assert parts["untold"] == [
        "1 of 2 sites were never in line of sight of any member, and heard at no bound."
    ]
    assert not parts["outlook"]
    drawn = draw_exposure(section, tmp_path / "x.png", title="made")
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_the_tables_hold_every_class_and_cite_what_they_print(answer):
    section = json.loads(result_json(answer.section))
    parts = exposure_parts(section, ())
    (pictures,), (heard,) = parts["images"]["sites"], parts["signals"]["sites"]
    assert [row["camera"] for row in pictures] == [one.id for one in BUILT_IN]
    assert all(row["under"] == "a visibility of 23 km (assumed)" for row in pictures)
    assert all(row["in_words"] and "NIIRS" not in row["in_words"] for row in pictures)
    # The same emitter from a satellite overhead stands beside it: 500 km against 20 is 28 dB.
    for row in heard:
        assert row["orbit"]["emitter"] == row["emitter"]
        assert row["orbit"]["orbit_km"] == 500.0
    # What stays open: one row a kind over all classes, the classes as sentences.
    assert [(row["kind"], row["of"]) for row in parts["open"]["rows"]] == [
        ("images", "all"), ("signals", "all")
    ]  # fmt: skip
    told = {i for row in [*pictures, *heard, *parts["open"]["rows"]] for i in row["finding_ids"]}
    told |= {i for row in parts["open"]["sentences"] for i in row["finding_ids"]}
    assert told <= {f.id for f in answer.findings}
    kinds = ("images", "signals", "unknown")
    assert told == {
        i for key in kinds for r in section[key]["rows"] if r["site"] == "A" for i in r["finding_ids"]
    }


def page_of(section, findings):
    result = synthetic_result.result()
    result["sections"]["exposure"] = section
    result["findings"] = [*result["findings"], *findings]
    whole = json.loads(result_json(result))
    return report_html(whole, {"posterior": synthetic_result.ensemble(members=20)}, [])


@pytest.fixture(scope="module")
def past_the_horizon():
    """Sites in sight, 620 to 690 km from the flight's way (its horizon is at 540), and half the world off."""
    far = Site(id="P", name="Past", lon_deg=10.0, lat_deg=39.7, alt_m=0.0)
    found = expose(flight(members=6), (sites()[1], far, sites()[0]))
    return json.loads(result_json(found.section)), found.findings


def test_a_site_heard_past_the_horizon_is_told_and_has_no_pictures(past_the_horizon):
    section, findings = past_the_horizon
    rows = {row["site"]: row for row in section["rows"]}
    heard = {r["site"]: r for r in section["signals"]["rows"] if r["emitter"] == "radar-main-beam"}
    assert rows["P"]["p_in_view"] == 0.0
    assert heard["P"]["p_bound"] == 1.0
    assert {row["kind"] for row in section["unknown"]["rows"] if row["site"] == "P"} == {"signals"}
    assert heard["P"]["hours_past_horizon"]["p50"] > 1.0
    parts = exposure_parts(section, ())
    assert told_sites(section) == ["P", "A"]
    assert [rows[0]["site"] for rows in parts["signals"]["sites"]] == ["P", "A"]
    assert [rows[0]["site"] for rows in parts["images"]["sites"]] == ["A"]
    assert parts["untold"] == [
        "1 of 3 sites were never in line of sight of any member, and heard at no bound.",
        "1 of 3 sites were never in line of sight, but could have been heard at the bound from behind or "
        "past the horizon: they have a table of signals and none of pictures.",
    ]
    assert parts["untold"][1] in page_of(section, findings)


def test_a_site_that_is_not_asked_for_signals_is_not_said_to_be_unheard():
    silent = expose(flight(members=6), sites(), emitters=(), unknown=False).section
    parts = exposure_parts(json.loads(result_json(silent)), ())
    assert parts["untold"] == ["1 of 2 sites were never in line of sight of any member."]


def test_a_site_that_is_heard_goes_before_one_that_is_hardly_in_view(answer):
    section = json.loads(result_json(answer.section))
    row, signal = section["rows"][0], section["signals"]["rows"][0]
    section["rows"] = [{**row, "site": f"S{n}", "p_in_view": 0.5} for n in range(30)]
    section["rows"].append({**row, "site": "loud", "p_in_view": 0.0})
    section["signals"]["rows"] = [
        {**signal, "site": "loud", "p_bound": 0.2}, {**signal, "site": "loud", "p_bound": 1.0}
    ]  # fmt: skip
    assert len(told_sites(section)) == 24
    assert told_sites(section)[-1] == "loud"


def test_the_caption_of_signals_names_the_receiver_and_what_is_not_assessed_past_the_horizon(answer):
    section = json.loads(result_json(answer.section))
    (heard,) = exposure_parts(section, ())["signals"]["sites"]
    assert heard[0]["receiver"] == "assumed-receiver: 0 dBi, noise figure 3 dB, 10 dB needed"
    assert heard[0]["past_words"] == "past the horizon it may carry farther one time in ten"
    page = page_of(section, answer.findings)
    assert "assumed-receiver: 0 dBi, noise figure 3 dB, 10 dB needed" in page
    assert "past the horizon it may carry farther one time in ten" in page
    rows = section["signals"]["rows"]
    rows[0]["past"] = "past the horizon it is not assessed"
    (mixed,) = exposure_parts(section, ())["signals"]["sites"]
    assert mixed[0]["past_words"].startswith(
        f"past the horizon it is not assessed ({rows[0]['emitter_name']}); past the horizon it may carry"
    )


def test_the_page_tells_an_emitter_out_of_tune_and_the_hours_on_the_air(answer):
    section = json.loads(result_json(answer.section))
    page = page_of(section, answer.findings)
    assert "no: the receiver does not tune to it" not in page
    assert "on the air: <span" in page
    section["signals"]["rows"][0] |= {"tuned": False, "p_bound": 0.0}
    assert "no: the receiver does not tune to it" in page_of(section, answer.findings)


def test_too_few_members_with_a_picture_are_not_none(answer):
    section = json.loads(result_json(answer.section))
    section["images"]["rows"] = [
        {**section["images"]["rows"][0], "best_niirs": None, "status": "assessed", "p_assessed": p}
        for p in (0.0, 0.08)
    ]
    ((none, few),) = exposure_parts(section, ())["images"]["sites"]
    assert none["in_words"] == "no picture that can be graded"
    assert few["in_words"] == "too few members to say: graded in 8\u00a0%"


def test_a_report_of_very_many_sites_tells_the_likeliest_and_counts_the_rest(answer):
    section = json.loads(result_json(answer.section))
    base = section["rows"][0]
    section["rows"] = [
        {**base, "site": f"S{n}", "p_in_view": 0.9 if n >= 80 else 0.5 if n >= 10 else 0.0}
        for n in range(100)
    ]
    parts = exposure_parts(section, ())
    never = "10 of 100 sites were never in line of sight of any member, and heard at no bound."
    assert parts["untold"][0] == never
    assert parts["untold"][1].startswith("66 more sites")
    assert told_sites(section)[4:] == [f"S{n}" for n in range(80, 100)]


def test_an_older_result_and_an_empty_one_draw_nothing(tmp_path):
    assert exposure_parts(None, ()) is None
    assert exposure_parts({"rows": [], "notes": []}, ()) is None
    nothing = expose(flight(members=6), sites()[1:], cameras=(), emitters=(), unknown=False).section
    section = json.loads(result_json(nothing))
    assert exposure_timeline(section["schedule"]) == ""
    assert exposure_map(None, ()) == ""
    assert draw_exposure(section, tmp_path / "x.png", title="made") is not None


def test_names_in_drawings_are_text_and_no_markup():
    hostile = Site(id="A", name="<script>alert(1)</script>$x^", lon_deg=10.0, lat_deg=45.0, alt_m=0.0)
    section = expose(flight(members=6), [hostile], cameras=(), emitters=(), unknown=False).section
    parts = exposure_parts(json.loads(result_json(section)), ())
    assert "<script>" not in parts["timeline"] + parts["map"]
    assert "&lt;script&gt;" in parts["timeline"]


def test_lines_of_a_terminal_have_plain_spaces_and_no_distance_below_a_metre():
    # Straight over a site: the geodesic leaves a hundred-millionth of a metre.
    lon = np.linspace(4.0, 16.0, 25) + np.zeros((6, 1))
    over = make_ensemble(
        kind="posterior", time_s=T0 + 1800.0 * np.arange(25), lon_deg=lon, lat_deg=0.0 * lon,
        alt_m=0.0 * lon + 18_000.0, pressure_pa=0.0 * lon + 7e3, status=0.0 * lon,
    )  # fmt: skip
    places = (
        Site(id="A", name="Below", lon_deg=10.0, lat_deg=0.0, alt_m=0.0),
        Site(id="B", name="Far", lon_deg=10.0, lat_deg=-45.0, alt_m=0.0),
    )
    said = lines(
        json.loads(result_json(expose(over, places, cameras=(), emitters=(), unknown=False).section))
    )
    assert "nearest 0 km" in said[0]
    assert "0.0000" not in said[0]
    assert not {"\u00a0", "\u2009"} & set("".join(said))


# --- the command


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "sites.csv").write_text(SITES_CSV)
    write_ensemble(flight(members=6), tmp_path / "flight.nc")
    app = typer.Typer()
    app.command()(command)

    def run(*arguments):
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return SimpleNamespace(run=run, folder=tmp_path)


def test_a_flight_with_sites(ask):
    out = ask.folder / "out"
    found = ask.run(
        ask.folder / "flight.nc", "--sites", ask.folder / "sites.csv", "--out", out, "--json", "--no-unknown",
        "--schedule", ask.folder / "deep" / "w.ics", "--schedule", ask.folder / "w.csv",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert {"section", "findings", "seconds", "paths", "overflight"} <= set(told)
    assert (out / "exposure.json").is_file()
    assert (out / "exposure.png").is_file()
    assert (ask.folder / "deep" / "w.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert (ask.folder / "w.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nowhere.nc", "--sites", "{sites}"], "no such file"),
        (["{flight}"], "no sites"),
        (["{flight}", "--sites", "{sites}", "--schedule", "w.txt"], "not written in that format"),
        (["{flight}", "--sites", "{sites}", "--niirs", "11"], "outside 0 to 9"),
        (["{sites}", "--sites", "{sites}"], "NetCDF"),
        (["{flight}", "--sites", "{sites}", "--dem", "{sites}"], "no known kind"),
    ],
)
def test_what_cannot_be_asked_says_so(ask, arguments, named):
    files = {"sites": ask.folder / "sites.csv", "flight": ask.folder / "flight.nc"}
    found = ask.run(*[a.format(**files) for a in arguments])
    assert found.exit_code != 0
    assert isinstance(found.exception, OverflightError)
    assert named in str(found.exception)
