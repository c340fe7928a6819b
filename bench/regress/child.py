"""The parent's end of a worker: starts it, tells it what to do, hears what it answers, ends it."""

import json
import queue
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np

from bench.errors import shown
from bench.execute.process import close, end, tail
from bench.regress.detector import LostError
from bench.regress.sides import Side
from bench.regress.worker import PROTOCOL

PATIENCE_SECONDS: Final = 900.0


class Child:
    """A worker of one side. `tell` and `hear` raise LostError, one line, where it fails, dies or does not answer."""

    def __init__(
        self,
        side: Side,
        log: Path,
        *,
        backend: str,
        threads: int,
        cpus: Sequence[int],
        rng: np.random.Generator,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.side, self.log, self.patience = side, log, patience
        self.answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.ready = False
        try:
            with log.open("w", encoding="utf-8") as stderr:
                self.process = subprocess.Popen(  # noqa: S603  # a module of the side's own, arguments as a list
                    side.command(backend, threads, cpus),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    text=True,
                    encoding="utf-8",
                    env=side.environment(backend, threads, rng),
                    start_new_session=True,  # Ctrl-C is for the parent to handle
                )
        except OSError as error:
            raise LostError(f"{side.name} {shown(side.label)}: cannot start a worker: {error.strerror}") from None
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End the process, politely first: it ends with its input unless it is at work."""
        close(self.process.stdin)
        end(self.process, grace=1.0)
        self.listener.join()
        close(self.process.stdout)

    def tell(self, **command: Any) -> None:
        """Send a command; `hear` returns the answer."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it died, and `hear` finds that out

    def hear(self) -> dict[str, Any]:
        """The answer to the last command."""
        if not self.ready:
            self._greet(self._answer())
            self.ready = True
        return self._answer()

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.tell(**command)
        return self.hear()

    def _greet(self, answer: dict[str, Any]) -> None:
        if answer.get("protocol") != PROTOCOL:
            raise self._lost(f"its workers speak protocol {answer.get('protocol')}, those of this archbench {PROTOCOL}")
        self.side.check(str(answer["code"]))

    def _answer(self) -> dict[str, Any]:
        """The next answer; each sign of progress before it is worth as much patience again."""
        event, answer = self._event()
        while event == "progress":
            event, answer = self._event()
        if event == "failed":
            raise self._lost(str(answer.get("reason")))
        return answer

    def _event(self) -> tuple[str, dict[str, Any]]:
        try:
            line = self.answers.get(timeout=self.patience)
        except queue.Empty:
            raise self._lost(f"no answer after {self.patience:g} s") from None
        if line is None:
            raise self._lost(self._last_words(self.process.wait()))
        try:
            answer: dict[str, Any] = json.loads(line)
            return answer.pop("event"), answer
        except (ValueError, KeyError, AttributeError):
            raise self._lost(f"its worker answers what is no JSON: {shown(line)}") from None

    def _last_words(self, code: int) -> str:
        words = tail(self.log, 0)
        if self.ready:
            return f"the worker ended with {code}; its last lines: {words}"
        if "No module named 'bench.regress" in words or "No module named bench" in words:
            return "has no `archbench regress` of its own (no module bench.regress.worker); choose a later one"
        return f"does not start: the worker ended with {code}; its last lines: {words}"

    def _lost(self, why: str) -> LostError:
        return LostError(f"{self.side.name} {shown(self.side.label)}: {why}")

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put(None)
