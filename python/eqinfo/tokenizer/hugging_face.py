"""`EqinfoTokenizer`: a codebook as a tokenizer of the ``transformers`` library.

Its backend is the exported tokenizer (`eqinfo.tokenizer.export`), which can do everything; single
texts, which is where the time goes, take the native codebook instead, with the same result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models
from transformers import AutoTokenizer, BatchEncoding, PreTrainedConfig, PreTrainedTokenizerFast
from transformers.tokenization_utils_base import TruncationStrategy
from transformers.utils import PaddingStrategy

from eqinfo.api import DEFAULT_CODEBOOK
from eqinfo.codebook import Codebook, Ids
from eqinfo.errors import FormatError, ModelMismatchError
from eqinfo.tokenizer.batch_encoding import NativeBatchEncoding
from eqinfo.tokenizer.export import END_OF_TEXT, export_tokenizer, spell
from eqinfo.tokenizer.rows import AddedTokens, Frame, Padding, column, encode_texts, windows

CODEBOOK_FILE = "codebook.safetensors"
BACKEND_OPTIONS = ("is_split_into_words", "sanitize_control_tokens")
"""Options of a call that only the backend has."""
DEFAULTS: Mapping[str, Any] = {
    "add_special_tokens": True,
    "padding_strategy": PaddingStrategy.DO_NOT_PAD,
    "truncation_strategy": TruncationStrategy.DO_NOT_TRUNCATE,
    "max_length": None,
    "stride": 0,
    "pad_to_multiple_of": None,
    "padding_side": None,
    "return_tensors": None,
    "return_token_type_ids": None,
    "return_attention_mask": None,
    "return_overflowing_tokens": False,
    "return_special_tokens_mask": False,
    "return_offsets_mapping": False,
    "return_length": False,
    "verbose": True,
}
"""Options of a call that the native path has, as in ``transformers``."""


def from_codebook(
    codebook: Codebook | str = DEFAULT_CODEBOOK,
    *,
    end_of_text: str = END_OF_TEXT,
    **options: Any,
) -> EqinfoTokenizer:
    """Return a codebook as a tokenizer.

    Args:
        codebook: a codebook, or the name of a bundled one.
        end_of_text: how id 0 is written, which is end of document and padding.
        options: of `EqinfoTokenizer` and of ``PreTrainedTokenizerFast``, such as
            ``padding_side``, ``model_max_length``, ``add_eos_token``, ``extra_special_tokens``.

    Raises:
        ValueError: no such bundled codebook, or an unusable ``end_of_text``.
    """
    if isinstance(codebook, str):
        codebook = Codebook.bundled(codebook)
    backend = export_tokenizer(codebook, end_of_text=end_of_text)
    special = {"eos_token": end_of_text, "pad_token": end_of_text}
    return EqinfoTokenizer(codebook=codebook, tokenizer_object=backend, **{**special, **options})


class EqinfoTokenizer(PreTrainedTokenizerFast):
    """A tokenizer with the ids of a codebook; made by `from_codebook` or ``from_pretrained``.

    Ids below 2^window_bits are the codebook's; added tokens come after them.

    Args:
        codebook: the codebook that the backend was exported from.
        codebook_file: where to load it from, if not given.
        native: whether the native codebook encodes and decodes; without it, everything goes
            through the backend, with the same ids. Kept in saved tokenizers.
        options: of ``PreTrainedTokenizerFast``.

    Raises:
        FormatError: neither codebook nor file, or a broken file.
        ModelMismatchError: a codebook that the backend was not exported from.
    """

    vocab_files_names = {"tokenizer_file": "tokenizer.json", "codebook_file": CODEBOOK_FILE}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(
        self,
        *,
        codebook: Codebook | None = None,
        codebook_file: str | None = None,
        native: bool = True,
        **options: Any,
    ) -> None:
        if codebook is None:
            if codebook_file is None or not os.path.isfile(codebook_file):
                raise FormatError(f"expected {CODEBOOK_FILE} beside tokenizer.json, found none")
            codebook = Codebook.load(codebook_file)
        self.codebook = codebook
        self.native = native
        super().__init__(native=native, **options)
        self._check_vocabulary()

    @classmethod
    def convert_to_native_format(cls, **options: Any) -> dict[str, Any]:
        """Let the backend load ``tokenizer.json`` as it is."""
        return options

    def _check_vocabulary(self) -> None:
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=False)
        size = len(self.codebook)
        if len(vocabulary) != size:
            raise ModelMismatchError(
                f"expected a tokenizer.json of {size} tokens, as the codebook has, "
                f"found {len(vocabulary)}"
            )
        for index in range(1, size):
            if vocabulary.get(token := spell(self.codebook[index])) != index:
                raise ModelMismatchError(
                    f"expected the token {token!r} of the codebook to have id {index} in "
                    f"tokenizer.json, found {vocabulary.get(token)}"
                )

    def _add_tokens(self, new_tokens: Sequence[Any], special_tokens: bool = False) -> int:
        """Add tokens.

        Raises:
            ValueError: a token that spells other bytes in the byte alphabet: the backend would
                give it the id of those.
        """
        for token in map(str, new_tokens):
            index = self._tokenizer.token_to_id(token)
            if index and index < len(self.codebook) and self.codebook[index] != token.encode():
                raise ValueError(
                    f"expected a token that spells no other bytes in the byte alphabet, found "
                    f"{token!r}, which spells {self.codebook[index]!r}, id {index}"
                )
        return cast(int, super()._add_tokens(new_tokens, special_tokens=special_tokens))

    def _save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        file_names: tuple[str, ...],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
    ) -> tuple[str, ...]:
        saved = super()._save_pretrained(save_directory, file_names, legacy_format, filename_prefix)
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        path = os.path.join(save_directory, prefix + CODEBOOK_FILE)
        self.codebook.save(path)
        return (*saved, path)

    def _encode_plus(self, text: Any, text_pair: Any = None, **options: Any) -> BatchEncoding:
        """Encode; every call of every kind ends here."""
        batched = isinstance(text, list | tuple)
        texts = list(text) if batched else [text]
        backend = partial(super()._encode_plus, texts if batched else text, text_pair, **options)
        if text_pair is not None and (batched or text_pair != ""):
            return backend()
        added = self._added_tokens(texts, options)
        return backend() if added is None else self._encode(texts, batched, added, backend, options)

    def _added_tokens(self, texts: list[Any], options: Mapping[str, Any]) -> AddedTokens | None:
        """Return what the native path splits texts at; None where it cannot take them."""
        if (
            not self.native
            or not texts
            or not all(isinstance(text, str) for text in texts)
            or any(options.get(name) for name in BACKEND_OPTIONS)
            or options.get("truncation_strategy") == TruncationStrategy.ONLY_SECOND
            or self._tokenizer.normalizer is not None
        ):
            return None
        tokens = self._tokenizer.get_added_tokens_decoder()
        split_special = options.get("split_special_tokens")
        if split_special is None:
            split_special = self.split_special_tokens
        added = AddedTokens.of(
            {token.content: index for index, token in tokens.items()},
            [[t.content for t in tokens.values() if t.normalized == n] for n in (False, True)],
        )
        plain = not split_special and not any(
            token.lstrip or token.rstrip or token.single_word for token in tokens.values()
        )
        return added if plain or not any(map(added.occur_in, texts)) else None

    def _encode(
        self,
        texts: list[str],
        batched: bool,
        added: AddedTokens,
        backend: Callable[[], BatchEncoding],
        options: Mapping[str, Any],
    ) -> BatchEncoding:
        """Encode with the native codebook."""
        option = {**DEFAULTS, **options}
        overflow = option["return_overflowing_tokens"]
        frame = self._frame(option["add_special_tokens"])
        size = None
        if option["truncation_strategy"] != TruncationStrategy.DO_NOT_TRUNCATE:
            size = option["max_length"] - len(frame)
            if size <= option["stride"]:
                return backend()
        names = {
            "input_ids": True,
            "token_type_ids": option["return_token_type_ids"],
            "attention_mask": option["return_attention_mask"],
            "special_tokens_mask": option["return_special_tokens_mask"],
            "offset_mapping": option["return_offsets_mapping"],
        }
        wanted = [n for n, w in names.items() if (n in self.model_input_names if w is None else w)]
        rows, samples = [], []
        for sample, row in enumerate(
            encode_texts(self.codebook, added, texts, with_spans="offset_mapping" in wanted)
        ):
            parts = windows(len(row.ids), size, option["stride"], self.truncation_side)
            for begin, end in parts if overflow else parts[:1]:
                rows.append(row[begin:end])
                samples.append(sample)
        padding = self._padding(option)
        lengths = [len(row.ids) + len(frame) for row in rows]
        missing = padding.missing(lengths) if padding else [(0, 0)] * len(rows)
        columns = {
            name: [column(name, *of, frame, padding) for of in zip(rows, missing, strict=True)]
            for name in wanted
        }
        data: dict[str, Any] = columns
        if not option["return_tensors"]:
            data = {name: [array.tolist() for array in arrays] for name, arrays in columns.items()}
            if "offset_mapping" in data:
                data["offset_mapping"] = [[*map(tuple, row)] for row in data["offset_mapping"]]
        if option["return_length"]:
            data["length"] = [len(ids) for ids in columns["input_ids"]]
        if overflow:
            data["overflow_to_sample_mapping"] = samples
        for ids in columns["input_ids"]:
            self._eventual_warn_about_too_long_sequence(
                ids, option["max_length"], option["verbose"]
            )
        if not batched and not overflow and not option["return_tensors"]:
            data = {name: v[0] if isinstance(v[0], list) else v for name, v in data.items()}
        return NativeBatchEncoding(data, backend, option["return_tensors"])

    def _frame(self, add_special_tokens: bool) -> Frame:
        processor = self._tokenizer.post_processor
        encoding = _one_token()
        if processor is not None:
            encoding = processor.process(encoding, None, add_special_tokens)
        return Frame.around(encoding)

    def _padding(self, option: Mapping[str, Any]) -> Padding | None:
        strategy = option["padding_strategy"]
        if strategy == PaddingStrategy.DO_NOT_PAD:
            return None
        return Padding(
            length=option["max_length"] if strategy == PaddingStrategy.MAX_LENGTH else None,
            multiple=option["pad_to_multiple_of"] or 0,
            side=option["padding_side"] or self.padding_side,
            id=self.pad_token_id,
            type_id=self.pad_token_type_id,
        )

    def decode_bytes(self, ids: Ids | Sequence[int], *, skip_special_tokens: bool = False) -> bytes:
        """Return the bytes of ids, of added tokens their UTF-8.

        Args:
            ids: shape (n,), any integers.
            skip_special_tokens: leave out special tokens.

        Raises:
            ValueError: an id that the tokenizer does not have; names the first.
        """
        array = np.asarray(ids, np.int64).reshape(-1)
        added = self._tokenizer.get_added_tokens_decoder()
        special = [index for index, token in added.items() if token.special]
        if skip_special_tokens:
            array = array[~np.isin(array, special)]
        size = len(self.codebook)
        places = np.flatnonzero((array <= 0) | (array >= size)).tolist()
        pieces = []
        begin = 0
        for place in places:
            index = int(array[place])
            if index not in added:
                raise ValueError(f"id {place}: expected one of {len(self)} ids, found {index}")
            pieces += [self._table_bytes(array[begin:place]), added[index].content.encode()]
            begin = place + 1
        return b"".join([*pieces, self._table_bytes(array[begin:])])

    def _table_bytes(self, ids: NDArray[np.int64]) -> bytes:
        return self.codebook.decode_bytes(ids.astype(self.codebook.dtype))

    def _decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        **options: Any,
    ) -> str:
        """Decode one sequence; bytes that are not UTF-8 give U+FFFD."""
        if not self.native or isinstance(token_ids, Mapping):
            return cast(
                str,
                super()._decode(
                    token_ids, skip_special_tokens, clean_up_tokenization_spaces, **options
                ),
            )
        data = self.decode_bytes(token_ids, skip_special_tokens=skip_special_tokens)
        text = data.decode("utf-8", "replace")
        if clean_up_tokenization_spaces is None:
            clean_up_tokenization_spaces = self.clean_up_tokenization_spaces
        return self.clean_up_tokenization(text) if clean_up_tokenization_spaces else text


@cache
def _one_token() -> Any:
    return Tokenizer(models.WordLevel({"a": 0}, unk_token="a")).encode("a")


class EqinfoConfig(PreTrainedConfig):
    """Stands for no model: ``AutoTokenizer`` knows tokenizer classes by a configuration."""

    model_type = "eqinfo"


AutoTokenizer.register(EqinfoConfig, fast_tokenizer_class=EqinfoTokenizer)
