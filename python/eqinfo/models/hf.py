"""Causal language models of Hugging Face ``transformers`` as models: `HFModel`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.errors import EqInfoError, ModelError, UnsupportedError
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.hf_arguments import (
    TORCH_MODEL_INSTEAD,
    WIDTH_STEP,
    begin_id,
    context_limit,
    local_limit,
    options_of,
    require_causal,
    require_masks,
)
from eqinfo.models.hf_vocabulary import hf_vocabulary
from eqinfo.models.protocol import FRESH
from eqinfo.models.vocabulary import Vocabulary

try:
    import torch
    from transformers import Cache, DynamicCache
    from transformers.cache_utils import DynamicLayer
except ImportError as error:
    raise UnsupportedError(
        "expected transformers and PyTorch, which HFModel needs: "
        f"install them with pip install eqinfo[hf,torch] ({error})"
    ) from None

from eqinfo.models.torch import checked_logits, float_rows

# How far a step may differ from the same context in one call, as a share of the largest logit. With
# weights of 16 bits it is up to 2 %; where masks or positions do not count, mostly 40 % and more.
_MOST_DIFFERENCE = 0.1
# Symbols to compare at, of which the median counts: for one, rounding may choose other experts.
_COMPARED_SYMBOLS = 4


class HFModel:
    """A causal language model of ``transformers``; its token ids are the symbols.

    Each lane keeps its keys and values. When a context reaches ``context_length``, it is recomputed
    from ``begin`` and its last ``context_length // 2`` symbols, then grows again. With a tokenizer,
    codecs take text; `Vocabulary` describes how text becomes ids without loss.

    Args:
        model: a causal language model with a cache of keys and values, with "sdpa" or "eager"
            attention and weights of up to 32 bits. It is put in eval mode.
        tokenizer: the model's tokenizer (byte-level, or of SentencePiece's kind with byte
            fallback). Without it, only ``encode_symbols`` and ``decode_symbols`` work.
        context_length: the most positions of a context, including ``begin``. Default: the model's
            limit or 2,048, whichever is less; of GPT-Neo, the multiple of 64 up to the window of
            its local attention.
        begin: the id before the first symbol. Default: the begin-of-text id of the tokenizer or
            the configuration, or else their end-of-text id.
        batch: number of lanes per call. Lanes are grouped by number, and a group is computed in one
            call. With 1, a row does not depend on any other lane; more is faster for many
            documents. The numbers depend on it: decode with the value that encoded.

    Raises:
        TypeError: ``model`` is not a causal model of transformers, a name was given for it or for
            its tokenizer, or another argument is not an integer.
        UnsupportedError: transformers or torch is not installed, the model keeps state other than
            the keys and values of attention, or has another attention. Whether it gives masks and
            positions their meaning is only seen when it is first used (`start`).
        ValueError: ``context_length`` or ``batch`` is out of range, ``begin`` is not an id, or no
            ``begin`` is given and the model has none.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        context_length: int | None = None,
        begin: int | None = None,
        batch: int = 1,
    ) -> None:
        require_causal(model, tokenizer)
        (batch,) = check_integers(batch=batch)
        context_length, begin = check_optional_integers(context_length=context_length, begin=begin)
        config = model.config.get_text_config()
        require_masks(config)
        self.model = model
        self.vocab_size: int = config.vocab_size
        self.context_length = context_limit(config, context_length)
        # Its default was longer in earlier releases, whose tokens it must not take for its own.
        is_newer = context_length is None and local_limit(config) is not None
        self._context_kind = ":window" if is_newer else ""
        if batch < 1:
            raise ValueError(f"expected a batch of 1 lane or more, found {batch}")
        self.batch = batch
        self.begin = begin_id(begin, tokenizer, config)
        self._tokenizer = tokenizer
        self._cache_name, self._options = options_of(model)
        self._is_compared = False

    @cached_property
    def fingerprint(self) -> str:
        """The numeric fingerprint, computed on first use."""
        return f"hf:{numeric_fingerprint(self)}{self._context_kind}"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokenizer as a code for bytes.

        Raises:
            ValueError: the model was made without a tokenizer.
            UnsupportedError: the tokenizer is of another kind.
        """
        if self._tokenizer is None:
            raise ValueError(
                "expected a tokenizer to convert text, found none; "
                "pass one to HFModel, or use encode_symbols and decode_symbols"
            )
        return hf_vocabulary(self._tokenizer, self.vocab_size)

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        """Return the ids that stand for any bytes; see `Vocabulary.tokenize`."""
        return self.vocabulary.tokenize(data)

    def detokenize(self, symbols: NDArray[np.int32]) -> bytes:
        """Return the bytes that ids stand for; see `Vocabulary.detokenize`."""
        return self.vocabulary.detokenize(symbols)

    def start(self, batch: int) -> _LaneCache:
        """Return a state of ``batch`` empty contexts.

        Raises:
            ModelError: the model answers with something else than logits.
            UnsupportedError: a step gives other logits than the same context in one call.
        """
        self.model.eval()
        if not self._is_compared:
            self._compare_step()
            self._is_compared = True
        return self._begun(batch)

    def _begun(self, batch: int) -> _LaneCache:
        cache, logits = self._prefill([self.begin])
        lanes = -(-batch // self.batch) * self.batch
        return _LaneCache(cache, float_rows(logits)[0], lanes)

    def step(
        self, state: _LaneCache, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Append the symbols and predict the next ones; see `Model.step`."""
        rows = np.empty((len(lanes), self.vocab_size), np.float32)
        seen = symbols != FRESH
        rows[~seen] = state.first_row
        for group in np.unique(lanes[seen] // self.batch):
            part = np.flatnonzero(seen & (lanes // self.batch == group))
            rows[part] = self._step_group(state, int(group), symbols[part], lanes[part])
        return rows

    def reset(self, state: _LaneCache, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        state.lengths[lanes] = 1

    def _compare_step(self) -> None:
        """Compare steps with the same context in one call.

        Steps have masks of four dimensions, positions, and a cache with room. Not every model of
        transformers heeds them: some count positions by the length of the cache, some look ahead.
        """
        state, lane = self._begun(1), np.zeros(1, np.int64)
        differences = []
        for symbol in range(min(_COMPARED_SYMBOLS, self.vocab_size)):
            whole = float_rows(self._prefill([self.begin, symbol])[1])[0]
            try:
                step = self.step(state, np.array([symbol], np.int32), lane)[0]
            except EqInfoError:
                raise
            except (IndexError, TypeError, ValueError) as error:
                raise UnsupportedError(
                    "expected a model that takes a token with a mask of four dimensions and a "
                    f"position, found one that raises {type(error).__name__}: {error}; "
                    f"{TORCH_MODEL_INSTEAD}"
                ) from error
            differences.append(_difference(step, whole))
            self.reset(state, lane)
        difference = float(np.median(differences))
        if difference > _MOST_DIFFERENCE:
            raise UnsupportedError(
                "expected a model that answers a token after its cache as it answers the whole "
                f"context, found logits that differ by {difference:.0%} of the largest, so it does "
                f"not heed masks or positions, or looks ahead; {TORCH_MODEL_INSTEAD}"
            )

    def _step_group(
        self, state: _LaneCache, group: int, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        for lane in lanes[state.lengths[lanes] == self.context_length].tolist():
            kept = self.context_length // 2
            recent = state.history[lane, self.context_length - kept : self.context_length].copy()
            state.put(lane, self._prefill([self.begin, *recent.tolist()])[0])
            state.history[lane, 1 : 1 + kept] = recent
        first = group * self.batch
        tokens = np.full((self.batch, 1), self.begin, np.int64)
        tokens[lanes - first, 0] = symbols
        # Lanes of the group that are not stepped write too, but to a column after their context,
        # which their next step overwrites before it is read.
        width = int(state.lengths[lanes].max()) + 1
        cache, mask, columns = state.group(first, self.batch, width, self.model.dtype)
        # If the context of such a lane is full, that column has no position in the model.
        positions = columns.clamp(max=self.context_length - 1)[:, None]
        with torch.no_grad():
            logits = self._call(torch.from_numpy(tokens), cache, mask, positions)
        state.history[lanes, state.lengths[lanes]] = symbols
        state.lengths[lanes] += 1
        return float_rows(logits[torch.from_numpy(lanes - first).to(logits.device)])

    def _prefill(self, tokens: list[int]) -> tuple[Any, Any]:
        """Compute a whole context in one call; return its cache and the logits after it."""
        cache = DynamicCache()
        with torch.no_grad():
            logits = self._call(torch.tensor([tokens]), cache, None, None)
        return cache, logits

    def _call(self, tokens: Any, cache: Any, mask: Any, positions: Any) -> Any:
        device = self.model.device
        answer = self.model(
            input_ids=tokens.to(device),
            attention_mask=None if mask is None else mask.to(device),
            position_ids=None if positions is None else positions.to(device),
            use_cache=True,
            **self._options,
            **{self._cache_name: cache},
        )
        if not hasattr(answer, "logits"):
            raise ModelError(
                f"expected logits, the model answered with {type(answer).__name__}; load it with "
                "AutoModelForCausalLM"
            )
        if not cache.layers:
            raise ModelError(
                "expected a model that keeps keys and values in its cache, found an empty cache; "
                f"{TORCH_MODEL_INSTEAD}"
            )
        logits = answer.logits
        if logits.ndim == 3:
            logits = logits[:, -1:]  # those of all tokens, of a model without `logits_to_keep`
        return checked_logits(logits, (len(tokens), 1, self.vocab_size))[:, 0]


class _LaneCache:
    """The keys and values of all lanes; column i of a lane is its position i, from ``begin`` on."""

    def __init__(self, begin: Any, first_row: NDArray[np.float32], lanes: int) -> None:
        self.first_row = first_row
        self.lengths = np.ones(lanes, np.int64)
        self.history = np.zeros((lanes, WIDTH_STEP), np.int32)
        self.layers = [
            tuple(
                tensor.new_zeros((lanes, tensor.shape[1], WIDTH_STEP, tensor.shape[3]))
                for tensor in (layer.keys, layer.values)
            )
            for layer in begin.layers
        ]
        for lane in range(lanes):
            self.put(lane, begin)

    def put(self, lane: int, cache: Any) -> None:
        """Make the context of a cache, computed in one call, the context of a lane."""
        length = cache.layers[0].keys.shape[2]
        for (keys, values), layer in zip(self.layers, cache.layers, strict=True):
            keys[lane, :, :length] = layer.keys[0]
            values[lane, :, :length] = layer.values[0]
        self.lengths[lane] = length

    def group(self, first: int, count: int, width: int, dtype: Any) -> tuple[Any, Any, Any]:
        """Return cache, attention mask and columns to append one token to each of some lanes."""
        rows = slice(first, first + count)
        # The next column must exist on every lane of the group, stepped or not.
        self._widen(max(width, int(self.lengths[rows].max()) + 1))
        width = -(-width // WIDTH_STEP) * WIDTH_STEP
        columns = torch.from_numpy(self.lengths[rows])
        hidden = torch.arange(width) > columns[:, None]
        mask = torch.zeros((count, 1, 1, width), dtype=dtype)
        mask.masked_fill_(hidden[:, None, None], torch.finfo(dtype).min)
        layers = [
            _GroupLayer(keys[rows], values[rows], columns.to(keys.device), width)
            for keys, values in self.layers
        ]
        return Cache(layers=layers), mask, columns

    def _widen(self, width: int) -> None:
        room = self.history.shape[1]
        if width <= room:
            return
        more = -(-width // WIDTH_STEP) * WIDTH_STEP
        more = max(more, room + room // 2 // WIDTH_STEP * WIDTH_STEP) - room
        self.history = np.pad(self.history, ((0, 0), (0, more)))
        pad = torch.nn.functional.pad
        self.layers = [
            tuple(pad(tensor, (0, 0, 0, more)) for tensor in layer) for layer in self.layers
        ]


class _GroupLayer(DynamicLayer):
    """One layer's keys and values on some lanes, each of which appends at its own column."""

    def __init__(self, keys: Any, values: Any, columns: Any, width: int) -> None:
        super().__init__()
        self.keys = keys
        self.values = values
        self.columns = columns
        self.width = width
        self.is_initialized = True

    def update(self, key_states: Any, value_states: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        """Write the new column of each lane; return the columns that the mask covers."""
        lanes = torch.arange(len(self.columns), device=self.columns.device)
        self.keys[lanes, :, self.columns] = key_states[:, :, 0]
        self.values[lanes, :, self.columns] = value_states[:, :, 0]
        return self.keys[:, :, : self.width], self.values[:, :, : self.width]

    def get_seq_length(self, *_: Any) -> int:
        """Return the number of columns before the new one, including masked ones."""
        return self.width - 1


def _difference(step: NDArray[np.float32], whole: NDArray[np.float32]) -> float:
    """Return by how much two rows of logits differ, as a share of the largest; 0 if none count."""
    counts = np.isfinite(step) & np.isfinite(whole)
    if not counts.any():
        return 0.0  # what is wrong with them is found where they are used
    largest = float(np.abs(whole[counts]).max())
    return float(np.abs(step[counts] - whole[counts]).max()) / largest if largest else 0.0
