"""Compiled kernels: types kept, the cache apart from others', slices of members on any number of cores."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from overflight import compiled
from overflight.compiled import over_members


@compiled.compiled
def _twice(values: np.ndarray, out: np.ndarray) -> None:
    for i in range(values.size):
        out[i] = 2.0 * values[i]


@compiled.woven
def _between(values: np.ndarray, at: float) -> float:
    i = min(int(at), values.size - 2)
    return values[i] + (at - i) * (values[i + 1] - values[i])


@compiled.compiled
def _read(values: np.ndarray, at: np.ndarray, out: np.ndarray) -> None:
    values, at, out = compiled.borrowed(values), compiled.borrowed(at), compiled.borrowed(out)
    for i in range(at.size):
        out[i] = _between(values, at[i])


def test_a_woven_kernel_gives_the_same_to_python_and_to_a_kernel_that_calls_it():
    values, at, out = np.array([1.0, 2.0, 4.0, -3.0]), np.array([0.0, 0.25, 1.5, 2.9, 3.0]), np.empty(5)
    before = [sys.getrefcount(array) for array in (values, at, out)]
    _read(values, at, out)
    np.testing.assert_allclose(out, np.interp(at, np.arange(4.0), values), rtol=1e-15)
    assert [_between(values, x) for x in at] == out.tolist()
    assert [sys.getrefcount(array) for array in (values, at, out)] == before


def test_a_compiled_function_gives_what_the_plain_one_gives():
    values, out = np.arange(5.0), np.empty(5)
    _twice(values, out)
    assert out.tolist() == [0.0, 2.0, 4.0, 6.0, 8.0]
    assert _twice.__name__ == "_twice"


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("members", [1, 2, 7, 100])
def test_slices_cover_every_member_once(monkeypatch, workers, members):
    monkeypatch.setattr(compiled, "workers", lambda: workers)
    seen, lock = np.zeros(members, int), threading.Lock()
    calls: list[tuple[int, int]] = []

    def kernel(begin: int, end: int) -> None:
        with lock:
            calls.append((begin, end))
        seen[begin:end] += 1

    over_members(kernel, members)
    assert (seen == 1).all()
    assert len(calls) == min(workers, members)


def test_no_members_are_no_work(monkeypatch):
    monkeypatch.setattr(compiled, "workers", lambda: 4)
    calls: list[tuple[int, int]] = []
    over_members(lambda begin, end: calls.append((begin, end)), 0)
    assert all(begin == end for begin, end in calls)


def test_an_error_in_one_slice_is_raised(monkeypatch):
    monkeypatch.setattr(compiled, "workers", lambda: 2)

    def kernel(begin: int, _end: int) -> None:
        if begin > 0:
            raise ZeroDivisionError("second slice")

    with pytest.raises(ZeroDivisionError, match="second slice"):
        over_members(kernel, 10)


def test_workers_are_the_cores_this_process_may_use(monkeypatch):
    assert 1 <= compiled.workers() <= (os.cpu_count() or 1)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on systems that have none
    assert compiled.workers() >= 1


def test_the_package_leaves_the_cache_of_others_alone():
    """Importing kernels must not move the compiled code of other packages in the process."""
    code = (
        "import numba; before = numba.config.CACHE_DIR\n"
        "import overflight.reconstruct.sampler\n"
        "assert numba.config.CACHE_DIR == before, numba.config.CACHE_DIR"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_kernel_is_compiled_again_when_a_module_it_leans_on_changes(tmp_path, monkeypatch):
    """The folder of a module is named after its text and that of what it imports, and of nothing else."""
    package = tmp_path / "overflight"
    (package / "winds").mkdir(parents=True)
    top, far, other = package / "top.py", package / "far.py", package / "winds" / "other.py"
    (package / "winds" / "near.py").write_text("import numpy\nfrom overflight import (\n    far,\n)\n")
    top.write_text("from overflight.winds.near import here, there\n")
    far.write_text("x = 1\n")
    other.write_text("y = 1\n")
    monkeypatch.setattr(compiled, "PACKAGE", package)

    def folder() -> str:
        compiled._cache_folder.cache_clear()
        compiled._imported.cache_clear()
        return compiled._cache_folder(top).name

    first = folder()
    other.write_text("y = 2\n")
    assert folder() == first
    far.write_text("x = 2\n")
    assert folder() != first


def test_threads_are_as_many_as_asked_for_inside_and_the_cores_after():
    before = compiled.workers()
    with compiled.threads(3):
        assert compiled.workers() == 3
        with compiled.threads(0):
            assert compiled.workers() == 1
        assert compiled.workers() == 3
    assert compiled.workers() == before
