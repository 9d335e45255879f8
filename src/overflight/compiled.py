"""Compiled kernels: numba with its cache on disk and the function's type kept, and threads to run them.

Numba notices a change in the file of a kernel, not in the files of the kernels it calls, and would go on
running the old ones. The cache therefore lies in a folder named after the state of the whole package.

Kernels release the interpreter's lock, so plain threads over slices of members use all cores. That takes
nested tuples of arrays, which numba's own parallel loops do not, and compiles faster.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

KEPT = 12
# The attributes of numba's settings are made at run time; no checker sees them.
_SETTINGS: Any = numba.config
F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel; numba's own decorator would hide the type."""
    before = _SETTINGS.CACHE_DIR
    # Numba reads the setting when it decorates; code of others in the process keeps its own.
    _SETTINGS.CACHE_DIR = before or str(_cache_folder())
    try:
        return cast(F, numba.njit(cache=True, nogil=True)(function))
    finally:
        _SETTINGS.CACHE_DIR = before


@lru_cache(maxsize=1)
def _cache_folder() -> Path:
    """Folder of compiled code for the package as it is now. Nothing is written before a kernel runs."""
    root = Path(__file__).parent
    state = [
        f"{path.relative_to(root)} {path.stat().st_mtime_ns} {path.stat().st_size}"
        for path in sorted(root.rglob("*.py"))
    ]
    digest = hashlib.sha256("\n".join([sys.version, numba.__version__, str(root), *state]).encode())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overflight-kernels"
    _forget_old(base)
    return base / digest.hexdigest()[:16]


def _forget_old(base: Path) -> None:
    """Keep the folders of the last states of the package only."""
    try:
        folders = sorted(base.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    except OSError:
        return
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def workers() -> int:
    """Number of cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def over_members(kernel: Callable[[int, int], None], members: int) -> None:
    """Call `kernel(begin, end)` on slices of 0..members, one a core.

    The slices write to places of their own, so the result does not depend on the number of cores.
    """
    count = max(1, min(workers(), members))
    edges = [members * i // count for i in range(count + 1)]
    if count == 1:
        kernel(0, members)
        return
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(kernel, a, b) for a, b in pairwise(edges)]:
            done.result()
