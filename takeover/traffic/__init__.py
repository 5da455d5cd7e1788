"""Traffic under test: what a client in a Pod sends, and how its connections end."""
