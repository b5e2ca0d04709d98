"""Where rows come from: one module per kind of system, and the mapping to the canonical tables."""
