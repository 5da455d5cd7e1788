"""The world around a configuration: an upstream that is at every address that it dials, and those addresses.

What is where says a table (`table`), which whoever deploys it writes. Python's own library is enough to begin with.
"""
