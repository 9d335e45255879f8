"""The store: importing twice adds nothing, any date finds its nearest sets, other files are refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from made_sets import made, omm_json, tle_text

from overflight.errors import InputError
from overflight.satellites.elements import ElementSet
from overflight.satellites.store import name_fits, open_store, store_path
from overflight.times import parse_utc
from overflight.units import DAY_S

DAYS = (1, 2, 5, 9, 20)
HISTORY = [made(epoch=f"2023-02-{d:02d}T00:00Z", number=d) for d in DAYS]


def test_an_import_is_idempotent_in_any_format(tmp_path: Path) -> None:
    with open_store(tmp_path / "e.db", make=True) as store:
        first = store.add_text(tle_text(*HISTORY), "a.tle")
        again = store.add_text(tle_text(*HISTORY), "a.tle")
        other = store.add_text(omm_json(*HISTORY), "a.json")
        assert (first.new, first.known, first.refused) == (5, 0, 0)
        assert (again.new, again.known) == (0, 5)
        assert (other.new, other.known) == (0, 5)
        assert [s["name"] for s in store.sources()] == ["a.tle", "a.json"]
        (held,) = store.held()
        assert (held.sets, held.first_s, held.last_s) == (5, HISTORY[0].epoch_s, HISTORY[-1].epoch_s)


def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    with open_store(tmp_path / "e.db", make=True) as store:
        store.add_text(tle_text(made()), "a.tle")
        (one,) = store.choose(made().epoch_s, made().epoch_s + DAY_S, max_age_s=DAY_S)
    assert isinstance(one, ElementSet)
    assert (one.catalog, one.name, one.file, one.line) == (90_001, "MADE 1", "a.tle", 2)
    assert one.mean_motion_degps == pytest.approx(made().mean_motion_degps)


@pytest.mark.parametrize(
    ("start", "end", "numbers"),
    [
        ("2023-02-03T00:00Z", "2023-02-04T00:00Z", [2, 5]),
        ("2023-02-01T12:00Z", "2023-02-06T00:00Z", [1, 2, 5, 9]),
        ("2023-03-01T00:00Z", "2023-03-02T00:00Z", [20]),
        ("2023-01-20T00:00Z", "2023-01-21T00:00Z", [1]),
        ("2023-06-01T00:00Z", "2023-06-02T00:00Z", []),
    ],
)
def test_as_of_a_window_the_nearest_on_both_sides_come(
    tmp_path: Path, start: str, end: str, numbers: list[int]
) -> None:
    with open_store(tmp_path / "e.db", make=True) as store:
        store.add_text(tle_text(*HISTORY), "a.tle")
        got = store.choose(parse_utc(start), parse_utc(end), max_age_s=30.0 * DAY_S)
    assert [one.number for one in got] == numbers


def test_names_and_numbers_narrow_the_choice(tmp_path: Path) -> None:
    with open_store(tmp_path / "e.db", make=True) as store:
        store.add_text(tle_text(made(), made(90_002, name="OTHER-2")), "a.tle")
        window = (made().epoch_s, made().epoch_s + 1.0)
        assert [s.catalog for s in store.choose(*window, max_age_s=1.0, names=["other 2"])] == [90_002]
        assert [s.catalog for s in store.choose(*window, max_age_s=1.0, catalogs=[90_001])] == [90_001]
        assert store.choose(*window, max_age_s=1.0, names=["x*"]) == ()
    assert name_fits("GAOFEN 1-02", ["gaofen"])
    assert not name_fits("GAOFEN 1-02", ["GAOFEN ?"])
    assert name_fits("anything", [])


def test_damaged_sets_are_reported_and_the_rest_is_kept(tmp_path: Path) -> None:
    lines = tle_text(made(), made(90_002)).splitlines()
    lines[1] = lines[1][:68] + str((int(lines[1][68]) + 1) % 10)
    with open_store(tmp_path / "e.db", make=True) as store:
        got = store.add_text("\n".join(lines), "bad.tle")
        assert (got.new, got.refused) == (1, 1)
        assert store.sources()[0]["refused"] == 1


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no store"):
        open_store(tmp_path / "none.db")
    (tmp_path / "text.db").write_text("hello " * 500)
    with pytest.raises(InputError, match="cannot be read"):
        open_store(tmp_path / "text.db")
    base = sqlite3.connect(tmp_path / "other.db")
    base.execute("CREATE TABLE x (y)")
    base.close()
    with pytest.raises(InputError, match="another kind"):
        open_store(tmp_path / "other.db", make=True)


def test_the_place_of_the_store() -> None:
    assert store_path({"OVERFLIGHT_ELEMENTS": "/somewhere/e.db"}) == Path("/somewhere/e.db")
    assert store_path({"XDG_DATA_HOME": "/data"}).name == "elements.db"
