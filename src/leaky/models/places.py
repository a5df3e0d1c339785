"""Where a model's graphs apply activations, under the names that a diagnosis gives them."""

from __future__ import annotations

from collections import Counter

from torch import fx

from leaky.models.flow import CONVS, LINEAR, Graphs
from leaky.models.keeping.behind import plain_class
from leaky.models.swap_sites import call_of, owner_of
from leaky.models.trace import Region, join

Place = tuple[Region, fx.Node]


def places(graphs: Graphs) -> dict[str, list[Place]]:
    """Where each activation is applied, by the names of a diagnosis: `act`, at the second call `act:2`, `block.relu`.

    A producer's name stands for the activation after it.
    """
    found: dict[str, list[Place]] = {}
    for region in graphs.traces.regions:
        calls: Counter[str] = Counter()
        for node in region.graph.nodes:
            name = graphs.called(region, node)
            if name is not None and plain_class(graphs.modules[name]) in (*LINEAR, *CONVS):
                found.setdefault(name, []).append((region, node))
            if graphs.activation(region, node) is None:
                continue
            if name is None:
                call = call_of(node)
                assert call is not None
                name = join(graphs.first[owner_of(node, region)], call[0])
            calls[name] += 1
            label = name if calls[name] == 1 else f"{name}:{calls[name]}"
            found.setdefault(label, []).append((region, node))
    return found
