"""How often a deployed scenario calls the Kubernetes API, and how fast: `python -m benchmarks.cluster [CONTEXT]`."""

import argparse
import time

from takeover.engines.kubernetes.engine import KubernetesEngine
from takeover.envoy.releases import resolve
from takeover.scenario.library import Library


def main() -> None:
    """Deploys each scenario once on the context's cluster, and prints a line a scenario."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("context", nargs="?", metavar="CONTEXT", help="as kubectl has it (default: the current one)")
    engine, release = KubernetesEngine(parser.parse_args().context), resolve(None)[0]
    try:
        for name in Library.bundled().names():
            before, begin = engine.calls, time.monotonic()
            deployment = engine.deploy(Library.bundled().scenario(name), release)
            deployment.delete()
            seconds, calls = time.monotonic() - begin, engine.calls - before
            of_verbs = ", ".join(f"{verb} {count}" for verb, count in calls.most_common())
            rate = calls.total() / seconds
            print(f"{name:<24} {calls.total():>3} calls in {seconds:4.1f} s ({rate:4.1f} a second): {of_verbs}")
    finally:
        engine.close()


if __name__ == "__main__":
    main()
