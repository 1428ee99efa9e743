"""OGC API - Features: zones and last positions for programs that draw maps."""
