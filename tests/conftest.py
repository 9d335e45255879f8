"""Fixtures shared by the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

# Before anything brings eccodes: each has its own PROJ, and pyproj crashes when it comes second.
import pyproj  # noqa: F401  # for its side effect
import pytest
from hypothesis import settings

# A busy machine is no failure, and a kernel's first call compiles. The same examples every time, so that a
# failure is met again; `make fuzz` looks for new ones.
settings.register_profile("overflight", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, derandomize=False, print_blob=True)
settings.load_profile(os.environ.get("OVERFLIGHT_HYPOTHESIS", "overflight"))


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real winds and flights; tests that need it are skipped when it is not there."""
    folder = os.environ.get("OVERFLIGHT_TEST_DATA")
    if not folder:
        pytest.skip("OVERFLIGHT_TEST_DATA is not set: the real winds and flights are not at hand")
    return Path(folder)
