"""Events that ask for a person: raised → acknowledged → closed."""
