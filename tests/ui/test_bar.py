"""The bar's endpoints: what there is to look at, and whether visitors may bring models."""

from llm.limits import Limits
from llm.ui.bar import build_bar
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects


def endpoints(**limits):
    bar = build_bar(Subjects(Sessions(Limits(**limits))))
    return {endpoint.__name__: endpoint for endpoint in bar.server_fns}


def test_where_no_models_are_taken_none_is_offered_or_kept(tmp_path, monkeypatch):
    """The menu is told that there is room for none, and who asks all the same is refused first of all."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    me = {"visitor": "0" * 32}
    closed = endpoints(model_uploads=False)
    assert closed["list_models"](me)["upload_bytes"] == 0
    asked = {**me, "name": "mine", "paths": {"config.json": "/etc/passwd"}}
    assert "can't be brought here" in closed["keep_model"](asked)["error"]
    opened = endpoints(upload_mb=7)
    assert opened["list_models"](me)["upload_bytes"] == 7_000_000
    assert "choose those three files" in opened["keep_model"](asked)["error"]
