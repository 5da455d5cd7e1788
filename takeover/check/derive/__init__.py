"""Works out probes from a configuration: what must match, what just does not, what its features have at their edges."""
