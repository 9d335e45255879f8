"""Measure how far wind anomalies about the prior reach: in distance, height, time, and along a drift.

Question: with which scales does the difference between the day's wind and the climatological prior lose
its memory, for a fixed place and for a balloon that drifts with the wind?

    python design/fit_wind_error.py DATA

DATA holds `wind/gfs_uv_1p0_20190926-20191005.nc` (GFS analyses; seven days of southern spring and
northern autumn: the southern vortex was breaking early that year), `wind/gfs_0p5_florida_20170424.nc`,
`arm/` and `bufr/` soundings and `dir2023/` (wind directions over two stations for a year). Every number
that `PRIOR_ERROR` takes from here is printed; docs/winds-prior.md holds the table.
"""

from __future__ import annotations

import argparse
import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.interpolate import RegularGridInterpolator
from scipy.optimize import curve_fit
from scipy.stats import norm

from overflight import atmosphere
from overflight.times import parse_utc
from overflight.units import EARTH_RADIUS_M, HOUR_S, HPA_PA
from overflight.winds.error import SMOOTH_RATE
from overflight.winds.prior import evaluate_prior

BANDS = {
    "60-85 N": (60, 85),
    "30-60 N": (30, 60),
    "15 S-15 N": (-15, 15),
    "60-30 S": (-60, -30),
    "85-60 S": (-85, -60),
}


def posix(values) -> np.ndarray:
    return values.astype("datetime64[s]").astype(np.int64).astype(float)


def efold(lag, correlation) -> float:
    """First lag at which the correlation falls below 1/e, interpolated; NaN if it never does."""
    below = np.flatnonzero(correlation < np.exp(-1))
    if not below.size or below[0] == 0:
        return float("nan")
    i = below[0]
    f = (correlation[i - 1] - np.exp(-1)) / (correlation[i - 1] - correlation[i])
    return float(lag[i - 1] + f * (lag[i] - lag[i - 1]))


class Analyses:
    """GFS at one level: wind, and its anomaly about the prior in units of m/s and of the stated spread."""

    def __init__(self, data: Path, hpa: float) -> None:
        with xr.open_dataset(data / "wind/gfs_uv_1p0_20190926-20191005.nc") as file:
            part = file.sel(level=hpa).sortby("latitude")
            self.time = posix(part["time"].values)
            self.lat, self.lon = part["latitude"].values, part["longitude"].values
            self.wind = np.stack([part["u"].values, part["v"].values])
        prior = evaluate_prior(self.time, np.array([hpa * HPA_PA]), self.lat, self.lon)
        mean_u, mean_v, sd_u, sd_v = (p[:, 0].astype(float) for p in prior)
        self.mean, self.sd = np.stack([mean_u, mean_v]), np.stack([sd_u, sd_v])
        self.anomaly = self.wind - self.mean

    def rows(self, band) -> np.ndarray:
        return np.flatnonzero((self.lat >= band[0]) & (self.lat <= band[1]))


def covered(gfs: Analyses, hpa: float) -> None:
    print(f"\n### prior against GFS, {hpa:g} hPa, 26 Sep-5 Oct 2019\n")
    print("| band | rms anomaly u, v m/s | stated spread u, v | 50 % held u, v | 90 % held u, v |")
    print("|---" * 5 + "|")
    for name, band in BANDS.items():
        rows = gfs.rows(band)
        w = np.cos(np.radians(gfs.lat[rows]))[:, None] * np.ones(gfs.lon.size)

        def mean(x, w=w):
            return np.average(x, axis=(1, 2, 3), weights=np.broadcast_to(w, x.shape[1:]))

        a, s = gfs.anomaly[:, :, rows], gfs.sd[:, :, rows]
        size, spread = np.sqrt(mean(a**2)), np.sqrt(mean(s**2))
        half, most = mean(np.abs(a) < 0.6745 * s), mean(np.abs(a) < 1.6449 * s)
        print(
            f"| {name} | {size[0]:.1f}, {size[1]:.1f} | {spread[0]:.1f}, {spread[1]:.1f} "
            f"| {half[0]:.2f}, {half[1]:.2f} | {most[0]:.2f}, {most[1]:.2f} |"
        )


