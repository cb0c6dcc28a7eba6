"""Environments of the Pythons and the dependencies that pyproject.toml promises, made by uv."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.runtime.toolchain import missing

UV = (sys.executable, "-m", "uv")


@dataclass(frozen=True)
class Environment:
    """A Python and the rule by which versions are chosen.

    Attributes:
        python: its version, as "3.11".
        resolution: of uv: "highest", or "lowest-direct", the lower bounds of pyproject.toml.
        extras: of pyproject.toml, as ("int8",).
    """

    python: str
    resolution: str
    extras: tuple[str, ...] = ()

    def __str__(self):
        return f"{self.python}-{self.resolution}"


def interpreter(version):
    """The path of a Python on PATH or of pyenv; without it the test is skipped, but in CI it fails."""
    if found := shutil.which(f"python{version}"):
        # A shim of pyenv is there for versions that are not chosen, and fails.
        done = subprocess.run([found, "--version"], capture_output=True, check=False)
        if done.returncode == 0:
            return found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for python in sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}")):
        return str(python)
    return missing(f"Python {version} is not installed", "CI needs it")


def lower_bounds(root):
    """Dependency -> the lowest version that pyproject.toml allows."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return dict(re.fullmatch(r"([\w.-]+)>=([\d.]+)", text).groups() for text in project["dependencies"])


def supported_pythons(root):
    """Versions as "3.11" that the classifiers name, the oldest first."""
    classifiers = tomllib.loads((root / "pyproject.toml").read_text())["project"]["classifiers"]
    found = [re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text) for text in classifiers]
    return [match[1] for match in found if match]


def python_of(environment, wheel, root):
    """The interpreter of an environment with the wheel; made at its first use and kept below the checkout.

    What is kept has the versions of the day on which it was made, until pyproject.toml changes.
    """
    folder = root / ".cache" / "versions" / str(environment)
    python, stamp = folder / "bin" / "python", folder / "stamp"
    text = hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != text:
        _run(*UV, "venv", "--quiet", "--clear", "--python", interpreter(environment.python), folder)
        options = ("--quiet", "--python", python, "--resolution", environment.resolution)
        extras = [f"--extra={extra}" for extra in environment.extras]
        # From here, as what a wheel needs is not direct, and "lowest-direct" would leave it alone.
        _run(*UV, "pip", "install", *options, *extras, "--requirements", root / "pyproject.toml")
        # The last thing: what was interrupted has none, and is made again.
        stamp.write_text(text)
    _run(*UV, "pip", "install", "--quiet", "--python", python, "--no-deps", "--reinstall", wheel)
    _run(*UV, "pip", "check", "--python", python)
    return python


def _run(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
