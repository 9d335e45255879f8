"""Fit the climatological wind prior and cross-validate it.

Question: how well can the wind's monthly mean and spread between 300 and 10 hPa be told, anywhere, from
24 stations and four circles of latitude, and what error must be stated for it?

    python design/fit_prior.py DATA              cross-validate, print the tables
    python design/fit_prior.py DATA --write      also write the coefficients into the package

DATA is a folder with `climatology/station_wind_climatology.csv` (US Range Reference Atmospheres) and
`climatology/r2_1981-2010_four_latitudes.nc` (NCEP-DOE Reanalysis 2); the table in docs/winds-prior.md is
this script's output.

Method: Bayesian linear regression. The coefficients of a stream function (and of a much weaker velocity
potential) have a Gaussian prior whose variance falls with degree and order. The zonal-mean part is a sum
of a flow that is its own mirror image half a year later and a smaller one that is not: that is how the
north informs the south, and where the wider spread of the south comes from.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.interpolate import PchipInterpolator
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.stats import norm

from overflight import atmosphere, geo
from overflight.winds.prior import (
    EPOCH_S,
    YEAR_S,
    Mode,
    level_splines,
    scalar_harmonics,
    vector_harmonics,
    year_harmonics,
)

TARGET = Path(__file__).parents[1] / "src/overflight/winds/data"

# Nine splines from 400 to 10 hPa, 4.3 km apart: the stations resolve 1 km, the seasons do not ask for it.
INTERIOR = np.linspace(np.log(1000.0), np.log(40000.0), 7)
KNOTS = np.concatenate([[INTERIOR[0]] * 3, INTERIOR, [INTERIOR[-1]] * 3])
LEVEL_SCALE = 1.2  # correlation length of the coefficients in ln p, 8 km
MONTH_TIMES = EPOCH_S + (np.arange(12) + 0.5) / 12 * YEAR_S
YEAR_WEIGHT = np.array([1.0, 1.0, 1.0, 0.45, 0.45])
# Whether a zonal-mean mode and a harmonic of the year together are their own mirror image.
SYMMETRIC_YEAR = np.array([True, False, False, True, True])
ASYMMETRY = 0.45
# Error added to the mirrored south, u and v, in full from 50° S and not at all at 10° S: what the anomalies
# of GFS at 70 hPa need for 90 % to hold about 85 % (design/fit_wind_error.py). Those ten days of October
# 2019 belong to an uncommonly disturbed southern vortex, so in other years this is wide.
SOUTH_MPS = (20.0, 12.0)

R2_NOISE_MPS, STATION_NOISE_MPS = 2.0, 1.5
# A station's 21 levels and 12 months share their local anomaly, so each counts as a part of a datum.
SHARED = 4.0
SOUNDINGS_PER_DATUM = 6.0


@dataclass
class Stations:
    name: np.ndarray
    lat: np.ndarray
    lon: np.ndarray
    month: np.ndarray
    alt: np.ndarray
    pressure: np.ndarray
    mean: np.ndarray  # (N, 2)
    sd: np.ndarray  # (N, 2)
    count: np.ndarray


def read_stations(path: Path, r2: xr.Dataset) -> Stations:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))

    def pick(key):
        return np.array([float(r[key] or "nan") for r in rows])

    mean = np.stack([pick("u_mean_mps"), pick("v_mean_mps")], axis=1)
    sd = np.stack([pick("u_sd_mps"), pick("v_sd_mps")], axis=1)
    month = pick("month").astype(int) - 1
    lat, lon, alt = pick("lat"), pick("lon"), pick("alt_msl_m")
    pressure = station_pressure(r2, lat, lon, month, alt)
    good = np.isfinite(mean).all(1) & (sd > 0).all(1) & np.isfinite(pressure) & (pick("n_soundings") >= 30)
    print(f"stations: {len(rows)} rows, {good.sum()} used (finite, spread > 0, at least 30 soundings)")
    name = np.array([r["station"] for r in rows])
    return Stations(
        name[good],
        lat[good],
        lon[good],
        month[good],
        alt[good],
        pressure[good],
        mean[good],
        sd[good],
        pick("n_soundings")[good],
    )


def station_pressure(r2, lat, lon, month, alt) -> np.ndarray:
    """Pressure at station heights from the reanalysis heights, linear in sin² of latitude."""
    z, level = r2["z"].values.astype(float), r2["level"].values * 100.0
    node = np.sin(np.radians(r2["lat"].values)) ** 2
    out = np.empty(alt.size)
    geopotential = atmosphere.geopotential_m(alt)
    for key in {(a, b, c) for a, b, c in zip(lat, lon, month, strict=True)}:
        rows = (lat == key[0]) & (lon == key[1]) & (month == key[2])
        column = z[key[2], :, :, round(key[1] % 360 / 2.5) % 144]
        s = np.sin(np.radians(key[0])) ** 2
        i = min(max(np.searchsorted(node, s) - 1, 0), 2)
        f = (s - node[i]) / (node[i + 1] - node[i])
        heights = (1 - f) * column[:, i] + f * column[:, i + 1]
        spline = PchipInterpolator(heights, np.log(level), extrapolate=False)
        out[rows] = np.exp(spline(geopotential[rows]))
    return out


def vector_modes() -> list[Mode]:
    modes = [("psi", n, 0, "cos") for n in range(1, 13)] + [("chi", n, 0, "cos") for n in range(1, 7)]
    for order in range(1, 5):
        for phase in ("cos", "sin"):
            modes += [("psi", n, order, phase) for n in range(order, order + 8)]
    for order in (1, 2):
        for phase in ("cos", "sin"):
            modes += [("chi", n, order, phase) for n in range(order, order + 5)]
    return modes


def scalar_modes() -> list[Mode]:
    modes = [("scalar", n, 0, "cos") for n in range(11)]
    for order in (1, 2):
        for phase in ("cos", "sin"):
            modes += [("scalar", n, order, phase) for n in range(order, order + 5)]
    return modes


# Root mean square over the sphere of each order's part of the mean (m/s) and of the log-spread, before
# data; how fast it falls with degree beyond the order; and how weak divergent flow is beside rotational.
VECTOR_SIZE, VECTOR_FALL = {0: 16.0, 1: 6.0, 2: 5.0, 3: 3.0, 4: 2.0}, 6.0
SCALAR_SIZE, SCALAR_FALL = {0: 0.6, 1: 0.12, 2: 0.08}, 5.0
DIVERGENT = 0.1


def prior_sd(modes, sizes, fall, parity) -> np.ndarray:
    """Prior sd of each (mode, harmonic of the year); `parity` is of the degrees that mirror themselves."""
    weight = np.array(
        [np.exp(-(((d - m) / fall) ** 2)) * (DIVERGENT if k == "chi" else 1.0) for k, d, m, _ in modes]
    )
    order = np.array([m for _, _, m, _ in modes])
    rows = weight[:, None] * YEAR_WEIGHT
    degree = np.array([d for _, d, _, _ in modes]) + np.array([k == "chi" for k, *_ in modes])
    mirrored = (degree % 2 == parity)[:, None] == SYMMETRIC_YEAR
    rows = np.where((order > 0)[:, None] | mirrored, rows, ASYMMETRY * rows)
    for m in set(order.tolist()):
        size = sizes[m]
        rows[order == m] *= size / np.sqrt((rows[order == m] ** 2).sum())
    return rows


def vector_prior(modes) -> np.ndarray:
    """Prior sd in m/s: a stream function odd in latitude flows alike in both hemispheres."""
    return prior_sd(modes, VECTOR_SIZE, VECTOR_FALL, 1)


def scalar_prior(modes) -> np.ndarray:
    """Prior sd of the log-spread; its global mean is left free."""
    rows = prior_sd(modes, SCALAR_SIZE, SCALAR_FALL, 0)
    rows[[d == 0 for _, d, _, _ in modes], 0] = 3.0
    return rows


def level_root() -> np.ndarray:
    """Root of the prior correlation of the spline coefficients."""
    place = np.array([KNOTS[i + 1 : i + 4].mean() for i in range(KNOTS.size - 4)])
    k = np.exp(-0.5 * ((place[:, None] - place) / LEVEL_SCALE) ** 2)
    return np.linalg.cholesky(k + 1e-3 * np.eye(place.size))


def design(harmonics, month_time, pressure, scale, root) -> np.ndarray:
    """Rows of (harmonic × year × level) with unit-prior coefficients; harmonics (modes, N)."""
    year, level = year_harmonics(month_time), level_splines(pressure, KNOTS) @ root
    left = np.einsum("hN,Nt,ht->Nht", harmonics, year, scale)
    return np.einsum("Nht,Ns->Nhts", left, level, optimize=True).reshape(len(year), -1)


class Solver:
    """Normal equations with a unit Gaussian prior on whitened coefficients."""

    def __init__(self, size: int) -> None:
        self.gram, self.right = np.zeros((size, size)), np.zeros(size)

    def add(self, rows, values, noise_sd, sign=1.0) -> None:
        weighted = rows / noise_sd[:, None]
        self.gram += sign * (weighted.T @ weighted)
        self.right += sign * (weighted.T @ (values / noise_sd))

    def solve(self):
        factor = cho_factor(self.gram + np.eye(len(self.right)), lower=True)
        return cho_solve(factor, self.right), factor


def variance(factor, rows) -> np.ndarray:
    return np.sum(solve_triangular(factor[0], rows.T, lower=True) ** 2, axis=0)


def add_reanalysis(solver, r2, modes, scale, root) -> None:
    """Add the four circles. The data fill a grid, so their normal matrix is a Kronecker product."""
    lon = r2["lon"].values[::9]
    levels = [400, 300, 250, 200, 150, 100, 70, 50, 30, 20, 10]
    part = r2.sel(level=levels, lon=lon)
    east, north = vector_harmonics(modes, part["lat"].values, lon)
    year = year_harmonics(MONTH_TIMES)
    level = level_splines(np.array(levels) * 100.0, KNOTS) @ root
    noise = R2_NOISE_MPS * np.sqrt(2.0)
    for harmonics, name in ((east, "u"), (north, "v")):
        flat = harmonics.reshape(len(modes), -1)
        gram = np.kron(np.kron(flat @ flat.T, year.T @ year), level.T @ level)
        size = np.kron(scale.ravel(), np.ones(level.shape[1]))
        solver.gram += gram * size[:, None] * size / noise**2
        data = part[name].transpose("lat", "lon", "month", "level").values.astype(float)
        data = data.reshape(-1, 12, len(levels))
        right = np.einsum("hN,Nml,mt,ls->hts", flat, data, year, level, optimize=True)
        solver.right += right.ravel() * size / noise**2


def station_rows(st, rows, modes, scale, root):
    east, north = vector_harmonics(modes, st.lat[rows], st.lon[rows], pairs=True)
    times = MONTH_TIMES[st.month[rows]]
    return [design(h, times, st.pressure[rows], scale, root) for h in (east, north)]


def mean_noise(st, rows, k) -> np.ndarray:
    sampling = st.sd[rows, k] ** 2 * SOUNDINGS_PER_DATUM / st.count[rows]
    return np.sqrt(SHARED * (sampling + STATION_NOISE_MPS**2))


def clusters(st) -> dict[str, list[str]]:
    """For each station, all stations within 1500 km of it, itself included."""
    names = list(dict.fromkeys(st.name))
    at = {n: (st.lon[st.name == n][0], st.lat[st.name == n][0]) for n in names}
    return {n: [m for m in names if float(geo.distance_m(*at[n], *at[m])) < 1500e3] for n in names}


def rms(x) -> float:
    return float(np.sqrt(np.mean(np.square(x))))


def log_spread(st) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the mean spread, and of zonal over meridional spread (divided by cos² lat)."""
    log = np.log(st.sd)
    return log.mean(axis=1), (log[:, 0] - log[:, 1]) / np.cos(np.radians(st.lat)) ** 2


