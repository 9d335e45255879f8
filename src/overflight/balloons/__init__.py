"""Balloons: terms (what moves one), stops, stages and flights, and their compiled rates."""
