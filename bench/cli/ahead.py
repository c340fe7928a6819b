"""Imports what a command will need, on cores that have nothing else to do."""

import os
from collections.abc import Sequence
from importlib import import_module
from threading import Thread


class Ahead:
    """A module that takes seconds to import. Who imports it too waits for this."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.thread: Thread | None = None

    def start(self, cores: Sequence[int]) -> None:
        """Import it beside what this process does, on these cores alone; on any where there are none."""
        self.thread = Thread(target=self._import, args=(cores,))
        self.thread.start()

    def wait(self) -> None:
        """Until it is imported, where that was begun."""
        if self.thread is not None:
            self.thread.join()

    def _import(self, cores: Sequence[int]) -> None:
        if cores and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, cores)  # of this thread
        import_module(self.module)