@dataclass
class Problem:
    """One data set and its normal matrices; `without` gives those of fewer stations."""

    st: Stations
    vector: list[Mode]
    scalar: list[Mode]
    root: np.ndarray
    mean: Solver
    spread: Solver
    ratio: Solver

    def rows(self, rows):
        vector = station_rows(self.st, rows, self.vector, vector_prior(self.vector), self.root)
        harmonics = scalar_harmonics(self.scalar, self.st.lat[rows], self.st.lon[rows], pairs=True)
        times = MONTH_TIMES[self.st.month[rows]]
        return vector, design(harmonics, times, self.st.pressure[rows], scalar_prior(self.scalar), self.root)

    def change(self, rows, sign) -> None:
        (east, north), flat = self.rows(rows)
        for k, part in enumerate((east, north)):
            self.mean.add(part, self.st.mean[rows, k], mean_noise(self.st, rows, k), sign)
        spread, ratio = log_spread(self.st)
        noise = np.sqrt(SHARED * (0.5 * SOUNDINGS_PER_DATUM / self.st.count[rows] + 0.07**2))
        self.spread.add(flat, spread[rows], noise, sign)
        self.ratio.add(flat, ratio[rows], 2 * noise / np.cos(np.radians(self.st.lat[rows])) ** 2, sign)


