"""What a candidate's process may use."""

from dataclasses import asdict, dataclass
from typing import Any

MEBI = 1 << 20
GIBI = 1 << 30


@dataclass(frozen=True)
class Limits:
    """Upper bounds for one worker; crossing one kills its process and is named in the record."""

    memory: int = 4 * GIBI
    """Bytes of private host memory beyond what the fresh process has."""
    processes: int = 64
    """Processes alive at once, the candidate's own included."""
    output: int = 16 * MEBI
    """Bytes written to stdout and stderr during one worker's life."""
    file: int = 4 * GIBI
    """Bytes of one file, the delivered tensors' shared memory included."""
    files: int = 1024
    """Open file descriptors."""
    load: float = 60.0
    """Seconds for importing the candidate's module."""
    start: float = 60.0
    """Seconds until a worker is ready, the first one's imports included."""

    def as_json(self) -> dict[str, Any]:
        """Plain data for the zygote."""
        return asdict(self)

    def describe(self) -> str:
        """One phrase for the header."""
        return f"rss {self.memory / GIBI:g} GiB, {self.processes} processes"
