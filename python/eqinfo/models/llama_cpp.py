"""GGUF files, run by llama.cpp, as models: `LlamaCppModel`."""

from __future__ import annotations

import ctypes
import logging
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.integers import check_integers, check_optional_integers
from eqinfo.errors import ModelError, UnsupportedError
from eqinfo.models.fingerprint import numeric_fingerprint
from eqinfo.models.protocol import FRESH
from eqinfo.models.vocabulary import Vocabulary

try:
    import llama_cpp
except ImportError as error:
    raise UnsupportedError(
        "expected llama-cpp-python, which LlamaCppModel needs: "
        f"install it with pip install eqinfo[llama] ({error})"
    ) from None

DEFAULT_CONTEXT = 2048
# Most tokens per call when a context is recomputed.
_CALL_TOKENS = 64
# llama.cpp rounds the number of positions of a sequence up to a multiple of this.
_CELLS = 256
_MAX_PIECE_BYTES = 1 << 10


class LlamaCppModel:
    """A language model in a GGUF file, run by llama.cpp; its token ids are the symbols.

    Lanes are sequences of one llama.cpp context. Each call has one token of one lane, so that a row
    does not depend on other lanes. When a context reaches ``context_length``, it is recomputed from
    ``begin`` and its last ``context_length // 2`` symbols, then grows again. Codecs take text;
    `Vocabulary` describes how text becomes ids without loss.

    Args:
        path: the GGUF file.
        context_length: the most positions of a context, including ``begin``; each lane takes memory
            for all of them. Default: the model's limit or 2,048, whichever is less.
        begin: the id before the first symbol. Default: the file's begin-of-text id, or else its
            end-of-text id.
        num_threads: threads of llama.cpp. The numbers may depend on it: decode with the value that
            encoded.

    Raises:
        ModelError: llama.cpp cannot read the file.
        OSError: the file cannot be opened.
        TypeError: ``context_length``, ``begin`` or ``num_threads`` is not an integer.
        UnsupportedError: llama-cpp-python is not installed.
        ValueError: ``context_length`` or ``num_threads`` is out of range, ``begin`` is not an id,
            or no ``begin`` is given and the file has none.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        context_length: int | None = None,
        begin: int | None = None,
        num_threads: int = 1,
    ) -> None:
        (num_threads,) = check_integers(num_threads=num_threads)
        context_length, begin = check_optional_integers(context_length=context_length, begin=begin)
        if num_threads < 1:
            raise ValueError(f"expected num_threads of 1 or more, found {num_threads}")
        _quiet()
        with open(path, "rb"):
            pass  # raises OSError with the reason, which llama.cpp does not give
        self._model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), llama_cpp.llama_model_default_params()
        )
        if not self._model:
            raise ModelError(
                f"{path}: expected a GGUF file of a model, found a file that llama.cpp cannot read"
            )
        weakref.finalize(self, llama_cpp.llama_model_free, self._model)
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocab_size: int = llama_cpp.llama_vocab_n_tokens(self._vocab)
        longest: int = llama_cpp.llama_model_n_ctx_train(self._model)
        self.context_length = min(DEFAULT_CONTEXT, longest)
        if context_length is not None:
            if not 4 <= context_length <= longest:
                raise ValueError(
                    f"expected a context_length of 4 to {longest}, the longest of this model, "
                    f"found {context_length}"
                )
            self.context_length = context_length
        self.begin = self._begin(begin)
        self.num_threads = num_threads

    @cached_property
    def fingerprint(self) -> str:
        """The numeric fingerprint, computed on first use."""
        return f"llama.cpp:{numeric_fingerprint(self)}"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The file's tokenizer as a code for bytes."""
        return Vocabulary([self._piece(i) for i in range(self.vocab_size)], self._tokenize)

    def tokenize(self, data: bytes) -> NDArray[np.int32]:
        """Return the ids that stand for any bytes; see `Vocabulary.tokenize`."""
        return self.vocabulary.tokenize(data)

    def detokenize(self, symbols: NDArray[np.int32]) -> bytes:
        """Return the bytes that ids stand for; see `Vocabulary.detokenize`."""
        return self.vocabulary.detokenize(symbols)

    def start(self, batch: int) -> _Sequences:
        """Return a state of ``batch`` empty contexts.

        Raises:
            ModelError: llama.cpp cannot make that many.
        """
        return _Sequences(self, self._model, batch)

    def step(
        self, state: _Sequences, symbols: NDArray[np.int32], lanes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Append the symbols and predict the next ones; see `Model.step`."""
        rows = np.empty((len(lanes), self.vocab_size), np.float32)
        for i, (symbol, lane) in enumerate(zip(symbols.tolist(), lanes.tolist(), strict=True)):
            if symbol == FRESH or not state.begun[lane]:
                state.restart(lane, [])
            if symbol != FRESH and len(state.history[lane]) == self.context_length - 1:
                # The new symbol is one of the `context_length // 2` that are kept.
                kept = state.history[lane][1 - self.context_length // 2 :]
                state.restart(lane, [*kept, symbol])
            elif symbol != FRESH:
                state.append(lane, symbol)
            rows[i] = state.logits()
        return rows

    def reset(self, state: _Sequences, lanes: NDArray[np.int64]) -> None:
        """Empty the contexts of ``lanes``."""
        state.begun[lanes] = False

    def _begin(self, asked: int | None) -> int:
        if asked is None:
            candidates = (
                llama_cpp.llama_vocab_bos(self._vocab),
                llama_cpp.llama_vocab_eos(self._vocab),
            )
            asked = next((id for id in candidates if id >= 0), None)
        if asked is None:
            raise ValueError(
                "expected a begin-of-text or end-of-text id in the file, found none; "
                "pass an id as begin"
            )
        if not 0 <= asked < self.vocab_size:
            raise ValueError(f"expected a begin of 0 to {self.vocab_size - 1}, found {asked}")
        return asked

    def _piece(self, token: int) -> bytes | None:
        buffer = ctypes.create_string_buffer(_MAX_PIECE_BYTES)
        size = llama_cpp.llama_token_to_piece(self._vocab, token, buffer, len(buffer), 0, True)
        return buffer.raw[:size] if size > 0 else None

    def _tokenize(self, text: str) -> list[int]:
        data = text.encode()
        room = len(data) + 2
        tokens = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(self._vocab, data, len(data), tokens, room, False, False)
        return list(tokens[: max(count, 0)])


class _Sequences:
    """A llama.cpp context with one sequence per lane."""

    def __init__(self, owner: LlamaCppModel, model: Any, lanes: int) -> None:
        self.owner = owner  # keeps the weights, which its finalizer frees
        self.history: list[list[int]] = [[] for _ in range(lanes)]
        self.begun = np.zeros(lanes, np.bool_)  # whether the sequence contains `begin`
        parameters = llama_cpp.llama_context_default_params()
        each = -(-owner.context_length // _CELLS) * _CELLS
        parameters.n_ctx = each * lanes
        parameters.n_seq_max = lanes
        parameters.kv_unified = False
        parameters.n_batch = parameters.n_ubatch = _CALL_TOKENS
        parameters.n_threads = parameters.n_threads_batch = owner.num_threads
        self.context = llama_cpp.llama_init_from_model(model, parameters)
        if not self.context:
            raise ModelError(
                f"expected room for {lanes} lanes of {owner.context_length} positions, llama.cpp "
                "found too many lanes or too little memory; give codecs fewer lanes"
            )
        weakref.finalize(self, llama_cpp.llama_free, self.context)
        self.batch = llama_cpp.llama_batch_init(_CALL_TOKENS, 0, 1)
        weakref.finalize(self, llama_cpp.llama_batch_free, self.batch)

    def restart(self, lane: int, symbols: list[int]) -> None:
        """Replace the context of a lane by ``begin`` and the symbols."""
        memory = llama_cpp.llama_get_memory(self.context)
        llama_cpp.llama_memory_seq_rm(memory, lane, -1, -1)
        self._decode(lane, [self.owner.begin, *symbols], 0)
        self.history[lane] = symbols
        self.begun[lane] = True

    def append(self, lane: int, symbol: int) -> None:
        """Append a symbol to the context of a lane."""
        self._decode(lane, [symbol], 1 + len(self.history[lane]))
        self.history[lane].append(symbol)

    def logits(self) -> NDArray[np.float32]:
        """Return the prediction after the last call's last token, valid until the next call."""
        pointer = llama_cpp.llama_get_logits_ith(self.context, -1)
        return np.ctypeslib.as_array(pointer, (self.owner.vocab_size,))

    def _decode(self, lane: int, tokens: list[int], position: int) -> None:
        for first in range(0, len(tokens), _CALL_TOKENS):
            part = tokens[first : first + _CALL_TOKENS]
            self.batch.n_tokens = len(part)
            for i, token in enumerate(part):
                self.batch.token[i] = token
                self.batch.pos[i] = position + first + i
                self.batch.n_seq_id[i] = 1
                self.batch.seq_id[i][0] = lane
                self.batch.logits[i] = i == len(part) - 1
            code = llama_cpp.llama_decode(self.context, self.batch)
            if code != 0:
                raise ModelError(
                    f"lane {lane}: expected llama.cpp to evaluate {len(part)} tokens from position "
                    f"{position + first} on, found that it failed with code {code}"
                )


def _quiet() -> None:
    """Silence llama.cpp's log, unless the application has set the logger's level."""
    logger = logging.getLogger("llama-cpp-python")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
