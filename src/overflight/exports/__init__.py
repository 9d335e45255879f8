"""Exports: the ensemble and the sightings in the formats other tools read."""
