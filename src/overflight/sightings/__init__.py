"""Sightings: one file per format, the kinds and what they can get wrong, a watcher's report to a region."""

from overflight.sightings.read import read_sightings

__all__ = ["read_sightings"]
