"""The bar's endpoints: what there is to look at, and whether visitors may bring models."""

import pytest

from llm.limits import Limits
from llm.training.hardware import Device
from llm.ui import devices
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
    asked = {**me, "name": "mine", "paths": ["/etc/passwd"]}
    assert "can't be brought here" in closed["keep_model"](asked)["error"]
    opened = endpoints(upload_mb=7)
    assert opened["list_models"](me)["upload_bytes"] == 7_000_000
    assert "did not arrive" in opened["keep_model"](asked)["error"]


def test_a_chosen_device_is_one_that_there_is(tmp_path, monkeypatch):
    """Models are looked at on the device that the request names, each loaded once; what there isn't is refused."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    subjects = Subjects(Sessions())
    me = {"visitor": "0" * 32, "model": "shipped:sorter"}
    with pytest.raises(ValueError, match="must be one of: cpu"):
        subjects.of({**me, "device": "cuda:7"})
    assert subjects.of({**me, "device": "cpu"}) is subjects.of(me)
    monkeypatch.setattr(devices, "devices", lambda: [Device("cpu", "CPU"), Device("meta", "Another")])
    assert subjects.of({**me, "device": "meta"}).model.device.type == "meta"
    assert subjects.of(me).model.device.type == "cpu"
