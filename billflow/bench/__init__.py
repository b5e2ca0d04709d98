"""What `billflow bench` runs: the same work done by billflow and by others, in one run on this machine."""
