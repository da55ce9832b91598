"""What became of a candidate that delivered nothing: the reason, the line, and whose it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .page import Phase
from .reasons import Reason
from .results import Failure, demand, failure, source_line, text
from .script import Script, whose_line
from .worker import End, line_in, waits

_MOST_NAMES = 8


class Blame:
    """Tells failures of one candidate.

    Args:
        source: text of its module.
        filename: its name in messages.
        entry: name of the function that is called; empty for a script.
    """

    def __init__(self, source: str, filename: str, entry: str) -> None:
        self._source = source
        self._filename = file_name(filename)
        self._entry = entry
        self.script: Script | None = None
        """What is run together with the module, if it is not the entry point that is called."""

    def told(self, message: Mapping[str, Any]) -> Failure | None:
        """The failure that an answer tells of, an attempt to leave the sandbox before all else."""
        test = self.script.test if self.script is not None else ""
        failed = failure(message, self._source, test) if message["op"] == "failed" else None
        incidents = message.get("incidents")
        demand(isinstance(incidents, list), "no list of incidents")
        if incidents:
            demand(isinstance(incidents[0], list) and len(incidents[0]) == 3, "not an incident")
            reason, said, line = incidents[0]
            fields = {"reason": reason, "message": said, "line": line}
            detail = "; ".join(text(incident[1]) for incident in incidents[1:])
            failed = failure(
                {**fields, "detail": failed.detail if failed else detail}, self._source
            )
        return failed

    def left_running(self, threads: Sequence[str], processes: int) -> Failure | None:
        """The failure of a candidate that left these behind, if it did."""
        if not threads and not processes:
            return None
        names = f" ({', '.join(threads[:_MOST_NAMES])})" if threads else ""
        return Failure(
            Reason.THREADS_LEFT,
            f"{len(threads)} threads{names} and {processes} processes were still running after "
            f"{self._entry or 'the script'} had returned",
            fatal=True,
        )

    def out_of_time(
        self, timeout: float, phase: Phase, kernel: str, trace: str, end: End | None
    ) -> Failure:
        """The failure of one that did not answer.

        Args:
            timeout: seconds that it had.
            phase: what its process said it was doing.
            kernel: and in which kernel.
            trace: Python's stack at that moment; empty if there was none to be had.
            end: how it was ended.
        """
        line, function, source, part = self._place(trace)
        in_kernel = phase in {Phase.KERNEL, Phase.SYNCHRONISING} or (
            # A process that waits for its GPU inside the driver does not even show its stack.
            phase is Phase.LAUNCHED and (not trace or waits(trace, source))
        )
        where = f"in kernel {kernel}" if in_kernel and kernel else f"in {function or 'no frame'}"
        return Failure(
            Reason.HANG_IN_KERNEL if in_kernel else Reason.HANG_IN_PYTHON,
            f"no answer within {timeout:g} s; it was {where}",
            line=line,
            text=source,
            kernel=kernel if in_kernel and kernel else None,
            detail=end.stderr if end else "",
            fatal=True,
            part=part,
        )

    def ended(self, end: End) -> Failure:
        """The failure of one whose process ended by itself."""
        line, _, source, part = self._place(end.trace)
        return Failure(
            end.reason,
            end.message,
            line=line,
            text=source,
            detail=end.stderr,
            fatal=True,
            part=part,
        )

    def breach(self, what: str, end: End | None) -> Failure:
        """The failure of one that broke the protocol."""
        message = f"the process broke the sandbox's protocol: {what}"
        return Failure(Reason.PROTOCOL, message, detail=end.stderr if end else "", fatal=True)

    def _place(self, trace: str) -> tuple[int | None, str | None, str | None, str]:
        """The line in a stack, the function it is in, its text, and whose it is."""
        line, function = line_in(trace, self._filename)
        part = "candidate"
        if self.script is not None and self.script.main:
            part, line = whose_line(self._source, line)
        elif self.script is not None and line is None:
            line, function = line_in(trace, f"test-{self._filename}")
            part = "candidate" if line is None else "test"
        theirs = self.script.test if self.script is not None and part == "test" else self._source
        return line, function, source_line(theirs, line), part


def file_name(filename: str) -> str:
    """What the module's file is called in the child."""
    return f"{Path(filename).stem or 'candidate'}.py"