def horizontal(gfs: Analyses, hpa: float) -> None:
    print(f"\n### correlation with distance, {hpa:g} hPa (u east, v east, u north, v north, mean)\n")
    lags_km = np.array([250, 500, 750, 1000, 1500, 2000, 2500, 3000])
    for name, band in BANDS.items():
        rows = gfs.rows(band)
        for label, a in (
            ("about the prior", gfs.anomaly),
            ("less its zonal mean", gfs.anomaly - gfs.anomaly.mean(3, keepdims=True)),
        ):
            curves = []
            for axis in (0, 1):
                for k in (0, 1):
                    curves.append([lag_correlation(gfs, a[k], rows, km, axis) for km in lags_km])
            mean = np.nanmean(np.array(curves), axis=0)
            e = [efold(np.r_[0, lags_km], np.r_[1, c]) for c in (*curves, mean)]
            print(name, label, "e-fold km", np.round(e), "mean curve", np.round(mean, 2))


def lag_correlation(gfs, a, rows, km, axis) -> float:
    """Correlation of one component at one lag eastward (axis 0) or northward (axis 1)."""
    step = np.degrees(km * 1e3 / EARTH_RADIUS_M)
    top = bottom = other = 0.0
    for j in rows:
        if axis == 0:
            shift = round(step / np.cos(np.radians(gfs.lat[j])))
            x, y = a[:, j], np.roll(a[:, j], -shift, axis=1)
        else:
            to = j + round(step)
            if to > rows[-1]:
                continue
            x, y = a[:, j], a[:, to]
        w = np.cos(np.radians(gfs.lat[j]))
        top, bottom, other = top + w * (x * y).sum(), bottom + w * (x * x).sum(), other + w * (y * y).sum()
    return top / np.sqrt(bottom * other) if bottom else np.nan


def eulerian(gfs: Analyses, hpa: float) -> None:
    print(f"\n### correlation with time at a fixed place, GFS {hpa:g} hPa (days: correlation)\n")
    days = (gfs.time - gfs.time[0]) / 86400
    for name, band in BANDS.items():
        rows, out = gfs.rows(band), {}
        for i in range(days.size):
            for j in range(i + 1, days.size):
                x, y = gfs.anomaly[:, i, rows], gfs.anomaly[:, j, rows]
                out.setdefault(round(days[j] - days[i]), []).append(
                    ((x * y).sum(), (x * x).sum(), (y * y).sum())
                )
        curve = {}
        for d, v in sorted(out.items()):
            top, a, b = np.sum(v, axis=0)
            curve[d] = round(float(top / np.sqrt(a * b)), 2)
        print(name, curve)


def lagrangian(gfs: Analyses, hpa: float) -> None:
    """Advect particles at constant pressure for four days and follow the anomaly along them."""
    keep = slice(1, 5)  # the four analyses a day apart
    time = gfs.time[keep]
    lon = np.r_[gfs.lon, 360.0]
    axes = (time, gfs.lat, lon)

    def close(f):
        return np.concatenate([f, f[..., :1]], axis=-1)

    wind = [RegularGridInterpolator(axes, close(gfs.wind[k, keep])) for k in (0, 1)]
    mean = [RegularGridInterpolator(axes, close(gfs.mean[k, keep])) for k in (0, 1)]
    zonal = gfs.wind.mean(axis=(1, 3))  # what a climatology without bias would at least know
    rng = np.random.default_rng(1)
    print(f"\n### along a drift at {hpa:g} hPa, four days to 1 Oct 2019\n")
    step, count = 1800.0, 1200
    hours = np.arange(0, time[-1] - time[0] + 1, step) / HOUR_S
    for name, band in BANDS.items():
        s = np.sin(np.radians(band))
        lat = np.degrees(np.arcsin(rng.uniform(s[0], s[1], count)))
        at = np.stack([lat, rng.uniform(0, 360, count)])
        track, calm = [], []
        for h in hours:
            t = time[0] + h * HOUR_S
            p = where(t, at)
            here = [wind[k](p) for k in (0, 1)]
            track.append([here[k] - mean[k](p) for k in (0, 1)])
            calm.append([here[k] - np.interp(at[0], gfs.lat, zonal[k]) for k in (0, 1)])
            if h < hours[-1]:
                at = runge_kutta(wind, t, at, step)
        a = np.array(track)  # (T, 2, N)
        curve = autocorrelation(a)
        still = autocorrelation(np.array(calm))
        lag = {h: round(float(curve[int(h * 2)]), 2) for h in (3, 6, 12, 24, 36, 48, 60)}
        size = np.sqrt((a**2).mean(axis=(0, 2))).round(1)
        print(f"{name}: rms u, v {size}, e-fold {efold(hours, curve):.0f} h, {lag}; {scales(hours, curve)}")
        print(f"    about the week's zonal mean: e-fold {efold(hours, still):.0f} h; {scales(hours, still)}")


