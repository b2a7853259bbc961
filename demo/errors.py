"""What can go wrong in the demo.

DemoError
├── StoryError    a line of the story is not true, or did not become true in time
├── CommandError  a program that the demo runs (kubectl, helm) ended with an error or took too long
└── LoadError     the load generator's own port does not answer
"""


class DemoError(Exception):
    """Anything that ends the story."""


class StoryError(DemoError):
    """A line of the story is not true; ``name`` is the assertion, ``detail`` what was found instead."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"{name}: {detail}")
        self.name = name
        self.detail = detail


class CommandError(DemoError):
    """A program ended with an error; the message has the command line and what it wrote."""

    def __init__(self, command: list[str], found: str) -> None:
        super().__init__(f"{' '.join(command)}: {found.strip()}")
        self.command = command
        self.found = found.strip()


class LoadError(DemoError):
    """The load generator does not answer through the API server's pod proxy."""
