"""Python's search for reference cycles, made rare in a process that syncs.

By default Python searches after every 700 new objects. An answer of 15,000 rows is a hundred thousand objects without
a single cycle, all alive until the answer is read: the search would go through them again and again, taking more
than half of a sync's processor time, while every other thread waits.
"""

import gc

# A few answers. What is freed without a search, which is nearly everything, does not wait for it.
_NEW_OBJECTS = 500_000
_YOUNG_SEARCHES, _MIDDLE_SEARCHES = 10, 10


def search_rarely() -> None:
    """Holds for the whole process from now on."""
    gc.set_threshold(_NEW_OBJECTS, _YOUNG_SEARCHES, _MIDDLE_SEARCHES)
