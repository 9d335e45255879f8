"""Parcels 4 on the task of `trajectories.py`; run by it with the Python of an environment that has Parcels.

    python trajectories_parcels.py FOLDER PARTICLES HOURS OUT.npz [double]

The vertical axis is the logarithm of pressure, so that its linear interpolation is everybody's. The grid gets
two columns more at each side, and a kernel turns particles back at the seam. `double` keeps positions in
double precision; Parcels' own is single.
Prints one JSON line: seconds of the run with hourly output to a file, and of setting up.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import parcels
import parcels._sgrid as sgrid
import xarray as xr
from parcels import FieldSet, ParticleFile, ParticleSet
from parcels._core.particle import get_default_particle
from parcels.kernels import AdvectionRK4

HALO = 2


def fieldset_of(folder):
    axes = np.load(folder / "axes.npz")
    u, v = np.load(folder / "u.npy"), np.load(folder / "v.npy")
    wide = [np.concatenate([x[..., -HALO:], x, x[..., : HALO + 1]], axis=-1) for x in (u, v)]
    step = axes["lon_deg"][1]
    lon = np.arange(-HALO, axes["lon_deg"].size + HALO + 1) * step
    lat, level = axes["lat_deg"], np.log(axes["pressure_pa"])
    dims = ["time", "depth", "YG", "XG"]
    data = xr.Dataset(
        {"U": (dims, wide[0]), "V": (dims, wide[1])},
        coords={
            "time": (["time"], (axes["time_s"] * 1e9).astype("timedelta64[ns]"), {"axis": "T"}),
            "depth": (["depth"], level, {"axis": "Z"}),
            "YC": (["YC"], np.arange(lat.size) + 0.5, {"axis": "Y"}),
            "YG": (["YG"], np.arange(lat.size), {"axis": "Y"}),
            "XC": (["XC"], np.arange(lon.size) + 0.5, {"axis": "X"}),
            "XG": (["XG"], np.arange(lon.size), {"axis": "X"}),
            "lat": (["YG"], lat, {"axis": "Y"}),
            "lon": (["XG"], lon, {"axis": "X"}),
        },
    ).pipe(
        sgrid._attach_sgrid_metadata,
        sgrid.SGrid2DMetadata(
            cf_role="grid_topology",
            topology_dimension=2,
            node_dimensions=("XG", "YG"),
            node_coordinates=("lon", "lat"),
            face_dimensions=(
                sgrid.FaceNodePadding("XC", "XG", sgrid.Padding.HIGH),
                sgrid.FaceNodePadding("YC", "YG", sgrid.Padding.HIGH),
            ),
            vertical_dimensions=(sgrid.FaceNodePadding("ZC", "depth", sgrid.Padding.BOTH),),
        ),
    )
    return FieldSet.from_sgrid_conventions(data, mesh="spherical")


def seam(particles, fieldset):
    to = particles.x + particles.dx
    particles.dx += np.where(to < 0.0, 360.0, np.where(to >= 360.0, -360.0, 0.0))


def main():
    folder, count, hours, out = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    begin = time.perf_counter()
    fieldset = fieldset_of(folder)
    starts = np.load(folder / "starts.npz")
    double = "double" in sys.argv[5:]
    particles = ParticleSet(
        fieldset,
        pclass=get_default_particle(np.float64 if double else np.float32),
        x=starts["lon_deg"][:count] % 360.0,
        y=starts["lat_deg"][:count],
        z=np.log(starts["pressure_pa"][:count]),
        t=np.full(count, np.timedelta64(0, "s")),
    )
    hourly = ParticleFile(out.with_suffix(".parquet"), outputdt=np.timedelta64(3600, "s"), mode="w")
    ready, ready_cpu = time.perf_counter(), time.process_time()
    particles.execute(
        [AdvectionRK4, seam],
        dt=np.timedelta64(300, "s"),
        runtime=np.timedelta64(round(hours * 3600.0), "s"),
        output_file=hourly,
        verbose_progress=False,
    )
    wall, cpu = time.perf_counter() - ready, time.process_time() - ready_cpu
    lon, lat = np.array(particles.x), np.array(particles.y)
    np.savez(out, lon_deg=lon, lat_deg=lat)
    print(
        json.dumps(
            {
                "version": parcels.__version__,
                "wall_s": wall,
                "cpu_s": cpu,
                "setup_s": ready - begin,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "metres_a_degree": float(fieldset.U.grid.deg2m),
            }
        )
    )


main()
