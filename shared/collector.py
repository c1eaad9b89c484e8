"""The garbage collector of a process whose objects come and go by the batch."""

import gc


def calm_the_collector() -> None:
    """A batch's tens of thousands of objects live until its end; collecting in its midst costs an eighth.

    What is there by now is looked through no more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 100)
