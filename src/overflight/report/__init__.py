"""The report: one self-contained page that prints findings and nothing else as fact."""