def build(st, r2, vector, scalar) -> Problem:
    root = level_root()
    sizes = [m * 5 * root.shape[0] for m in (len(vector), len(scalar))]
    problem = Problem(st, vector, scalar, root, Solver(sizes[0]), Solver(sizes[1]), Solver(sizes[1]))
    add_reanalysis(problem.mean, r2, vector, vector_prior(vector), root)
    for name in dict.fromkeys(st.name):
        problem.change(np.flatnonzero(st.name == name), 1.0)
    return problem


def held_out(problem, groups) -> dict[str, np.ndarray]:
    """Predict each station from those not in its group; rows in the order of the table."""
    st = problem.st
    out = {key: np.full((st.lat.size, 2), np.nan) for key in ("mean", "error", "log_sd")}
    for name, group in groups.items():
        gone = np.flatnonzero(np.isin(st.name, group))
        target = np.flatnonzero(st.name == name)
        problem.change(gone, -1.0)
        (east, north), flat = problem.rows(target)
        coefficients, factor = problem.mean.solve()
        for k, part in enumerate((east, north)):
            out["mean"][target, k] = part @ coefficients
            out["error"][target, k] = np.sqrt(variance(factor, part))
        spread, ratio = flat @ problem.spread.solve()[0], flat @ problem.ratio.solve()[0]
        half = 0.5 * ratio * np.cos(np.radians(st.lat[target])) ** 2
        out["log_sd"][target] = np.stack([spread + half, spread - half], axis=1)
        problem.change(gone, 1.0)
    return out


