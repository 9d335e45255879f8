"""The GRIB reader, on small GRIB 1 and 2 files encoded here with eccodes, laid out as suppliers do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import eccodes
import numpy as np
import pytest

from overflight.errors import CoverageError, InputError, LimitError
from overflight.times import parse_utc
from overflight.winds.gridded import describe, read_grid

T0 = parse_utc("2023-01-28T00:00Z")
HOUR = 3600.0
LAT = np.arange(-90.0, 91.0, 10.0)
LON = np.arange(0.0, 360.0, 10.0)

# Packed in 20 bits over some 100 m/s.
PACKING_MPS = 2e-4


def wind(part: str, hour: float, hpa: float, lat, lon):
    sign = 1.0 if part == "u" else -0.5
    return sign * (0.5 * hour + 0.02 * hpa + 0.2 * lat + 5.0 * np.cos(np.radians(lon)))


def message(part: str, hpa: float = 70.0, *, lat=LAT[::-1], lon=LON, run="00", step=0, **keys) -> int:
    """Encode one field; the caller releases the handle. `keys` are set after the ordinary ones."""
    edition = keys.pop("edition", 2)
    more = keys.pop("more", 0.0)
    values = keys.pop("values", None)
    handle = eccodes.codes_grib_new_from_samples(f"regular_ll_pl_grib{edition}")
    plain = {
        "Ni": len(lon),
        "Nj": len(lat),
        "latitudeOfFirstGridPointInDegrees": lat[0],
        "latitudeOfLastGridPointInDegrees": lat[-1],
        "longitudeOfFirstGridPointInDegrees": lon[0] % 360.0,
        "longitudeOfLastGridPointInDegrees": lon[-1] % 360.0,
        "iDirectionIncrementInDegrees": abs(lon[1] - lon[0]),
        "jDirectionIncrementInDegrees": abs(lat[1] - lat[0]),
        "jScansPositively": int(lat[-1] > lat[0]),
        "iScansNegatively": int(lon[-1] < lon[0]),
        "dataDate": 20230128,
        "dataTime": int(run) * 100,
        "step": step,
        "shortName": part,
        "bitsPerValue": 20,
    }
    levels = {"typeOfLevel": "isobaricInPa", "level": round(hpa * 100)} if hpa < 1 else {"level": hpa}
    for key, value in (plain | levels | keys).items():
        eccodes.codes_set(handle, key, value)
    if values is None:
        values = wind(part, int(run) + step, hpa, *np.meshgrid(lat, lon, indexing="ij")) + more
    eccodes.codes_set_values(handle, np.asarray(values, dtype=float).ravel())
    return int(handle)


def write(path: Path, handles: Iterable[int]) -> Path:
    with path.open("wb") as stream:
        for handle in handles:
            eccodes.codes_write(handle, stream)
            eccodes.codes_release(handle)
    return path


def both(**keys) -> list[int]:
    return [message(part, **keys) for part in "uv"]


def check(grid, hours, hpa, lat=LAT, lon=LON, tolerance=PACKING_MPS) -> None:
    np.testing.assert_array_equal(grid.time_s, T0 + np.asarray(hours) * HOUR)
    np.testing.assert_allclose(grid.pressure_pa, np.asarray(hpa) * 100.0)
    np.testing.assert_allclose(grid.lat_deg, lat, atol=1e-6)
    np.testing.assert_allclose(grid.lon_deg, lon, atol=1e-6)
    mesh = np.meshgrid(hours, hpa, lat, lon, indexing="ij")
    np.testing.assert_allclose(grid.u_mps, wind("u", *mesh), atol=tolerance)
    np.testing.assert_allclose(grid.v_mps, wind("v", *mesh), atol=tolerance)


def forecast(path: Path) -> Path:
    """Steps and levels as a forecast comes, with fields that are not wind on pressure levels between."""
    handles = []
    for step in (0, 3, 6):
        for hpa in (0.4, 50.0, 70.0):
            handles += [message("t", hpa, step=step), *both(hpa=hpa, step=step)]
        handles.append(message("u", 10.0, step=step, typeOfLevel="heightAboveGround", values=LAT.repeat(36)))
    return write(path, handles)


def test_a_forecast_with_other_fields_between(tmp_path: Path):
    grid = read_grid(forecast(tmp_path / "gfs.grib2"))
    check(grid, [0.0, 3.0, 6.0], [0.4, 50.0, 70.0])
    assert grid.periodic
    assert not list(tmp_path.glob("*.idx"))
    assert [p.name for p in tmp_path.iterdir()] == ["gfs.grib2"]


def test_describing_reads_no_wind(tmp_path: Path):
    info = describe(forecast(tmp_path / "gfs.grib2"))
    assert (info.format, info.times, info.rows, info.columns) == ("GRIB", 3, 19, 36)
    assert info.pressure_pa == (40.0, 5000.0, 7000.0)
    assert (info.time_start, info.time_end) == (T0, T0 + 6 * HOUR)


def test_grib_agrees_with_cfgrib(tmp_path: Path):
    """The peer decodes the same file by its own index."""
    import xarray as xr

    path = write(tmp_path / "a.grib2", [h for s in (0, 6) for p in (50.0, 70.0) for h in both(hpa=p, step=s)])
    grid = read_grid(path)
    with xr.open_dataset(
        path, engine="cfgrib", decode_timedelta=True, backend_kwargs={"indexpath": ""}
    ) as peer:
        ordered = peer.sortby(["step", "isobaricInhPa", "latitude"])
        np.testing.assert_allclose(grid.u_mps, ordered["u"].values, rtol=1e-6)
        np.testing.assert_allclose(grid.v_mps, ordered["v"].values, rtol=1e-6)
        stamps = (ordered["valid_time"].values - np.datetime64("1970-01-01")) / np.timedelta64(1, "s")
        np.testing.assert_array_equal(grid.time_s, stamps)


def test_edition_1_as_era5_comes(tmp_path: Path):
    handles = [h for p in (50, 70) for h in both(hpa=p, edition=1, bitsPerValue=20)]
    check(read_grid(write(tmp_path / "era5.grib", handles)), [0.0], [50.0, 70.0])


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        (LAT, LON, LON),
        (LAT[::-1], np.arange(-180.0, 180.0, 10.0), np.arange(180.0, 540.0, 10.0)),
        (LAT[5:9], np.arange(200.0, 251.0, 10.0), np.arange(200.0, 251.0, 10.0)),
        (LAT[9:4:-1], np.arange(350.0, 381.0, 10.0), np.arange(350.0, 381.0, 10.0)),  # over Greenwich
        (LAT, np.arange(350.0, -1.0, -10.0), LON),  # columns from east to west
    ],
)
def test_rows_and_columns_in_any_order(tmp_path: Path, lat, lon, expected):
    grid = read_grid(write(tmp_path / "a.grib2", both(lat=lat, lon=lon)))
    check(grid, [0.0], [70.0], lat=np.sort(lat), lon=expected)


def test_columns_that_follow_one_another_in_the_file(tmp_path: Path):
    def turned(part):
        values = wind(part, 0.0, 70.0, *np.meshgrid(LAT[::-1], LON, indexing="ij")).T
        return message(part, jPointsAreConsecutive=1, values=values)

    check(read_grid(write(tmp_path / "a.grib2", [turned("u"), turned("v")])), [0.0], [70.0])


def test_u_and_v_in_one_message(tmp_path: Path):
    """NCEP packs both components of a level into one message."""
    path = tmp_path / "ncep.grib2"
    with path.open("wb") as stream:
        for hpa in (50.0, 70.0):
            many = eccodes.codes_grib_multi_new()
            for part in "uv":
                handle = message(part, hpa)
                eccodes.codes_grib_multi_append(handle, 4, many)
                eccodes.codes_release(handle)
            eccodes.codes_grib_multi_write(many, stream)
            eccodes.codes_grib_multi_release(many)
    assert path.read_bytes().count(b"7777") == 2
    check(read_grid(path), [0.0], [50.0, 70.0])


def test_two_runs_valid_at_one_time_keep_the_shorter_step(tmp_path: Path):
    handles = [*both(run="00", step=6, more=9.0), *both(run="06", step=0), *both(run="00", step=0)]
    grid = read_grid(write(tmp_path / "a.grib2", handles))
    check(grid, [0.0, 6.0], [70.0])
    assert "2 fields valid at the same time" in grid.provenance["notes"]


def test_a_window_and_a_box_of_a_grib(tmp_path: Path):
    path = forecast(tmp_path / "gfs.grib2")
    grid = read_grid(
        path, window=(T0 + HOUR, T0 + 2 * HOUR), levels_pa=(6e3, 7e3), box=(-15.0, 31.0, 8.0, 39.0)
    )
    check(grid, [0.0, 3.0], [50.0, 70.0], lat=[30.0, 40.0], lon=[-20.0, -10.0, 0.0, 10.0])
    with pytest.raises(CoverageError):
        read_grid(path, window=(T0 + 7 * HOUR, T0 + 8 * HOUR))


def member(number: int, more: float) -> list[int]:
    keys = {
        "productDefinitionTemplateNumber": 1,
        "perturbationNumber": number,
        "numberOfForecastsInEnsemble": 3,
    }
    return [
        message(p, values=wind(p, 0, 70.0, *np.meshgrid(LAT[::-1], LON, indexing="ij")) + more, **keys)
        for p in "uv"
    ]


def test_members_become_mean_and_spread(tmp_path: Path):
    more = {1: -1.0, 2: 0.0, 5: 4.0}
    path = write(tmp_path / "gefs.grib2", [h for n, m in more.items() for h in member(n, m)])
    grid = read_grid(path)
    offsets = np.array(list(more.values()))
    expected = wind("u", 0, 70.0, *np.meshgrid(LAT, LON, indexing="ij"))
    np.testing.assert_allclose(grid.u_mps[0, 0], expected + offsets.mean(), atol=PACKING_MPS)
    np.testing.assert_allclose(grid.u_sd_mps, offsets.std(ddof=1), atol=PACKING_MPS)
    one = read_grid(path, member=5)
    np.testing.assert_allclose(one.u_mps[0, 0], expected + 4.0, atol=PACKING_MPS)
    with pytest.raises(InputError, match="Members: 1, 2, 5"):
        read_grid(path, member=3)


def test_members_mixed_with_a_deterministic_run_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="mixes members"):
        read_grid(write(tmp_path / "a.grib2", [*member(1, 0.0), *both()]))


def test_a_spread_over_members_is_not_taken_for_wind(tmp_path: Path):
    keys = {"productDefinitionTemplateNumber": 2, "derivedForecast": 4}
    spread = [message(p, values=np.full((19, 36), 3.0), **keys) for p in "uv"]
    grid = read_grid(write(tmp_path / "a.grib2", [*spread, *both()]))
    check(grid, [0.0], [70.0])
    assert "2 fields of means" in grid.provenance["notes"]


def test_a_bitmap_leaves_values_missing(tmp_path: Path):
    values = wind("u", 0, 70.0, *np.meshgrid(LAT[::-1], LON, indexing="ij"))
    values[2, 3] = 9999.0
    handle = message("u", bitmapPresent=1, missingValue=9999.0, values=values)
    grid = read_grid(write(tmp_path / "a.grib2", [handle, message("v")]))
    assert np.isnan(grid.u_mps[0, 0, 16, 3])
    assert np.isnan(grid.u_mps).sum() == 1


def test_a_field_that_is_not_there_is_missing_and_said(tmp_path: Path):
    path = write(tmp_path / "a.grib2", [*both(hpa=50.0), *both(hpa=70.0), *both(hpa=50.0, step=3)])
    grid = read_grid(path)
    assert np.isnan(grid.u_mps[1, 1]).all()
    assert np.isfinite(grid.u_mps[1, 0]).all()
    assert "2 combinations" in grid.provenance["notes"]


def test_v_missing_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no v on pressure levels"):
        read_grid(write(tmp_path / "a.grib2", [message("u"), message("t")]))


def test_no_wind_at_all_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="no u or v"):
        read_grid(write(tmp_path / "a.grib2", [message("t")]))


def test_truncated_grib_is_refused_with_what_was_whole(tmp_path: Path):
    path = forecast(tmp_path / "a.grib2")
    content = path.read_bytes()
    for keep, words in ((len(content) - 20, "after 29 whole messages"), (30, "after 0 whole"), (4, "whole")):
        path.write_bytes(content[:keep])
        with pytest.raises(InputError, match=words):
            read_grid(path)


def test_noise_inside_grib_never_escapes_as_another_error(tmp_path: Path):
    """Whatever eccodes makes of damage, the caller sees one of ours, or a grid."""
    clean = write(tmp_path / "a.grib2", both()).read_bytes()
    rng = np.random.default_rng(8)
    refused = 0
    for _ in range(150):
        content = bytearray(clean)
        for at in rng.integers(16, len(content), 6):
            content[at] = rng.integers(256)
        path = tmp_path / "b.grib2"
        path.write_bytes(content)
        try:
            read_grid(path, max_bytes=10**8)
        except (InputError, LimitError):
            refused += 1
    assert refused > 20


PACKINGS = ("grid_simple", "grid_ccsds", "grid_complex", "grid_complex_spatial_differencing", "grid_jpeg")


def packed(tmp_path: Path, packing: str) -> Path:
    """Write u and v in a packing that GFS (complex, JPEG) or ECMWF (CCSDS) uses."""
    return write(tmp_path / "a.grib2", both(packingType=packing))


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_is_read(tmp_path: Path, packing: str):
    path = packed(tmp_path, packing)
    with path.open("rb") as stream:
        handle = eccodes.codes_grib_new_from_file(stream)
        assert eccodes.codes_get(handle, "packingType") == packing
        eccodes.codes_release(handle)
    check(read_grid(path), [0.0], [70.0])


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_is_read_with_a_bitmap(tmp_path: Path, packing: str):
    values = wind("u", 0, 70.0, *np.meshgrid(LAT[::-1], LON, indexing="ij"))
    values[4, 5:9] = 9999.0
    keys = {"bitmapPresent": 1, "missingValue": 9999.0, "packingType": packing, "values": values}
    grid = read_grid(write(tmp_path / "a.grib2", [message("u", **keys), message("v")]))
    assert np.isnan(grid.u_mps[0, 0, 14, 5:9]).all()
    assert np.isnan(grid.u_mps).sum() == 4
    known = wind("u", 0, 70.0, *np.meshgrid(LAT, LON, indexing="ij"))
    np.testing.assert_allclose(grid.u_mps[0, 0, :14], known[:14], atol=PACKING_MPS)


@pytest.mark.parametrize(
    ("packing", "section", "octet", "value"),
    [
        ("grid_simple", 5, 8, 200),  # number of values
        ("grid_simple", 3, 8, 200),  # number of nodes
        ("grid_simple", 6, 6, 0),  # a bitmap that is not there
        ("grid_complex_spatial_differencing", 5, 33, 228),  # number of groups
        ("grid_complex_spatial_differencing", 5, 49, 207),  # octets of the first differences
        ("grid_jpeg", 7, 20, 233),  # height of the image
        ("grid_jpeg", 5, 9, 127),
    ],
)
def test_counts_that_disagree_are_refused_before_unpacking(tmp_path: Path, packing, section, octet, value):
    """Each of these made eccodes 2.50 unpack past its memory or fail."""
    path = packed(tmp_path, packing)
    content = bytearray(path.read_bytes())
    at = 16
    while content[at + 4] != section:
        at += int.from_bytes(content[at : at + 4], "big")
    assert content[at + octet - 1] != value
    content[at + octet - 1] = value
    path.write_bytes(content)
    with pytest.raises(InputError, match="disagree"):
        read_grid(path)


def test_sections_that_do_not_fit_are_refused(tmp_path: Path):
    path = packed(tmp_path, "grid_simple")
    content = bytearray(path.read_bytes())
    content[16:20] = (10**6).to_bytes(4, "big")
    path.write_bytes(content)
    with pytest.raises(InputError, match="do not fit"):
        read_grid(path)


def test_two_grids_in_one_file_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"different grids \(regular_ll 36 × 19; regular_ll 36 × 4\)"):
        read_grid(write(tmp_path / "a.grib2", [*both(), *both(hpa=50.0, lat=LAT[5:9])]))


def test_a_grid_type_that_is_not_regular_is_refused(tmp_path: Path):
    handle = eccodes.codes_grib_new_from_samples("reduced_gg_pl_32_grib2")
    eccodes.codes_set(handle, "shortName", "u")
    with pytest.raises(InputError, match="type 'reduced_gg'"):
        read_grid(write(tmp_path / "a.grib2", [handle]))


def test_a_constant_field_that_claims_a_huge_grid_is_refused(tmp_path: Path):
    """A field of one value needs no bits, so 200 bytes can claim any number of nodes."""
    lat, lon = np.linspace(80.0, 0.0, 13), np.linspace(0.0, 300.0, 13)
    path = write(tmp_path / "a.grib2", [message(p, lat=lat, lon=lon, values=np.full(169, 5.0)) for p in "uv"])
    content = path.read_bytes()
    small, large = (13).to_bytes(4, "big") * 2, (60_000).to_bytes(4, "big") * 2
    assert content.count(small) == 2  # Ni and Nj of u and of v
    claims = content.replace(small, large).replace(
        (169).to_bytes(4, "big"), (3_600_000_000).to_bytes(4, "big")
    )
    path.write_bytes(claims)
    assert path.stat().st_size < 600
    with pytest.raises(LimitError, match="60000 × 60000"):
        read_grid(path, max_bytes=10**9)


def test_a_grib_larger_than_allowed_is_refused(tmp_path: Path):
    with pytest.raises(LimitError, match="window"):
        read_grid(forecast(tmp_path / "a.grib2"), max_bytes=10**4)


def test_bulletin_headers_before_and_between_messages_do_no_harm(tmp_path: Path):
    path = write(tmp_path / "a.grib2", both())
    content = path.read_bytes()
    cut = content.index(b"7777") + 4
    path.write_bytes(b"HTXX01 KWBC 280000\r\r\n" + content[:cut] + b"\r\r\nHVXX01\r\r\n" + content[cut:])
    check(read_grid(path), [0.0], [70.0])
