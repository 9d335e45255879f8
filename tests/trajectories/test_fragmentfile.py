"""Classes of pieces from files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overflight.errors import InputError
from overflight.trajectories.fragmentfile import read_fragments
from overflight.trajectories.fragments import Fragment

ROWS = "name,mass_kg,drag_area_m2,mass_spread,drag_spread,basis\n"


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_table_and_toml_say_the_same(tmp_path: Path) -> None:
    table = written(tmp_path, "a.csv", ROWS + 'payload,3.2,2.1,0.2,0.4,"weighed, dry"\nfilm,0.9,1.5,,,\n')
    toml = written(
        tmp_path,
        "a.toml",
        '[[fragment]]\nname="payload"\nmass_kg=3.2\ndrag_area_m2=2.1\nmass_spread=0.2\ndrag_spread=0.4\n'
        'basis="weighed, dry"\n[[fragment]]\nname="film"\nmass_kg=0.9\ndrag_area_m2=1.5\n',
    )
    expected = (
        Fragment(
            name="payload", mass_kg=3.2, drag_area_m2=2.1, mass_spread=0.2, drag_spread=0.4,
            basis="weighed, dry",
        ),
        Fragment(name="film", mass_kg=0.9, drag_area_m2=1.5),
    )  # fmt: skip
    assert read_fragments(table) == read_fragments(toml) == expected


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "name,mass_kg\npayload,3\n", "drag_area_m2"),
        ("a.csv", ROWS + "payload,heavy,2,,,\n", "line 2, field 'mass_kg'"),
        ("a.csv", ROWS + "payload,,2,,,\n", "line 2, field 'mass_kg'"),
        ("a.csv", ROWS + "payload,-3,2,,,\n", "line 2, field 'mass_kg'"),
        ("a.csv", ROWS + "payload,1e5,1e-7,,,\n", "would fall at"),
        ("a.csv", ROWS + "2nd,3,2,,,\n", "cannot name findings"),
        ("a.csv", ROWS + "a,3,2,,,\na,4,2,,,\n", "two fragments share a name"),
        ("a.csv", ROWS, "no fragment is given"),
        ("a.csv", ROWS + "".join(f"p{i},3,2,,,\n" for i in range(21)), "the limit is 20"),
        ("a.toml", "fragment = 3", "is no list of fragments"),
        ("a.toml", "[[fragment]]\nname='a'\nmas_kg=3", "fragment[1].mas_kg"),
        ("a.toml", "[[fragment]]\nname='a'\nmass_kg='3'\ndrag_area_m2=1", "fragment[1].mass_kg"),
        ("a.toml", "[[fragment]]\nname='a'\nmass_kg=3", "fragment[1].drag_area_m2"),
        ("a.toml", "[[fragment", "is not TOML"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(InputError) as error:
        read_fragments(written(tmp_path, name, text))
    assert says in str(error.value)
    assert str(error.value).startswith(name)


@given(st.text(max_size=120), st.sampled_from(["csv", "toml"]))
def test_no_text_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, text: str, suffix: str) -> None:
    path = tmp_path_factory.mktemp("pieces") / f"a.{suffix}"
    path.write_bytes((ROWS if suffix == "csv" else "").encode() + text.encode("utf-8", "surrogatepass"))
    try:
        read_fragments(path)
    except InputError:
        return
