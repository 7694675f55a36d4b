"""`EqinfoTokenizer`: a codebook as a tokenizer of the ``transformers`` library.

Its backend is the exported tokenizer (`eqinfo.tokenizer.export`), which can do everything. Calls
with single texts, which take most of the time, use the native codebook instead, with the same
result.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast

import numpy as np
import transformers.models.auto.tokenization_auto as tokenization_auto
from numpy.typing import NDArray
from transformers import AutoTokenizer, BatchEncoding, PreTrainedConfig, PreTrainedTokenizerFast

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook.sizes import MAX_CODEBOOK_BITS, MIN_CODEBOOK_BITS
from eqinfo.codebook.table import Codebook, codebook_of
from eqinfo.common.arrow import is_arrow
from eqinfo.common.batch import flat_texts
from eqinfo.common.byte_alphabet import spell
from eqinfo.common.files import atomic_output
from eqinfo.common.integers import check_integers
from eqinfo.common.named import named
from eqinfo.common.tokens import AnyTokens
from eqinfo.errors import FormatError, ModelMismatchError
from eqinfo.tokenizer.arrow_call import encode_column
from eqinfo.tokenizer.backend import Backend
from eqinfo.tokenizer.batch_encoding import NativeBatchEncoding
from eqinfo.tokenizer.encoded_text import AddedTokens
from eqinfo.tokenizer.export import (
    MAX_PREFIXES,
    strings_of,
    vocabulary_tokenizer,
)
from eqinfo.tokenizer.native_call import NativeCall
from eqinfo.tokenizer.plain_call import PlainCalls, plain_call
from eqinfo.tokenizer.special import END_OF_TEXT, as_ids, decode_documents, flat_ids
from eqinfo.tokenizer.words import number_words
from tokenizers import AddedToken, Tokenizer

CODEBOOK_FILE = "codebook.safetensors"
CLASS_KEY = "eqinfo_tokenizer_class"
"""What ``tokenizer_config.json`` calls the class that loads the files natively."""
SETTINGS = (
    "native",
    "num_threads",
    "model_max_length",
    "padding_side",
    "truncation_side",
    "model_input_names",
    "clean_up_tokenization_spaces",
    "split_special_tokens",
    "chat_template",
)
"""What `EqinfoTokenizer.train_new_from_iterator` takes over, beside special tokens."""


def from_codebook(
    codebook: Codebook | str = DEFAULT_CODEBOOK,
    *,
    end_of_text: str = END_OF_TEXT,
    **options: Any,
) -> EqinfoTokenizer:
    """Return a tokenizer with the ids of a codebook.

    Args:
        codebook: a codebook, or the name of a bundled one.
        end_of_text: how id 0 is written, which marks the end of a document, and padding.
        options: options of `EqinfoTokenizer` and of ``PreTrainedTokenizerFast``, such as
            ``padding_side``, ``model_max_length``, ``add_eos_token``, ``extra_special_tokens``.

    Raises:
        TypeError, ValueError, UnsupportedError: as for `export_tokenizer`.
    """
    codebook = codebook_of(codebook)
    special = {"eos_token": end_of_text, "pad_token": end_of_text}
    return EqinfoTokenizer(codebook=codebook, end_of_text=end_of_text, **{**special, **options})


class EqinfoTokenizer(PreTrainedTokenizerFast):
    """A tokenizer with the ids of a codebook; made by `from_codebook` or ``from_pretrained``.

    Ids below 2^window_bits are the codebook's; added tokens come after them. Threads may share a
    tokenizer while none of them changes its tokens or settings.

    Args:
        codebook: the codebook that the backend was exported from. If neither ``tokenizer_object``
            nor ``tokenizer_file`` is given, the backend is exported from it when it is needed,
            which native calls do not.
        codebook_file: the file to load the codebook from, if it is not given.
        native: whether the native codebook encodes and decodes. Otherwise the backend does, with
            the same ids. Saved with the tokenizer.
        num_threads: threads of the native codebook; an attribute that can be changed, and is not
            saved. The ids do not depend on it.
        end_of_text: how id 0 is written, in a backend that is exported here.
        options: options of ``PreTrainedTokenizerFast``.

    Raises:
        FormatError: there is neither a codebook nor a file, or the file is damaged.
        ModelMismatchError: the backend was exported from another codebook.
    """

    vocab_files_names: ClassVar[dict[str, str]] = {
        "tokenizer_file": "tokenizer.json",
        "codebook_file": CODEBOOK_FILE,
    }
    model_input_names: ClassVar[list[str]] = ["input_ids", "attention_mask"]
    _held: Backend

    def __init__(
        self,
        *,
        codebook: Codebook | None = None,
        codebook_file: str | None = None,
        native: bool = True,
        num_threads: int = 1,
        end_of_text: str = END_OF_TEXT,
        **options: Any,
    ) -> None:
        if codebook is None:
            if codebook_file is None or not os.path.isfile(codebook_file):
                raise FormatError(
                    f"expected {CODEBOOK_FILE} beside tokenizer.json, found none; give codebook=, "
                    "or load tokenizer.json with PreTrainedTokenizerFast"
                )
            codebook = Codebook.load(codebook_file)
        self.codebook = codebook
        self.native = native
        self.num_threads = num_threads
        is_exported = not (options.get("tokenizer_object") or options.get("tokenizer_file"))
        if is_exported:
            backend = vocabulary_tokenizer(strings_of(codebook), end_of_text)
            options = {**options, "tokenizer_object": backend}
        super().__init__(native=native, **options)
        if not is_exported:
            self._check_vocabulary()
        else:
            self._held = Backend(self._backend, codebook)
            if int(codebook.lengths.max()) >= MAX_PREFIXES:
                self._held.whole()  # which may fail

    @property
    def _backend(self) -> Tokenizer:
        """The backend, which may not cut texts into tokens yet."""
        return self._held.tokenizer

    @property
    def _tokenizer(self) -> Tokenizer:
        """The backend, by the name that ``transformers`` calls it, complete for any use."""
        return self._held.whole()

    @_tokenizer.setter
    def _tokenizer(self, backend: Tokenizer) -> None:
        self._held = Backend(backend)

    def _convert_token_to_id_with_added_voc(self, token: str) -> int:
        # As in transformers, but without completing the backend.
        found = self._backend.token_to_id(token)
        index: int = self.unk_token_id if found is None else found
        return index

    def __len__(self) -> int:
        """Return the number of ids, those of added tokens included."""
        return int(self._backend.get_vocab_size(with_added_tokens=True))

    @classmethod
    def convert_to_native_format(cls, **options: Any) -> dict[str, Any]:
        """Let the backend load ``tokenizer.json`` as it is."""
        return options

    def _check_vocabulary(self) -> None:
        vocabulary = self._backend.get_vocab(with_added_tokens=False)
        size = len(self.codebook)
        if len(vocabulary) != size:
            raise ModelMismatchError(
                f"expected a tokenizer.json of {size} tokens, as the codebook has, "
                f"found {len(vocabulary)}; use the codebook that it was exported from"
            )
        for index in range(1, size):
            if vocabulary.get(token := spell(self.codebook[index])) != index:
                raise ModelMismatchError(
                    f"expected the token {token!r} of the codebook to have id {index} in "
                    f"tokenizer.json, found {vocabulary.get(token)}; use the codebook that it was "
                    "exported from"
                )

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The tokenizer of the ``tokenizers`` library, to read or to change."""
        return self._held.share()

    @property
    def added(self) -> AddedTokens:
        """The added tokens, special ones included.

        They are looked up again when tokens are added, here or to a `backend_tokenizer` that was
        handed out before.
        """
        return self._held.added

    def plain_calls(self) -> PlainCalls | None:
        """Return what calls with nothing but texts need, or None if there are no such calls."""
        return self._held.plain_calls(self.codebook)

    @property
    def vocab_size(self) -> int:
        """The number of ids without those of added tokens."""
        return len(self.codebook)

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The added tokens by id."""
        tokens: dict[int, AddedToken] = self._backend.get_added_tokens_decoder()
        return tokens

    def _add_tokens(self, new_tokens: Sequence[Any], special_tokens: bool = False) -> int:
        """Add tokens.

        Raises:
            ValueError: a token spells other bytes in the byte alphabet, whose id the backend would
                give it.
        """
        for token in map(str, new_tokens):
            index = self._backend.token_to_id(token)
            if index and index < len(self.codebook) and self.codebook[index] != token.encode():
                raise ValueError(
                    f"expected a token that does not spell other bytes in the byte alphabet, found "
                    f"{token!r}, which spells {self.codebook[index]!r}, id {index}"
                )
        add = self._backend.add_special_tokens if special_tokens else self._backend.add_tokens
        count: int = add([*new_tokens])
        self._held.forget()
        return count

    def train_new_from_iterator(
        self,
        text_iterator: Iterable[str | Sequence[str]],
        vocab_size: int,
        length: int | None = None,
        new_special_tokens: Sequence[str | AddedToken] | None = None,
        special_tokens_map: Mapping[str, str] | None = None,
        **options: Any,
    ) -> EqinfoTokenizer:
        """Return a tokenizer of a new codebook, made by `Codebook.fit`, with the same settings.

        It has the special tokens of this one, but not its other added tokens.

        Args:
            text_iterator: texts, or lists of texts.
            vocab_size: the codebook has as many strings as the largest power of two up to this, at
                most 2^20; 512 or more. The special tokens come on top.
            length: ignored.
            new_special_tokens: special tokens to add.
            special_tokens_map: new names of special tokens by their present names.
            options: options of `Codebook.fit`, such as ``max_length`` or ``num_threads``; by
                default ``align`` is that of the present codebook.

        Raises:
            TypeError: a vocab_size that is not an integer, or as for `Codebook.fit`.
            ValueError: a vocab_size below 512, or as for `Codebook.fit`.
        """
        (vocab_size,) = check_integers(vocab_size=vocab_size)
        if vocab_size < 2**MIN_CODEBOOK_BITS:
            raise ValueError(
                f"expected a vocab_size of at least {2**MIN_CODEBOOK_BITS}, the size of the "
                f"smallest codebook, found {vocab_size}"
            )
        window_bits = min(vocab_size.bit_length() - 1, MAX_CODEBOOK_BITS)
        texts = (
            text
            for batch in text_iterator
            for text in ([batch] if isinstance(batch, str | bytes) else batch)
        )
        codebook = Codebook.fit(texts, window_bits, **{"align": self.codebook.align, **options})
        names = special_tokens_map or {}
        added = self._backend.get_added_tokens_decoder()
        special = [_renamed(added[index], names) for index in sorted(added) if added[index].special]
        tokenizer = from_codebook(
            codebook,
            end_of_text=names.get(added[0].content, added[0].content),
            eos_token=None,
            pad_token=None,
            **{name: getattr(self, name) for name in SETTINGS},
        )
        tokenizer.add_tokens([*special, *(new_special_tokens or ())], special_tokens=True)
        for name, token in self.special_tokens_map.items():
            setattr(tokenizer, name, names.get(str(token), str(token)))
        extra = [names.get(str(token), str(token)) for token in self.extra_special_tokens]
        tokenizer.extra_special_tokens = [*extra, *map(str, new_special_tokens or ())]
        tokenizer.add_bos_token = self.add_bos_token
        tokenizer.add_eos_token = self.add_eos_token
        return tokenizer

    def _save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        file_names: tuple[str, ...],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
    ) -> tuple[str, ...]:
        _name_plain_class(file_names[0])
        saved = super()._save_pretrained(save_directory, file_names, legacy_format, filename_prefix)
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        path = os.path.join(save_directory, prefix + CODEBOOK_FILE)
        self.codebook.save(path)
        return (*saved, path)

    def __call__(self, *arguments: Any, **options: Any) -> BatchEncoding:
        """Encode a text or several; arguments are those of ``transformers``."""
        if self.native and len(arguments) == 1:
            batch = plain_call(self, arguments[0], options)
            if batch is not None:
                return batch
        return super().__call__(*arguments, **options)

    def encode_arrow(self, table: Any, column: str = "text") -> Any:
        """Encode a column of an Arrow table, for ``datasets.map`` without lists.

        For example ``data.with_format("arrow").map(tokenizer.encode_arrow, batched=True)``.

        Args:
            table: a ``pyarrow.Table``.
            column: the name of a column of strings.

        Returns:
            A ``pyarrow.Table`` of one column, ``input_ids``: lists of int32, those of
            ``tokenizer(texts).input_ids``.

        Raises:
            KeyError: there is no such column.
            TypeError: not a ``pyarrow.Table``, or a column that is not one of strings.
            ValueError: a null; names the row.
        """
        import pyarrow as pa

        if not isinstance(table, pa.Table):
            raise TypeError(
                f"expected a pyarrow.Table, found {type(table).__name__}; use "
                'data.with_format("arrow").map(...)'
            )
        if column not in table.column_names:
            raise KeyError(
                f"expected a column {column!r}, found {', '.join(map(repr, table.column_names))}; "
                "name it with column= (fn_kwargs= of map)"
            )
        ids = encode_column(
            table[column],
            self.plain_calls() if self.native else None,
            lambda texts: self(texts, return_attention_mask=False)["input_ids"],
            self.num_threads,
        )
        return pa.table({"input_ids": ids})

    def _encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Encode texts; calls of every kind end here."""
        text, text_pair = _as_list(text), _as_list(text_pair)
        batched = isinstance(text, list | tuple)
        texts = list(text) if batched else [text]
        single = text_pair is None or (not batched and text_pair == "")
        call = NativeCall.of(self, texts, options) if self.native and single else None
        if call is None:
            try:
                batch = super()._encode_plus(texts if batched else text, text_pair, **options)
            except (TypeError, ValueError):
                _refuse_others(texts if batched else ())
                raise
            return self._with_words(batch, texts, text_pair, options)
        tensors = options.get("return_tensors")
        data = call.fields(as_lists=not tensors)
        if max(map(len, data["input_ids"]), default=0) > self.model_max_length:
            for ids in data["input_ids"]:
                self._eventual_warn_about_too_long_sequence(
                    ids, options.get("max_length"), options.get("verbose", True)
                )
        if not (batched or tensors or options.get("return_overflowing_tokens")):
            data = {name: v[0] if isinstance(v[0], list) else v for name, v in data.items()}
        return NativeBatchEncoding(data, call.encodings, tensors)

    def _with_words(
        self,
        batch: BatchEncoding,
        texts: Sequence[Any],
        text_pair: Any,
        options: Mapping[str, Any],
    ) -> BatchEncoding:
        """Return a batch of the backend whose ``word_ids`` number words."""
        if batch.encodings is None or options.get("is_split_into_words"):
            return batch
        if text_pair:
            pairs = [text_pair] if isinstance(text_pair, str) else text_pair
            texts = [*zip(texts, pairs, strict=True)]
        encodings = partial(
            number_words,
            batch.encodings,
            texts,
            self.added.contents,
            with_overflow=bool(options.get("return_overflowing_tokens")),
        )
        return NativeBatchEncoding(batch.data, encodings, n_sequences=batch.n_sequences)

    def decode_bytes(self, ids: AnyTokens, *, skip_special_tokens: bool = False) -> bytes:
        """Return the bytes of ids; those of an added token are its UTF-8.

        Args:
            ids: integers, shape (n,).
            skip_special_tokens: whether to leave out special tokens.

        Raises:
            TypeError: the ids are not integers.
            ValueError: the tokenizer does not have one of the ids, of which the message names the
                first; or they are nested.
        """
        array = as_ids(ids)
        if skip_special_tokens:
            array = array[~self.added.are_special(array)]
        offsets = np.array([0, len(array)], np.int64)
        return decode_documents(self.codebook, self.added.contents, array, offsets)[0]

    def drop_unknown(self, ids: AnyTokens) -> NDArray[np.int64]:
        """Return ids without those that no token has, as ``decode`` and `DecodeStream` read them.

        Models give such ids if their embedding has more rows than the tokenizer has tokens.

        Args:
            ids: integers, shape (n,).

        Raises:
            TypeError: the ids are not integers.
            ValueError: an id is negative, as the -100 of labels is, and the message names the
                first; or they are nested.
        """
        array = as_ids(ids)
        return array[self._are_known(array)]

    def _are_known(self, ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which ids have a token: bool, shape (n,). Raises as `drop_unknown`."""
        if (negative := np.flatnonzero(ids < 0)).size:
            place = int(negative[0])
            advice = "; leave out what labels hide from the loss" if ids[place] == -100 else ""
            raise ValueError(f"id {place}: expected an id of 0 or more, found {ids[place]}{advice}")
        known: NDArray[np.bool_] = ids < len(self.codebook)
        if not known.all():
            beyond = np.flatnonzero(~known)
            known[beyond] = self.added.contain(ids[beyond])
        return known

    def decode(
        self, token_ids: Any, skip_special_tokens: bool = False, **options: Any
    ) -> str | list[str]:
        """Return the text of ids, or the texts of several sequences of ids, as a list.

        Bytes that are not UTF-8 become U+FFFD. Ids that no token has are left out.

        Args:
            token_ids: integers, shape (n,), or a batch of such sequences.
            skip_special_tokens: whether to leave out special tokens.
            options: ``clean_up_tokenization_spaces``, as in ``transformers``.

        Raises:
            TypeError: the ids are not integers.
            ValueError: an id is negative, or those of a sequence are nested.
        """
        if self.native and type(token_ids) is list and set(map(type, token_ids)) == {list}:
            return self._decode_lists(token_ids, skip_special_tokens, **options)
        decoded: str | list[str] = super().decode(token_ids, skip_special_tokens, **options)
        return decoded

    def batch_decode(
        self, sequences: Any, skip_special_tokens: bool = False, **options: Any
    ) -> list[str]:
        """Return the text of each sequence of ids; see `decode`."""
        if self.native and type(sequences) is list and set(map(type, sequences)) == {list}:
            return self._decode_lists(sequences, skip_special_tokens, **options)
        decoded: list[str] = super().batch_decode(sequences, skip_special_tokens, **options)
        return decoded

    def _decode_lists(
        self,
        lists: list[list[int]],
        skip_special_tokens: bool,
        clean_up_tokenization_spaces: bool | None = None,
        **_: Any,
    ) -> list[str]:
        """Decode with one call of the codebook."""
        ids, offsets = flat_ids(lists)
        known = self._are_known(ids)
        if skip_special_tokens:
            known &= ~self.added.are_special(ids)
        if not known.all():
            offsets = np.concatenate([[0], np.cumsum(known)])[offsets]
            ids = ids[known]
        decoded = decode_documents(
            self.codebook, self.added.contents, ids, offsets, num_threads=self.num_threads
        )
        texts = [data.decode("utf-8", "replace") for data in decoded]
        return [*map(self._cleaned(clean_up_tokenization_spaces), texts)]

    def _cleaned(self, clean_up: bool | None) -> Callable[[str], str]:
        if clean_up is None:
            clean_up = self.clean_up_tokenization_spaces
        return self.clean_up_tokenization if clean_up else str

    def _decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **options: Any,
    ) -> str:
        """Decode one sequence of ids.

        Bytes that are not UTF-8 become U+FFFD. Ids that no token has are left out.
        """
        if not self.native or isinstance(token_ids, Mapping):
            return cast(
                str,
                super()._decode(
                    token_ids, skip_special_tokens, clean_up_tokenization_spaces, **options
                ),
            )
        ids = self.drop_unknown(token_ids)
        data = self.decode_bytes(ids, skip_special_tokens=skip_special_tokens)
        return self._cleaned(clean_up_tokenization_spaces)(data.decode("utf-8", "replace"))


def _refuse_others(texts: Sequence[Any]) -> None:
    """Raise TypeError if one of several texts is none; ``transformers`` does not say which."""
    for index, text in enumerate(texts):
        if not isinstance(text, str | list | tuple):
            missing = text is None or text != text  # NaN, as pandas has it
            advice = '; leave it out, or give ""' if missing else ""
            raise TypeError(
                f"text {index}: expected str, found {type(text).__name__}{advice}"
            ) from None


def _as_list(texts: Any) -> Any:
    """Return columns and arrays of texts as lists of str; anything else as it is.

    Raises:
        TypeError, ValueError, UnsupportedError: an Arrow array, as for `flat_texts`.
    """
    if texts is None or isinstance(texts, str | bytes | tuple):
        return texts
    if isinstance(texts, list):  # perhaps of the scalars of an Arrow array
        is_arrow_list = bool(texts) and hasattr(texts[0], "as_py")
        return [text.as_py() for text in texts] if is_arrow_list else texts
    if is_arrow(texts):
        batch = flat_texts(texts)
        assert batch is not None
        return list(batch)
    if hasattr(texts, "tolist"):  # NumPy, or pandas without Arrow
        return texts.tolist()
    return list(texts) if isinstance(texts, Sequence) else texts


def _renamed(token: AddedToken, names: Mapping[str, str]) -> AddedToken:
    content = names.get(token.content, token.content)
    return AddedToken(**{**token.__getstate__(), "content": content})


class EqinfoConfig(PreTrainedConfig):
    """A configuration without a model, by which ``AutoTokenizer`` finds the tokenizer class."""

    model_type = "eqinfo"


def _name_plain_class(config_file: str) -> None:
    """Let every version of ``transformers`` that has fast tokenizers load a saved tokenizer.

    ``AutoTokenizer`` of version 4 refuses a class that it does not know, and a list of
    ``extra_special_tokens``. So ``tokenizer_config.json`` names the plain class and the older key,
    and `_get_tokenizer_config` reads `CLASS_KEY`.
    """
    with named(config_file), open(config_file, encoding="utf-8") as file:
        config = json.load(file)
    config[CLASS_KEY] = config["tokenizer_class"]
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if "extra_special_tokens" in config:
        config["additional_special_tokens"] = config.pop("extra_special_tokens")
    text = json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    with atomic_output(config_file) as output:
        output.write(text.encode())


_tokenizer_config_of_transformers = tokenization_auto.get_tokenizer_config


def _get_tokenizer_config(*args: Any, **options: Any) -> dict[str, Any]:
    """Return the ``tokenizer_config.json`` by which ``AutoTokenizer`` selects a class."""
    config: dict[str, Any] = _tokenizer_config_of_transformers(*args, **options)
    if config.get(CLASS_KEY) == EqinfoTokenizer.__name__:
        config["tokenizer_class"] = EqinfoTokenizer.__name__
    return config


AutoTokenizer.register(EqinfoConfig, fast_tokenizer_class=EqinfoTokenizer)
tokenization_auto.get_tokenizer_config = _get_tokenizer_config
