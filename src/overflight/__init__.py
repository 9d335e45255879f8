"""Overflight reconstructs, attributes and assesses high-altitude balloon overflights.

The package root imports nothing heavy. `overflight.api` gathers the names most scripts need.
"""

__version__ = "0.1.0"
