"""Where models are computed: the device that a visitor chose, of those that this computer has."""

from __future__ import annotations

from llm.training.hardware import devices
from llm.ui import inputs
from llm.ui.panel import Request


def looking_device(request: Request) -> str:
    """Where a model is looked at: on the processor, unless the request names a device that there is."""
    return _asked(request) or "cpu"


def training_device(request: Request) -> str:
    """Where a model trains: on the device that the request names, else on the first card of CUDA, or the processor.

    On ZeroGPU it is the processor. A card is lent there for seconds to a process of its own, whose weights are gone
    with it: shipping weights and moments back and forth would cost more than the small models of a visit gain.
    """
    return _asked(request) or next((found.name for found in devices() if found.name.startswith("cuda")), "cpu")


def _asked(request: Request) -> str | None:
    """The device that a request names, if it names one. Raises ValueError when there is no such device."""
    if request.get("device") is None:
        return None
    return inputs.choice(request, "device", [device.name for device in devices()])
