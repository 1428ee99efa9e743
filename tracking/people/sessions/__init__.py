"""Being signed in: how it begins, what it is worth, how it ends."""