def nearest(st, groups) -> dict[str, np.ndarray]:
    """The simplest rival: the nearest station outside the group, same month and height."""
    out = {key: np.full((st.lat.size, 2), np.nan) for key in ("mean", "log_sd")}
    table = {(n, m, a): i for i, (n, m, a) in enumerate(zip(st.name, st.month, st.alt, strict=True))}
    first = {n: int(np.flatnonzero(st.name == n)[0]) for n in dict.fromkeys(st.name)}
    for name, group in groups.items():
        i = first[name]
        others = [n for n in first if n not in group]
        far = [
            float(geo.distance_m(st.lon[i], st.lat[i], st.lon[first[n]], st.lat[first[n]])) for n in others
        ]
        other = others[int(np.argmin(far))]
        for row in np.flatnonzero(st.name == name):
            j = table.get((other, st.month[row], st.alt[row]))
            if j is not None:
                out["mean"][row], out["log_sd"][row] = st.mean[j], np.log(st.sd[j])
    return out


def coverage(st, mean, sd) -> np.ndarray:
    """Share of each row's normal distribution inside the predicted central 90 %, (N, 2)."""
    half = 1.6449 * sd
    return norm.cdf((mean + half - st.mean) / st.sd) - norm.cdf((mean - half - st.mean) / st.sd)


