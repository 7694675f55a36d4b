"""Text embeddings of windows of several tokens: every vector and logit, computed one by one."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from torch import Tensor
from torch.nn import functional

from eqinfo.codebook import Codebook
from eqinfo.embedding import TextEmbedding, WindowEmbedding

STRINGS = [b"", *(bytes([97 + number % 26]) * (1 + number // 9) for number in range(63))]
BITS = 6


def embedding(token_bits: int, **options: Any) -> WindowEmbedding:
    torch.manual_seed(0)
    options = {"strings": STRINGS, "width": 5, "buckets": 40, "std": 1.0, **options}
    return WindowEmbedding(token_bits=token_bits, **options)


def vector(made: WindowEmbedding, window: tuple[int, ...]) -> Tensor:
    """Return the vector of the last of the tokens that a window begins with."""
    value = 0
    for token in window:
        value = value << made.token_bits | token
    left = BITS - made.token_bits * len(window)
    codewords = made.codewords(torch.arange(value << left, (value + 1) << left))
    if left == 0:
        return codewords[0]
    row = sum(1 << made.token_bits * place for place in range(1, len(window))) + value
    return made.ranges[row] + codewords.mean(0)


@pytest.mark.parametrize("token_bits", [1, 2, 3])
def test_vectors_are_those_of_the_definition(token_bits: int) -> None:
    made = embedding(token_bits)
    ids = torch.randint(1 << token_bits, (3, 11), generator=torch.Generator().manual_seed(1))
    vectors = made(ids)
    assert vectors.shape == (3, 11, 5)
    for line, end in product(range(3), range(11)):
        begin = end - end % made.window_tokens
        expected = vector(made, tuple(ids[line, begin : end + 1].tolist()))
        torch.testing.assert_close(vectors[line, end], expected)


@pytest.mark.parametrize("token_bits", [1, 2, 3])
def test_logits_are_those_of_the_tokens_that_can_follow(token_bits: int) -> None:
    made = embedding(token_bits)
    ids = torch.randint(1 << token_bits, (2, 7), generator=torch.Generator().manual_seed(1))
    hidden = torch.randn(2, 7, 5)
    logits = made.logits(hidden, ids)
    assert logits.shape == (2, 7, 1 << token_bits)
    for line, at, token in product(range(2), range(7), range(1 << token_bits)):
        begin = at - at % made.window_tokens
        known = ids[line, begin : at + 1].tolist()
        window = (*known, token) if len(known) < made.window_tokens else (token,)
        expected = hidden[line, at] @ vector(made, window)
        torch.testing.assert_close(logits[line, at, token], expected)


def test_the_loss_of_half_precision_is_in_single_precision() -> None:
    made = embedding(2).bfloat16()
    ids = torch.randint(0, 4, (1, 6))
    loss = made.loss(torch.randn(1, 6, 5).bfloat16(), ids, ids)
    assert loss.dtype == torch.float32


def test_the_loss_reaches_all_parameters() -> None:
    made = embedding(3)
    ids = torch.arange(8)[None]
    targets = torch.tensor([[1, 2, 3, -100, 5, 6, 7, 0]])
    hidden = torch.randn(1, 8, 5, requires_grad=True)
    loss = made.loss(hidden, ids, targets)
    kept = [0, 1, 2, 4, 5, 6, 7]
    expected = functional.cross_entropy(made.logits(hidden, ids)[0, kept], targets[0, kept])
    torch.testing.assert_close(loss, expected)
    denominators = made.logits(hidden, ids)[0, kept].exp().sum(-1).log()
    with_z = made.loss(hidden, ids, targets, z_loss=0.1)
    torch.testing.assert_close(with_z, expected + 0.1 * (denominators**2).mean())
    loss.backward()
    for parameter in (hidden, *made.parameters()):
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0


def test_the_codewords_of_a_model_have_the_vectors_of_their_texts() -> None:
    codebook = Codebook.bundled("en-4k")
    torch.manual_seed(0)
    made = WindowEmbedding(codebook, 4, token_bits=6)
    torch.manual_seed(0)
    texts = TextEmbedding(codebook, 4)
    ids = torch.arange(0, 4096, 17)
    tokens = torch.stack([ids >> 6, ids & 63], -1)
    assert torch.equal(made(tokens)[:, 1], texts.table()[ids])


def test_no_tokens_have_no_logits() -> None:
    made = embedding(2)
    empty = torch.empty(2, 0, dtype=torch.int64)
    assert made.logits(torch.empty(2, 0, 5), empty).shape == (2, 0, 4)


def test_a_state_is_restored_exactly() -> None:
    made, other = embedding(3), embedding(3)
    torch.nn.init.zeros_(other.ranges)
    other.load_state_dict(made.state_dict())
    assert torch.equal(made.table(), other.table())
    assert made.fingerprint == other.fingerprint != embedding(2).fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"token_bits": 4}, r"expected 2\^\(n 4\) strings .* found 64"),
        ({"token_bits": 6}, "for windows of one token, use TextEmbedding"),
        ({"token_bits": 0}, "found 64"),
        ({"token_bits": 3, "strings": STRINGS[:-1]}, "found 63"),
        ({"token_bits": 3, "strings": [*STRINGS, b"one more"]}, "found 65"),
        ({"token_bits": 2, "strings": STRINGS[:32]}, "found 32"),
    ],
)
def test_windows_that_are_not_whole_tokens_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        embedding(**options)


@pytest.mark.parametrize("token", [-1, 8])
def test_a_token_of_other_bits_is_refused(token: int) -> None:
    with pytest.raises(IndexError, match=r"expected tokens of 3 bits, found"):
        embedding(3)(torch.tensor([[0, token]]))
