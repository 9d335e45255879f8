"""Reconstruction: sightings and winds in, flight ensembles and log evidence out."""
