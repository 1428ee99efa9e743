"""The HTTP edge: the application, its errors, who is asking."""
