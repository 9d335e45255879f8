"""Sightings: one file per format, the kinds and what they can get wrong, a watcher's report to a region."""
