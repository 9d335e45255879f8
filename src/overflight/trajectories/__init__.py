"""Trajectories: moving points through a wind grid."""
