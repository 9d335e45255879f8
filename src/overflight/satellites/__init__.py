"""Satellites: element sets and their store, sensors, orbits, and passes over sites.

files, store, network → elements → orbits → passes, each with the age of its elements and what that does to
its times. What a pass is worth beside a balloon belongs to `exposure.compare`.
"""
