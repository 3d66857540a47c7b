"""A whole shop on this machine, and one purchase in it, told as a timeline."""
