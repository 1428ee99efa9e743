"""What a rule would have noticed: asked, worked at apart, and answered while it is worked at."""
