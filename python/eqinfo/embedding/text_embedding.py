"""`TextEmbedding`: an embedding of tokens that is composed from their text."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.embedding.composition import Combine, FeatureLists, compose
from eqinfo.embedding.loss import IGNORED, cross_entropy
from eqinfo.embedding.text_features import DEFAULT_BUCKETS, DEFAULT_KINDS, Strings, text_features


class TextEmbedding(nn.Module):
    """Vectors of ids, each composed from a vector of its own and vectors of features of its text.

    It stands for an ``nn.Embedding`` and for the output layer that is tied to it. Its parameters
    are ``own``, shape (rows, width), and ``features``, shape (buckets, width). Rows without text
    (the empty string, and those from the number of strings on) have a vector of their own only.

    ``state_dict`` has the parameters and the fingerprint of the texts and settings; the features of
    texts are computed again. Loading a state of other texts or settings raises a ValueError.

    Args:
        strings: the text of every id: a codebook, or the texts in the order of ids.
        width: elements of a vector.
        rows: number of vectors, by default that of the strings; more if there are special tokens or
            padding rows after them.
        buckets: number of buckets, as for `text_features`.
        kinds: of features, as for `text_features`.
        combine: by what the sum of n features' vectors is divided: "root" of n, "mean", by n, or
            "sum", by nothing.
        std: standard deviation of the initial parameters, from PyTorch's random generator.

    Raises:
        TypeError, ValueError: as `text_features`; fewer rows than strings, a width below 1, or
            another combine.

    Examples:
        >>> import torch
        >>> from eqinfo.codebook import Codebook
        >>> from eqinfo.embedding import TextEmbedding
        >>> embedding = TextEmbedding(Codebook.bundled("en-4k"), 32)
        >>> embedding(torch.tensor([[5, 4095]])).shape
        torch.Size([1, 2, 32])
        >>> hidden = torch.randn(10, 32)
        >>> loss = embedding.loss(hidden, torch.arange(10))  # never has (10, 4096) logits whole
        >>> embedding.freeze()  # for inference
        Embedding(4096, 32)
    """

    def __init__(
        self,
        strings: Strings,
        width: int,
        *,
        rows: int | None = None,
        buckets: int = DEFAULT_BUCKETS,
        kinds: Collection[str] = DEFAULT_KINDS,
        combine: Combine = "root",
        std: float = 0.02,
    ) -> None:
        super().__init__()
        width, buckets = check_integers(width=width, buckets=buckets)
        (rows,) = check_optional_integers(rows=rows)
        found = text_features(strings, buckets, kinds)
        count = len(found.offsets) - 1
        rows = count if rows is None else rows
        if rows < count:
            raise ValueError(
                f"expected at least {count} rows, one for each of the strings, found {rows}; the "
                "strings are those of another table"
            )
        if width < 1:
            raise ValueError(f"expected a width of 1 or more, found {width}")
        if combine not in get_args(Combine):
            raise ValueError(
                f"expected combine to be one of {', '.join(get_args(Combine))}, found {combine!r}"
            )
        self.rows, self.width = rows, width
        self.fingerprint = f"{found.fingerprint}:{combine}"
        self.own = nn.Parameter(torch.empty(rows, width))
        self.features = nn.Parameter(torch.empty(buckets, width))
        for parameter in (self.own, self.features):
            nn.init.normal_(parameter, std=std)
        offsets = np.concatenate([found.offsets, np.full(rows - count, found.offsets[-1])])
        self._kept_lists = FeatureLists.of(
            found.buckets, offsets.astype(np.int32), buckets, combine
        )
        self._lists = self._kept_lists

    def _apply(self, function: Any, recurse: bool = True) -> Any:
        """Move or convert parameters; the lists follow to their device, and keep their values.

        So they are no buffers: those would be rounded with the parameters, left undefined by
        ``to_empty``, and sent to every process in each step of distributed training.
        """
        super()._apply(function, recurse)
        self._place_lists()
        return self

    def _place_lists(self) -> None:
        self._lists = self._kept_lists.to(self.own.device)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of ids, shape (..., width).

        Args:
            ids: int64 or int32, (...); below ``rows``.

        Raises:
            IndexError: an id that has no row; on a CUDA device, PyTorch's own assertion fails.
            TypeError: ids of another dtype, such as the uint16 of codebooks.
        """
        self._check(ids)
        if ids.device.type == "cuda":  # to learn which few are needed, the processor would wait
            return functional.embedding(ids, self.table())
        unique, places = ids.unique(return_inverse=True)
        lists = self._lists
        begin, end = lists.offsets[unique], lists.offsets[unique + 1]
        counts = (end - begin).long()
        ends = counts.cumsum(0)
        shift = (begin - (ends - counts)).repeat_interleave(counts)
        taken = lists.buckets[shift + torch.arange(len(shift), device=shift.device)]
        offsets = functional.pad(ends, (1, 0))
        sums = functional.embedding_bag(
            taken.long(), self.features, offsets, mode="sum", include_last_offset=True
        )
        vectors = self.own[unique] + sums * lists.scale[unique].to(sums.dtype)
        return vectors[places]

    def _check(self, ids: Tensor) -> None:
        """Refuse ids without a row, where looking at them does not make the processor wait."""
        check_index_type(ids)
        if ids.device.type == "cuda" or ids.numel() == 0:
            return
        for found in map(int, ids.aminmax()):
            if not 0 <= found < self.rows:
                raise IndexError(
                    f"expected ids of 0 to {self.rows - 1}, found {found}; if it is a special "
                    "token or padding, give rows=, if not, the strings of its own table"
                )

    def table(self) -> Tensor:
        """Return the vectors of all ids, shape (rows, width)."""
        return compose(self.own, self.features, self._lists)

    @property
    def weight(self) -> Tensor:
        """`table`, under the name that it has in an ``nn.Embedding``; composed on every access."""
        return self.table()

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the logits of an output layer tied to the table.

        Args:
            hidden: (..., width).

        Returns:
            (..., rows). In training, `loss` needs less memory.
        """
        return functional.linear(hidden, self.table())

    def loss(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy of `logits` in nats, without the logits of all tokens.

        Args:
            hidden: (..., width).
            targets: int64, (...), the ids to predict; -100 where none is.

        Returns:
            a scalar that can be differentiated once; see `cross_entropy`.

        Raises:
            IndexError: a target that has no row, as for `forward`.
        """
        self._check(targets.where(targets != IGNORED, 0))
        return cross_entropy(hidden.flatten(0, -2), self.table(), targets.flatten())

    def freeze(self) -> nn.Embedding:
        """Return a plain embedding with the same vectors, for inference in any runtime."""
        return nn.Embedding.from_pretrained(self.table().detach(), freeze=False)

    def get_extra_state(self) -> Tensor:
        """Return the fingerprint as uint8, so that safetensors can store it."""
        return torch.frombuffer(bytearray(self.fingerprint.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Compare the fingerprint of a state that is being loaded.

        Raises:
            ValueError: the state is of other texts or settings.
        """
        found = bytes(state.tolist()).decode(errors="replace")
        if found != self.fingerprint:
            raise ValueError(
                f"expected the state of a text embedding with fingerprint {self.fingerprint}, "
                f"found {found}; give the strings, buckets, kinds and combine that it was "
                "trained with"
            )
        self._place_lists()  # the state may have been assigned to a module without memory

    def extra_repr(self) -> str:
        """Return the sizes, for ``repr``."""
        return f"{self.rows}, {self.width}, buckets={len(self.features)}"


def check_index_type(ids: Tensor) -> None:
    """Raise TypeError for ids that PyTorch does not take as indices."""
    if ids.dtype not in (torch.int64, torch.int32):
        raise TypeError(f"expected ids of int64 or int32, found {ids.dtype}; use ids.long()")
