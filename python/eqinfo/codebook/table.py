"""Codebook stage: a window code of 9 to 20 bits as a table, with no model at run time.

A codebook is a dictionary of 2^window_bits byte strings, which include the empty string and all 256
bytes. The id of a string is its index in lexicographic order. Text is encoded by greedy longest
match, or by the parse with the fewest windows; the same table decodes both. ``csrc/codebook.h``
describes the tables, and `eqinfo.reference.codebook` defines everything in plain Python.

Windows of equal information are from arXiv 2404.03626. `Codebook.from_model` is block arithmetic
coding (Boncelet, IEEE Transactions on Information Theory 39(5), 1993), and `Codebook.optimal` is
the prefix-closed relative of Tunstall's dictionary (1967).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

import eqinfo._core as _core
from eqinfo.codebook import file
from eqinfo.codebook.trie import spare_bits
from eqinfo.common.batch import (
    Documents,
    TextBatch,
    TokenBatch,
    flat_texts,
    numbered_text,
    refuse_several,
)
from eqinfo.common.integers import check_integers
from eqinfo.common.progress import Progress
from eqinfo.common.tensor_file import metadata_of
from eqinfo.common.text import Text, to_bytes, to_text
from eqinfo.common.tokens import AnyTokens, as_unsigned
from eqinfo.errors import ChecksumError, FormatError, ModelMismatchError

if TYPE_CHECKING:
    from eqinfo.codebook.file import Align
    from eqinfo.models.protocol import Model

Ids: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""uint16, or uint32 for codebooks of more than 16 bits; shape (n,)."""
BUNDLED = ("en", "en-dense", "en-4k", "en-dense-4k", "world", "world-18")
"""The codebooks that come with the package; ``data/NAME.md`` says how each was made."""
Parse: TypeAlias = Literal["greedy", "shortest"]
"""Where windows end: "greedy", at the longest match that has an id; "shortest", so that there are
as few windows as possible."""
MOST_IDS = 2**63 - 1
"""More ids than a document can have."""
_SHOWN_STRINGS = 24  # in notebooks


