"""Custody: what could be stored and sent, and what can be proved of what arrived."""
