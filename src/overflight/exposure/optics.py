"""How sharp a picture a camera could take: ground sample distance, diffraction, haze, sun, NIIRS.

Resolution is graded on the National Imagery Interpretability Rating Scale with the General Image Quality
Equation, version 5 (National Geospatial-Intelligence Agency, *General Image Quality Equation, GIQE version
5.0*, 16 September 2015), version 4 (J. C. Leachtenauer et al., Applied Optics 36, 1997, 8322) and version 3.
Outside their ground the answer is NaN and a code of QUALITY_STATUS, never a number: elevation from 8.9 to 90
degrees, λN/p from 1 to 2, signal to noise from 3 (5 for the equation's own error). The band to print beside a
NIIRS is ±0.5; differences below 0.1 mean nothing.

The picture is one of a sunlit scene in visible light through clear or hazy air; `signal_to_noise` says by
which model. Cloud, thermal and low-light sensors are not in it, turbulence hardly matters looking down, and
what a picture shows is also a matter of who reads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from overflight.errors import InputError, OverflightError
from overflight.units import EARTH_RADIUS_M

Float64s = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]

# One inch in metres, exact: the GIQE takes ground sample distances in inches.
INCH_M: Final = 0.0254
# Half of what the GIQE scatters by and of what its inputs are uncertain.
NIIRS_BAND: Final = 0.5

# Validity of GIQE 5, its section 4: elevation (the steepest slant tried), optical Q, signal to noise.
LEAST_ELEVATION_DEG: Final = 8.9
LEAST_Q, MOST_Q = 1.0, 2.0
LEAST_SNR, SURE_SNR = 3.0, 5.0
# Elevation of the sun's centre. Sunrise is with refraction and the sun's radius.
SUNRISE_DEG, CIVIL_DEG, NAUTICAL_DEG, ASTRONOMICAL_DEG = -0.833, -6.0, -12.0, -18.0
LEAST_SUN_DEG, SURE_SUN_DEG = 0.0, 15.0

ASSESSED, LOW_SNR, LOW_SUN, TOO_LOW, NO_SIGNAL, Q_OUTSIDE, NO_SUN, NOT_KNOWN = range(8)
QUALITY_STATUS: Final = (
    "assessed",
    "assessed, with a signal to noise of 3 to 5 that the equation knows little of",
    "assessed, with a sun below 15 degrees whose long shadows it knows little of",
    "not assessed: seen at less than 8.9 degrees of elevation",
    "not assessed: signal to noise below 3",
    "not assessed: wavelength times f-number over pixel pitch is not from 1 to 2",
    "not assessed: the sun is down",
    "not assessed: a value is not a number",
)

# Contrast lost by an air mass: a part that is there at any visibility (molecules, upper aerosol) and the
# depth of the haze. Fitted to the fall of the signal with elevation in pyBSM 0.16's MODTRAN tables for
# 5 and 23 km of visibility, a sensor at 18 km: exp(-0.435) and exp(-1.27) an air mass.
CLEAR_DEPTH: Final = 0.20
HAZE_DEPTH_M: Final = 1360.0
# Koschmieder: the extinction at which a black object against the horizon keeps a contrast of 2 %, -ln 0.02.
KOSCHMIEDER: Final = 3.912
MOST_VISIBILITY_M: Final = 300_000.0

# Photons of 400-700 nm: 45 % of the sun's energy at the ground, 4.57 µmol a joule of it (K. J. McCree,
# Agricultural Meteorology 10, 1972, 443), times Avogadro's number.
PHOTONS_PER_J: Final = 0.45 * 4.57e-6 * 6.02214076e23
# The pair of targets whose difference is the signal of the GIQE.
BRIGHT, DARK = 0.15, 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """A camera for visible light, as assumed by whoever asks.

    `pitch_m` is the distance of pixels on the detector, `efficiency` the share of the photons of 400-700 nm
    entering the lens that become electrons, `full_well` the electrons at which the exposure is shortened.
    """

    id: str
    focal_m: float
    aperture_m: float
    pitch_m: float
    columns: int
    rows: int
    wavelength_m: float = 0.55e-6
    exposure_s: float = 1e-3
    efficiency: float = 0.5
    read_noise: float = 5.0
    full_well: float = 10_000.0
    bits: int = 12

    def __post_init__(self) -> None:
        for name in ("focal_m", "aperture_m", "pitch_m", "exposure_s", "efficiency", "full_well"):
            _check_positive(self.id, name, getattr(self, name))
        for name in ("columns", "rows", "bits"):
            if not 1 <= getattr(self, name) <= 1_000_000:
                raise InputError(
                    f"camera '{self.id}': it is {getattr(self, name)!r}",
                    field=name,
                    remedy="Give a whole number above zero.",
                )
        if not (self.read_noise >= 0.0 and math.isfinite(self.read_noise)):
            raise InputError(
                f"camera '{self.id}': it is {self.read_noise!r}",
                field="read_noise",
                remedy="Give electrons, zero or more.",
            )
        if self.efficiency > 1.0:
            raise InputError(
                f"camera '{self.id}': it is {self.efficiency:g}",
                field="efficiency",
                remedy="A share is at most 1.",
            )
        if not 0.38e-6 <= self.wavelength_m <= 1.0e-6:
            raise InputError(
                f"camera '{self.id}': {self.wavelength_m!r} m is not visible light",
                field="wavelength_m",
                remedy="Give 0.38e-6 to 1.0e-6 m; thermal cameras are not modelled.",
            )

    @property
    def q(self) -> float:
        """Wavelength times f-number over pixel pitch: 2 samples all that diffraction leaves."""
        return self.wavelength_m * self.focal_m / self.aperture_m / self.pitch_m

    @property
    def image_bytes(self) -> int:
        """Bytes of one picture without compression."""
        return math.ceil(self.columns * self.rows * self.bits / 8)


class Quality(NamedTuple):
    """What a picture would be: arrays of one shape. `niirs` is NaN where `status` says 'not assessed'."""

    niirs: Float64s
    status: Codes
    gsd_m: Float64s
    snr: Float64s


def _check_positive(who: str, name: str, value: float) -> None:
    if not (value > 0.0 and math.isfinite(value)):
        raise InputError(
            f"camera '{who}': it is {value!r}", field=name, remedy="Give a finite number above zero."
        )


# --- geometry of a picture -------------------------------------------------------------------------------


def gsd_m(pitch_m: npt.ArrayLike, focal_m: npt.ArrayLike, range_m: npt.ArrayLike) -> Float64s:
    """Return the distance of pixels on a plane square to the line of sight, metres."""
    pitch, focal, away = (np.asarray(x, dtype=np.float64) for x in (pitch_m, focal_m, range_m))
    if (focal <= 0).any() or (pitch <= 0).any():
        raise OverflightError(
            "a focal length or pixel pitch is not above zero", remedy="Give metres above zero."
        )
    return np.asarray(pitch / focal * away)


def gsd_ground_m(gsd: npt.ArrayLike, elevation_deg: npt.ArrayLike) -> Float64s:
    """Return the geometric mean of the distances of pixels along and across on level ground (GIQE 4)."""
    return np.asarray(np.asarray(gsd) / np.sqrt(_sine(elevation_deg)))


def gsd_weighted_m(gsd: npt.ArrayLike, elevation_deg: npt.ArrayLike) -> Float64s:
    """Return the ground sample distance that GIQE 5 takes, by its equation 5."""
    return np.asarray(np.asarray(gsd) / _sine(elevation_deg) ** 0.25)


def rayleigh_m(wavelength_m: npt.ArrayLike, aperture_m: npt.ArrayLike, range_m: npt.ArrayLike) -> Float64s:
    """Return how near two points may be for a round aperture to part them, metres: 1.22 λ R / D."""
    aperture = np.asarray(aperture_m, dtype=np.float64)
    if (aperture <= 0).any():
        raise OverflightError("an aperture is not above zero", remedy="Give metres above zero.")
    return np.asarray(1.22 * np.asarray(wavelength_m) * np.asarray(range_m) / aperture)


def footprint_m(
    camera: Camera, range_m: npt.ArrayLike, elevation_deg: npt.ArrayLike
) -> tuple[Float64s, Float64s]:
    """Return width and length of the ground in a picture, metres, its centre at a range and elevation.

    Rows lie across the line of sight; the length is stretched by 1 / sin(elevation), as on flat ground.
    """
    normal = gsd_m(camera.pitch_m, camera.focal_m, range_m)
    return np.asarray(camera.columns * normal), np.asarray(camera.rows * normal / _sine(elevation_deg))


def _sine(elevation_deg: npt.ArrayLike) -> Float64s:
    sine = np.sin(np.radians(np.asarray(elevation_deg, dtype=np.float64)))
    return np.where(sine > 0, sine, np.nan)


# --- sharpness -------------------------------------------------------------------------------------------


def diffraction_mtf(frequency: npt.ArrayLike, q: float) -> Float64s:
    """Return the contrast that a round aperture leaves at frequencies in cycles a pixel, up to 1 / q."""
    if not q > 0:
        raise OverflightError(f"optical Q is {q!r}", remedy="Give λ N / p above zero.")
    part = np.clip(np.abs(np.asarray(frequency, dtype=np.float64)) * q, 0.0, 1.0)
    return np.asarray(2.0 / math.pi * (np.arccos(part) - part * np.sqrt(1.0 - part * part)))


@lru_cache(maxsize=1)
def _nodes() -> tuple[Float64s, Float64s]:
    """Nodes and weights of Gauss and Legendre on -1 to 1; making them takes longer than any use of them."""
    return np.polynomial.legendre.leggauss(256)


@lru_cache(maxsize=4096)
def edge_response(q: float, smear_px: float = 0.0, jitter_px: float = 0.0) -> float:
    """Return the relative edge response: the rise of a sharp edge's picture within half a pixel either way.

    Aperture and square detector, a smear of `smear_px` pixels along the line asked for and Gaussian jitter of
    `jitter_px`; no sharpening, so it is less than that of a processed picture. 2/π ∫ MTF(f) sin(π f) / f df.
    """
    node, weight = _nodes()
    f = 0.5 * (node + 1.0) / q
    mtf = (
        diffraction_mtf(f, q)
        * np.sinc(f)
        * np.sinc(f * smear_px)
        * np.exp(-2.0 * (math.pi * f * jitter_px) ** 2)
    )
    return float(2.0 / math.pi * np.sum(0.5 * weight / q * mtf * np.sin(math.pi * f) / f))


def combined_edge_response(along: npt.ArrayLike, across: npt.ArrayLike) -> Float64s:
    """Return the edge response of GIQE 5 from those of two directions, which counts the worse one twice."""
    a, b = np.asarray(along, dtype=np.float64), np.asarray(across, dtype=np.float64)
    return np.asarray(np.cbrt(np.maximum(a, b) * np.minimum(a, b) ** 2))


# --- NIIRS -----------------------------------------------------------------------------------------------


def niirs_giqe5(gsd_weighted: npt.ArrayLike, edge: npt.ArrayLike, snr: npt.ArrayLike) -> Float64s:
    """Return NIIRS by GIQE 5 from metres, relative edge response and signal to noise, unbounded.

    It asks nothing of validity (`image_quality` does); NaN where an argument is not above zero.
    """
    size, sharp, clear = _positive(gsd_weighted, edge, snr)
    rise = np.log10(sharp)
    return np.asarray(
        9.57
        - 3.32 * np.log10(size / INCH_M)
        + 3.32 * (1.0 - np.exp(-1.9 / clear)) * rise
        - 2.0 * rise**4
        - 1.8 / clear
    )


def niirs_giqe4(
    gsd_ground: npt.ArrayLike,
    edge: npt.ArrayLike,
    snr: npt.ArrayLike,
    *,
    overshoot: float = 1.0,
    gain: float = 1.0,
) -> Float64s:
    """Return NIIRS by GIQE 4, with its two sets of coefficients either side of an edge response of 0.9."""
    size, sharp, clear = _positive(gsd_ground, edge, snr)
    fine = sharp >= 0.9
    by_size, by_edge = np.where(fine, 3.32, 3.16), np.where(fine, 1.559, 2.817)
    return np.asarray(
        10.251
        - by_size * np.log10(size / INCH_M)
        + by_edge * np.log10(sharp)
        - 0.656 * overshoot
        - 0.344 * gain / clear
    )


def niirs_giqe3(
    gsd: npt.ArrayLike, edge: npt.ArrayLike, snr: npt.ArrayLike, *, overshoot: float = 1.0, gain: float = 1.0
) -> Float64s:
    """Return NIIRS by GIQE 3, from the ground sample distance square to the line of sight."""
    size, sharp, clear = _positive(gsd, edge, snr)
    return np.asarray(
        11.81 - 3.32 * np.log10(size / INCH_M) + 3.32 * np.log10(sharp) - 1.48 * overshoot - gain / clear
    )


def niirs_smear(smear_px: npt.ArrayLike) -> Float64s:
    """Return what a smear of 1 to 8 pixels costs in NIIRS, equation 6 of the GIQE 5 document."""
    smear = np.asarray(smear_px, dtype=np.float64)
    return np.asarray(0.0031 - 0.063 * smear - 0.0059 * smear**2)


# Quotients by less than this leave the range of a float; no signal, size or edge comes near it.
_TINIEST: Final = 1e-300


def _positive(*values: npt.ArrayLike) -> tuple[Float64s, ...]:
    arrays = (np.asarray(v, dtype=np.float64) for v in values)
    return tuple(np.where(a > 0, np.maximum(a, _TINIEST), np.nan) for a in arrays)


# --- air and light ---------------------------------------------------------------------------------------


def extinction_per_m(visibility_m: npt.ArrayLike) -> Float64s:
    """Return the extinction near the ground for a meteorological visibility (H. Koschmieder 1924)."""
    visibility = np.asarray(visibility_m, dtype=np.float64)
    if not ((visibility > 0) & (visibility <= MOST_VISIBILITY_M)).all():
        raise OverflightError(
            "a visibility is not from 0 to 300 km",
            remedy="Clear air is 23 km or more, haze 5 km, fog below 1 km.",
        )
    return np.asarray(KOSCHMIEDER / visibility)


def contrast(contrast0: npt.ArrayLike, extinction: npt.ArrayLike, path_m: npt.ArrayLike) -> Float64s:
    """Return the contrast left of `contrast0` after a path of even extinction (1/m)."""
    return np.asarray(np.asarray(contrast0) * np.exp(-np.asarray(extinction) * np.asarray(path_m)))


def air_mass(elevation_deg: npt.ArrayLike, depth_m: float = HAZE_DEPTH_M) -> Float64s:
    """Return the path through an even layer on a round Earth over that to the zenith; NaN below 0 degrees."""
    sine = np.sin(np.radians(np.asarray(elevation_deg, dtype=np.float64)))
    ratio = EARTH_RADIUS_M / depth_m
    return np.where(sine >= 0, np.sqrt((ratio * sine) ** 2 + 2.0 * ratio + 1.0) - ratio * sine, np.nan)


def haze_transmission(visibility_m: npt.ArrayLike, elevation_deg: npt.ArrayLike) -> Float64s:
    """Return the share of a scene's contrast that is left above the haze, seen at an elevation.

    exp(-(CLEAR_DEPTH + HAZE_DEPTH_M β) m): see CLEAR_DEPTH for where the two numbers are from.
    """
    depth = CLEAR_DEPTH + HAZE_DEPTH_M * extinction_per_m(visibility_m)
    return np.asarray(np.exp(-depth * air_mass(elevation_deg)))


def sunlight_wpm2(sun_elevation_deg: npt.ArrayLike) -> Float64s:
    """Return the sun's irradiance of level ground under a clear sky, W/m²; zero when it is down.

    B. Haurwitz, J. Meteorology 2 (1945) 154: 1098 cos(z) exp(-0.057 / cos(z)).
    """
    cosine = np.sin(np.radians(np.asarray(sun_elevation_deg, dtype=np.float64)))
    up = np.maximum(cosine, 1e-6)
    return np.where(np.isnan(cosine), np.nan, np.where(cosine > 1e-6, 1098.0 * up * np.exp(-0.057 / up), 0.0))


def signal_to_noise(
    camera: Camera,
    sun_elevation_deg: npt.ArrayLike,
    elevation_deg: npt.ArrayLike,
    visibility_m: npt.ArrayLike = 23_000.0,
) -> Float64s:
    """Return the signal to noise of a scene of 15 against 7 % reflectance in one exposure.

    Photons of the sun by `sunlight_wpm2`, scattered evenly by the ground, through the lens on a pixel; shot
    noise of the brighter target and read noise. Haze takes contrast and is taken as bright as what it hides,
    so it leaves the noise. Within 30 % of pyBSM 0.16's full radiative model where that gives 2.5 or more.
    """
    light = sunlight_wpm2(sun_elevation_deg) * PHOTONS_PER_J / math.pi
    cone = math.pi / 4.0 * (camera.aperture_m / camera.focal_m) ** 2 * camera.pitch_m**2
    most = BRIGHT * light * cone * camera.exposure_s * camera.efficiency
    electrons = np.minimum(most, camera.full_well)
    noise = np.sqrt(electrons + camera.read_noise**2)
    signal = electrons * (1.0 - DARK / BRIGHT) * haze_transmission(visibility_m, elevation_deg)
    return np.asarray(np.where(electrons > 0, signal / np.where(noise > 0, noise, 1.0), electrons))


# --- all of it -------------------------------------------------------------------------------------------


def image_quality(
    camera: Camera,
    range_m: npt.ArrayLike,
    elevation_deg: npt.ArrayLike,
    sun_elevation_deg: npt.ArrayLike,
    *,
    visibility_m: npt.ArrayLike = 23_000.0,
    smear_px: npt.ArrayLike = 0.0,
) -> Quality:
    """Grade the picture that a camera would take of a place under a clear sky; arguments broadcast.

    `elevation_deg` is that of the camera as the place sees it, `smear_px` how far the picture moves during
    the exposure. Results are bounded to the scale's 0 to 9; the worst reason not to assess gives the status.
    """
    away, up, sun, clear, smear = np.broadcast_arrays(
        *(
            np.asarray(x, dtype=np.float64)
            for x in (range_m, elevation_deg, sun_elevation_deg, visibility_m, smear_px)
        )
    )
    snr = signal_to_noise(camera, sun, up, clear)
    gsd = gsd_weighted_m(gsd_m(camera.pitch_m, camera.focal_m, away), up)
    status = _status(camera, away, up, sun, snr, smear)
    good = status < TOO_LOW
    edge = combined_edge_response(edge_response(camera.q), _smeared(camera.q, smear))
    niirs = np.clip(niirs_giqe5(gsd, edge, snr), 0.0, 9.0)
    return Quality(np.where(good, niirs, np.nan), status, gsd, snr)


def _status(
    camera: Camera, away: Float64s, up: Float64s, sun: Float64s, snr: Float64s, smear: Float64s
) -> Codes:
    status = np.full(up.shape, ASSESSED, dtype=np.int8)
    status[sun < SURE_SUN_DEG] = LOW_SUN
    status[snr < SURE_SNR] = LOW_SNR
    status[~(snr >= LEAST_SNR)] = NO_SIGNAL
    status[up < LEAST_ELEVATION_DEG] = TOO_LOW
    status[sun < LEAST_SUN_DEG] = NO_SUN
    if not LEAST_Q <= camera.q <= MOST_Q:
        status[...] = Q_OUTSIDE
    status[~np.isfinite(away + up + sun + smear) | (away <= 0) | (up > 90.0) | (smear < 0)] = NOT_KNOWN
    return status


def _smeared(q: float, smear_px: Float64s) -> Float64s:
    """Edge response over smear, from a table of eighths of a pixel; beyond 16 pixels that of 16."""
    nodes = np.arange(129) / 8.0
    top = min(int(np.nanmax(smear_px, initial=0.0) * 8.0) + 2, nodes.size)
    table = [edge_response(q, float(s)) for s in nodes[:top]]
    return np.asarray(np.interp(smear_px, nodes[:top], table), dtype=np.float64)


def sun_word(sun_elevation_deg: float) -> str:
    """Return what the sun allows a camera for visible light: 'day', 'low sun', 'twilight', 'night'."""
    if not math.isfinite(sun_elevation_deg):
        return "unknown"
    limits = ((SURE_SUN_DEG, "day"), (SUNRISE_DEG, "low sun"), (ASTRONOMICAL_DEG, "twilight"))
    return next((word for limit, word in limits if sun_elevation_deg >= limit), "night")


# --- in words --------------------------------------------------------------------------------------------

# Ground resolved distance, metres: the ends of each level (Federation of American Scientists' table).
GRD_M: Final = MappingProxyType(
    {
        1: (9.0, math.inf),
        2: (4.5, 9.0),
        3: (2.5, 4.5),
        4: (1.2, 2.5),
        5: (0.75, 1.2),
        6: (0.40, 0.75),
        7: (0.20, 0.40),
        8: (0.10, 0.20),
        9: (0.0, 0.10),
    }
)
# What a trained eye can tell at a level, after the Civil NIIRS reference guide (IRARS, 1996).
TASKS: Final = (
    "nothing: unusable",
    "kinds of land use; the runways of a large airfield from its taxiways",
    "large buildings; the wakes of large ships",
    "single houses; a string of rolling stock on a railway",
    "farm buildings by their kind; tracks and switches of a rail yard",
    "rail cars by their type; open doors of vehicle bays",
    "cars as saloon or estate; utility poles",
    "single railway sleepers; the steps of a stair",
    "windscreen wipers; details of a car's grille",
    "the barbs of a wire fence",
)


def niirs_words(niirs: float) -> str:
    """Return what could be told from a picture of a NIIRS, in the words of the civil table."""
    if not math.isfinite(niirs):
        return "not assessed"
    return TASKS[min(max(int(niirs), 0), 9)]
