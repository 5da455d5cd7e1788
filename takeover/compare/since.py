"""In which Envoys a difference is, in words that say no more than what was looked at."""

import itertools
from collections.abc import Sequence

from takeover.compare.comparison import Comparison, Difference
from takeover.model.versions import follows, version_of

_MOST_NAMES = 3  # one after the other; of more only the first and the last one


def since(comparison: Comparison, difference: Difference) -> str:
    """Such as "in 1.40.0, not in 1.37.0"; "since 1.40.0" where every version from the one before on was looked at."""
    names = comparison.envoys
    there: Sequence[str] = difference.envoys
    if difference.was == difference.now:  # a finding of both sides
        there = [comparison.baseline, *there]
        without = [each for each in difference.without if each not in there]
    elif len(names) == 2:
        return f"in {there[0]}"
    else:
        first = names.index(there[0])
        before = next((each for each in reversed(names[:first]) if each in difference.without), comparison.baseline)
        chain = names[names.index(before) :]
        if there == chain[1:] and _is_without_gap(chain, comparison.known):
            return f"since {there[0]}"
        without = [before, *(each for each in names[first:] if each in difference.without)]
    unknown = [each for each in names if each not in (*there, *difference.without)]
    told = [("in", there), ("not in", without), ("not compared in", unknown)]
    return ", ".join(f"{words} {_listed(each, names)}" for words, each in told if each)


def _is_without_gap(chain: Sequence[str], known: Sequence[str]) -> bool:
    """Whether no version lies between any two that follow each other in the chain."""
    versions = [version for each in chain if (version := version_of(each)) and str(version) == each]
    others = [version for each in known if (version := version_of(each))]
    return len(versions) == len(chain) and all(
        follows(after, before, others) for before, after in itertools.pairwise(versions)
    )


def _listed(chosen: Sequence[str], names: Sequence[str]) -> str:
    """Those of `names` that were chosen; of many that stand together there the first and the last one."""
    runs: list[list[str]] = []
    for name, group in itertools.groupby(names, key=lambda each: each in chosen):
        if name:
            runs.append(list(group))
    told = [[f"{each[0]} to {each[-1]}"] if len(each) > _MOST_NAMES else each for each in runs]
    return ", ".join(itertools.chain.from_iterable(told))
