"""How the house itself is doing, as its own database knows it."""
