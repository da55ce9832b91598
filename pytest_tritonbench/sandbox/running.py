"""One call of a candidate's entry point: arguments in, gradients, answer out."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from . import loading, places
from .calls import Call, DtypeArg, ListArg, TensorArg, Value
from .delivering import Delivery, flatten
from .memory import Arena
from .page import Page, Phase
from .poison import Poison, fill_finite

_empty = torch.empty
_frombuffer = torch.frombuffer
_synchronize = torch.cuda.synchronize
_grad = torch.autograd.grad
_is_initialized: Callable[[], bool] = torch.cuda.is_initialized
# torch.manual_seed looks at every backend there might be, which costs more than a small call.
_seed_cpu = torch.default_generator.manual_seed
_seed_all = torch.manual_seed


class Storages:
    """The storages of one call, each made once, however many tensors share it.

    Args:
        inputs: the arena with the bytes.
        device: where the candidate is to find them.
    """

    def __init__(self, inputs: Arena, device: torch.device) -> None:
        self._inputs = inputs
        self._device = device
        self._host: dict[tuple[int, int], torch.Tensor] = {}
        self._used: dict[tuple[int, int], torch.Tensor] = {}
        self._first: dict[tuple[int, int], torch.Tensor] = {}

    def tensor(self, arg: TensorArg) -> torch.Tensor:
        """The tensor of that description: a view of the shared bytes, or of a copy on the GPU."""
        dtype = getattr(torch, arg.dtype)
        made = _empty(0, dtype=dtype, device=self._device)
        if arg.nbytes == 0:
            places.on_gpu(made)
            return made.set_(made.untyped_storage(), 0, arg.shape, arg.strides)
        storage = self._storage(arg.start, arg.nbytes).untyped_storage()
        made.set_(storage, arg.offset, arg.shape, arg.strides)
        return made

    def _storage(self, start: int, nbytes: int) -> torch.Tensor:
        key = (start, nbytes)
        if key not in self._used:
            host = _frombuffer(self._inputs.view(start, nbytes), dtype=torch.uint8)
            places.on_gpu(host)
            self._host[key] = host
            self._used[key] = host if self._device.type == "cpu" else host.to(self._device)
        return self._used[key]

    def keep(self) -> None:
        """Remember what every storage holds now, on the device."""
        self._first = {key: used.clone() for key, used in self._used.items()}

    def restore(self) -> None:
        """Give every storage the content that was kept."""
        for key, first in self._first.items():
            self._used[key].copy_(first)

    def elements(self, arg: TensorArg) -> tuple[torch.Tensor, torch.Tensor]:
        """The elements of a tensor in the order of memory: as they were kept, and as they are."""
        key = (arg.start, arg.nbytes)
        dtype = getattr(torch, arg.dtype)
        inside = slice(arg.offset, arg.offset + math.prod(arg.shape))
        return self._first[key].view(dtype)[inside], self._used[key].view(dtype)[inside]

    def let_go(self) -> None:
        """Give back the memory that was used; what was kept stays."""
        self._used.clear()

    def place_again(self) -> None:
        """Have all storages in new memory, with the content that was kept."""
        for key, first in self._first.items():
            self._used[key] = (
                self._host[key].copy_(first) if self._device.type == "cpu" else first.clone()
            )

    def bring_back(self) -> None:
        """Write what the storages hold now to the arena, for the parent to see."""
        with torch.no_grad():
            for key, used in self._used.items():
                if used is not self._host[key]:
                    self._host[key].copy_(used)


class Runner:
    """Calls one entry point.

    Args:
        function: the entry point.
        filename: the candidate's file as its frames carry it.
        inputs: arena with the arguments' bytes.
        outputs: arena for the answers.
        device: where tensors live.
        page: where to note what is being done.
        poison: the wrapped allocators.
        limit: bytes that an answer may have.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        filename: str,
        *,
        inputs: Arena,
        outputs: Arena,
        device: torch.device,
        page: Page,
        poison: Poison,
        limit: int,
    ) -> None:
        self.function = function
        self.filename = filename
        self.inputs = inputs
        self.outputs = outputs
        self.device = device
        self.page = page
        self.poison = poison
        self.limit = limit

    def arguments(self, call: Call, storages: Storages) -> dict[str, Any]:
        """The call's arguments by name, leaves of autograd where gradients are wanted."""

        def made(value: Value) -> Any:
            if isinstance(value, TensorArg):
                return storages.tensor(value)
            if isinstance(value, DtypeArg):
                return getattr(torch, value.name)
            if isinstance(value, ListArg):
                return list(map(made, value.items))
            return tuple(map(made, value)) if isinstance(value, tuple) else value

        arguments = {name: made(value) for name, value in call.args}
        for name in call.gradients:
            arguments[name].requires_grad_()
        return arguments

    @staticmethod
    def split(call: Call, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arguments that are passed by position, and those passed by keyword."""
        by_name = {name: arguments[name] for name in call.keywords}
        return {n: v for n, v in arguments.items() if n not in by_name}, by_name

    def run(self, call: Call) -> dict[str, Any]:
        """Call the function once and deliver what it returns.

        Raises:
            loading.CandidateError: it did not return anything that can be delivered.
        """
        storages = Storages(self.inputs, self.device)
        arguments = self.arguments(call, storages)
        by_place, by_name = self.split(call, arguments)
        loading.bind(self.function, by_place, by_name)
        try:
            self.poison.active = call.poison
            self.poison.choose = (lambda: fill_finite) if call.fill else None
            (_seed_cpu if self.device.type == "cpu" else _seed_all)(call.seed)
            self.page.note(Phase.CALLING)
            output = self.function(*by_place.values(), **by_name)
            self.finish()
            gradients = self.gradients(call, arguments, storages, output)
            self.finish()
        except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
            raise loading.describe(error, self.filename) from None
        finally:
            self.poison.active = False
            self.poison.choose = None
        return self.deliver(output, gradients, storages)

    def gradients(
        self, call: Call, arguments: Mapping[str, Any], storages: Storages, output: Any
    ) -> list[torch.Tensor | None]:
        """Gradients of the wanted inputs for the call's cotangents; `None` for what has none."""
        if not call.gradients:
            return []
        outputs, cotangents = [], []
        for tensor, cotangent in zip(flatten(output), call.cotangents, strict=False):
            if tensor.requires_grad and cotangent is not None:
                outputs.append(tensor)
                cotangents.append(storages.tensor(cotangent))
        if not outputs:
            return [None for _ in call.gradients]
        wanted = [arguments[name] for name in call.gradients]
        return list(_grad(outputs, wanted, cotangents, allow_unused=True))

    def finish(self) -> None:
        """Wait for the device."""
        # A candidate that never reached for the device needs no context now either.
        if self.device.type == "cuda" and _is_initialized():
            self.page.note(Phase.SYNCHRONISING)
            _synchronize()

    def deliver(
        self, output: Any, gradients: list[torch.Tensor | None], storages: Storages
    ) -> dict[str, Any]:
        """Describe the answer, its bytes being in the arena."""
        self.page.note(Phase.DELIVERING)
        try:
            delivery = Delivery(self.outputs, self.limit)
            node = delivery.node(output)
            described = [
                None if gradient is None else delivery.tensor(gradient, f"gradient of {name}")
                for name, gradient in zip(self.names(gradients), gradients, strict=True)
            ]
            storages.bring_back()
        except BaseException as error:  # noqa: BLE001 - a candidate may raise anything
            raise loading.describe(error, self.filename) from None
        return {"output": node, "gradients": described, "used": self.outputs.used}

    @staticmethod
    def names(gradients: list[torch.Tensor | None]) -> list[str]:
        """A name for each gradient in messages."""
        return [f"input {index}" for index in range(len(gradients))]
