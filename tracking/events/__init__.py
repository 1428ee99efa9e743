"""What rules noticed, and why."""
