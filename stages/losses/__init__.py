"""What networks are trained to make small, and the targets that follow from labels alone."""
