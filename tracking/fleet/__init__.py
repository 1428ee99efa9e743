"""What we protect and what is fitted to it: assets, devices, fitments, unknown units."""
