"""Ensembles larger than memory: blocks of members written to a Zarr store as they are flown.

::

    plan ─► new store, or the one of this plan that a run left unfinished
                 └─► blocks not done ─► fly here, or on a Dask cluster ─► arrays ─► mark of the block

A block is one chunk of every array, and its mark is written after all of them: what a mark stands for is
whole, whoever was killed when. A store that is not finished is gone on with when the same ensemble is asked
for again, and refused when another is. Finished, it is a flight ensemble that `open_ensemble` and any reader
of Zarr open without loading it.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from overflight.errors import InputError, OverflightError
from overflight.trajectories.ensemble import (
    Blocks,
    Plan,
    as_ensemble,
    block_edges,
    fly_block,
    make_plan,
    plan_id,
    provenance,
)

if TYPE_CHECKING:
    import xarray as xr
    import zarr
    from distributed import Client

# A store from a later version may be laid out otherwise.
LAYOUT: Final = "overflight ensemble 1"
# Times in the store: what `records.make_ensemble` rounds to.
TIME_UNITS: Final = "milliseconds since 1970-01-01"
DONE: Final = "done"


def simulate_to(
    path: str | Path,
    *args: Any,
    block: int | None = None,
    client: Client | None = None,
    cluster: Any = None,
    progress: Callable[[float], None] | None = None,
    **kwargs: Any,
) -> Path:
    """Fly an ensemble into a Zarr store, block by block; go on with one that was cut off.

    Takes the arguments of `ensemble.simulate`, and `path`, a folder that is not there yet or that an
    unfinished run of the same ensemble left. Memory is bounded by the blocks in work, and no byte depends on
    who flew them. (The size of the blocks is the size of the chunks.)

    Parameters
    ----------
    client, cluster : a Dask client, or what `distributed.Client` takes: an address or a cluster. Blocks are
        then flown by its workers, which write them: they must see `path`. See `trajectories.cluster`.

    Raises
    ------
    InputError
        When the folder holds something else, or the ensemble of other arguments.
    OverflightError
        As `simulate`.
    """
    plan = make_plan(*args, **kwargs)
    path = Path(path)
    edges = prepare(path, plan, block)
    todo = [i for i, done in enumerate(blocks_done(path)) if not done]

    def report(count: int) -> None:
        if progress:
            progress((len(edges) - len(todo) + count) / len(edges))

    if client is not None or cluster is not None:
        from overflight.trajectories.cluster import fly_on_cluster

        fly_on_cluster(plan, path, edges, todo, client=client, cluster=cluster, report=report)
    else:
        for count, i in enumerate(todo):
            fly_into(plan, path, i, *edges[i])
            report(count + 1)
    return path


def fly_into(plan: Plan, path: Path, number: int, first: int, last: int) -> None:
    """Fly one block, write it, and mark it done."""
    arrays = fly_block(plan, first, last)
    # What a whole ensemble would be refused for is refused before it is written.
    as_ensemble(plan, arrays, {})
    group = _open(path, "r+")
    for name, values in arrays.items():
        _array(group, name)[first:last] = values
    _array(group, DONE)[number] = 1


def blocks_done(path: Path) -> list[bool]:
    """Return for each block of a store whether it is written."""
    return [bool(done) for done in np.asarray(_array(_open(path, "r"), DONE)[:])]


def open_ensemble(path: str | Path, *, whole: bool = True) -> xr.Dataset:
    """Open a stored ensemble as a flight ensemble whose values are read when they are asked for.

    Raises InputError when it is none, or is not finished and `whole` is asked.
    """
    import xarray as xr

    path = Path(path)
    missing = blocks_done(path).count(False)
    if whole and missing:
        raise InputError(
            f"{missing} blocks of the ensemble are not flown yet",
            file=str(path),
            remedy="Run the same command again: it goes on where it stopped.",
        )
    with warnings.catch_warnings():
        # Zarr stores without consolidated metadata open all the same.
        warnings.simplefilter("ignore")
        dataset: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=None, drop_variables=[DONE])
    return dataset


def prepare(path: Path, plan: Plan, block: int | None) -> list[tuple[int, int]]:
    """Make the store of a plan, or check that one is that of this plan; return the edges of its blocks."""
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        return _found(path, plan, block)
    edges = block_edges(plan, block)
    _create(path, plan, edges)
    return edges


def _found(path: Path, plan: Plan, block: int | None) -> list[tuple[int, int]]:
    group = _open(path, "r")
    if group.attrs.get("plan") != plan_id(plan):
        raise InputError(
            "the folder holds the ensemble of another call",
            file=str(path),
            remedy="Give a new folder, or the arguments that it was made with.",
        )
    edges = block_edges(plan, int(_array(group, "lon").chunks[0]))
    if block is not None and block_edges(plan, block) != edges:
        raise InputError(
            f"the store has blocks of {edges[0][1]} members",
            file=str(path),
            remedy="Leave out block to go on with it.",
        )
    return edges


def _create(path: Path, plan: Plan, edges: list[tuple[int, int]]) -> None:
    """Make a store of everything but the members; the folder appears when it is complete."""
    import zarr

    times, size = plan.keep_s.size, edges[0][1]
    partial = path.with_name(path.name + ".part")
    group = zarr.create_group(partial, zarr_format=3, overwrite=True)
    sample = _sample(plan)
    for name, variable in sample.variables.items():
        dims = tuple(str(dim) for dim in variable.dims)
        extent = tuple(plan.total if dim == "member" else times for dim in dims)
        attrs = dict(variable.attrs)
        values = None
        if name == "time":
            attrs |= {"units": TIME_UNITS, "calendar": "proleptic_gregorian"}
            values = variable.values.astype("datetime64[ms]").astype(np.int64)
        elif name == "member":
            values = np.arange(plan.total, dtype=np.int32)
        elif name == "weight":
            values = np.full(plan.total, 1.0 / plan.total)
        elif name == "scenario":
            values = np.zeros(plan.total, np.int16)
        made = group.create_array(
            str(name),
            shape=extent,
            dtype=variable.dtype if values is None else values.dtype,
            chunks=tuple(size if dim == "member" else times for dim in dims) if values is None else extent,
            fill_value=math.nan if values is None and variable.dtype.kind == "f" else 0,
            dimension_names=dims,
            attributes={key: _plain(value) for key, value in attrs.items()},
        )
        if values is not None:
            made[:] = values
    group.create_array(
        DONE, shape=(len(edges),), chunks=(1,), dtype="uint8", fill_value=0, dimension_names=("block",)
    )
    group.attrs.update({**sample.attrs, **provenance(plan), "layout": LAYOUT, "plan": plan_id(plan)})
    os.replace(partial, path)


def _sample(plan: Plan) -> xr.Dataset:
    """Return an ensemble of one member that has not begun: names, kinds and attributes of all variables."""
    times = plan.keep_s.size
    state: Blocks = dict.fromkeys(
        ("lon", "lat", "alt_m", "pressure_pa"), np.full((1, times), math.nan, np.float32)
    )
    codes: Blocks = {"status": np.full((1, times), 1, np.int8), "stage": np.full((1, times), -1, np.int8)}
    ends: Blocks = dict.fromkeys(
        ("end_time_s", "end_lon", "end_lat", "end_alt_m", "end_pressure_pa"), np.zeros(1)
    )
    rest: Blocks = {
        "end_code": np.zeros(1, np.int8),
        "balloon": np.zeros(1, np.int32),
        "wind_member": np.zeros(1, np.int32),
    }
    return as_ensemble(plan, {**state, **codes, **ends, **rest}, {})


def _plain(value: Any) -> Any:
    """Return an attribute as JSON has it."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def _open(path: Path, mode: Literal["r", "r+"]) -> zarr.Group:
    """Open the store of an ensemble; InputError when it is none."""
    import zarr

    try:
        group = zarr.open_group(path, mode=mode, use_consolidated=False)
    except (OSError, ValueError, KeyError) as error:
        raise _none(path) from error
    if group.attrs.get("layout") != LAYOUT:
        raise _none(path)
    return group


def _none(path: Path) -> InputError:
    return InputError(
        "the folder is not there or holds no ensemble of this version",
        file=str(path),
        remedy="Give a folder that is not there yet, or one that simulate_to made; workers must see it too.",
    )


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    import zarr

    found = group.get(name)
    if not isinstance(found, zarr.Array):
        raise OverflightError(f"the store has no array {name!r}", remedy="Make it anew.")
    return found
