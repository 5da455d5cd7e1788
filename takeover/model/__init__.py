"""The records that travel between rooms, as msgspec Structs: results, traces, releases, ranges of versions."""
