"""The table of sensors: published facts, the user's own before it, bad rows told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overflight.errors import InputError
from overflight.satellites.sensors import (
    builtin_sensors,
    parse_sensors,
    plain_name,
    reach_off_nadir_deg,
    read_sensors,
    sensors_of,
)

HEADER = "pattern,class,sensor,gsd_m,swath_m,off_nadir_deg,certainty,source\n"


@pytest.mark.parametrize(
    ("name", "gsd_m"),
    [
        # As their operators publish them.
        ("LANDSAT 8", 15.0),
        ("SENTINEL-2A", 10.0),
        ("WORLDVIEW-3 (WV-3)", 0.31),
        ("GAOFEN 1", 2.0),
        ("GAOFEN 1-03", 2.0),
        ("GAOFEN-2", 0.8),
        ("JILIN-01 GAOFEN 3D 32", 0.75),
        # 28,000 pixels over 60 km, though sold as 1.5 m.
        ("SPOT 6", 2.2),
        ("HAIYANG-1D", 50.0),
    ],
)
def test_known_satellites_are_found_by_their_catalogue_names(name: str, gsd_m: float) -> None:
    found = sensors_of(name, read_sensors())
    assert min(s.gsd_m for s in found if s.gsd_m is not None) == gsd_m
    assert all(s.source and s.certainty for s in found)


@pytest.mark.parametrize(
    ("name", "alt_m", "incidence_deg"),
    [
        ("SENTINEL-1A", 693e3, 46.0),
        ("TERRASAR-X", 514e3, 55.0),
        ("RADARSAT-2", 798e3, 49.0),
        ("COSMO-SKYMED 4", 620e3, 59.0),
        ("GAOFEN 3-02", 755e3, 50.0),
    ],
)
def test_a_radar_reaches_the_incidence_that_is_published(
    name: str, alt_m: float, incidence_deg: float
) -> None:
    """The sine law from the Earth's centre, to half a degree of the table and what that is at the ground."""
    (sensor,) = sensors_of(name, read_sensors())
    reach = np.radians(float(reach_off_nadir_deg(sensor, alt_m)))
    found = np.degrees(np.arcsin((1.0 + alt_m / 6_371_008.8) * np.sin(reach)))
    assert found == pytest.approx(incidence_deg, abs=0.8)


@pytest.mark.parametrize("name", ["SENTINEL-1B", "CBERS 2B", "CBERS 2 (ZY 1B)", "HAIYANG-1A", "FENGYUN 1D"])
def test_satellites_that_have_ended_carry_nothing_and_say_when(name: str) -> None:
    (sensor,) = sensors_of(name, read_sensors())
    assert sensor.sensor_class == "none"
    assert "ended in" in sensor.name


def test_what_is_not_published_has_no_number() -> None:
    for name in ("YAOGAN-30 A", "GAOFEN 11-01", "SHIYAN 6 03"):
        assert [s.gsd_m for s in sensors_of(name, read_sensors())] == [None]
    assert sensors_of("NOBODY KNOWS 1", read_sensors()) == ()


@pytest.mark.parametrize(
    "name", ["GAOFEN 2 DEB", "FENGYUN 1C DEB", "JILIN-1 R/B(2)", "CZ-4C R/B", "SL-16 R/B"]
)
def test_debris_and_rocket_bodies_carry_nothing(name: str) -> None:
    table = parse_sensors(
        HEADER + "GAOFEN 2*,optical,camera,0.8,45000,35,assumed,made for this\n", "mine.csv"
    )
    assert [s.sensor_class for s in sensors_of(name, [table, *read_sensors()])] == ["none"]


def test_every_row_of_the_table_says_where_it_is_from() -> None:
    table = builtin_sensors()
    assert len(table) > 60
    for sensor in table:
        assert len(sensor.source) > 10
        assert sensor.gsd_m is None or sensor.certainty != "assumed", sensor
        assert sensor.sensor_class != "none" or sensor.gsd_m is None


def test_a_table_of_the_user_counts_before_ours(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(HEADER + "GAOFEN 2,optical,better,0.6,45000,30,assumed,my own estimate\n")
    tables = read_sensors([path])
    assert [s.gsd_m for s in sensors_of("GAOFEN 2", tables)] == [0.6]
    assert sensors_of("GAOFEN 1", tables)[0].file == "sensors.csv of the package"


def test_a_sensor_sees_as_far_as_it_is_turned_and_half_its_swath() -> None:
    (turned, fixed, unknown) = parse_sensors(
        HEADER + "A,optical,,1,,30,assumed,x\nB,optical,,10,290000,,assumed,x\nC,optical,,,,,assumed,x\n", "s"
    )
    assert reach_off_nadir_deg(turned, 500e3) == pytest.approx(30.0)
    # Sentinel-2's own figure for its swath of 290 km at 786 km: a field of view of 20.6 degrees.
    assert 2.0 * reach_off_nadir_deg(fixed, 786e3) == pytest.approx(20.6, abs=0.3)
    assert np.isnan(reach_off_nadir_deg(unknown, 500e3))


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("gaofen-2,optical,,1,,,assumed,x", "fits no name"),
        ("A,camera,,1,,,assumed,x", "is unknown"),
        ("A,optical,,0,,,assumed,x", "not within"),
        ("A,optical,,1,,89,assumed,x", "not within"),
        ("A,optical,,one,,,assumed,x", "not a number"),
        ("A,optical,,1,,,sure,x", "is unknown"),
        ("A,optical,,1,,,assumed,", "is empty"),
    ],
)
def test_bad_rows_are_told_with_line_and_field(row: str, word: str) -> None:
    with pytest.raises(InputError, match=word) as caught:
        parse_sensors(HEADER + row + "\n", "mine.csv")
    assert "line 2" in str(caught.value)


def test_names_are_compared_without_brackets_and_dashes() -> None:
    assert plain_name("Ziyuan 1-02C (ZY 1-02C)") == "ZIYUAN 1 02C"
