"""Compiled kernels: numba with its cache on disk and the function's type kept, and threads to run them.

Kernels release the interpreter's lock, so plain threads over slices of members use all cores. That takes
nested tuples of arrays, which numba's own parallel loops do not, and compiles faster.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel; numba's own decorator would hide the type."""
    return cast(F, numba.njit(cache=True, nogil=True)(function))


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
    count = min(workers(), members)
    edges = [members * i // count for i in range(count + 1)]
    if count <= 1:
        kernel(0, members)
        return
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(kernel, a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]:
            done.result()
