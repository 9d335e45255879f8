"""The simulated balloon system with known truth: behaviour, observers, exercises and their scores."""
