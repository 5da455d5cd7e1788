"""Commands that print what docs/measured.md claims: `python -m benchmarks.NAME`."""
