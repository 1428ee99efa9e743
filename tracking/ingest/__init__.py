"""From messages to one commit: identify → rules → rows."""
