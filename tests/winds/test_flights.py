"""Flights as observers: layouts, late packets, ground, gaps, and winds of known motion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overflight import geo
from overflight.errors import InputError
from overflight.winds.flights import flight_winds, parse_flight, read_flights

START = 1_661_177_188.0  # 2022-08-22T14:06:28Z


def rising(
    rows: int = 60, *, every_s: float = 60.0, course: float = 70.0, speed: float = 12.0
) -> dict[str, np.ndarray]:
    """A balloon that rises at 5 m/s in a steady wind along a geodesic at sea level."""
    t = every_s * np.arange(rows)
    lon, lat = geo.destination(np.full(rows, -106.8), np.full(rows, 34.6), course, speed * t)
    return {"time_s": START + t, "lat_deg": lat, "lon_deg": lon, "alt_msl_m": 1500 + 5.0 * t}


def aprs(rows: list[str]) -> bytes:
    return "\n".join(["time,lasttime,lat,lng,speed,course,altitude,comment", *rows]).encode()


def packet(t: str, lat: float, alt: float, comment: str = "StrTrk 9 9 1.6V 20C 84656Pa") -> str:
    return f"2022-08-22 {t},2022-08-22 {t},{lat},-106.8,4,257,{alt}, {comment} "


def test_a_known_motion_gives_its_wind() -> None:
    """Along the ground at 12 m/s; the air at height moves faster by (R + h) / R."""
    found = flight_winds(**rising())
    lift = 1 + found.alt_msl_m / 6.37e6
    assert np.hypot(found.u_mps, found.v_mps) == pytest.approx(12.0 * lift, rel=2e-4)
    angle = np.degrees(np.arctan2(found.u_mps, found.v_mps))
    assert angle == pytest.approx(np.full(angle.size, 70.0), abs=0.5)
    assert found.rejects == {"no wind": 2}
    assert found.marks[0].code == "differences"


def test_a_motion_across_the_seam_and_near_the_pole() -> None:
    flight = rising()
    lon, lat = geo.destination(
        np.full(60, 179.99), np.full(60, 88.0), 90.0, 12.0 * (flight["time_s"] - START)
    )
    found = flight_winds(flight["time_s"], lat, lon, flight["alt_msl_m"])
    assert np.hypot(found.u_mps, found.v_mps) == pytest.approx(np.full(58, 12.0), rel=0.005)


def test_aprs_reads_time_place_height_and_the_pressure_in_the_comment() -> None:
    rows = [
        packet(f"14:{m:02d}:28", 34.6 + 0.001 * m, 1500 + 300 * m, f"StrTrk {m} 9 1.6V 2C {80000 - m}Pa")
        for m in range(20)
    ]
    (found,) = parse_flight(aprs(rows), file="one.csv")
    assert found.time_s[0] == pytest.approx(1661176888.0)  # 2022-08-22T14:01:28Z
    assert found.pressure_pa[:2].tolist() == [79999.0, 79998.0]
    # 0.001° of latitude a minute: 110.9 m of meridian at 34.6° N (ellipsoid), in 60 s.
    assert found.v_mps == pytest.approx(np.full(18, 1.849), abs=0.004)
    assert found.station == "one"


def test_late_and_repeated_packets_are_dropped_and_counted() -> None:
    rows = [packet(f"14:{m:02d}:00", 34.6 + 0.001 * m, 1500 + 300 * m) for m in range(20)]
    # Held back for 45 s: it arrives 15 s before the next one.
    rows[8] = packet("14:08:45", 34.608, 3900)
    rows.insert(12, rows[11])
    (found,) = parse_flight(aprs(rows))
    assert found.rejects["late packet"] == 2
    assert found.v_mps == pytest.approx(np.full(found.v_mps.size, 1.849), abs=0.004)


def test_a_pressure_cut_short_is_blanked() -> None:
    rows = [packet(f"14:{m:02d}:28", 34.6 + 0.001 * m, 1500 + 300 * m) for m in range(20)]
    rows[5] = packet("14:05:28", 34.605, 3000, "StrTrk 9 9 1.6V 20C 999Pa")
    (found,) = parse_flight(aprs(rows))
    assert found.rejects["implausible pressure"] >= 1
    assert np.isnan(found.pressure_pa[4])


def logger(rows: int = 12, *, name: str = "", tail: str = "") -> bytes:
    lines = [
        f"{name}28/10/2018,09:{2 * k:02d}:00,30.85,{-6.8 + 0.01 * k:.4f},{1200 + 600 * k},"
        f"0.1,0,1.6,6,{87000 - 4000 * k},17.4,4.7,{k}{tail}"
        for k in range(rows)
    ]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(("name", "tail"), [("", ""), ("RB0013660,", ",RB0013661"), ("", ",,")])
def test_both_layouts_of_the_logger(name: str, tail: str) -> None:
    (found,) = parse_flight(logger(name=name, tail=tail))
    assert found.time_s[0] == pytest.approx(1540717320.0)  # 2018-10-28T09:02:00Z
    assert found.pressure_pa[0] == 83000.0
    # 0.01° of longitude at 30.85° N is 956 m on the ellipsoid, in 120 s.
    assert found.u_mps == pytest.approx(np.full(10, 7.97), abs=0.02)


def test_the_table_of_anyone() -> None:
    text = "time,lat,lon,alt_m,pressure_pa\n" + "".join(
        f"2023-01-28T05:{m:02d}:00Z,50.0,{10 + 0.001 * m},{5000 + 300 * m},\n" for m in range(10)
    )
    (found,) = parse_flight(text.encode())
    assert found.time_s.size == 8
    assert np.isnan(found.pressure_pa).all()
    assert found.u_mps == pytest.approx(np.full(8, 1.195), abs=0.003)


def test_the_ground_before_and_after_is_left_out() -> None:
    flight = rising(100)
    alt = np.concatenate(
        [np.full(20, 1500.0), 1500 + 300 * np.arange(40), 13000 - 400 * np.arange(28), np.full(12, 1500.0)]
    )
    found = flight_winds(flight["time_s"], flight["lat_deg"], flight["lon_deg"], alt)
    assert found.alt_msl_m.min() > 1500.0
    assert found.rejects["on the ground"] >= 28


def test_no_wind_is_taken_across_a_gap() -> None:
    flight = rising()
    keep = np.ones(60, dtype=bool)
    keep[20:35] = False
    found = flight_winds(*(flight[n][keep] for n in ("time_s", "lat_deg", "lon_deg", "alt_msl_m")))
    assert found.rejects == {"no wind": 4}
    assert not np.isin(flight["time_s"][[19, 35]], found.time_s).any()


def test_a_jump_is_left_out() -> None:
    flight = rising()
    flight["lat_deg"][30] += 2.0
    found = flight_winds(**flight)
    assert found.rejects["implausible jump"] == 1
    assert np.hypot(found.u_mps, found.v_mps).max() < 12.1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"", 1),
        (b"what,is,this\n1,2,3\n", 1),
        (b"time,lasttime,lat\n", 1),
        (aprs(["2022-08-22 14:06:28,x,north,-106,4,2,1500, c"]), 2),
        (aprs(["yesterday,x,34,-106,4,2,1500, c"]), 2),
        (b"28/10/2018,09:00:00,30.85\n", 1),
        (b"28/10/2018,25:00:00,30.85,1,1,1,1,1,1,1\n", 1),
        (b"time,lat,lon,alt_m\n2023-01-28T05:00,1,2,3\n", 2),
    ],
)
def test_bad_files_name_the_line(text: bytes, line: int) -> None:
    with pytest.raises(InputError, match=f"line {line}"):
        parse_flight(text, file="bad.csv")


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InputError, match="UTF-8"):
        parse_flight(b"\xff\xfe\x00time")


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(*(st.floats(allow_nan=True, allow_infinity=True, width=32) for _ in range(4))), max_size=12
    )
)
def test_any_columns_give_finite_winds_or_none(rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows, dtype=float).reshape(-1, 4)
    found = flight_winds(*table.T)
    assert np.isfinite(found.u_mps).all()
    assert np.isfinite(found.v_mps).all()
    assert found.time_s.size + sum(found.rejects.values()) == len(rows)


# --- real flights --------------------------------------------------------------------------------------


def test_real_flights_are_read_whole(test_data: Path) -> None:
    """Counts of packets from the files; the README says: 14V floated free at 20-21 km."""
    (free,) = read_flights(test_data / "shab" / "SHAB14V-APRS.csv")
    assert free.time_s.size + sum(free.rejects.values()) == 713
    assert free.rejects["late packet"] > 5
    floating = free.alt_msl_m[250:600]
    assert floating.min() > 19_000
    assert floating.max() < 21_200
    for path in sorted((test_data / "pyballoon").glob("*.csv")):
        (flight,) = read_flights(path)
        assert flight.alt_msl_m.max() > 27_000, path.name
        assert np.hypot(flight.u_mps, flight.v_mps).max() < 60.0, path.name


def test_winds_of_a_flight_carry_it_along_its_own_track(test_data: Path) -> None:
    (free,) = read_flights(test_data / "shab" / "SHAB14V-APRS.csv")
    east = np.trapezoid(
        free.u_mps / (6.378e6 + free.alt_msl_m) / np.cos(np.radians(free.lat_deg)), free.time_s
    )
    moved = np.radians(free.lon_deg[-1] - free.lon_deg[0])
    assert east == pytest.approx(moved, rel=0.005)
