"""How far the first token of a window fixes the text that it stands for (appendix C)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from eqinfo.codecs.windows import WindowCodec
from eqinfo.experiment.analyses.examples import byte_spans
from eqinfo.experiment.tokenizations.base import Texts

__all__ = ["InitialTokens", "initial_tokens"]


@dataclass(frozen=True)
class InitialTokens:
    """Windows whose first token does not end where a byte ends.

    Attributes:
        windows: number of windows of several bytes.
        crossing: share of them in which a byte has bits in the first token and in the next one.
        repeated: number of first tokens that several different windows have.
        alike: share of those tokens whose windows all begin with the same byte.
        whole_bytes: mean number of bytes whose bits are all in the first token.
    """

    windows: int
    crossing: float
    repeated: int
    alike: float
    whole_bytes: float


def initial_tokens(codec: WindowCodec, texts: Texts) -> InitialTokens:
    """Measure the first tokens of windows of several tokens (appendix C).

    If a byte's bits cross the end of a token, another byte may share those in the token. So windows
    with the same first token may differ from that byte on, and only the bytes before it are fixed.

    Args:
        codec: its windows decode on their own, and have several tokens.
        texts: documents.

    Raises:
        ValueError: the windows have one token, or do not decode on their own, or the texts make no
            window of several bytes.
    """
    token_bits = codec.token_bits
    if codec.window_bits < 2 * token_bits or codec.window_bits % token_bits:
        raise ValueError(
            f"expected windows of several tokens, found {codec.window_bits} bits in tokens of "
            f"{token_bits}"
        )
    crossing, whole = [], []
    begins: dict[int, set[bytes]] = defaultdict(set)
    for text in texts:
        ends: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for span in byte_spans(codec, text):
            ends[span.window].append((span.first, span.last))
        views = [window for window in codec.windows(text) if window.text]
        for number, view in enumerate(views):
            if len(view.text) > 1:
                spans = ends[number]
                crossing.append(any(first < token_bits < last for first, last in spans))
                whole.append(sum(last <= token_bits for _, last in spans))
            begins[view.codeword >> codec.window_bits - token_bits].add(view.text)
    if not crossing:
        raise ValueError("expected text that makes windows of several bytes, found none")
    repeated = [windows for windows in begins.values() if len(windows) > 1]
    alike = [len({window[:1] for window in windows}) == 1 for windows in repeated]
    return InitialTokens(
        len(crossing),
        float(np.mean(crossing)),
        len(repeated),
        float(np.mean(alike)) if alike else 0.0,
        float(np.mean(whole)),
    )
