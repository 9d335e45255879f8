"""Claims: who said what when, and what it contradicts."""
