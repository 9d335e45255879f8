"""Did it drift, or was it steered: hypotheses, evidence, what it would take, and what would decide."""
