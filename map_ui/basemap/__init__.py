"""The offline base map: how its files under ``tracking/geography`` are made from packages.

Nothing here runs beside the service. ``python -m map_ui.basemap`` rebuilds the files when a
boundary changes; run time reads only what it wrote.
"""