def where(t, at) -> np.ndarray:
    lat = np.clip(at[0], -90, 90)
    return np.stack([np.full(lat.size, t), lat, at[1] % 360], axis=1)


def runge_kutta(wind, t, at, step) -> np.ndarray:
    def rate(t, at):
        p = where(t, at)
        u, v = wind[0](p), wind[1](p)
        scale = np.degrees(1 / EARTH_RADIUS_M)
        return np.stack([v * scale, u * scale / np.maximum(np.cos(np.radians(at[0])), 0.01)])

    a = rate(t, at)
    b = rate(t + step / 2, at + a * step / 2)
    c = rate(t + step / 2, at + b * step / 2)
    d = rate(t + step, at + c * step)
    return at + (a + 2 * b + 2 * c + d) * step / 6


def autocorrelation(a) -> np.ndarray:
    """Both components pooled, all starts, lags up to the length of the record; a is (T, 2, N)."""
    out = []
    for lag in range(len(a) - 12):
        x, y = a[: len(a) - lag], a[lag:]
        out.append((x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()))
    return np.array(out)


def scales(hours, curve) -> str:
    """E-folding hours of a smooth (Matérn 3/2), a rough (OU) and a two-scale OU fit, with their misfits."""
    h = hours[: len(curve)]

    def smooth(t, a):
        return (1 + SMOOTH_RATE * t / a) * np.exp(-SMOOTH_RATE * t / a)

    def rough(t, a):
        return np.exp(-t / a)

    def both(t, share, fast, slow):
        return share * np.exp(-t / fast) + (1 - share) * np.exp(-t / slow)

    out = []
    for name, model, start, top in (
        ("smooth", smooth, [40.0], [2000]),
        ("rough", rough, [40.0], [2000]),
        ("two rough", both, [0.3, 10.0, 100.0], [1, 60, 2000]),
    ):
        p, _ = curve_fit(model, h, curve, p0=start, bounds=(np.zeros(len(top)) + 1e-3, top))
        out.append(f"{name} {np.round(p, 2)} misfit {np.sqrt(np.mean((model(h, *p) - curve) ** 2)):.3f}")
    return ", ".join(out)


