"""The hostile upstream: a server that does, on request, what no honest server does. `upstream` is where it begins."""
