"""Places: borders, airspace areas the user brings, sites."""
