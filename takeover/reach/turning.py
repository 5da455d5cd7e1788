"""All guards of a binary over all groups of probes, with what was found before."""

from takeover.inventory.guards import guards
from takeover.reach.configurations import probed_groups
from takeover.reach.guards import Turning
from takeover.reach.kept import Kept
from takeover.reach.proofs import Proving, not_tried, still_true


def turn_over(how: Proving) -> list[str]:
    """Turns over what nothing has shown yet, on the groups where that was not tried. Returns those without time.

    Raises: BadInputError for a library that cannot be read, TakeoverError when the binary does not tell its guards.
    """
    groups = probed_groups(how.library, how.release)
    how.check_groups(groups)
    kept = Kept.of(how.release, how.reports, how.library.names())
    known = kept.proofs
    if how.anew:
        known.guards = [each for each in known.guards if not how.is_meant(each.seen.group)]
        known.guards_tried = [each for each in known.guards_tried if not how.is_meant(each.group)]
    still_true(known, how.library, groups, how.release)
    known.all_guards = guards(how.release.path)
    left = [each for each in groups if how.is_meant(each.id) and not_tried(known, each.id)]
    how.tell(
        f"{len(known.all_guards)} guards, {len(known.guards)} of them shown by proofs that are kept; "
        f"{len(left)} groups of {len(groups)} to try"
    )
    return Turning(how, kept).turn(left)
