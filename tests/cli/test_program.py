"""Training, Ctrl-C, help and --debug."""

import json
import signal

import numpy as np
import pytest

from tests.cli.programs import start
from vae_export import __version__
from vae_export.cli.main import COMMANDS, main

TRAIN = ("train", "--name", "mine", "--batch-size", "32", "--data", "x.npz")


@pytest.fixture
def small_data(root, tmp_path):
    x = np.load(root / "models" / "fashion-mnist-dense" / "samples.npz")["x"]
    np.savez(tmp_path / "x.npz", x_train=x[:192], x_test=x[192:])


def test_train_then_export(small_data, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main([*TRAIN, "--epochs", "2", "--json"]) == 0
    captured = capfd.readouterr()
    figures = json.loads(captured.out)
    assert figures["model"] == "mine/model.keras"
    assert (figures["epochs"], figures["best_epoch"], figures["interrupted"]) == (2, 2, False)
    assert -700 < figures["figures"]["elbo"] < -200
    assert [line.split(":")[0] for line in captured.err.splitlines()] == ["epoch 1/2", "epoch 2/2"]
    assert main(["mine/model.keras", "--format", "onnx"]) == 0
    out = capfd.readouterr().out
    assert "compared with Keras on 64 real samples from samples.npz" in out
    assert "wrote mine-bundle" in out
    # By its recipe, with one value changed.
    assert main(["train", "--recipe", "mine/recipe.json", "--data", "x.npz", "--epochs", "1", "-o", "b"]) == 0
    assert capfd.readouterr().out.endswith("wrote b/model.keras\n")
    assert json.loads((tmp_path / "b" / "recipe.json").read_text())["batch_size"] == 32


def test_ctrl_c_ends_a_training_with_the_best_weights(small_data, tmp_path):
    process = start(tmp_path, *TRAIN, "--epochs", "100000")
    seen = [process.stderr.readline() for _ in range(2)]
    assert seen[0].startswith("epoch 1/100000: loss "), seen
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "wrote mine/model.keras" in out
    assert "vae-export: interrupted after " in err
    assert " of 100000 epochs; kept the weights of epoch " in err
    assert "Traceback" not in err
    assert (tmp_path / "mine" / "model.keras").is_file()


def test_ctrl_c_ends_an_export_with_nothing_written(tmp_path, monkeypatch, capsys):
    from vae_export.cli import export

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "export", interrupted)
    assert main(["--format", "onnx"]) == 130
    assert capsys.readouterr().err == "vae-export: interrupted; nothing was written\n"


def test_help_and_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vae-export {__version__}\n"
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"  {command} " in text for command in COMMANDS)
    assert main([]) == 2
    assert "usage: vae-export" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert COMMANDS[command][1][1:] in " ".join(capsys.readouterr().out.split())


def test_debug_raises(tmp_path, monkeypatch):
    import logging

    from vae_export.errors import ModelError

    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    try:
        with pytest.raises(ModelError, match="no such file"):
            main(["none.keras", "--debug"])
    finally:
        logging.getLogger("vae_export").setLevel(logging.NOTSET)
