"""Sounding readers against real files, made samples in published layouts, and damaged input."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight.errors import InputError, OverflightError
from overflight.times import parse_utc
from overflight.winds import soundings
from overflight.winds.sounding_arm import parse_arm, read_arm
from overflight.winds.sounding_igra import parse_igra
from overflight.winds.sounding_rs41 import parse_rs41, read_rs41
from overflight.winds.soundings import Sounding, fill_heights, make_sounding, read_soundings, wind_from


def columns(n: int = 3) -> dict[str, np.ndarray]:
    return {
        "time_s": 1.6e9 + 60.0 * np.arange(n),
        "lat_deg": np.full(n, 10.0),
        "lon_deg": np.full(n, 20.0),
        "alt_msl_m": 1000.0 * np.arange(1, n + 1),
        "pressure_pa": np.array([9e4 / 1.15**i for i in range(n)]),
        "u_mps": np.full(n, 5.0),
        "v_mps": np.full(n, -5.0),
    }


def sounding(**changes: object) -> Sounding:
    return make_sounding(station="T", source="test", file="t", **(columns() | changes))


# --- the record ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("time_s", np.nan, "no time"),
        ("lat_deg", np.nan, "no position"),
        ("lat_deg", 95.0, "latitude out of range"),
        ("lon_deg", 500.0, "longitude out of range"),
        ("u_mps", np.nan, "no wind"),
        ("v_mps", 300.0, "wind out of range"),
        ("alt_msl_m", 99_000.0, "altitude out of range"),
        ("pressure_pa", -1.0, "pressure out of range"),
    ],
)
def test_unusable_rows_are_counted_with_their_reason(column: str, value: float, reason: str) -> None:
    values = columns()[column].astype(float)
    values[1] = value
    made = sounding(**{column: values})
    assert made.rejects == {reason: 1}
    assert made.time_s.size == 2
    assert made.alt_msl_m.tolist() == [1000.0, 3000.0]


def test_rows_are_ordered_by_time_and_repeats_keep_the_first() -> None:
    made = sounding(time_s=np.array([1.6e9 + 60, 1.6e9, 1.6e9 + 60]), u_mps=np.array([1.0, 2.0, 3.0]))
    assert made.u_mps.tolist() == [2.0, 1.0]
    assert made.rejects == {"repeated time": 1}


def test_nothing_usable_is_an_empty_sounding_marked_unusable() -> None:
    made = sounding(u_mps=np.full(3, np.nan))
    assert made.time_s.size == 0
    assert [mark.severity for mark in made.marks] == ["unusable"]


def test_longitudes_come_out_in_one_turn() -> None:
    assert sounding(lon_deg=np.array([190.0, 180.0, -181.0])).lon_deg.tolist() == [-170.0, -180.0, 179.0]


def test_wind_from_the_west_blows_eastward() -> None:
    u, v = wind_from([270.0, 180.0, 45.0], [10.0, 10.0, np.sqrt(2.0)])
    np.testing.assert_allclose(u, [10.0, 0.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(v, [0.0, 10.0, -1.0], atol=1e-12)


def test_missing_heights_are_filled_inside_the_profile_and_by_the_standard_atmosphere_outside() -> None:
    # US Standard Atmosphere 1976, table I: 5 km 54 048 Pa, 10 km 26 500 Pa.
    made = sounding(alt_msl_m=np.array([1000.0, 3000.0, 10_000.0]), pressure_pa=np.array([9e4, 7e4, np.nan]))
    filled = fill_heights(made)
    assert filled.pressure_pa[2] == pytest.approx(26_500.0, rel=1e-3)
    assert "1 of them from the standard atmosphere" in filled.marks[-1].reason
    made = sounding(alt_msl_m=np.array([1000.0, np.nan, 3000.0]), pressure_pa=np.array([9e4, 8e4, 7e4]))
    filled = fill_heights(made)
    # Between the two rows, linear in the logarithm of pressure.
    expected = 1000.0 + 2000.0 * np.log(9 / 8) / np.log(9 / 7)
    assert filled.alt_msl_m[1] == pytest.approx(expected)
    assert "standard" not in filled.marks[-1].reason


def test_a_complete_sounding_is_left_alone_by_fill_heights() -> None:
    made = sounding()
    assert fill_heights(made) is made


# --- ARM -----------------------------------------------------------------------------------------------


def arm_bytes(path: Path, **changes: object) -> bytes:
    """A made ARM file; a change of a variable to None leaves it out, to a string sets its units."""
    made: dict[str, tuple[list[float], str]] = {
        "time_offset": ([0.0, 2.0, 4.0, 6.0], "seconds since 2006-01-19 05:03:00 0:00"),
        "pres": ([1000.0, 999.0, 998.0, 997.0], "hPa"),
        "u_wind": ([3.0, 4.0, -9999.0, 5.0], "m/s"),
        "v_wind": ([0.0, 1.0, -9999.0, 2.0], "m/s"),
        "lat": ([-12.42, -12.42, -9999.0, -12.41], "degrees"),
        "lon": ([130.89, 130.89, -9999.0, 130.9], "degrees"),
        "alt": ([30.0, 40.0, 50.0, 60.0], "meters above Mean Sea Level"),
    }
    with netCDF4.Dataset(path, "w", format="NETCDF3_CLASSIC") as dataset:
        dataset.site_id, dataset.facility_id = "twp", "C3: Darwin, Australia"
        dataset.createDimension("time", 4)
        base = dataset.createVariable("base_time", "i4")
        base.units = "seconds since 1970-1-1 0:00:00 0:00"
        base[...] = int(parse_utc("2006-01-19T05:03:00Z"))
        for name, (values, units) in made.items():
            change = changes.get(name, units)
            if change is None:
                continue
            variable = dataset.createVariable(name, "f8" if name == "time_offset" else "f4", ("time",))
            variable.units = str(change)
            variable[:] = values
    return path.read_bytes()


def test_arm_fills_are_rejected_and_units_converted(tmp_path: Path) -> None:
    (made,) = parse_arm(arm_bytes(tmp_path / "a.cdf"), file="a.cdf")
    assert made.station == "twp C3"
    assert made.time_s[0] == parse_utc("2006-01-19T05:03:00Z")
    assert made.rejects == {"no position": 1}
    assert made.pressure_pa.tolist() == [100_000.0, 99_900.0, 99_700.0]
    assert made.u_mps.tolist() == [3.0, 4.0, 5.0]
    assert made.reckoned_radius_m is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"u_wind": None}, "u_wind"),
        ({"pres": "Pa"}, "pres"),
        ({"alt": "ft"}, "alt"),
        ({"v_wind": "knots"}, "v_wind"),
    ],
)
def test_arm_names_the_variable_that_is_wrong(tmp_path: Path, changes: dict[str, object], field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_arm(arm_bytes(tmp_path / "a.cdf", **changes), file="a.cdf")
    assert caught.value.field == field
    assert caught.value.file == "a.cdf"


@pytest.mark.parametrize("cut", [0, 3, 60, 400])
def test_arm_cut_short_is_an_input_error(tmp_path: Path, cut: int) -> None:
    data = arm_bytes(tmp_path / "a.cdf")
    with pytest.raises(InputError, match=r"a\.cdf"):
        parse_arm(data[:cut], file="a.cdf")


def test_real_arm_files_have_their_fills_counted(test_data: Path) -> None:
    # The rows with fills were counted with netCDF4 alone: 15 in this flight, none in the one of 2019.
    (fills,) = read_arm(test_data / "arm" / "twpsondewnpnC3.b1.20060119.112000.custom.cdf")
    assert fills.rejects == {"no position": 15}
    assert fills.time_s.size == 1712
    (clean,) = read_arm(test_data / "arm" / "sgpsondewnpnC1.b1.20190101.053200.cdf")
    assert clean.rejects == {}
    assert clean.time_s[0] == pytest.approx(parse_utc("2019-01-01T05:32:00Z"), abs=120.0)
    # Lamont, Oklahoma: the launch site of the Southern Great Plains central facility.
    assert (clean.lat_deg[0], clean.lon_deg[0]) == pytest.approx((36.61, -97.49), abs=1e-4)
    assert clean.alt_msl_m.max() > 24_000.0
    assert np.abs(clean.u_mps).max() == pytest.approx(44.85, abs=0.01)


# --- RS41 ----------------------------------------------------------------------------------------------

RS41 = "time,lat,lon,alt,vel_v,vel_h,heading\n"


def test_rs41_heading_is_where_the_sonde_goes() -> None:
    text = (
        RS41
        + "2023-01-16 23:07:33,37.7,-122.2,691.5,4.0,10.0,90.0\n"
        + "2023-01-16T23:15:37Z,37.7,-122.1,3188,5,8,180\n"
    )
    (made,) = parse_rs41(text.encode(), file="rs41.csv")
    np.testing.assert_allclose(made.u_mps, [10.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(made.v_mps, [0.0, -8.0], atol=1e-12)
    assert made.time_s[0] == parse_utc("2023-01-16T23:07:33Z")
    assert np.isnan(made.pressure_pa).all()
    assert {mark.code for mark in made.marks} == {"alt_ellipsoid", "no_pressure"}
    assert made.station == "rs41"


@pytest.mark.parametrize(
    ("row", "line", "field"),
    [
        ("yesterday,37,-122,691,4,10,90", 2, "time"),
        ("2023-01-16 23:07:33,north,-122,691,4,10,90", 2, "lat"),
        ("2023-01-16 23:07:33,37,-122,691,4,10,90\n2023-01-16 23:08:33,37,-122,6 91,4,10,90", 3, "alt"),
    ],
)
def test_rs41_names_line_and_field(row: str, line: int, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_rs41((RS41 + row).encode(), file="x.csv")
    assert (caught.value.line, caught.value.field) == (line, field)


def test_rs41_missing_column_and_missing_cells() -> None:
    with pytest.raises(InputError, match="lacks heading"):
        parse_rs41(b"time,lat,lon,alt,vel_h\n", file="x.csv")
    (made,) = parse_rs41((RS41 + "2023-01-16 23:07:33,37,-122,691,4,,90\n2023-01-16 23:08:33,37\n").encode())
    assert made.time_s.size == 0
    assert sum(made.rejects.values()) == 2


def test_real_rs41_flight(test_data: Path) -> None:
    (made,) = read_rs41(test_data / "rs41_oak" / "20230116-230717_RS41_OAK.csv")
    assert made.time_s.size == 78
    assert made.u_mps[0] == pytest.approx(7.2 * np.sin(np.radians(119.8)))
    # A sonde drifts with the wind: its own displacement agrees in sign and size with the mean of u.
    east_m = np.radians(made.lon_deg[-1] - made.lon_deg[0]) * 6.371e6 * np.cos(np.radians(37.6))
    assert np.trapezoid(made.u_mps, made.time_s) == pytest.approx(east_m, rel=0.25)


# --- IGRA ----------------------------------------------------------------------------------------------


def igra_header(
    *, hour: int = 0, reltime: int = 2315, levels: int = 1, day: str = "2023 01 28", lat: int = 648161
) -> str:
    """A header record laid out by the columns of igra2-data-format.txt."""
    return f"#USM00070261 {day} {hour:02d} {reltime:4d} {levels:4d} ncdc-gts ncdc-gts {lat:7d} -1478767"


def igra_level(
    *, etime: int = -9999, press: int = -9999, gph: int = -9999, wdir: int = -9999, wspd: int = -9999
) -> str:
    return f"20 {etime:5d} {press:6d}B{gph:5d}B -553B-9999 -9999 {wdir:5d} {wspd:5d}"


def igra(*levels: str, **header: int | str) -> bytes:
    return "\n".join([igra_header(**({"levels": len(levels)} | header)), *levels, ""]).encode()


def test_made_igra_records_stand_in_the_published_columns() -> None:
    header, level = igra_header(), igra_level(wdir=270, wspd=123)
    assert (len(header), len(level)) == (71, 51)
    assert (header[32:36], header[55:62], header[63:71]) == ("   1", " 648161", "-1478767")
    assert (level[40:45], level[46:51]) == ("  270", "  123")


def test_igra_columns_units_and_release_on_the_day_before() -> None:
    (made,) = parse_igra(igra(igra_level(etime=10530, press=5000, gph=20000, wdir=270, wspd=123)))
    assert made.station == "USM00070261"
    # Released at 23:15 for the nominal hour 00 of the 28th; 105 minutes and 30 seconds later.
    assert made.time_s.tolist() == [parse_utc("2023-01-27T23:15:00Z") + 105 * 60 + 30]
    assert (made.lat_deg[0], made.lon_deg[0]) == (64.8161, -147.8767)
    assert made.pressure_pa.tolist() == [5000.0]
    np.testing.assert_allclose([made.u_mps[0], made.v_mps[0]], [12.3, 0.0], atol=1e-12)
    # US Standard Atmosphere 1976, table I: geopotential 20 000 m is 20 063 m geometric.
    assert made.alt_msl_m[0] == pytest.approx(20_063.0, abs=1.0)
    assert [mark.code for mark in made.marks] == ["position_station"]


def test_igra_missing_and_removed_values_are_counted() -> None:
    levels = [
        igra_level(etime=0, press=100000, gph=100, wdir=90, wspd=50),
        igra_level(etime=100, press=-8888, gph=-9999, wdir=90, wspd=50),
        igra_level(etime=200, press=90000, wdir=-9999, wspd=50),
        igra_level(etime=300, press=80000, wdir=90, wspd=-8888),
        igra_level(etime=400, press=70000, wdir=999, wspd=50),
    ]
    (made,) = parse_igra(igra(*levels))
    assert made.rejects == {"no height": 1, "no wind": 3}
    assert made.time_s.size == 1
    assert "removed_values" in {mark.code for mark in made.marks}


def test_igra_times_without_etime_follow_the_climb_and_say_so() -> None:
    levels = [
        igra_level(press=100000, gph=100, wdir=90, wspd=50),
        igra_level(press=90000, gph=1100, wdir=90, wspd=50),
    ]
    (made,) = parse_igra(igra(*levels, hour=12, reltime=9999))
    assert made.time_s[0] == parse_utc("2023-01-28T12:00:00Z")
    assert made.time_s[1] - made.time_s[0] == pytest.approx(200.0, rel=1e-3)
    assert {"release_nominal", "time_estimated"} <= {mark.code for mark in made.marks}


def test_igra_without_any_time_is_kept_and_unusable() -> None:
    (made,) = parse_igra(igra(igra_level(etime=0, press=100000, wdir=90, wspd=50), hour=99, reltime=9999))
    assert made.time_s.size == 0
    assert "no_time" in {mark.code for mark in made.marks}
    assert made.rejects == {"no time": 1}


def test_igra_keeps_the_soundings_of_the_window() -> None:
    data = igra(igra_level(press=5000, wdir=1, wspd=1)) + igra(
        igra_level(press=5000, wdir=2, wspd=2), day="2023 01 30"
    )
    assert len(parse_igra(data)) == 2
    (late,) = parse_igra(data, time_start=parse_utc("2023-01-29T00:00:00Z"))
    assert late.time_s[0] >= parse_utc("2023-01-29T00:00:00Z")


@pytest.mark.parametrize(
    ("data", "line", "field"),
    [
        (b"no header at all\n", 1, "HEADREC"),
        (igra(igra_level(), levels=2), 1, "NUMLEV"),
        (igra(igra_level()[:40]), 2, "WSPD"),
        (igra(igra_level().replace("-9999B", "12x45B", 1)), 2, "PRESS"),
        (igra(igra_level(), day="2023 02 30"), 1, "DAY"),
        (igra(igra_level(), day="2023 13 01"), 1, "YEAR MONTH DAY"),
        (igra(igra_level(), hour=24), 1, "HOUR"),
        (
            igra_header(levels=2).encode() + b"\n" + igra_level().encode() + b"\n" + igra_header().encode(),
            3,
            "NUMLEV",
        ),
    ],
)
def test_igra_names_line_and_field(data: bytes, line: int, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_igra(data, file="igra.txt")
    assert (caught.value.file, caught.value.line, caught.value.field) == ("igra.txt", line, field)


# --- all of them ---------------------------------------------------------------------------------------


def test_read_soundings_tells_the_formats_apart(tmp_path: Path) -> None:
    arm_bytes(tmp_path / "a.cdf")
    (tmp_path / "b.csv").write_text(RS41 + "2023-01-16 23:07:33,37,-122,691,4,10,90\n")
    (tmp_path / "c.txt").write_bytes(igra(igra_level(press=5000, wdir=1, wspd=1)))
    sources = [read_soundings(tmp_path / name)[0].source for name in ("a.cdf", "b.csv", "c.txt")]
    assert sources == ["arm", "rs41", "igra"]


def test_read_soundings_refuses_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="no sounding in a known format"):
        read_soundings(tmp_path / "x")
    with pytest.raises(InputError, match="cannot be read"):
        read_soundings(tmp_path / "absent")
    monkeypatch.setattr(soundings, "MAX_FILE_BYTES", 3)
    with pytest.raises(OverflightError, match="soundings are read up to"):
        read_soundings(tmp_path / "x")


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(["arm", "rs41", "igra"]), st.binary(max_size=300))
def test_hostile_bytes_never_escape_the_error_tree(kind: str, noise: bytes) -> None:
    parse, head = {
        "arm": (parse_arm, b"CDF\x01"),
        "rs41": (parse_rs41, RS41.encode()),
        "igra": (parse_igra, igra_header(levels=2).encode() + b"\n"),
    }[kind]
    try:
        found = parse(head + noise, file="f")
    except OverflightError:
        return
    assert all(isinstance(one, Sounding) for one in found)
