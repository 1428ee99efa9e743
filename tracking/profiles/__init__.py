"""Device profiles: how every device of a model is set up, version by version."""
