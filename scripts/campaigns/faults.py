"""The library that makes file calls fail, built when it is needed (see fault.c)."""

import pathlib
import struct

import preload


class FaultLibrary:
    """Builds the library into a folder; gives the environment that loads it, and reads what it counted."""

    def __init__(self, folder: pathlib.Path):
        self.library = preload.library("fault", folder)
        self.state = folder / "fault.state"
        self.reset()

    def environment(
        self,
        watched: pathlib.Path,
        at: int = 0,
        action: str = "EIO",
        lasting: bool = False,
        calls: str = "write",
    ) -> dict[str, str]:
        """Loads the library into the next call; `at` 0 only counts."""
        self.reset()
        environment = {
            "LD_PRELOAD": str(self.library),
            "FRESHET_FAULT_FOLDER": str(watched.resolve()),
            "FRESHET_FAULT_STATE": str(self.state),
            "FRESHET_FAULT_AT": str(at),
            "FRESHET_FAULT_ACTION": action,
            "FRESHET_FAULT_CALLS": calls,
        }
        if lasting:
            environment["FRESHET_FAULT_LASTING"] = "1"
        return environment

    def reset(self) -> None:
        self.state.write_bytes(bytes(16))
        self.state.chmod(0o666)

    @property
    def seen(self) -> int:
        """Calls that were counted."""
        return struct.unpack("=QQ", self.state.read_bytes())[0]

    @property
    def injected(self) -> int:
        """Faults that were injected."""
        return struct.unpack("=QQ", self.state.read_bytes())[1]
