"""Where the time goes: pyinstrument where it is installed, else cProfile, into a file."""

from __future__ import annotations

import cProfile
import importlib
import pstats
from pathlib import Path
from typing import Any


class Profile:
    """Nothing without a file. Slows down what it looks at; its figures are for finding, not for comparing."""

    def __init__(self, file: str) -> None:
        self._file = Path(file) if file else None
        self._profiler: Any = None

    def start(self) -> None:
        if self._file is None:
            return
        try:
            self._profiler = importlib.import_module("pyinstrument").Profiler(interval=0.0005, async_mode="disabled")
            self._profiler.start()
        except ImportError:
            self._profiler = cProfile.Profile()
            self._profiler.enable()

    def stop(self) -> None:
        if self._file is None or self._profiler is None:
            return
        if isinstance(self._profiler, cProfile.Profile):
            self._profiler.disable()
            self._profiler.dump_stats(self._file)
            with self._file.with_suffix(".txt").open("w") as text:
                pstats.Stats(self._profiler, stream=text).sort_stats("tottime").print_stats(60)
        else:
            self._profiler.stop()
            self._file.write_text(self._profiler.output_text(unicode=True, show_all=True))