def soundings(data: Path) -> dict[str, list]:
    """Profiles as (time, lat, lon, pressure, u, v), grouped by place."""
    groups: dict[str, list] = {
        "Darwin, January 2006": [],
        "Great Plains, January 2019": [],
        "Carolina, May 2020": [],
    }
    for path in sorted((data / "arm").glob("*.cdf")):
        with xr.open_dataset(path) as f:
            p, u, v = (f[k].values.astype(float) for k in ("pres", "u_wind", "v_wind"))
            place = "Darwin, January 2006" if path.name.startswith("twp") else "Great Plains, January 2019"
            lat, lon = (-12.4, 130.9) if place.startswith("Darwin") else (36.6, -97.5)
            t = posix(f["time"].values)[0]
        good = (p > 0) & (np.abs(u) < 150) & (np.abs(v) < 150)
        groups[place].append((t, lat, lon, p[good] * HPA_PA, u[good], v[good]))
    with (data / "bufr/test_data.csv").open() as file:
        rows = list(csv.DictReader(file))
    p, d, s = (
        np.array([float(r[k] or "nan") for r in rows]) for k in ("pressure", "windDirection", "windSpeed")
    )
    good = np.isfinite(p + d + s)
    u, v = -s * np.sin(np.radians(d)), -s * np.cos(np.radians(d))
    groups["Carolina, May 2020"].append(
        (parse_utc("2020-05-31T23:00Z"), 34.8, -76.9, p[good], u[good], v[good])
    )
    with xr.open_dataset(data / "wind/gfs_0p5_florida_20170424.nc") as f:
        part = f.isel(time=0)
        groups["Florida GFS, April 2017"] = [
            (
                posix(f["time"].values)[0],
                float(f["latitude"][j]),
                float(f["longitude"][i]),
                f["level"].values * HPA_PA,
                part["u"].values[:, j, i].astype(float),
                part["v"].values[:, j, i].astype(float),
            )
            for j in (2, 7, 12)
            for i in (3, 13, 23)
        ]
    return groups


def vertical(data: Path) -> None:
    print("\n### correlation with height (lag in ln p), anomalies about the prior, 200 hPa upward\n")
    lag = np.array([0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.1])
    x = np.log(np.geomspace(1500, 20000, 53))
    for place, profiles in soundings(data).items():
        rows = []
        for t, lat, lon, p, u, v in profiles:
            order = np.argsort(p)
            log = np.log(p[order])
            if log[0] > np.log(7000):
                continue
            prior = evaluate_prior(np.array([t]), np.exp(x), np.array([lat]), np.array([lon]))
            for k, values in enumerate((u, v)):
                a = np.interp(x, log, values[order], left=np.nan) - prior[k][0, :, 0, 0]
                rows.append(a / prior[2 + k][0, :, 0, 0])
        if not rows:
            print(place, "no profile reaches 70 hPa")
            continue
        a, curve = np.array(rows), []
        for step in np.round(lag / (x[1] - x[0])).astype(int):
            f, g = a[:, :-step], a[:, step:]
            good = np.isfinite(f * g)
            curve.append((f * g)[good].sum() / np.sqrt((f[good] ** 2).sum() * (g[good] ** 2).sum()))
        curve = np.array(curve)
        print(
            place,
            len(rows) // 2,
            "profiles; e-fold",
            round(efold(np.r_[0, lag], np.r_[1, curve]), 2),
            curve.round(2),
        )


def directions(data: Path) -> None:
    """Calibration on a year of directions, and how fast they change."""
    print("\n### observed directions of 2023 under the prior, and their memory\n")
    for place, lat, lon in (("SLC", 40.77, -111.97), ("PAFA", 64.8, -147.88)):
        for source in ("era5", "radiosonde"):
            with (data / f"dir2023/{place}-2023-{source}.csv").open() as file:
                rows = list(csv.reader(file))
            alt = np.array([float(x) for x in rows[0][1:]])
            time = np.array([parse_utc(r[0].replace(" ", "T") + "Z") for r in rows[1:]])
            d = np.array([[float(x) if x else np.nan for x in r[1:]] for r in rows[1:]])
            print(place, source, pit_text(*pit(time, alt, d, lat, lon)))
            print("   memory:", memory(time, alt, d))
            winter = np.array([datetime.fromtimestamp(t, UTC).month in (12, 1, 2) for t in time])
            print("   memory in winter:", memory(time[winter], alt, d[winter]))
            print("   height, e-fold in ln p:", round(height_memory(alt, d), 2))


