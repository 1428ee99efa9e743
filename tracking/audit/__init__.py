"""What must be answerable for later: who looked at whose whereabouts."""
