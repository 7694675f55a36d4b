"""Codebook stage: a window code of 9 to 20 bits as a table, with no model at run time.

A codebook is a dictionary of 2^window_bits byte strings, the empty one and all 256 bytes among
them. An id is a string's place in lexicographic order. Encoding is greedy longest match, or the
parse with the fewest windows; both decode with the same table. ``csrc/codebook.h`` has the tables,
`eqinfo.reference.codebook` states everything in plain Python.

Windows of equal information: arXiv 2404.03626; the code behind `Codebook.from_model` is block
arithmetic coding (Boncelet, IEEE Transactions on Information Theory 39(5), 1993),
`Codebook.optimal` is the prefix-closed relative of Tunstall's dictionary (1967).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook import file as codebook_file
from eqinfo.codebook import fit as codebook_fit
from eqinfo.codebook import from_model as codebook_build
from eqinfo.codebook.file import Align
from eqinfo.common.batch import Documents, TextBatch, TokenBatch, flat_texts
from eqinfo.common.files import atomic_output
from eqinfo.common.text import Text, to_text
from eqinfo.common.tokens import as_unsigned
from eqinfo.errors import ChecksumError, FormatError
from eqinfo.frequency import FREQUENCY_RULE
from eqinfo.models.protocol import Model

Ids: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""uint16, or uint32 for codebooks of more than 16 bits."""
BUNDLED = ("en", "en-dense", "en-4k", "en-dense-4k")
"""Codebooks that come with the package; ``data/NAME.md`` says what each was made of."""
Parse: TypeAlias = Literal["greedy", "shortest"]
"""Where windows end: greedy, the longest match that has an id; shortest, the fewest windows."""


