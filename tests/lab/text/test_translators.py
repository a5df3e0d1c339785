"""The translators: what teacher forcing and writing have in common, and that neither sees what it must not."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import pad

from leaky.lab.factory import ModelFactory
from leaky.lab.text.bleu import negative_log_likelihood
from leaky.lab.text.subwords import END
from leaky.lab.text.translators import TRANSLATORS, Translator
from leaky.lab.text.words import PAD

PIECES, SOURCE, TARGET = 20, 6, 5


def model(kind: str) -> Translator:
    torch.manual_seed(0)
    return TRANSLATORS[kind](PIECES, SOURCE, 16, ModelFactory("leaky_relu(negative_slope=0.1)"), 0.0)


def pairs(count: int) -> torch.Tensor:
    """Sources of several lengths, and their reversal as the translation."""
    rows = []
    for number in range(count):
        source = torch.randint(4, PIECES, (1 + number % (TARGET - 1),))
        sides = (source, SOURCE), (source.flip(0), TARGET)
        rows.append(
            torch.cat(
                [
                    pad(torch.cat([ids, torch.tensor([END])]), (0, width - len(ids) - 1))
                    for ids, width in sides
                ]
            )
        )
    return torch.stack(rows)


@pytest.mark.parametrize("kind", TRANSLATORS)
def test_what_is_written_step_by_step_is_likeliest_under_teacher_forcing_too(kind: str) -> None:
    """The short way, one position at a time from what is kept, against the whole pass over what was written."""
    network, ids = model(kind).eval(), pairs(8)
    with torch.no_grad():
        written = network.translate(ids)
        said = torch.cat([ids[:, :SOURCE], written], 1)
        taught = network(said)
        real = written != PAD
        for other in range(PIECES):
            for position in range(TARGET):
                changed = said.clone()
                changed[:, SOURCE + position] = other
                likelier = network(changed)[:, position] > taught[:, position] + 1e-5
                if other != PAD:
                    assert not (likelier & real[:, position]).any()


@pytest.mark.parametrize("kind", TRANSLATORS)
def test_probabilities_depend_on_the_source_and_the_pieces_before_alone(kind: str) -> None:
    network, ids = model(kind).eval(), pairs(8)[3:4]
    later, source = ids.clone(), ids.clone()
    later[0, SOURCE + 3] = 4 + (ids[0, SOURCE + 3] - 3) % (PIECES - 4)
    source[0, 0] = 4 + (ids[0, 0] - 3) % (PIECES - 4)
    with torch.no_grad():
        base = network(ids)[0]
        torch.testing.assert_close(network(later)[0, :3], base[:3])
        assert not torch.isclose(network(later)[0, 3], base[3])
        assert not torch.isclose(network(source)[0, 0], base[0])


@pytest.mark.parametrize("kind", TRANSLATORS)
def test_neighbours_change_nothing_and_padding_counts_nothing(kind: str) -> None:
    network, ids = model(kind).eval(), pairs(8)
    with torch.no_grad():
        alone = torch.cat([network(row[None]) for row in ids])
        torch.testing.assert_close(network(ids), alone)
        target = ids[:, SOURCE:]
        assert (alone[target == PAD] == 0).all()
        assert (alone[target != PAD] < 0).all()
        assert negative_log_likelihood(alone, target).item() == pytest.approx(
            -(alone.sum() / (target != PAD).sum()).item(), rel=1e-5
        )
        assert torch.equal(network.translate(ids)[2:3], network.translate(ids[2:3]))


@pytest.mark.parametrize("kind", TRANSLATORS)
def test_it_learns_to_reverse_and_ends_its_sentences(kind: str) -> None:
    network, ids = model(kind), pairs(24)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(120):
        optimizer.zero_grad()
        negative_log_likelihood(network(ids), ids[:, SOURCE:]).backward()
        optimizer.step()
    right = (network.eval().translate(ids) == ids[:, SOURCE:]).all(1)
    assert right.float().mean() > 0.8
