"""How many of a list of documented changes stored results show: `python -m benchmarks.recall`."""