class Codebook:
    """An immutable codebook; threads may share it. Pickles, and compares by `fingerprint`.

    The arrays describe a trie, node by node in depth-first order, which is the lexicographic order
    of the nodes' strings. Ids count the nodes that have one.

    Args:
        depth: uint32, shape (nodes,): the length in bytes of the string of every node; at most 2^21
            nodes.
        symbol: uint8, same shape: its last byte; 0 for node 0, the empty string.
        end: bool, same shape: whether a window can end there, so that the node has an id: node 0,
            all 256 bytes, every leaf, and any others; 2^window_bits in all. By default all nodes:
            a codebook that is closed under prefixes.
        metadata: what the codebook was made of, kept in files.
        align: what is true of the strings; part of the fingerprint.

    Raises:
        TypeError: an array of another dtype.
        ValueError: a number of ids that is not 2^9 to 2^20.
        FormatError: not a sorted dictionary with all 256 bytes, where every leaf has an id; names
            the first wrong node.
    """

    def __init__(
        self,
        depth: NDArray[np.uint32],
        symbol: NDArray[np.uint8],
        end: NDArray[np.bool_] | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        align: Align = "none",
    ) -> None:
        if end is None:
            end = np.ones(np.shape(depth), np.bool_)
        align = codebook_file.as_align(align)
        self._set(depth, symbol, end, align, metadata or {}, lazy=False)

    def _set(
        self,
        depth: NDArray[np.uint32],
        symbol: NDArray[np.uint8],
        end: NDArray[np.bool_],
        align: Align,
        metadata: Mapping[str, str],
        *,
        lazy: bool,
    ) -> None:
        """Set all attributes; with ``lazy`` the trie is built when it pays off."""
        self._depth = _frozen(depth, np.uint32, "depth")
        self._symbol = _frozen(symbol, np.uint8, "symbol")
        self._end = _frozen(end, np.bool_, "end")
        self._native = _core.Codebook(self._depth, self._symbol, self._end, lazy)
        self._lengths = _frozen(self._depth[self._end], np.uint32, "depth")
        self._align = align
        self._metadata = {
            "method": "arrays",
            **metadata,
            **codebook_file.identity(self._depth, self._symbol, self._end, align),
        }

    @classmethod
    def fit(
        cls,
        corpus: Iterable[str | bytes] | str | bytes,
        window_bits: int = 16,
        *,
        align: Align = "none",
        max_length: int = 32,
        rounds: int = 1,
        prefixes: bool = False,
        num_threads: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> Codebook:
        """Make a codebook from text alone, of the strings that the greedy parse needs most.

        More strings than wanted are counted, exactly; then, in rounds, the corpus is parsed with
        all that are left, and those go whose absence costs the fewest windows. ``docs/pipeline.md``
        has the details. Ties: shorter strings stay, then lexicographically lesser ones. Where the
        corpus has too few strings, the shortest, lexicographically first ones fill up.

        Args:
            corpus: one document or many; no string crosses from one into the next. Joined in
                memory, with four bytes more for each of its bytes, or 12 for every start that is
                counted if that is more; words take less.
            window_bits: 9 to 20.
            align: "word": no string crosses the end of a word (`eqinfo.word`), so that the windows
                of a word do not depend on its neighbours.
            max_length: of a string in bytes, 2 (above 16 bits 3) to 255.
            rounds: at least 0. The first count is at every fifth byte; then, so many times, at the
                windows' starts if every string counted had an id. Words are counted once, at every
                byte.
            prefixes: every prefix of a string has an id too, as in the window code of a model:
                nothing is pruned, and four rounds are better than one. Not with align="word".
            num_threads: at least 1, used for pruning. The codebook does not depend on it.
            progress: called with steps done and steps in all, before the first and after each.

        Raises:
            TypeError: a document that is neither str nor bytes.
            ValueError: a parameter out of range, or a lone surrogate in a str.
        """
        nodes = codebook_fit.fit(
            corpus,
            window_bits,
            align,
            max_length=max_length,
            rounds=rounds,
            prefixes=prefixes,
            num_threads=num_threads,
            progress=progress,
        )
        parameters = {"fit_max_length": max_length, "fit_rounds": rounds}
        metadata = {"method": "fit", **{k: str(v) for k, v in parameters.items()}}
        return cls(*nodes, metadata, align=align)

    @classmethod
    def from_model(
        cls, model: Model, window_bits: int = 16, *, precision: int | None = None
    ) -> Codebook:
        """Enumerate the window code of a model: the same ids as encoding with the model itself.

        Args:
            model: predicts bytes; asked for every prefix that owns more than one codeword, by its
                ``logits_at(contexts, lengths)`` where it has that method, else by replaying
                prefixes, 1024 at a time.
            window_bits: 12 to 20.
            precision: of the frequencies in bits, 12 to ``window_bits``; min(16, window_bits) by
                default.

        Raises:
            ModelError: unusable predictions.
            ValueError: a parameter out of range, or a model of something else than bytes.
        """
        precision = min(16, window_bits) if precision is None else precision
        nodes = codebook_build.from_model(model, window_bits, precision)
        return cls(*nodes, metadata=_model_metadata("from_model", model, precision))

    @classmethod
    def optimal(
        cls, model: Model, window_bits: int = 16, *, precision: int | None = None
    ) -> Codebook:
        """Keep the strings that are most probable under a model, all 256 bytes among them.

        Exact: probabilities are products of integer frequencies, rounded down to multiples of
        2^-100. Ties: shorter first, then lexicographic.

        Args:
            model: predicts bytes; asked as in `from_model`, for about as many prefixes as there are
                strings.
            window_bits: 9 to 20.
            precision: of the frequencies in bits, 12 to 24; 16 by default.

        Raises:
            ModelError: unusable predictions.
            ValueError: a parameter out of range, or a model of something else than bytes.
        """
        precision = 16 if precision is None else precision
        nodes = codebook_build.optimal(model, window_bits, precision)
        return cls(*nodes, metadata=_model_metadata("optimal", model, precision))

    @classmethod
    def bundled(cls, name: str) -> Codebook:
        """Return a codebook that comes with the package, loaded once.

        Raises:
            ValueError: no such name; says which there are.
        """
        return _bundled(name)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Codebook:
        """Read what `save` wrote.

        Raises:
            FormatError: truncated, or no codebook file.
            ChecksumError: altered.
            UnsupportedError: of a later version.
            OSError: no such file.
        """
        return cls.from_bytes(codebook_file.read(path), path)

    @classmethod
    def from_bytes(cls, data: bytes, path: str | os.PathLike[str] = "codebook") -> Codebook:
        """Return the codebook of a file's content; ``path`` is for messages. Raises as `load`."""
        return cls._from_file(data, path, lazy=False)

    @classmethod
    def _from_file(cls, data: bytes, path: str | os.PathLike[str], *, lazy: bool) -> Codebook:
        depth, symbol, end, align, metadata = codebook_file.from_bytes(data, path)
        codebook = cls.__new__(cls)
        try:
            codebook._set(depth, symbol, end, align, metadata, lazy=lazy)
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None
        if codebook._metadata != metadata:
            raise ChecksumError(f"{path}: expected {codebook._metadata}, found {metadata}")
        return codebook

    def to_bytes(self) -> bytes:
        """Return the content of the file that `save` writes."""
        return codebook_file.to_bytes(self._depth, self._symbol, self._end, self._metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, atomically; the same codebook gives the same bytes.

        Raises:
            OSError: the file cannot be written; then there is none, or the old one.
        """
        with atomic_output(path) as file:
            file.write(self.to_bytes())

    @property
    def window_bits(self) -> int:
        """Bits of an id."""
        return self._native.window_bits

    @property
    def max_length(self) -> int:
        """Bytes of the longest string."""
        return int(self._depth.max())

    def native_tables(self) -> dict[str, NDArray[np.uint8]]:
        """Return the bytes of the tables for walks and look-ups (``csrc/codebook.h``)."""
        return self._native.tables()

    @property
    def align(self) -> Align:
        """Whether strings cross the ends of words; see `Align`."""
        return self._align

    @property
    def fingerprint(self) -> str:
        """Hash of version, window_bits, all strings and align: 32 hexadecimal digits."""
        return self._metadata["fingerprint"]

    @property
    def metadata(self) -> dict[str, str]:
        """What the codebook is and what it was made of; a copy."""
        return dict(self._metadata)

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """Bytes of every string, by id: uint32, shape (2^window_bits,), read-only."""
        return self._lengths

    @property
    def spare_bits(self) -> NDArray[np.float64]:
        """Information that a window which ends at an id still had room for, in bits, by id.

        That is log2 of the number of strings that begin with the id's own.
        """
        after = np.empty(len(self), np.int64)  # the first id behind those that begin with this one
        open_nodes: list[tuple[int, int]] = []
        count = 0
        for depth, end in zip(self._depth.tolist(), self._end.tolist(), strict=True):
            while open_nodes and open_nodes[-1][0] >= depth:
                after[open_nodes.pop()[1]] = count
            if end:
                open_nodes.append((depth, count))
                count += 1
        after[[index for _, index in open_nodes]] = count
        return np.asarray(np.log2(after - np.arange(len(self))))

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The dtype of ids: uint16, or uint32 above 16 bits."""
        return np.dtype(np.uint16 if self.window_bits <= 16 else np.uint32)

    def __len__(self) -> int:
        """Return the number of strings, 2^window_bits."""
        return len(self._lengths)

    def __getitem__(self, index: int) -> bytes:
        """Return the string of an id.

        Raises:
            IndexError: no such id; there are no negative ones.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"expected an id of 0 to {len(self) - 1}, found {index}")
        return self._native.string(index)

    def encode(self, text: Text, *, parse: Parse = "greedy", num_threads: int = 1) -> Ids:
        """Cut text into windows.

        Args:
            text: any bytes; a str means its UTF-8.
            parse: see `Parse`. The shortest one takes four bytes of memory for a byte of text, and
                about ten times as long; of those with equally many windows it is the one whose
                first window is longest, and so on. One text is one thread's work.
            num_threads: 1 to 256. The ids do not depend on it.

        Returns:
            The ids of the windows, shape (n,), of `dtype`; none for an empty text.

        Raises:
            TypeError: neither str nor bytes-like.
            ValueError: a lone surrogate in a str, or a parameter out of range.
        """
        return self._native.encode(text, _shortest(parse), num_threads)

    def encode_batch(
        self, texts: Documents, *, parse: Parse = "greedy", num_threads: int = 1
    ) -> TokenBatch:
        """`encode` each text.

        Args:
            texts: an iterable of texts, or what `batch.flat_texts` takes.
            parse: as for `encode`.
            num_threads: as for `encode`.

        Raises as `encode` and `batch.flat_texts`.
        """
        shortest = _shortest(parse)
        flat = flat_texts(texts)
        if flat is None:
            return TokenBatch(*self._native.encode_list(texts, shortest, num_threads))
        return TokenBatch(
            *self._native.encode_flat(
                np.ascontiguousarray(flat.data),
                np.ascontiguousarray(flat.offsets),
                shortest,
                num_threads,
            )
        )

    def encode_stream(self, chunks: Iterable[Text], *, num_threads: int = 1) -> Iterator[Ids]:
        """Encode a text that comes in pieces, greedily.

        A chunk gives the ids of the windows that it closes, if any; a window may span chunks. All
        arrays joined are what `encode` makes of the whole text.
        """
        node = 0
        for chunk in chunks:
            ids, node = self._native.encode_part(chunk, node, num_threads)
            if len(ids):
                yield ids
        if node:
            yield self._native.finish(node)

    def decode(self, ids: Ids | Sequence[int], *, num_threads: int = 1) -> str:
        """Return the text of ids.

        Args:
            ids: an array of `dtype` and shape (n,), or a sequence of integers; any slice of a
                text's ids decodes to the windows' own bytes.
            num_threads: 1 to 256.

        Raises:
            TypeError: an array of another dtype (it is refused, not cast), or not integers.
            ValueError: an id out of range; names the first.
            FormatError: bytes that are not UTF-8; use `decode_bytes`.
        """
        return to_text(self.decode_bytes(ids, num_threads=num_threads))

    def decode_bytes(self, ids: Ids | Sequence[int], *, num_threads: int = 1) -> bytes:
        """Return the bytes of ids; see `decode`."""
        return self._native.decode(as_unsigned(ids, self.dtype, len(self), "id"), num_threads)

    def decode_into(self, ids: Ids, room: NDArray[np.uint8]) -> None:
        """Write the bytes of ids to ``room``, uint8 of shape (n,), which they must fill.

        Raises:
            TypeError: ids of another dtype.
            ValueError: an id out of range, or text of another length; nothing is written then.
        """
        self._native.decode_into(ids, room)

    def decode_batch(
        self, batch: Iterable[Ids | Sequence[int]], *, num_threads: int = 1
    ) -> TextBatch:
        """Decode documents: a `TokenBatch`, or arrays or lists of ids.

        Returns:
            A sequence of str; its ``data`` and ``offsets`` are flat.

        Raises as `decode_bytes`.
        """
        documents = TokenBatch.concatenate(batch, self.dtype, len(self))
        return TextBatch(
            *self._native.decode_flat(
                np.ascontiguousarray(documents.tokens),
                np.ascontiguousarray(documents.offsets),
                num_threads,
            )
        )

    def __eq__(self, other: object) -> bool:
        """Whether both have the same strings."""
        if not isinstance(other, Codebook):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        """Return a hash of the fingerprint."""
        return hash(self.fingerprint)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the arrays; the tables are built anew."""
        return _restored, (self._depth, self._symbol, self._end, self._metadata, self._align)

    def __repr__(self) -> str:
        """Return a short description."""
        return (
            f"Codebook(window_bits={self.window_bits}, max_length={self.max_length}, "
            f"align={self._align!r}, method={self._metadata['method']!r}, "
            f"fingerprint={self.fingerprint!r})"
        )


def _restored(
    depth: NDArray[np.uint32],
    symbol: NDArray[np.uint8],
    end: NDArray[np.bool_],
    metadata: Mapping[str, str],
    align: Align,
) -> Codebook:
    return Codebook(depth, symbol, end, metadata, align=align)


def _shortest(parse: Parse) -> bool:
    if parse not in ("greedy", "shortest"):
        raise ValueError(f"expected a parse of 'greedy' or 'shortest', found {parse!r}")
    return parse == "shortest"


@cache
def _bundled(name: str) -> Codebook:
    if name not in BUNDLED:
        raise ValueError(f"expected a bundled codebook among {', '.join(BUNDLED)}, found {name!r}")
    path = Path(__file__).parents[1] / "data" / f"{name}.safetensors"
    return Codebook._from_file(codebook_file.read(path), path, lazy=True)


def _frozen(array: NDArray[Any], dtype: type[np.generic], name: str) -> NDArray[Any]:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"expected {name} of {np.dtype(dtype)}, found {found}")
    copy = np.array(array, order="C")
    copy.setflags(write=False)
    return copy


def _model_metadata(method: str, model: Model, precision: int) -> dict[str, str]:
    return {
        "method": method,
        "precision": str(precision),
        "model": model.fingerprint,
        "frequency_rule": str(FREQUENCY_RULE),
    }
