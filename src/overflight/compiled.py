"""One decorator for compiled kernels: numba with its cache on disk, and the function's type kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a scalar or serial kernel; numba's own decorator would hide the type."""
    return cast(F, numba.njit(cache=True, nogil=True)(function))


def compiled_parallel(function: F) -> F:
    """Compile a kernel whose `prange` loops run on all cores; each turn must write its own slots."""
    return cast(F, numba.njit(cache=True, nogil=True, parallel=True)(function))
