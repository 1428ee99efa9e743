"""Which rules run for whom, and what they remember."""
