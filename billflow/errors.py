"""One tree of errors. Each says what happened, where (file, table, key) and how to mend it.

BillflowError
├── UsageError            the user's input is wrong: exit code 2, nothing written
│   ├── SettingsError     a mistake in billflow.yaml, the catalogue, a mapping or a template
│   └── EInvoiceError     a bill that cannot be an e-invoice: something is missing, or figures do not agree
├── RunFailedError        a bill run stopped: exit code 1
│   ├── CheckFailedError  a blocking check failed; nothing was published
│   └── ConflictError     another run published first
└── MachineError          this machine or a server lacks something: exit code 1
    ├── BrokenManifestError  a manifest of the lake cannot be read
    └── PassingError      it may pass by itself, such as a node that restarts: the step is tried again
"""


class BillflowError(Exception):
    """Root of all errors that billflow raises on purpose.

    `what` happened, `where` (file and path inside it, table, key) and the `remedy`.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        located = f"{self.where}: {self.what}" if self.where else self.what
        return f"{located}\n  → {self.remedy}" if self.remedy else located


class UsageError(BillflowError):
    """The user's input is wrong; nothing was written."""

    exit_code = 2


class SettingsError(UsageError):
    """A mistake in the project's files: `where` is `file: path.inside[0]`."""


class EInvoiceError(UsageError):
    """EN 16931 cannot carry a bill: `what` lists everything that is missing or does not agree."""


class RunFailedError(BillflowError):
    """A bill run stopped before publishing."""


class CheckFailedError(RunFailedError):
    """A blocking check failed; the published tables are as before."""


class ConflictError(RunFailedError):
    """Another run published while this one worked; this one published nothing."""


class MachineError(BillflowError):
    """Something that a run needs is missing on this machine (Java, a folder that can be written, …)."""


class BrokenManifestError(MachineError):
    """A manifest of the lake cannot be read: what it named is not known."""


class PassingError(MachineError):
    """What a run needs is not there at the moment; a step that meets it is tried again before the run fails."""
