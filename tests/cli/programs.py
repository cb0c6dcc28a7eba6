"""Commands in a process of their own."""

import os
import subprocess
import sys

PROGRAM = "import sys; from vae_export.cli.main import main; sys.exit(main())"


def start(tmp_path, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
