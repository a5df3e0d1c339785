"""The classifiers of sentences: padding and neighbours change nothing, and each can learn."""

from __future__ import annotations

import pytest
import torch

from leaky.lab.factory import ModelFactory
from leaky.lab.text.classifiers import CLASSIFIERS

WORDS = 30


def model(kind: str, spec: str = "leaky_relu(negative_slope=0.1)") -> torch.nn.Module:
    torch.manual_seed(0)
    return CLASSIFIERS[kind](WORDS, 2, 16, ModelFactory(spec), 0.5)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_padding_and_neighbours_do_not_change_a_score(kind: str) -> None:
    network = model(kind).eval()
    sentences = [torch.randint(2, WORDS, (length,)) for length in (1, 4, 9)]
    together = torch.nn.utils.rnn.pad_sequence(sentences, batch_first=True)
    with torch.no_grad():
        alone = torch.cat([network(sentence[None]) for sentence in sentences])
        torch.testing.assert_close(network(together), alone)
        torch.testing.assert_close(network(torch.nn.functional.pad(together, (0, 7))), alone)


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_word_order_and_the_activation_count(kind: str) -> None:
    sentence = torch.arange(2, 12)[None]
    with torch.no_grad():
        network = model(kind).eval()
        assert not torch.equal(network(sentence), network(sentence.flip(1)))
        other = model(kind, "tanh").eval()
        assert not torch.equal(network(sentence), other(sentence))


@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_it_learns_which_of_two_words_is_there(kind: str) -> None:
    network = model(kind)
    ids = torch.randint(4, WORDS, (128, 8))
    labels = torch.arange(128) % 2
    ids[torch.arange(128), torch.randint(0, 8, (128,))] = labels + 2
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(25):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(ids), labels).backward()
        optimizer.step()
    assert (network.eval()(ids).argmax(1) == labels).float().mean() > 0.9


def test_a_recipe_puts_norms_where_a_model_has_places_for_them() -> None:
    from leaky.lab.recipe import Recipe

    factory = ModelFactory("relu", Recipe(normalisation="batch", dropout=0.2))
    network = CLASSIFIERS["textcnn"](WORDS, 2, 16, factory, 0.5)
    assert sum(isinstance(part, torch.nn.BatchNorm1d) for part in network.modules()) == 3
    assert [part.p for part in network.modules() if isinstance(part, torch.nn.Dropout)] == [0.2]
    assert network(torch.randint(2, WORDS, (4, 6))).shape == (4, 2)