def table_row(label, st, out, pick, error=None) -> str:
    good = pick & np.isfinite(out["mean"]).all(1)
    miss = out["mean"][good] - st.mean[good]
    log = out["log_sd"][good] - np.log(st.sd[good])
    sd = np.exp(out["log_sd"])
    if error is not None:
        sd = np.hypot(sd, error)
    held = coverage(st, out["mean"], sd)[good].mean(axis=0)
    return (
        f"| {label} | {rms(miss[:, 0]):.2f} | {rms(miss[:, 1]):.2f} | {rms(log[:, 0]):.3f} "
        f"| {rms(log[:, 1]):.3f} | {held[0]:.3f} | {held[1]:.3f} |"
    )


def local_error(miss, error) -> np.ndarray:
    """What a station has of its own, beyond the fit's posterior error: one number for u and for v, m/s."""
    return np.sqrt(np.maximum(np.mean(miss**2 - error**2, axis=0), 0.5**2))


def validate(problem, rival, st) -> dict[str, float]:
    """Print the cross-validation, and return the factors that make the stated errors true."""
    alone = {n: [n] for n in dict.fromkeys(st.name)}
    head = (
        "| held out | u mean m/s | v mean m/s | log sd u | log sd v | 90 % held u | v |\n" + "|---" * 7 + "|"
    )
    factors: dict[str, float] = {}
    every = np.ones(st.lat.size, bool)
    for title, groups in (("one station", alone), ("all within 1500 km", clusters(st))):
        fit, zonal, near = held_out(problem, groups), held_out(rival, groups), nearest(st, groups)
        local = local_error(fit["mean"] - st.mean, fit["error"])
        factors = {"u": local[0], "v": local[1], "log_sd": rms(fit["log_sd"] - np.log(st.sd))}
        print(f"\n### left out: {title}; local part: u {local[0]:.2f}, v {local[1]:.2f} m/s\n\n{head}")
        stated = np.hypot(fit["error"], local)
        wide = {**fit, "log_sd": fit["log_sd"] + factors["log_sd"] ** 2}
        print(table_row("this fit, its own error added", st, wide, every, stated))
        print(table_row("this fit, spread alone", st, fit, every))
        print(table_row("zonal mean only", st, zonal, every))
        print(table_row("nearest station", st, near, every))
        for low, high in ((-10, 25), (25, 40), (40, 60), (60, 80)):
            pick = (st.lat >= low) & (st.lat < high)
            print(table_row(f"{low} to {high}° N", st, wide, pick, stated))
        for name in alone:
            print(table_row(name, st, wide, st.name == name, stated))
    return factors


