"""What the service costs, measured against the simulator; see `make bench`."""
