"""What a machine can do: the number format is chosen by capability, and compiling never stops a training."""

import logging

import pytest
import torch

from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.training import hardware
from llm.training.distributed import ALONE, Worker
from llm.training.hardware import choose_dtype, compiled, denormals_flushed, has_fast_bfloat16, out_of_memory
from llm.training.trainer import StepEvent, Trainer

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
TOKENS = torch.arange(400) * 7 % 11
CONFIG = TrainConfig(max_steps=4, batch_size=4, eval_interval=4, eval_windows=3, sample_tokens=4, warmup_steps=2)


def make(worker=ALONE, dropout=0.0):
    model = GPT(ModelConfig(11, n_ctx=16, n_embd=24, n_head=2, n_layer=2, dropout=dropout))
    return Trainer(model, TOKENS[:300], TOKENS[300:], CONFIG, prompt_ids=[0], worker=worker)


def losses(trainer):
    return [event.loss for event in trainer if isinstance(event, StepEvent)]


class Held:
    """What failed work held."""

    def __init__(self, gone):
        self.gone = gone

    def __del__(self):
        self.gone.append(True)


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), RuntimeError("... can't allocate memory")]
)
def test_out_of_memory_is_one_sentence_and_frees_what_the_work_held(error, monkeypatch):
    """The cache is emptied after the failed work's tensors are let go, so that the next attempt has room."""
    gone, emptied = [], []

    def work():
        held = Held(gone)
        raise error if held else None

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(bool(gone)))
    try:
        work()
    except type(error) as caught:
        assert "not enough memory" in out_of_memory(caught)
    assert emptied == [True]
    assert out_of_memory(ValueError("no")) is None


def test_denormals_count_as_zero_in_a_training_alone():
    """A step computes without them, and whoever called it finds them again; nested blocks end one by one."""
    tiny, half = torch.tensor([1e-38]), torch.tensor([0.25])
    assert (tiny * half) > 0
    with denormals_flushed():
        assert (tiny * half) == 0
        with denormals_flushed():
            pass
        assert (tiny * half) == 0
    assert (tiny * half) > 0
    trainer = make()
    seen = []
    trainer.model.register_forward_hook(lambda *_: seen.append(bool(tiny * half == 0)))
    losses(trainer)
    assert any(seen) and (tiny * half) > 0


@pytest.mark.parametrize(
    ("fast", "wanted", "measured", "chosen"),
    [
        (True, "auto", (2.0, 1.0), torch.bfloat16),
        (True, "auto", (1.0, 2.0), torch.float32),
        (True, "bfloat16", None, torch.bfloat16),
        (True, "float32", None, torch.float32),
        (False, "auto", None, torch.float32),
        (False, "float32", None, torch.float32),
    ],
)
def test_the_format_follows_from_a_trial(monkeypatch, fast, wanted, measured, chosen):
    """bfloat16 where it is fast and a trial of this shape gains by it, or if asked for; measured only if in doubt."""
    asked = []
    monkeypatch.setattr(hardware, "has_fast_bfloat16", lambda device: fast)
    monkeypatch.setattr(hardware, "times", lambda *shape: asked.append(shape) or measured)
    assert choose_dtype(CPU, wanted, 64, 100_000) == choose_dtype(CUDA, wanted, 64, 100_000) == chosen
    assert asked == ([(CPU, 64, hardware.MOST_ROWS), (CUDA, 64, hardware.MOST_ROWS)] if measured else [])


def test_a_trial_times_both_formats_once_a_shape_and_draws_nothing():
    """Two positive durations, the same again from the cache; nobody's random numbers move."""
    before = torch.get_rng_state()
    both = hardware.times(CPU, 16, 32)
    assert min(both) > 0 and hardware.times(CPU, 16, 32) is both
    assert torch.equal(before, torch.get_rng_state())


def test_slow_bfloat16_is_refused(monkeypatch):
    """Emulated it would be many times slower than what a person wants to speed up."""
    monkeypatch.setattr(hardware, "has_fast_bfloat16", lambda device: False)
    with pytest.raises(ValueError, match="very slow on this cpu device; use --dtype float32"):
        choose_dtype(CPU, "bfloat16", 768, 512)


@pytest.mark.parametrize(("avx512", "amx", "fast"), [(0, 0, False), (1, 0, True), (0, 1, True)])
def test_a_cpu_is_asked_for_its_instructions(monkeypatch, avx512, amx, fast):
    """Either of the two sets of instructions makes bfloat16 fast; a device of another kind counts as slow."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bool(avx512))
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: bool(amx))
    assert has_fast_bfloat16(CPU) == fast
    assert not has_fast_bfloat16(torch.device("meta"))


def test_training_in_bfloat16_stays_close_and_keeps_float32_weights():
    """Products are rounded, so losses differ a little; weights, moments and evaluations stay in full precision."""
    rounded, exact = make(Worker(dtype=torch.bfloat16)), make()
    first, other = next(rounded), next(exact)
    assert first == other  # before the first step only the evaluation has run
    one, two = losses(rounded), losses(exact)
    assert one != two and one == pytest.approx(two, rel=5e-3)
    tensors = [*rounded.model.state_dict().values(), *rounded.state()[0].values()]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}


class Unbackable(torch.autograd.Function):
    """Works forwards and fails backwards, as a missing compiler may."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise RuntimeError("no compiler found\nand many more lines")


def no_forward(function, **_):
    def fail(*_):
        raise RuntimeError("no compiler found\nand many more lines")

    return fail


def no_backward(function, **_):
    return lambda *batch: Unbackable.apply(function(*batch))


def no_wrapping(function, **_):
    raise RuntimeError("no compiler found")


@pytest.mark.parametrize("broken", [no_wrapping, no_forward, no_backward])
def test_without_a_compiler_training_goes_on(monkeypatch, caplog, broken):
    """Wherever compiling fails, one line says so and the losses are those of the plain model."""
    monkeypatch.setattr(torch, "compile", broken)
    with caplog.at_level(logging.WARNING):
        trainer = make(Worker(compile=True), dropout=0.2)
    assert caplog.messages == ["torch.compile doesn't work here (no compiler found); training uncompiled."]
    assert losses(trainer) == losses(make(dropout=0.2))


def test_what_compiles_is_used(monkeypatch, caplog):
    """The compiled function makes the steps; evaluations and samples are the plain model's."""
    calls = []

    def counted(function, **_):
        def call(*batch):
            calls.append((len(batch[0]), function.__self__.training))
            return function(*batch)

        return call

    monkeypatch.setattr(torch, "compile", counted)
    model = make().model.eval()  # as a checkpoint is loaded; what is compiled must be what trains
    trainer = Trainer(model, TOKENS[:300], TOKENS[300:], CONFIG, prompt_ids=[0], worker=Worker(compile=True))
    assert losses(trainer) == losses(make())
    assert calls == [(4, True)] * (1 + CONFIG.max_steps) and caplog.messages == []


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_compiled_steps_equal_plain_ones(dropout, caplog):
    """With a real compiler the losses agree, dropout included, and the saved names are the plain model's."""
    trainer, plain = make(Worker(compile=True), dropout), make(dropout=dropout)
    assert losses(trainer) == pytest.approx(losses(plain), rel=1e-5)
    assert not [record for record in caplog.records if record.name.startswith("llm")]
    assert trainer.model.state_dict().keys() == plain.model.state_dict().keys()
    x_BT = TOKENS[None, :16]
    assert compiled(plain.model.loss, x_BT, x_BT) is not plain.model.loss