class Codebook:
    """An immutable dictionary of strings that codes text as ids.

    Use `bundled`, `load`, `fit`, `from_model` or `optimal` to get one. Threads may share a
    codebook. It can be pickled, and it compares by `fingerprint`.

    Examples:
        >>> import eqinfo
        >>> codebook = eqinfo.Codebook.bundled("en")
        >>> ids = codebook.encode("It was the best of times.")
        >>> [codebook[id] for id in ids]  # the string that each id stands for
        [b'It', b' was', b' the', b' best', b' of', b' times', b'.']
        >>> codebook.decode(ids)
        'It was the best of times.'
        >>> own = eqinfo.Codebook.fit("It was the best of times. " * 20, window_bits=9)
        >>> len(own)
        512

    The constructor takes a trie, node by node in depth-first order, which is the lexicographic
    order of the nodes' strings. Ids number the nodes that have one, in this order.

    Args:
        depth: uint32, shape (nodes,): the length in bytes of every node's string; at most 2^21
            nodes.
        symbol: uint8, shape (nodes,): the last byte of the string; 0 for node 0, the empty string.
        end: bool, shape (nodes,): whether a window can end at the node, which then has an id. Node
            0, all 256 bytes and every leaf must have one; 2^window_bits nodes in all do. By default
            every node has an id: the codebook is closed under prefixes.
        metadata: how the codebook was made; stored in files.
        align: "word" if no string crosses the end of a word, "phrase" if those that do are whole
            words; part of the fingerprint.

    Raises:
        TypeError: an array of another dtype.
        ValueError: the number of ids is not a power of two from 2^9 to 2^20, or another align.
        FormatError: the arrays are not a sorted dictionary with all 256 bytes where every leaf has
            an id; names the first wrong node.
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
        align = file.as_align(align)
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
        self._encode_short, self._encode_short_as_list = self._native.short_encoders()
        self._lengths = _frozen(self._depth[self._end], np.uint32, "depth")
        self._align = align
        self._metadata = {
            "method": "arrays",
            **metadata,
            **file.identity(self._depth, self._symbol, self._end, align),
        }

    @classmethod
    def fit(
        cls,
        corpus: Documents | str | bytes,
        window_bits: int = 16,
        *,
        align: Align = "none",
        max_length: int = 32,
        rounds: int | None = None,
        prefixes: bool = False,
        phrase_share: float | None = None,
        phrase_words: int | None = None,
        num_threads: int = 1,
        progress: Progress | None = None,
    ) -> Codebook:
        """Make a codebook from text alone, with the strings that the greedy parse needs most.

        More strings than wanted are counted, exactly. Then, in rounds, the corpus is parsed with
        the strings that are left, and those whose absence costs the fewest windows are dropped.
        Ties keep the shorter string, then the lexicographically smaller one. If the corpus has too
        few strings, the shortest and lexicographically first others fill the codebook.
        ``docs/pipeline.md`` has the details.

        Args:
            corpus: one document or many, as `encode_batch` takes them; no string crosses from one
                document into the next. It is concatenated in memory, with four more bytes per byte
                of text, or 12 bytes per counted position if that is more; with align="word" less,
                with align="phrase" about 16 per word more.
            window_bits: bits of an id, 9 to 20.
            align: "word" if no string may cross the end of a word (`eqinfo.word`). Then the windows
                of a word do not depend on its neighbours. "phrase" if strings that do must be
                sequences of whole words, as they occur in the corpus.
            max_length: the longest string in bytes, 2 to 255; at least 3 above 16 bits.
            rounds: number of recounts, at least 0, by default 1. The first count takes every fifth
                byte as a start; a recount takes the starts of the windows that the strings so far
                would give. Only with align="none": words are counted once, at every byte.
            prefixes: whether every prefix of a string has an id too, as in the window code of a
                model. Then nothing is pruned, and four rounds are better than one. Only with
                align="none".
            phrase_share: the share of the ids that are phrases, only with align="phrase"; by
                default 0.5. The other strings lie within words.
            phrase_words: the most words of a phrase, at least 2, only with align="phrase"; by
                default 5.
            num_threads: threads for pruning, at least 1. The codebook does not depend on it.
            progress: called as ``progress(done, total)`` before the first step and after each.

        Raises:
            TypeError: a document that is neither str nor bytes.
            ValueError: a parameter out of range, a lone surrogate in a str, or a corpus with too
                few phrases.
        """
        from eqinfo.codebook import fit, phrases

        nodes = fit.fit(
            corpus,
            window_bits,
            align,
            max_length=max_length,
            rounds=rounds,
            prefixes=prefixes,
            phrase_share=phrase_share,
            phrase_words=phrase_words,
            num_threads=num_threads,
            progress=progress,
        )
        parameters: dict[str, float] = {
            "fit_max_length": max_length,
            "fit_rounds": fit.DEFAULT_ROUNDS if rounds is None else rounds,
        }
        if align == "phrase":
            parameters |= {
                "fit_phrase_share": phrases.DEFAULT_SHARE if phrase_share is None else phrase_share,
                "fit_phrase_words": (
                    phrases.DEFAULT_MOST_WORDS if phrase_words is None else phrase_words
                ),
            }
        metadata = {"method": "fit", **{k: str(v) for k, v in parameters.items()}}
        return cls(*nodes, metadata, align=align)

    @classmethod
    def from_model(
        cls, model: Model, window_bits: int = 16, *, precision: int | None = None
    ) -> Codebook:
        """Enumerate the window code of a model: ids are those of encoding with the model itself.

        Args:
            model: a model over the 256 bytes. It is called for every prefix that owns more than one
                codeword, 1024 prefixes at a time: by its ``logits_at(contexts, lengths)`` if it has
                that method, or else by replaying the prefixes.
            window_bits: bits of an id, 12 to 20.
            precision: bits of the frequencies, 12 to ``window_bits``; by default 16, or
                ``window_bits`` if that is less.

        Raises:
            ModelError: unusable predictions.
            TypeError: not a model.
            ValueError: a parameter out of range, or a model of another alphabet.
        """
        from eqinfo.codebook import from_model

        (window_bits,) = check_integers(window_bits=window_bits)
        precision = min(16, window_bits) if precision is None else precision
        nodes = from_model.from_model(model, window_bits, precision)
        return cls(*nodes, metadata=_model_metadata("from_model", model, precision))

    @classmethod
    def optimal(
        cls, model: Model, window_bits: int = 16, *, precision: int | None = None
    ) -> Codebook:
        """Take all 256 bytes and the strings that are most probable under a model.

        The choice is exact: probabilities are products of integer frequencies, rounded down to
        multiples of 2^-100. Ties prefer the shorter string, then the lexicographically smaller one.

        Args:
            model: a model over the 256 bytes, called as in `from_model` for about as many prefixes
                as there are strings.
            window_bits: bits of an id, 9 to 20.
            precision: bits of the frequencies, 12 to 24; 16 by default.

        Raises:
            ModelError: unusable predictions.
            TypeError: not a model.
            ValueError: a parameter out of range, or a model of another alphabet.
        """
        from eqinfo.codebook import from_model

        precision = 16 if precision is None else precision
        nodes = from_model.optimal(model, window_bits, precision)
        return cls(*nodes, metadata=_model_metadata("optimal", model, precision))

    @classmethod
    def bundled(cls, name: str) -> Codebook:
        """Return a codebook that comes with the package; see `BUNDLED`. It is loaded only once.

        Raises:
            ValueError: no such name; lists the names.
        """
        return _bundled(name)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Codebook:
        """Read what `save` wrote.

        Raises:
            FormatError: truncated, or not a codebook file.
            ChecksumError: the file has been altered.
            NewerVersionError: a later version of the format.
            OSError: the file cannot be read.
        """
        try:
            data = file.KIND.read(path)
        except FileNotFoundError as error:
            if path not in BUNDLED:
                raise
            raise FileNotFoundError(
                error.errno, f"{error.strerror}; did you mean Codebook.bundled({path!r})?", path
            ) from None
        return cls.from_bytes(data, path)

    @classmethod
    def from_bytes(cls, data: bytes, path: str | os.PathLike[str] = "codebook") -> Codebook:
        """Return the codebook in a file's bytes; ``path`` is for messages. Raises as `load`."""
        return cls._from_file(data, path, lazy=False)

    @classmethod
    def _from_file(cls, data: bytes, path: str | os.PathLike[str], *, lazy: bool) -> Codebook:
        depth, symbol, end, align, metadata = file.from_bytes(data, path)
        codebook = cls.__new__(cls)
        try:
            codebook._set(depth, symbol, end, align, metadata, lazy=lazy)
        except ValueError as error:
            raise FormatError(f"{path}: {error}") from None
        if codebook._metadata != metadata:
            raise ChecksumError(f"{path}: expected {codebook._metadata}, found {metadata}")
        return codebook

    def to_bytes(self) -> bytes:
        """Return the bytes of the file that `save` writes."""
        return file.to_bytes(self._depth, self._symbol, self._end, self._metadata)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a safetensors file, atomically; the same codebook gives the same bytes.

        Raises:
            OSError: the file cannot be written; an existing one is left as it was.
        """
        from eqinfo.common.files import atomic_output

        with atomic_output(path) as output:
            output.write(self.to_bytes())

    @property
    def window_bits(self) -> int:
        """Bits of an id."""
        return self._native.window_bits

    @property
    def max_length(self) -> int:
        """Bytes of the longest string."""
        return int(self._metadata["max_length"])

    @property
    def native(self) -> _core.Codebook:
        """The codebook of the compiled module, for other stages."""
        return self._native

    def native_tables(self) -> dict[str, NDArray[np.uint8]]:
        """Return the tables for encoding and decoding as bytes, by name (``csrc/codebook.h``)."""
        return self._native.tables()

    @property
    def align(self) -> Align:
        """How strings end, "none", "word" or "phrase"; see `fit`."""
        return self._align

    @property
    def fingerprint(self) -> str:
        """Hash of version, window_bits, align and all strings: 32 hexadecimal digits."""
        return self._metadata["fingerprint"]

    @property
    def metadata(self) -> dict[str, str]:
        """What the codebook is and how it was made; a copy."""
        return dict(self._metadata)

    @property
    def lengths(self) -> NDArray[np.uint32]:
        """The length in bytes of every string, by id: uint32, shape (2^window_bits,), read-only."""
        return self._lengths

    @property
    def spare_bits(self) -> NDArray[np.float64]:
        """Bits of information that a window has left when it ends at an id: float64, by id.

        That is log2 of the number of strings that begin with the id's own string.
        """
        return spare_bits(self._depth, self._end)

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
            IndexError: no such id; negative ones do not count from the end.
            TypeError: not an integer.
        """
        check_integers(id=index)
        if not 0 <= index < len(self):
            raise IndexError(f"expected an id of 0 to {len(self) - 1}, found {index}")
        return self._native.string(index)

    def __contains__(self, text: Text) -> bool:
        """Return whether a string has an id: ``b"the" in codebook``; a str stands for its UTF-8.

        The id itself is what `encode` returns for such a string (for the empty one, it is 0).

        Raises:
            TypeError: neither str nor bytes-like.
            ValueError: a lone surrogate in a str.
        """
        data = to_bytes(text)
        # The longest match takes the whole of a string that has an id.
        return len(data) <= self.max_length and len(self.encode(data)) <= 1

    def encode(self, text: Text, *, parse: Parse = "greedy", num_threads: int = 1) -> Ids:
        """Return the ids of a text, one per window.

        Args:
            text: any bytes; a str is encoded as UTF-8.
            parse: "greedy" takes the longest string every time. "shortest" gives the fewest
                windows; among such parses it takes the one with the longest first window, then the
                longest second one, and so on. It needs four bytes of memory per byte of text, takes
                about ten times as long, and uses one thread per text.
            num_threads: 1 to 256. The ids do not depend on it.

        Returns:
            An array of `dtype`, shape (windows,); empty for an empty text.

        Raises:
            TypeError: neither str nor bytes-like.
            ValueError: a lone surrogate in a str, or a parameter out of range.
        """
        if parse == "greedy" and num_threads == 1:
            ids = self._encode_short(text)
            if ids is not None:
                return ids
        try:
            return self._native.encode(text, parse != "greedy" and _shortest(parse), num_threads)
        except TypeError:
            refuse_several(text)
            to_bytes(text)
            check_integers(num_threads=num_threads)
            raise

    def encode_as_list(self, text: Text, *, num_threads: int = 1) -> list[int]:
        """Return ``encode(text).tolist()`` in less time: the integers are shared between lists."""
        if num_threads == 1:
            ids = self._encode_short_as_list(text)
            if ids is not None:
                return ids
        array = self.encode(text, num_threads=num_threads)
        return self.lists(TokenBatch(array, np.array([0, len(array)])))[0]

    def encode_batch(
        self, texts: Documents, *, parse: Parse = "greedy", num_threads: int = 1
    ) -> TokenBatch:
        """Encode many texts; each gets the ids that `encode` gives it.

        Args:
            texts: an iterable of texts, or what `eqinfo.common.batch.flat_texts` accepts.
            parse: as for `encode`.
            num_threads: as for `encode`.

        Raises:
            TypeError, ValueError, UnsupportedError: as `encode` and `flat_texts`.
        """
        shortest = _shortest(parse)
        check_integers(num_threads=num_threads)
        flat = flat_texts(texts)
        if flat is None:
            with numbered_text(texts):
                return TokenBatch(*self._native.encode_list(texts, shortest, num_threads))
        return TokenBatch(
            *self._native.encode_flat(
                np.ascontiguousarray(flat.data),
                np.ascontiguousarray(flat.offsets),
                shortest,
                num_threads,
            )
        )

    def lists(self, batch: TokenBatch, most: int = MOST_IDS) -> list[list[int]]:
        """Return the ids of each document as a list; the integers are shared between lists.

        Args:
            batch: the documents, of uint16 or uint32.
            most: the first so many ids of each document, at least 0; by default all.

        Raises:
            TypeError: tokens that are neither uint16 nor uint32.
            ValueError: ``most`` is negative.
        """
        return self._native.lists(
            np.ascontiguousarray(batch.tokens), np.ascontiguousarray(batch.offsets), most
        )

    def encode_stream(self, chunks: Iterable[Text], *, num_threads: int = 1) -> Iterator[Ids]:
        """Encode a text that arrives in chunks, with the greedy parse.

        Each array has the ids of the windows that a chunk completes; a window may span chunks. The
        concatenated arrays are what `encode` returns for the whole text.
        """
        node = 0
        check_integers(num_threads=num_threads)
        for chunk in chunks:
            ids, node = self._native.encode_part(chunk, node, num_threads)
            if len(ids):
                yield ids
        if node:
            yield self._native.finish(node)

    def decode(self, ids: AnyTokens, *, num_threads: int = 1) -> str:
        """Return the text of ids.

        Args:
            ids: an array of `dtype` or of signed integers, shape (n,), or a sequence of integers.
                Any slice of a text's ids decodes to the bytes of its own windows.
            num_threads: 1 to 256. The text does not depend on it.

        Raises:
            TypeError: an array of another unsigned dtype, or values that are not integers.
            ValueError: an id out of range; names the first.
            FormatError: the bytes are not UTF-8; use `decode_bytes`.
        """
        return to_text(self.decode_bytes(ids, num_threads=num_threads))

    def decode_bytes(self, ids: AnyTokens, *, num_threads: int = 1) -> bytes:
        """Return the bytes of ids; see `decode`."""
        check_integers(num_threads=num_threads)
        return self._native.decode(as_unsigned(ids, self.dtype, len(self), "id"), num_threads)

    def decode_into(self, ids: Ids, room: NDArray[np.uint8]) -> None:
        """Write the bytes of ids to an array that they must fill exactly.

        Args:
            ids: an array of `dtype`, shape (n,).
            room: uint8, shape (bytes,), writable.

        Raises:
            TypeError: ids of another dtype.
            ValueError: an id out of range, or strings of another total length; nothing is written.
        """
        self._native.decode_into(ids, room)

    def decode_batch(self, batch: Iterable[AnyTokens], *, num_threads: int = 1) -> TextBatch:
        """Decode many documents: a `TokenBatch`, or arrays or lists of ids.

        Returns:
            A sequence of str, with the bytes of all documents in one array.

        Raises:
            TypeError, ValueError: as `decode_bytes`.
        """
        check_integers(num_threads=num_threads)
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
        """Pickle the arrays, or the name of a bundled codebook; the tables are built again."""
        name = bundled_name(self)
        if name is not None and _bundled(name)._metadata == self._metadata:
            return _restored_by_name, (name, self.fingerprint)
        return _restored, (self._depth, self._symbol, self._end, self._metadata, self._align)

    def __repr__(self) -> str:
        """Return a short description."""
        return (
            f"Codebook(window_bits={self.window_bits}, max_length={self.max_length}, "
            f"align={self._align!r}, method={self._metadata['method']!r}, "
            f"fingerprint={self.fingerprint!r})"
        )

    def _repr_html_(self) -> str:
        """Return a table of properties and strings from all over the codebook, for notebooks."""
        from eqinfo.common.display import shown_pieces, table_as_html, windows_as_html

        properties = [
            ("strings", f"{len(self):,}"),
            ("bits per window", str(self.window_bits)),
            ("longest string", f"{self.max_length} bytes"),
            ("mean length", f"{self.lengths.mean():.2f} bytes"),
            ("align", self._align),
            ("method", self._metadata["method"]),
            ("fingerprint", self.fingerprint),
        ]
        ids = [len(self) * (2 * i + 1) // (2 * _SHOWN_STRINGS) for i in range(_SHOWN_STRINGS)]
        strings = [self[index] for index in ids]
        pieces = shown_pieces(b"".join(strings), np.cumsum([len(s) for s in strings]).tolist())
        return table_as_html(("property", "value"), properties) + windows_as_html(
            pieces, [f"id {index}" for index in ids]
        )


def _restored(
    depth: NDArray[np.uint32],
    symbol: NDArray[np.uint8],
    end: NDArray[np.bool_],
    metadata: Mapping[str, str],
    align: Align,
) -> Codebook:
    return Codebook(depth, symbol, end, metadata, align=align)


def _restored_by_name(name: str, fingerprint: str) -> Codebook:
    codebook = _bundled(name)
    if codebook.fingerprint != fingerprint:
        raise ModelMismatchError(
            f"expected the bundled codebook {name!r} with the fingerprint {fingerprint}, found "
            f"{codebook.fingerprint}; unpickle it with the version of eqinfo that pickled it"
        )
    return codebook


def _shortest(parse: Parse) -> bool:
    if parse not in ("greedy", "shortest"):
        raise ValueError(f"expected a parse of 'greedy' or 'shortest', found {parse!r}")
    return parse == "shortest"


@cache
def _bundled(name: str) -> Codebook:
    if name not in BUNDLED:
        raise ValueError(
            f"expected a bundled codebook among {', '.join(BUNDLED)}, found {name!r}; use "
            "Codebook.load(...) for a file"
        )
    path = _bundled_path(name)
    return Codebook._from_file(file.KIND.read(path), path, lazy=True)


def _bundled_path(name: str) -> Path:
    return Path(__file__).parents[1] / "data" / f"{name}.safetensors"


@cache
def bundled_fingerprint(name: str) -> str:
    """Return the fingerprint of a bundled codebook, which is not loaded for that."""
    return metadata_of(_bundled_path(name))["fingerprint"]


def codebook_of(codebook: Codebook | str) -> Codebook:
    """Return a codebook that was given itself, or by the name of a bundled one.

    Raises:
        TypeError: neither.
        ValueError: no such name.
    """
    if isinstance(codebook, str):
        return Codebook.bundled(codebook)
    if not isinstance(codebook, Codebook):
        raise TypeError(
            "expected a Codebook or the name of a bundled one, found "
            f"{type(codebook).__name__}; use Codebook.load(...) for a file, "
            "Codebook.from_model(...) for a model"
        )
    return codebook


def bundled_name(codebook: Codebook) -> str | None:
    """Return the name of a bundled codebook, or None for any other."""
    names = (name for name in BUNDLED if bundled_fingerprint(name) == codebook.fingerprint)
    return next(names, None)


def _frozen(array: NDArray[Any], dtype: type[np.generic], name: str) -> NDArray[Any]:
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        found = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(f"expected {name} of {np.dtype(dtype)}, found {found}")
    copy = np.array(array, order="C")
    copy.setflags(write=False)
    return copy


def _model_metadata(method: str, model: Model, precision: int) -> dict[str, str]:
    from eqinfo.frequency import FREQUENCY_RULE

    return {
        "method": method,
        "precision": str(precision),
        "model": model.fingerprint,
        "frequency_rule": str(FREQUENCY_RULE),
    }
