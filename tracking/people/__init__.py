"""Who may sign in: organisations, people, their sessions and tokens."""
