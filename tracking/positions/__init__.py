"""Where things were: positions, frames as they came, the last position of each asset."""
