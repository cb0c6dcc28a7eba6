"""What keeps bundles between runs notices what changed."""

import pytest

from tests import exports


@pytest.fixture
def export():
    calls = []

    def export(path):
        path.mkdir()
        (path / "file").write_text("content")
        calls.append(path)
        return "result"

    export.calls = calls
    return export


def test_it_is_made_once(tmp_path, export):
    assert exports.export_once(tmp_path / "a", export) == "result"
    assert exports.export_once(tmp_path / "a", export) == "result"
    assert export.calls == [tmp_path / "a" / "bundle"]


def test_a_changed_bundle_is_made_again(tmp_path, export):
    exports.export_once(tmp_path / "a", export)
    (tmp_path / "a" / "bundle" / "file").write_text("changed")
    exports.export_once(tmp_path / "a", export)
    assert (tmp_path / "a" / "bundle" / "file").read_text() == "content"


def test_what_failed_is_made_again(tmp_path, export):
    def fail(path):
        path.mkdir()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        exports.export_once(tmp_path / "a", fail)
    assert exports.export_once(tmp_path / "a", export) == "result"


def test_changed_sources_are_noticed(tmp_path, monkeypatch):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("1")
    monkeypatch.setattr(exports, "ROOT", tmp_path)
    monkeypatch.setattr(exports, "SOURCES", ("code",))
    before = exports._digest_of_sources()
    assert exports._digest_of_sources() == before
    (tmp_path / "code" / "a.py").write_text("2")
    assert exports._digest_of_sources() != before