def pit(time, alt, direction, lat, lon):
    """Rank of each observed direction in the prior's distribution of directions, and its log score.

    The rank is the probability of the prior within the angle from its most likely direction to the
    observed one, both ways: uniform on 0 to 1 when the prior is right.
    """
    pressure = atmosphere.pressure_pa(alt)
    u, v, su, sv = (f[:, :, 0, 0].astype(float)[..., None] for f in ordered(time, pressure, lat, lon))
    angle = np.radians(np.arange(2.5, 360, 5.0))
    east, north = -np.sin(angle), -np.cos(angle)  # direction from
    # Angular density of a bivariate normal (projected normal), up to a constant.
    a = 0.5 * ((east / su) ** 2 + (north / sv) ** 2)
    b = east * u / su**2 + north * v / sv**2
    z = b / np.sqrt(2 * a)
    density = (1 + z * np.sqrt(2 * np.pi) * np.exp(0.5 * z**2) * norm.cdf(z)) / a
    density /= density.sum(axis=-1, keepdims=True)
    cell = np.where(np.isfinite(direction), direction % 360 // 5, 0).astype(int)
    here = np.take_along_axis(density, cell[..., None], axis=-1)
    higher = np.where(density > here, density, 0).sum(axis=-1) + 0.5 * here[..., 0]
    good = np.isfinite(direction)
    return higher[good], np.log(here[..., 0][good] * 72), np.broadcast_to(alt, direction.shape)[good]


def ordered(time, pressure, lat, lon):
    order = np.argsort(pressure)
    fields = evaluate_prior(time, pressure[order], np.array([lat]), np.array([lon]))
    back = np.argsort(order)
    return [f[:, back] for f in fields]


def pit_text(rank, score, alt) -> str:
    parts = [f"share inside the stated 50 %: {np.mean(rank < 0.5):.2f}, 90 %: {np.mean(rank < 0.9):.2f}"]
    for low, high in ((15e3, 19e3), (19e3, 23e3), (23e3, 28.1e3)):
        pick = (alt >= low) & (alt < high)
        half, most = np.mean(rank[pick] < 0.5), np.mean(rank[pick] < 0.9)
        parts.append(f"{low / 1e3:.0f}-{high / 1e3:.0f} km {half:.2f}/{most:.2f}")
    return "; ".join(parts) + f"; log score over uniform {score.mean():.2f} (n {rank.size})"


def paired(a, b) -> float:
    """Correlation of two complex series over the places where neither is missing (zero)."""
    both = (a != 0) & (b != 0)
    a, b = a[both], b[both]
    return float((a * b.conj()).real.sum() / np.sqrt((np.abs(a) ** 2).sum() * (np.abs(b) ** 2).sum()))


def memory(time, alt, d) -> dict[int, float]:
    """Correlation of the unit vector about its 31-day running mean, lags in hours, 16-21 km."""
    a, _ = turned(d[:, (alt > 16e3) & (alt < 21e3)])
    return {12 * k: round(paired(a[k:], a[:-k]), 2) for k in (1, 2, 3, 4, 6, 8, 10, 14)}


def turned(d):
    """Unit vectors of the directions less their 31-day running mean, as complex numbers; 0 where missing."""
    z = np.exp(1j * np.radians(d))
    good = np.isfinite(z)
    filled, width = np.where(good, z, 0), 63

    def box(x):
        return np.apply_along_axis(np.convolve, 0, x, np.ones(width), "same")

    return np.where(good, z - box(filled) / np.maximum(box(good.astype(float)), 1), 0), good


def height_memory(alt, d) -> float:
    """E-folding lag in log-pressure of the direction's anomaly, from 18 km upward."""
    a, _ = turned(d)
    x = -np.log(atmosphere.pressure_pa(alt))
    first = int(np.argmin(np.abs(alt - 18e3)))
    c = [paired(a[:, first], a[:, j]) for j in range(first, alt.size)]
    return efold(x[first:] - x[first], np.array(c))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    for hpa in (70.0, 10.0):
        gfs = Analyses(data, hpa)
        for question in (covered, horizontal, eulerian, lagrangian):
            question(gfs, hpa)
    vertical(data)
    directions(data)


if __name__ == "__main__":
    main()
