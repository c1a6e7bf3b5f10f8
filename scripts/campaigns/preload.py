"""Builds the small C libraries that are loaded before Freshet's own (see fault.c and clock.c)."""

import pathlib
import shutil
import subprocess


def compiler() -> str:
    """The machine's C compiler, else the one that comes with Swift."""
    if found := shutil.which("cc") or shutil.which("clang"):
        return found
    swift = shutil.which("swiftc")
    return str(pathlib.Path(swift).resolve().with_name("clang")) if swift else "cc"


def library(name: str, folder: pathlib.Path) -> pathlib.Path:
    """The library built from the source of this name, in a folder."""
    built = folder / f"{name}.so"
    source = pathlib.Path(__file__).with_name(f"{name}.c")
    subprocess.run([compiler(), "-shared", "-fPIC", "-O1", "-Wall", "-o", str(built), str(source), "-ldl"], check=True)
    return built
