"""The owner's API, a room for each thing that an owner looks after."""
