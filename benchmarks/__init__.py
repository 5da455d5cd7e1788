"""Commands that print what the README claims: `python -m benchmarks.NAME`."""
