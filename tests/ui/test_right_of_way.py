"""Answers go before a training, but never for long."""

import threading
import time

from llm.config import ModelConfig, TrainConfig
from llm.limits import PUBLIC, Limits
from llm.ui.right_of_way import LONGEST, SHARE, Patience, RightOfWay
from llm.ui.train.allowance import check_allowed
from llm.ui.train.presets import FORM, PRESETS


def test_a_training_rests_while_an_answer_is_worked_out():
    """It goes on as soon as the answer is there; with nobody asking it does not rest at all."""
    way = RightOfWay()
    patience = Patience(way)
    started = time.perf_counter()
    patience()
    assert time.perf_counter() - started < 0.05
    answered = threading.Event()

    def answer():
        with way.taken():
            answered.set()
            time.sleep(0.2)

    thread = threading.Thread(target=answer)
    thread.start()
    answered.wait()
    started = time.perf_counter()
    patience()
    assert 0.1 < time.perf_counter() - started < 0.2 + LONGEST / 2
    thread.join()


def test_its_patience_has_an_end():
    """However long others compute, it rests for a share of its own time and no more."""
    way = RightOfWay()
    with way.taken():
        patience, rested, computed = Patience(way), 0.0, 0.0
        patience()  # what was saved up
        while computed < 0.3:
            time.sleep(0.01)
            started = time.perf_counter()
            patience()
            rested += time.perf_counter() - started
            computed += 0.01
    assert rested < 2 * SHARE * 0.3


def test_every_preset_is_allowed_to_strangers():
    """What the form starts from can be started on a public page."""
    limits = Limits(**PUBLIC)
    for preset in PRESETS:
        values = {name: setting.default for name, setting in FORM.items()} | preset["settings"]
        shape = {name: value for name, value in values.items() if name in ModelConfig.__dataclass_fields__}
        train = {name: value for name, value in values.items() if name in TrainConfig.__dataclass_fields__}
        check_allowed(limits, ModelConfig(**shape), TrainConfig(**train))
