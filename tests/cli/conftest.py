"""Fixtures of the tests of commands."""

import pytest

from vae_export.cli.main import main


@pytest.fixture
def run(tmp_path, monkeypatch, capfd):
    """Run a command that must succeed, in an empty directory; standard output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        assert code == 0, captured.err
        assert captured.err == ""
        return captured.out

    return run
