import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vae_export.bundle.writer import check_target, write_bundle
from vae_export.errors import OutputError
from vae_export.io import staging


def manifest(*files):
    """The part of a manifest that lists files."""
    return json.dumps(
        {"format_version": 0, "things": {"in": [{"file": file, "sha256": ""} for file in files]}}
    ).encode()


FILES = {"manifest.json": manifest("golden/x.f32"), "golden/x.f32": b"\0\0\0\0"}
NEW = {"manifest.json": manifest()}


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_all_files_are_written_and_nothing_else(tmp_path):
    write_bundle(tmp_path / "deep" / "b", FILES, overwrite=False)
    assert content(tmp_path / "deep" / "b") == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["b"]


def test_overwrite_replaces_a_bundle_whole(tmp_path):
    write_bundle(tmp_path / "b", FILES, overwrite=False)
    write_bundle(tmp_path / "b", NEW, overwrite=True)
    assert content(tmp_path / "b") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_an_existing_directory_is_refused(tmp_path):
    with pytest.raises(
        OutputError, match=r": exists already; choose another path with -o, or give --overwrite$"
    ):
        write_bundle(tmp_path, FILES, overwrite=False)


def test_overwrite_leaves_what_is_no_bundle(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(
        OutputError, match=r"is no bundle \(no manifest\.json\), so --overwrite leaves it alone$"
    ):
        write_bundle(tmp_path, FILES, overwrite=True)
    assert (tmp_path / "thesis.tex").exists()


def test_overwrite_leaves_a_foreign_manifest(tmp_path):
    (tmp_path / "manifest.json").write_text('{"name": "a web extension"}')
    with pytest.raises(
        OutputError, match=r"its manifest\.json is not that of a bundle, so --overwrite leaves it"
    ):
        write_bundle(tmp_path, FILES, overwrite=True)


def test_overwrite_leaves_a_bundle_with_other_files_in_it(tmp_path):
    write_bundle(tmp_path / "b", FILES, overwrite=False)
    (tmp_path / "b" / "golden" / "notes.txt").touch()
    with pytest.raises(
        OutputError, match=r"b: holds golden/notes\.txt, which is not of the bundle; move it out"
    ):
        write_bundle(tmp_path / "b", NEW, overwrite=True)
    assert (tmp_path / "b" / "golden" / "notes.txt").exists()


def test_overwrite_by_a_path_through_the_bundle_itself(tmp_path):
    write_bundle(tmp_path / "b", FILES, overwrite=False)
    write_bundle(tmp_path / "b" / ".." / "b", NEW, overwrite=True)
    assert content(tmp_path / "b") == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_overwrite_leaves_the_current_directory(tmp_path, monkeypatch):
    write_bundle(tmp_path / "b", FILES, overwrite=False)
    monkeypatch.chdir(tmp_path / "b" / "golden")
    with pytest.raises(
        OutputError, match=r"is the current directory, which cannot be replaced; leave it first$"
    ):
        write_bundle(Path("../../b"), NEW, overwrite=True)
    assert content(tmp_path / "b") == FILES


def test_dots_make_no_stray_directory(tmp_path):
    write_bundle(tmp_path / "new" / ".." / "b", FILES, overwrite=False)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_overwrite_leaves_a_link(tmp_path):
    write_bundle(tmp_path / "b", FILES, overwrite=False)
    (tmp_path / "link").symlink_to(tmp_path / "b")
    with pytest.raises(OutputError, match=r"is no bundle"):
        write_bundle(tmp_path / "link", NEW, overwrite=True)


def test_a_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be written, .*file is not a directory$"):
        check_target(tmp_path / "file" / "b", overwrite=False)


def test_a_parent_without_permission(tmp_path, monkeypatch):
    # Root may write anywhere, so the answer of the system is replaced, not the folder's mode.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match=rf"b: cannot be written, no permission in {tmp_path}$"):
        check_target(tmp_path / "b", overwrite=False)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failure_while_writing_leaves_the_old_bundle_or_none(tmp_path, monkeypatch, error, exists):
    target = tmp_path / "b"
    if exists:
        write_bundle(target, FILES, overwrite=False)

    def fail(*_):
        raise error

    monkeypatch.setattr(staging, "_replace", fail)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else OutputError
    with pytest.raises(expected, match="cannot be written" if expected is OutputError else None):
        write_bundle(target, NEW, overwrite=True)
    assert target.exists() == exists
    assert not exists or content(target) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["b"] * exists


def test_a_failed_second_rename_puts_the_old_bundle_back(tmp_path, monkeypatch):
    target = tmp_path / "b"
    write_bundle(target, FILES, overwrite=False)
    rename = type(target).rename

    def fail_for_the_new(self, other):
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, other)

    monkeypatch.setattr(type(target), "rename", fail_for_the_new)
    with pytest.raises(OutputError, match=r"cannot be written \(Input/output error\)$"):
        write_bundle(target, NEW, overwrite=True)
    assert content(target) == FILES


KILLED = """
import sys, pathlib
from vae_export.bundle.writer import write_bundle
size = 200_000
files = {"manifest.json": sys.argv[2].encode()} | {f"f{i}": bytes(size) for i in range(40)}
while True:
    write_bundle(pathlib.Path(sys.argv[1]), files, overwrite=True)
    print("written", flush=True)
"""


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.037, 0.08])
def test_a_kill_leaves_a_whole_bundle_or_none(tmp_path, delay):
    target = tmp_path / "b"
    content_of_manifest = manifest(*(f"f{i}" for i in range(40))).decode()
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(target), content_of_manifest], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "written\n"
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    # Whatever the moment: nothing but the bundle, and hidden leftovers of the kill.
    assert all(path.name == "b" or path.name.startswith(".b.") for path in tmp_path.iterdir())
    if target.exists():
        assert sorted(content(target)) == sorted(["manifest.json", *(f"f{i}" for i in range(40))])
        assert {len(data) for data in content(target).values()} == {200_000, len(content_of_manifest)}