def error_fields(problem, local):
    """Fit the logarithm of the mean's stated error, on a grid, by the scalar modes."""
    lat, lon = np.arange(-87.5, 88, 12.5), np.arange(0, 360, 30.0)
    months, levels = np.arange(0, 12, 2), np.geomspace(1000, 30000, 7)
    mesh = [a.ravel() for a in np.meshgrid(lat, lon, months, levels, indexing="ij")]
    times = MONTH_TIMES[mesh[2].astype(int)]
    scale, (_, factor) = vector_prior(problem.vector), problem.mean.solve()
    flat = scalar_harmonics(problem.scalar, mesh[0], mesh[1], pairs=True)
    rows = design(flat, times, mesh[3], scalar_prior(problem.scalar), problem.root)
    south, logs = np.clip((-10.0 - mesh[0]) / 40.0, 0.0, 1.0), []
    both = vector_harmonics(problem.vector, mesh[0], mesh[1], pairs=True)
    for harmonics, own, extra in zip(both, local, SOUTH_MPS, strict=True):
        parts = [
            variance(factor, design(harmonics[:, i], times[i], mesh[3][i], scale, problem.root))
            for i in np.array_split(np.arange(times.size), 12)
        ]
        logs.append(0.5 * np.log(np.concatenate(parts) + own**2 + (extra * south) ** 2))
    damp = np.cos(np.radians(mesh[0])) ** 2
    out = []
    for values, weight in (((logs[0] + logs[1]) / 2, np.ones_like(damp)), (logs[0] - logs[1], damp)):
        solver = Solver(rows.shape[1])
        solver.add(rows * weight[:, None], values, np.full(values.size, 0.1))
        coefficients, _ = solver.solve()
        misfit = rms(weight * (rows @ coefficients) - values)
        print(f"stated error: rms misfit of its logarithm {misfit:.3f}")
        out.append(coefficients)
    return out


def natural(coefficients, scale, root) -> np.ndarray:
    """Undo the whitening: coefficients on plain harmonics and splines, float32."""
    shaped = coefficients.reshape(*scale.shape, root.shape[1]) * scale[:, :, None]
    return (shaped @ root.T).astype(np.float32)


def write(problem, factors, r2) -> None:
    vector, scalar = vector_prior(problem.vector), scalar_prior(problem.scalar)
    top = r2.sel(level=20)["u"] - r2.sel(level=10)["u"]
    beyond = rms(top.values) / np.log(2.0)
    errors = [natural(c, scalar, problem.root) for c in error_fields(problem, (factors["u"], factors["v"]))]
    np.savez_compressed(
        TARGET / "prior.npz",
        vector_modes=np.array(problem.vector, dtype="U6"),
        scalar_modes=np.array(problem.scalar, dtype="U6"),
        knots=KNOTS,
        mean=natural(problem.mean.solve()[0], vector, problem.root),
        log_sd=natural(problem.spread.solve()[0], scalar, problem.root),
        log_sd_ratio=natural(problem.ratio.solve()[0], scalar, problem.root),
        log_error=errors[0],
        log_error_ratio=errors[1],
        log_sd_error=np.float64(round(factors["log_sd"], 4)),
        beyond_mps=np.float64(round(beyond, 2)),
    )
    print(f"log_sd_error {factors['log_sd']:.3f}, beyond {beyond:.1f} m/s per unit of ln p")


ERRORS_HELP = "the three errors that the cross-validation prints last, to write without running it again"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--errors", type=float, nargs=3, metavar=("U", "V", "LOG_SD"), help=ERRORS_HELP)
    options = parser.parse_args()
    folder = options.data / "climatology"
    with xr.open_dataset(folder / "r2_1981-2010_four_latitudes.nc") as r2:
        st = read_stations(folder / "station_wind_climatology.csv", r2)
        standard = np.log(atmosphere.pressure_pa(st.alt) / st.pressure)
        print(f"ln p, standard less reanalysis: rms {rms(standard):.3f}, max {np.abs(standard).max():.2f}")
        problem = build(st, r2, vector_modes(), scalar_modes())
        if options.errors:
            factors = dict(zip(("u", "v", "log_sd"), options.errors, strict=True))
        else:
            zonal = [[m for m in modes if m[2] == 0] for modes in (vector_modes(), scalar_modes())]
            factors = validate(problem, build(st, r2, *zonal), st)
        print(f"errors: {factors['u']:.3f} {factors['v']:.3f} {factors['log_sd']:.3f}")
        if options.write:
            write(problem, factors, r2)


if __name__ == "__main__":
    main()
