from vae_export.bench import machine


def test_the_machine_is_described(tmp_path, monkeypatch):
    line = machine.describe_machine()
    assert "core" in line
    assert "Python 3." in line
    assert "\n" not in line
    monkeypatch.setattr(machine, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(machine.platform, "machine", lambda: "riscv")
    monkeypatch.setattr(machine.platform, "processor", lambda: "")
    assert machine.describe_machine().startswith("riscv, ")
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: A Fast One\n")
    assert machine.describe_machine().startswith("A Fast One, ")
