"""Keeps every core busy with something else."""

import contextlib
import multiprocessing
import os
from collections.abc import Iterator


@contextlib.contextmanager
def busy(is_wanted: bool = True) -> Iterator[int]:
    """As long as it lasts; gives the number of cores."""
    cores = multiprocessing.cpu_count()
    burning = [
        multiprocessing.Process(target=_burn, args=(os.getpid(),), daemon=True)
        for _ in range(cores if is_wanted else 0)
    ]
    for each in burning:
        each.start()
    try:
        yield cores
    finally:
        for each in burning:
            each.kill()
            each.join()


def _burn(parent: int) -> None:
    while os.getppid() == parent:  # who is killed ends nobody
        pass
