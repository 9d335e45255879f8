"""Exposure: what the balloon could have seen and heard, site by site."""
