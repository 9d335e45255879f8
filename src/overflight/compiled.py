"""Compiled kernels: numba with its cache on disk and the function's type kept, and threads to run them.

Numba notices a change in the file of a kernel, not in the files of the kernels it calls, and would go on
running the old ones. The cache of a module therefore lies in a folder named after the text of the module and
of every module of the package that it imports, directly or not.

Kernels release the interpreter's lock, so plain threads over slices of members use all cores. That takes
nested tuples of arrays, which numba's own parallel loops do not, and compiles faster.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

import numba
from numba.core.registry import CPUDispatcher
from numba.extending import intrinsic

# Folders of compiled code kept, one a module and state of its sources: a checkout makes some 55, and several
# share them.
KEPT = 400
PACKAGE = Path(__file__).parent
_IMPORT = re.compile(
    r"^\s*(?:from\s+overflight([\w.]*)\s+import\s+(\([^)]*\)|[^\n]*)|import\s+overflight\.([\w.]+))", re.M
)
# The attributes of numba's settings are made at run time, and two of its options are not in its types; no
# checker sees them.
_SETTINGS: Any = numba.config
_NJIT: Any = numba.njit
_DOORS = Lock()
_THREADS: ContextVar[int | None] = ContextVar("threads", default=None)
F = TypeVar("F", bound=Callable[..., object])


class _Kernel(CPUDispatcher):
    """A kernel as other kernels call it; a call from Python goes through `doors`.

    To be called by Python and by C numba compiles two functions more, which unpack every argument. Most
    kernels are called by kernels only, and without doors a first call takes three quarters of the time.
    """

    @property
    def doors(self) -> Any:
        """Return the same kernel as Python and C call it."""
        with _DOORS:
            if "_doors" not in self.__dict__:
                self._doors = _jitted(self.py_func)
        return self._doors

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self.doors(*args, **named)


def compiled(function: F) -> F:
    """Compile a kernel; numba's own decorator would hide the type."""
    return _inner(function)


def woven(function: F) -> F:
    """Compile a kernel into the machine code of each kernel that calls it, for what is called every step.

    A call hands each array over as some ten words, and counts references to it by calls that do nothing for
    one that is `borrowed`: a third of the time of a reading of the wind.
    """
    return _inner(function, forceinline=True)


def _inner(function: F, **options: bool) -> F:
    kernel = _jitted(function, "inner", no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)
    # Numba hands the function back as it is where compiling is switched off.
    if isinstance(kernel, CPUDispatcher):
        kernel.__class__ = _Kernel
    return cast(F, kernel)


def inlined(function: F) -> F:
    """Write a kernel into each kernel that calls it, so that it is not compiled by itself."""
    return cast(F, _NJIT(inline="always")(function))


def _jitted(function: Callable[..., object], part: str = "", **options: bool) -> Any:
    before = _SETTINGS.CACHE_DIR
    folder = Path(before) if before else _cache_folder(Path(inspect.getfile(function)))
    # Numba reads the setting when it decorates; code of others in the process keeps its own.
    _SETTINGS.CACHE_DIR = str(folder / part)
    try:
        return _NJIT(cache=True, nogil=True, **options)(function)
    finally:
        _SETTINGS.CACHE_DIR = before


@cache
def _cache_folder(source: Path) -> Path:
    """Folder of the compiled code of one module as its sources are now. Nothing is written before it runs."""
    digest = hashlib.sha256(f"{sys.version} {numba.__version__} {source}".encode())
    for path in sorted(sources_of(source)):
        digest.update(path.read_bytes())
    base = _cache_base()
    return base / f"{source.stem}-{digest.hexdigest()[:16]}"


@lru_cache(maxsize=1)
def _cache_base() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overflight-kernels"
    _forget_old(base)
    return base


def sources_of(source: Path) -> set[Path]:
    """Return a file and every file of the package that it imports, directly or not."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imported(path))
    return found


@cache
def _imported(source: Path) -> tuple[Path, ...]:
    """Files of the package that one file imports."""
    files: list[Path] = []
    for part, names, plain in _IMPORT.findall(source.read_text(encoding="utf-8")):
        module = PACKAGE.joinpath(*(part or plain).strip(".").split("."))
        inner = [module / name for name in re.findall(r"\w+", names)]
        for place in (module, *inner):
            files += [f for f in (place.with_suffix(".py"), place / "__init__.py") if f.is_file()]
    return tuple(files)


def _forget_old(base: Path) -> None:
    """Keep the folders of the last states of the package only."""
    try:
        folders = sorted(base.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    except OSError:
        return
    for folder in folders[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Have kernels called inside use so many threads: where others share out the cores."""
    token = _THREADS.set(max(1, count))
    try:
        yield
    finally:
        _THREADS.reset(token)


def workers() -> int:
    """Number of cores this process may use, or of the threads that `threads` allows."""
    if (allowed := _THREADS.get()) is not None:
        return allowed
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


def _borrowed_code(_typing: Any, array: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo = view.meminfo.type(None)
        view.parent = view.parent.type(None)
        return view._getvalue()

    return array(array), build


# The same array without its count of references, which numba raises and lowers by locked instructions when
# one compiled function hands an array to another: a third of the time of a step. The owner must outlive it.
borrowed = cast(Callable[[Any], Any], intrinsic(_borrowed_code))
