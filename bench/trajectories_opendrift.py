"""OpenDrift on the task of `trajectories.py`; run by it with the Python of an environment that has OpenDrift.

    python trajectories_opendrift.py FOLDER PARTICLES HOURS OUT.npz

OpenDrift knows the sea: the wind is given to it as a current, and the vertical axis is a depth of 1000 m for
each unit of the logarithm of pressure above 10 hPa, so that its linear interpolation is everybody's. Its
fourth-order scheme is asked for; its source gives the fourth stage half of the displacement it should have.
Prints one JSON line: seconds of the run, and of setting up.
"""

import datetime
import json
import logging
import resource
import sys
import time
from pathlib import Path

import numpy as np
import opendrift
import xarray as xr
from opendrift.models.oceandrift import OceanDrift
from opendrift.readers import reader_netCDF_CF_generic
from opendrift.readers.basereader import standard_names

START = np.datetime64("2020-01-01T00:00:00", "s")
TOP_PA = 1000.0


def write_field(folder, file):
    axes = np.load(folder / "axes.npz")
    dims = ("time", "depth", "lat", "lon")
    data = xr.Dataset(
        {
            name: (dims, np.load(folder / f"{short}.npy"), {"standard_name": name, "units": "m s-1"})
            for name, short in (("x_sea_water_velocity", "u"), ("y_sea_water_velocity", "v"))
        },
        coords={
            "time": START + (axes["time_s"] * 1e9).astype("timedelta64[ns]"),
            "depth": (
                "depth",
                1000.0 * np.log(axes["pressure_pa"] / TOP_PA),
                {"standard_name": "depth", "units": "m", "positive": "down"},
            ),
            "lat": ("lat", axes["lat_deg"], {"standard_name": "latitude", "units": "degrees_north"}),
            "lon": ("lon", axes["lon_deg"], {"standard_name": "longitude", "units": "degrees_east"}),
        },
    )
    data.to_netcdf(file)


def main():
    folder, count, hours, out = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4])
    logging.disable(logging.CRITICAL)
    begin = time.perf_counter()
    file = folder / "field_depth.nc"
    if not file.exists():
        write_field(folder, file)
    for name in ("x_sea_water_velocity", "y_sea_water_velocity"):
        # Currents faster than a sea's are cut off unless it is told otherwise.
        standard_names[name]["valid_min"], standard_names[name]["valid_max"] = -200.0, 200.0
    model = OceanDrift(loglevel=50)
    model.add_reader(reader_netCDF_CF_generic.Reader(str(file)))
    for key, value in {
        "general:use_auto_landmask": False,
        "environment:constant:land_binary_mask": 0,
        "general:coastline_action": "none",
        "drift:advection_scheme": "runge-kutta4",
        "drift:vertical_advection": False,
        "drift:vertical_mixing": False,
        "drift:max_speed": 200.0,
        "drift:stokes_drift": False,
    }.items():
        model.set_config(key, value)
    starts = np.load(folder / "starts.npz")
    model.seed_elements(
        lon=(starts["lon_deg"][:count] + 180.0) % 360.0 - 180.0,
        lat=starts["lat_deg"][:count],
        z=-1000.0 * np.log(starts["pressure_pa"][:count] / TOP_PA),
        time=START.item(),
        wind_drift_factor=0.0,
        current_drift_factor=1.0,
    )
    ready, ready_cpu = time.perf_counter(), time.process_time()
    model.run(
        time_step=300,
        time_step_output=3600,
        duration=datetime.timedelta(hours=hours),
        outfile=str(out.with_suffix(".nc")),
    )
    wall, cpu = time.perf_counter() - ready, time.process_time() - ready_cpu
    lon, lat = np.full(count, np.nan), np.full(count, np.nan)
    place = np.asarray(model.elements.ID)
    place = place - place.min() if place.size == count else place
    lon[place], lat[place] = model.elements.lon, model.elements.lat
    np.savez(out, lon_deg=lon, lat_deg=lat)
    print(
        json.dumps(
            {
                "version": opendrift.__version__,
                "wall_s": wall,
                "cpu_s": cpu,
                "setup_s": ready - begin,
                "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            }
        )
    )


main()
