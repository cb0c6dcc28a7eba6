import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from vae_export import load
from vae_export.cli.parts import parts

PROGRAM = """
import json, sys
from vae_export.cli.main import main

peaks = []
for arguments in json.loads(sys.argv[1]):
    assert main(arguments) == 0
    with open("/proc/self/status") as status:
        # ru_maxrss would be at least that of the process which started this one.
        peaks += [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]
print(json.dumps(peaks))
"""


def start(program, *arguments, cwd, **options):
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize(
    ("backend", "rows", "expected"),
    [
        ("onnx", 1, [(0, 1)]),
        ("onnx", 1024, [(0, 1024)]),
        ("onnx", 2100, [(0, 1024), (1024, 2048), (2048, 2100)]),
        ("tflite", 300, [(0, 256), (256, 300)]),
    ],
)
def test_parts_are_whole_batches(dense_bundle, backend, rows, expected):
    told = []
    found = list(parts(load(dense_bundle, backend), rows, "drawing", told.append))
    assert [(part.start, part.stop) for part in found] == expected
    assert told == [f"drawing {low:,} of {rows:,}" for low, _ in expected]


def test_progress_is_told_before_each_part_and_may_end_it(dense_bundle):
    def interrupt(step):
        if step == "drawing 1,024 of 5,000":
            raise KeyboardInterrupt

    begun = parts(load(dense_bundle, "onnx"), 5000, "drawing", interrupt)
    assert next(begun) == slice(0, 1024)
    with pytest.raises(KeyboardInterrupt):
        next(begun)


def test_memory_does_not_grow_with_the_number_of_images(dense_bundle, tmp_path):
    few, many, bundle = 2000, 60_000, str(dense_bundle)
    runs = []
    for count in (few, many):
        runs.append(["generate", bundle, "-n", str(count), "-o", f"{count}.npy"])
        runs.append(["encode", bundle, f"{count}.npy", "-o", f"{count}.npz"])
        runs.append(["reconstruct", bundle, f"{count}.npy", "-o", f"r{count}.npy"])
    process = start(PROGRAM, json.dumps(runs), cwd=tmp_path)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    peaks = json.loads(out.splitlines()[-1])
    size = (tmp_path / f"{many}.npy").stat().st_size
    assert size > 170 << 20
    assert np.load(tmp_path / f"{many}.npz")["z"].shape == (many, 2)
    grown = (peaks[-1] - peaks[2]) << 10
    assert grown < 24 << 20, f"{grown / 2**20:.0f} MiB more for {size / 2**20:.0f} MiB of images"


def test_ctrl_c_leaves_nothing(dense_bundle, tmp_path):
    program = "import sys; from vae_export.cli.main import main; sys.exit(main(sys.argv[1:]))"
    process = start(program, "generate", str(dense_bundle), "-n", "1000000000", "-o", "a.npy", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".a.npy.*.tmp/new")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "vae-export: interrupted; nothing was written\n")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full(dense_bundle, tmp_path):
    program = "import sys; from vae_export.cli.main import main; sys.exit(main(sys.argv[1:]))"

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    process = start(
        program,
        *("generate", str(dense_bundle), "-n", "5000", "-o", "a.npy"),
        cwd=tmp_path,
        preexec_fn=limit,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (2, "vae-export: a.npy: cannot be written (File too large)\n")
    assert list(tmp_path.iterdir()) == []
