"""`WindowEmbedding`: text embeddings for windows that consist of several tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.embedding.loss import IGNORED
from eqinfo.embedding.text_embedding import TextEmbedding, check_index_type
from eqinfo.embedding.text_features import Strings


class SequenceEmbedding(nn.Module, ABC):
    """An embedding and output layer whose vectors depend on the tokens before."""

    @abstractmethod
    def loss(self, hidden: Tensor, ids: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
        """Return the mean cross entropy in nats of the token after each token."""


class WindowEmbedding(SequenceEmbedding):
    """Vectors of tokens that are parts of windows, by their place and by what precedes them there.

    The first tokens of a window leave a range of codewords, and codewords of equal information are
    about equally probable. So the vector of a token is a vector of its own for this range, plus the
    mean of the vectors that a `TextEmbedding` gives to the codewords of the range. For the last
    token that is one codeword, whose text is known; its vector is the codeword's.

    It is the output layer, too: the logits of a token are products with the vectors of all tokens
    that can follow in the window.

    Args:
        strings: the text of every codeword: a codebook, such as `Codebook.from_model` makes, or the
            texts in the order of codewords; 2^window_bits of them, at most 2^20.
        width: elements of a vector.
        token_bits: bits of a token; window_bits is a multiple of it, at least 2 token_bits.
        options: of `TextEmbedding`, except ``rows``.

    Raises:
        TypeError, ValueError: as `TextEmbedding`; or the codewords are not whole tokens.

    Examples:
        >>> import torch
        >>> from eqinfo.codebook import Codebook
        >>> from eqinfo.embedding import WindowEmbedding
        >>> embedding = WindowEmbedding(Codebook.bundled("en-4k"), 32, token_bits=6)
        >>> tokens = torch.tensor([[17, 3, 63, 0]])  # two windows of two tokens
        >>> embedding(tokens).shape
        torch.Size([1, 4, 32])
        >>> embedding.logits(torch.randn(1, 4, 32), tokens).shape  # of the token after each
        torch.Size([1, 4, 64])
    """

    def __init__(
        self,
        strings: Strings,
        width: int,
        *,
        token_bits: int,
        std: float = 0.02,
        **options: Any,
    ) -> None:
        super().__init__()
        self.codewords = TextEmbedding(strings, width, std=std, **options)
        window_bits = self.codewords.rows.bit_length() - 1
        if (
            self.codewords.rows != 1 << window_bits
            or token_bits < 1
            or window_bits % token_bits
            or window_bits < 2 * token_bits
        ):
            raise ValueError(
                f"expected 2^(n {token_bits}) strings for windows of n tokens of {token_bits} "
                f"bits, n from 2 on, found {self.codewords.rows}; for windows of one token, use "
                "TextEmbedding"
            )
        self.width, self.token_bits = width, token_bits
        self.window_tokens = window_bits // token_bits
        sizes = [1 << token_bits * (place + 1) for place in range(self.window_tokens)]
        self._first_rows = [sum(sizes[:place]) for place in range(self.window_tokens)]
        self.ranges = nn.Parameter(torch.empty(sum(sizes[:-1]), width))
        nn.init.normal_(self.ranges, std=std)

    @property
    def fingerprint(self) -> str:
        """Identifies the texts and settings, as `TextEmbedding.fingerprint`."""
        return f"{self.codewords.fingerprint}:{self.token_bits}"

    def table(self) -> Tensor:
        """Return the vectors of all ranges, shape (rows, width).

        First there are the ranges that one token leaves, then those of two, and so on; the last are
        the codewords.
        """
        codewords = self.codewords.table()
        means = [
            codewords.view(1 << self.token_bits * (place + 1), -1, self.width).mean(1)
            for place in range(self.window_tokens - 1)
        ]
        return torch.cat([torch.cat(means) + self.ranges, codewords])

    def rows(self, ids: Tensor) -> Tensor:
        """Return the row of `table` for every token.

        Args:
            ids: int64 or int32, (..., length), below 2^token_bits; a window begins at index 0.

        Raises:
            IndexError: an id out of range.
            TypeError: ids of another dtype, such as the uint16 of tokens.
        """
        check_index_type(ids)
        if ids.device.type != "cuda" and ids.numel():
            least, most = map(int, ids.aminmax())
            if least < 0 or most >> self.token_bits:
                raise IndexError(
                    f"expected tokens of {self.token_bits} bits, found {least} to {most}"
                )
        length = ids.shape[-1]
        windows = functional.pad(ids.long(), (0, -length % self.window_tokens))
        windows = windows.unflatten(-1, (-1, self.window_tokens))
        value = torch.zeros_like(windows[..., 0])
        rows = []
        for place, first in enumerate(self._first_rows):
            value = value << self.token_bits | windows[..., place]
            rows.append(value + first)
        return torch.stack(rows, -1).flatten(-2)[..., :length]

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of tokens, shape (..., length, width); see `rows`."""
        return functional.embedding(self.rows(ids), self.table())

    def logits(self, hidden: Tensor, ids: Tensor) -> Tensor:
        """Return the logits of the token after each token.

        Args:
            hidden: (..., length, width).
            ids: the tokens up to which each is known, as for `rows`.

        Returns:
            (..., length, 2^token_bits).
        """
        following = self._following(ids).flatten()
        order = following.argsort(stable=True)
        firsts, counts = following[order].unique_consecutive(return_counts=True)
        parts = hidden.flatten(0, -2)[order].split(counts.tolist())
        table = self.table()
        found = [
            part @ table[first : first + (1 << self.token_bits)].T
            for part, first in zip(parts, firsts.tolist(), strict=True)
        ]
        logits = torch.cat([*found, hidden.new_empty(0, 1 << self.token_bits)])
        return logits[order.argsort()].unflatten(0, hidden.shape[:-1])

    def loss(self, hidden: Tensor, ids: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
        """Return the mean cross entropy of `logits` in nats, float32 or wider.

        Args:
            hidden: (..., length, width).
            ids: as for `logits`.
            targets: int64, (..., length): the token after each; -100 where none is to be predicted.
            z_loss: as for `cross_entropy`.
        """
        logits, wanted = self.logits(hidden, ids).flatten(0, -2), targets.flatten()
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        nats = functional.cross_entropy(logits, wanted, ignore_index=IGNORED)
        if not z_loss:
            return nats
        return nats + z_loss * logits[wanted != IGNORED].logsumexp(-1).square().mean()

    def _following(self, ids: Tensor) -> Tensor:
        """Return for every token the row of the first token that can follow it."""
        rows = self.rows(ids)
        place = torch.arange(ids.shape[-1], device=ids.device) % self.window_tokens
        firsts = torch.tensor(self._first_rows, device=ids.device)
        following = firsts.roll(-1)[place] + (rows - firsts[place] << self.token_bits)
        return following.where(place < self.window_tokens - 1, 0)
