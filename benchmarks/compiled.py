"""What torch.compile keeps for backward: counted where Inductor cuts the graph of both passes in two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.backends.common import aot_autograd
from torch._functorch.aot_autograd import make_boxed_func
from torch._inductor.compile_fx import partition_fn
from torch._inductor.decomposition import select_decomp_table

Partition = tuple[torch.fx.GraphModule, torch.fx.GraphModule]


def compiled_bytes(model: Callable[..., Any], x: Tensor) -> int:
    """Bytes that the compiled forward pass hands to the backward pass; parameters and inputs are left out."""
    return sum(value.numel() * value.element_size() for value in compiled_kept(model, x))


def compiled_kept(model: Callable[..., Any], x: Tensor) -> list[Tensor]:
    """The tensors themselves, without numbers in them: their shapes and dtypes.

    No hook sees these tensors. Inductor's own passes and its partitioner run; the two graphs then run as they are,
    which spares the C++ compiler and changes nothing about what is kept.
    """
    kept: list[Tensor] = []

    def cut(joint: torch.fx.GraphModule, inputs: Any, *, num_fwd_outputs: int, **options: Any) -> Partition:
        forward, backward = partition_fn(joint, inputs, num_fwd_outputs=num_fwd_outputs, **options)
        outputs = next(node for node in forward.graph.nodes if node.op == "output").args[0]
        saved = {node for node in outputs[num_fwd_outputs:] if node is not None and node.op != "placeholder"}
        values = [node.meta["val"] for node in saved]
        kept.extend(value for value in values if isinstance(value, Tensor))
        return forward, backward

    def as_it_is(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        return make_boxed_func(graph.forward)

    backend = aot_autograd(
        fw_compiler=as_it_is, bw_compiler=as_it_is, partition_fn=cut, decompositions=select_decomp_table()
    )
    torch._dynamo.reset()
    torch.compile(model, backend=backend, fullgraph=True)(x)
    return kept
