"""What it costs to generate text with an M2, by the kind of its tokens (section 6 of the paper)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from eqinfo.codebook.table import Codebook
from eqinfo.codecs.codebook import CodebookCodec
from eqinfo.experiment.m2.network import Cache, Transformer
from eqinfo.experiment.m2.sizes import Size
from eqinfo.experiment.tokenizations.base import Tokenization, text_bytes
from eqinfo.experiment.tokenizations.catalogue import methods
from eqinfo.experiment.tokenizations.codecs import CodecTokenization

__all__ = ["ServingCost", "serving_cost", "serving_costs"]

METHODS = ("Bytes", "BPE[65k]", "EqualInfo[16, 16]")
CONTEXT = 512
"""Tokens of M2's context; after as many, it begins again."""


@dataclass(frozen=True)
class ServingCost:
    """The cost of text that is generated token by token.

    Attributes:
        method: name of the tokenization.
        steps_per_byte: steps of M2, each for one token.
        seconds_per_kb: for 1,000 bytes of text: M2's steps, and decoding.
        decoding_share: of these seconds, the share of decoding; with windows, M1 takes it.
    """

    method: str
    steps_per_byte: float
    seconds_per_kb: float
    decoding_share: float


def serving_cost(
    tokenization: Tokenization, text: str, size: Size, ids: int | None = None
) -> ServingCost:
    """Let an M2 without training read the tokens of a text one by one, as if it generated them.

    Every step computes the logits of all ids. So methods are compared at equal weights (embeddings
    aside) and for the same text, on one lane.

    Args:
        tokenization: decodes in pieces (see `Tokenization.piece_ids`).
        text: what is generated.
        size: of M2.
        ids: number of ids that M2 knows; None: as many as the tokenization has.

    Raises:
        ValueError: no text.
        UnsupportedError: only whole documents decode.
    """
    tokens = tokenization.encode(text)
    if len(tokens) == 0:
        raise ValueError("expected text to generate, found none")
    model, cache = Transformer(ids or tokenization.vocab_size, CONTEXT, size), Cache()
    begin = time.perf_counter()
    with torch.no_grad():
        for token in tokens.tolist():
            if cache.length == CONTEXT:
                cache = Cache()
            hidden = model.hidden(torch.tensor([[token]]), cache)
            functional.linear(hidden, model.embedding.weight)
    steps = time.perf_counter() - begin
    group = tokenization.piece_ids or len(tokens)
    begin = time.perf_counter()
    for first in range(0, len(tokens), group):
        tokenization.decode_piece(tokens[first : first + group])
    decoding = time.perf_counter() - begin
    size_of_text = text_bytes([text])
    return ServingCost(
        tokenization.name,
        len(tokens) / size_of_text,
        1000 * (steps + decoding) / size_of_text,
        decoding / (steps + decoding),
    )


def serving_costs(text: str, size: Size) -> Sequence[ServingCost]:
    """Compare bytes, BPE, windows of 16 bits and the bundled strings that span words.

    BPE is trained on the text itself, which flatters it; M2 knows 65,536 ids of it all the same.

    Raises:
        ValueError: no text.
        UnsupportedError: the package tokenizers is not installed.
    """
    compared = [method.train([text]) for method in methods(METHODS)]
    phrases = CodebookCodec(Codebook.bundled("world"))
    compared.append(CodecTokenization("Codebook[16, 16] world", phrases))
    return [
        serving_cost(tokenization, text, size, 256 if tokenization.name == "Bytes" else 1 << 16)
        for tokenization in compared
    ]
