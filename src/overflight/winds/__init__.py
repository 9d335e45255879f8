"""Winds: one Grid record, one interpolation kernel, readers, soundings, the prior, the error model."""
