"""How often a process looks for rings of objects that nobody uses any more.

In: nothing. Out: a process that looks seldom. Nothing is refused; memory without rings is freed at
once as ever.
"""

import gc

_AFTER = 50_000
"""So many new objects that might form rings; by itself Python looks after 700 or 2,000."""


def tidy_seldom() -> None:
    """Look seldom for rings of objects, and never among what is loaded by now.

    Pages and batches of reports make thousands of objects that live until they are done: looking
    through them and all that is loaded, time and again, takes a tenth of the processor, keeps one
    page in twenty waiting for a tenth of a second, and finds nothing.
    """
    gc.freeze()
    gc.set_threshold(_AFTER, *gc.get_threshold()[1:])
