"""What the ids that rules hold are called, and what people may name in a rule."""
