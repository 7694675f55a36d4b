"""Sampling of tokens from an M2, and their text as it becomes certain."""

from __future__ import annotations

import codecs
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from eqinfo.common.floats import keep_floats
from eqinfo.common.integers import check_bits, keep_integers
from eqinfo.errors import ModelError
from eqinfo.experiment.m2.network import Cache, Transformer

__all__ = ["SampleSettings", "TextStream", "sample"]


@dataclass(frozen=True)
class SampleSettings:
    """How tokens are drawn.

    Attributes:
        temperature: divides the logits; 0 always takes the most probable token.
        top_p: only the most probable tokens that together have this probability are drawn.
        seed: of the draws; the same seed gives the same tokens on the same machine.

    Raises:
        TypeError: a value is not a number, or not an integer where it should be.
        ValueError: a value out of range.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        keep_integers(self, "seed")
        keep_floats(self, "temperature", "top_p")
        if not 0 <= self.temperature < math.inf or not 0 < self.top_p <= 1:
            raise ValueError(
                "expected temperature >= 0, and top_p above 0 and up to 1, found "
                f"temperature {self.temperature}, top_p {self.top_p}"
            )
        check_bits(63, seed=self.seed)


def sample(
    model: Transformer, prompt: Sequence[int], settings: SampleSettings, *, allowed: int
) -> Iterator[int]:
    """Yield tokens without end; the caller stops after the one that ends a document.

    When the context is full, it goes on with its second half.

    Args:
        model: M2.
        prompt: tokens to begin with, at least one: the end of a document, to begin one.
        settings: see `SampleSettings`.
        allowed: ids below this number are drawn; M2 may know more, which stand for no text.

    Raises:
        ModelError: logits of M2 are not finite.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    tokens, cache = list(prompt)[-model.context :], Cache()
    pending = tokens
    while True:
        if cache.length + len(pending) > model.context:
            tokens = tokens[-max(1, model.context // 2) :]
            pending, cache = tokens, Cache()
        with torch.no_grad():
            inputs = torch.tensor([pending], device=model.norm.weight.device)
            hidden = model.hidden(inputs, cache)[0, -1]
            logits = functional.linear(hidden, model.embedding.weight)[:allowed].cpu()
        if not logits.isfinite().all():
            raise ModelError(
                "expected an M2 with finite logits, found NaN or infinity: its training has "
                "diverged; train it with a lower rate"
            )
        token = _draw(logits.double(), settings, generator)
        yield token
        tokens.append(token)
        pending = [token]


def _draw(logits: Tensor, settings: SampleSettings, generator: torch.Generator) -> int:
    if settings.temperature == 0:
        return int(logits.argmax())
    # The highest is 0, so that a low temperature does not make it infinite.
    scaled = (logits - logits.max()) / settings.temperature
    probabilities, ids = scaled.softmax(-1).sort(descending=True)
    before = probabilities.cumsum(-1) - probabilities
    kept = probabilities * (before < settings.top_p)  # the first one always stays
    return int(ids[torch.multinomial(kept, 1, generator=generator)])


class TextStream:
    """Turns tokens into text one by one, and gives only whole characters.

    Sampled tokens may give bytes that are not UTF-8; these are left out and counted.

    Args:
        decode: returns the bytes of ``group`` tokens, or of fewer at the end.
        group: tokens that decode without those before them; 0: only all of them decode.

    Attributes:
        left_out: bytes that were not part of a character.
        text_bytes: bytes of the text so far.
    """

    def __init__(self, decode: Callable[[np.ndarray], bytes], group: int) -> None:
        self._decode = decode
        self._group = group
        self._waiting: list[int] = []
        self._decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        self.left_out = self.text_bytes = self._bytes = 0

    def push(self, token: int) -> str:
        """Return the characters that a token completes; "" if there are none."""
        self._waiting.append(token)
        return self._take(final=False) if len(self._waiting) == self._group else ""

    def finish(self, whole: int = 1) -> str:
        """End the text and return its last characters.

        Args:
            whole: the tokens of a window, if they may end inside one; those of it are left out.

        Raises:
            FormatError: the tokens do not decode.
        """
        del self._waiting[len(self._waiting) // whole * whole :]
        return self._take(final=True)

    def _take(self, final: bool) -> str:
        data = self._decode(np.array(self._waiting, np.int64)) if self._waiting else b""
        self._waiting = []
        text = self._decoder.decode(data, final)
        self._bytes += len(data)
        self.text_bytes += len(text.encode())
        self.left_out = self._bytes - self.text_bytes if final else self.left_out
        return text
