"""What a command can answer instead of its result.

CliError                one line that says what is wrong and what to do
├── NotRunning          no stack is up and no address is set
├── Unreachable         nothing answers at a service's address
│   └── NotKnown        it took what was asked and never said what became of it
├── BadFile             a file of the user cannot be used as it is
└── Unfinished          the work was done in part; the line says which part was not
"""

from __future__ import annotations


class CliError(Exception):
    pass


class NotRunning(CliError):
    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} is not known: start the local stack with `make up`, or set {variable}")


class Unreachable(CliError):
    def __init__(self, service: str, address: str, error: Exception) -> None:
        why = str(error) or type(error).__name__
        remedy = f"`make up` starts what is down, or set {service.upper()}_URL"
        super().__init__(f"{service} at {address} is not reachable ({why}): {remedy}")


class NotKnown(Unreachable):
    def __init__(self, service: str, address: str, error: Exception) -> None:
        why = str(error) or type(error).__name__
        CliError.__init__(self, f"{service} at {address} did not answer ({why}); it may have been done: look again")


class BadFile(CliError):
    pass


class Unfinished(CliError):
    pass
