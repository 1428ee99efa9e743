"""Zones: the areas that a centre and its clients have drawn, version by version."""
