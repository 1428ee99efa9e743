"""The HTTP edge that slices stand on: who is asking, what went wrong, a list page by page."""
