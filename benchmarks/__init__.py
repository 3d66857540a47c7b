"""What Tillhook costs in time, memory, bytes and dollars: `make bench`."""
