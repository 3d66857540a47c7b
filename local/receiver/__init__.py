"""A sample receiver: what an owner's own system would be. It verifies each webhook and shows what it got."""
