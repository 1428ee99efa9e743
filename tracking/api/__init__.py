"""The application: every route of every slice, its description, its health."""
