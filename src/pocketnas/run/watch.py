"""Who follows a run: a terminal, a log, or nobody."""

from typing import Protocol

from pocketnas.study.study import Study


class Watch(Protocol):
    """Hears what a run does. Work is counted in epochs of training."""

    def begin(self, epochs: float) -> None:
        """The run's whole work, once it is known."""
        ...

    def advance(self, epochs: float, text: str) -> None:
        """A piece of work is done; `text` says which."""
        ...

    def note(self, text: str) -> None:
        """Something that a reader of the log wants to know."""
        ...

    def trials(self, study: Study) -> None:
        """A batch has been recorded."""
        ...


class Silent:
    """Nobody watches."""

    def begin(self, epochs: float) -> None:
        pass

    def advance(self, epochs: float, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def trials(self, study: Study) -> None:
        pass
