"""Prove, on a real Envoy, that it takes over a Pod's traffic as it should."""

import os

# Nothing here multiplies matrices: the threads of numpy's library for that would only take time from Envoy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
