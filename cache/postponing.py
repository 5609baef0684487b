"""Is now the time to evict somebody for one who waits? Pure, like the policy that chose whom.

A load takes its time from the processors that answer requests. As long as these all have work that
needs no load, nothing is lost by waiting with one; and meanwhile more may ask for what is to be
loaded, or for what would have to go.
"""

from collections.abc import Iterable

from cache.entry import Entry, State
from cache.policy import Limits, Verdict, Wait


def postponed(verdict: Verdict, entries: Iterable[Entry], limits: Limits) -> Verdict:
    """The verdict for one who can wait a little: without victims while all cores have work.

    A lease is work for one core, and so is a load. A load that nobody wants any more is given up
    all the same.
    """
    if not isinstance(verdict, Wait) or not verdict.victims:
        return verdict
    entries = tuple(entries)
    if any(e.key in verdict.victims and e.state is State.LOADING for e in entries):
        return verdict
    busy = [e for e in entries if e.leases or e.state is State.LOADING]
    if sum(e.leases or 1 for e in busy) < limits.cores:
        return verdict
    return Wait(blockers=tuple(e.key for e in busy))
