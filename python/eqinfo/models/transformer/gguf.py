"""GGUF files, the format of llama.cpp, as transformers in integers: `import_gguf`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eqinfo.common.progress import Progress
from eqinfo.errors import FormatError, UnsupportedError
from eqinfo.models.transformer.architecture import Architecture, halves_of_pairs
from eqinfo.models.transformer.conversion import FloatTransformer, quantise, require_arguments
from eqinfo.models.transformer.file import piece_tensors
from eqinfo.models.transformer.model import TransformerModel
from eqinfo.models.transformer.vocabulary import byte_level_pieces, byte_level_tokenizer

try:
    import gguf
except ImportError as error:
    raise UnsupportedError(
        "expected the package gguf, which reads GGUF files: "
        f"install it with pip install eqinfo[llm] ({error})"
    ) from None

# Llama's architecture is that of SmolLM2 and Mistral too. Whether queries and keys are stored in
# pairs that are rotated together.
_ARCHITECTURES = {"llama": True, "qwen2": False}
_NAMES = {
    "attention_norm": "attn_norm",
    "query": "attn_q",
    "key": "attn_k",
    "value": "attn_v",
    "attention": "attn_output",
    "units_norm": "ffn_norm",
    "gate": "ffn_gate",
    "up": "ffn_up",
    "down": "ffn_down",
}
_TOP = {"embedding": "token_embd", "norm": "output_norm", "head": "output"}
_TOKENS = "tokenizer.ggml.tokens"
_FACTORS = "rope_freqs.weight"
_SPECIAL_TYPES = (3, 4)  # control tokens, and those that a user has defined


def import_gguf(
    path: str | os.PathLike[str],
    *,
    input_bits: int = 8,
    begin: int | None = None,
    progress: Progress | None = None,
) -> TransformerModel:
    """Return the model of a GGUF file in integers.

    Args:
        path: a file with a model of Llama's kind (Llama, SmolLM2, Mistral, Qwen2) and a byte-level
            tokenizer.
        input_bits: bits of the rows that matrices take, 8 or 15.
        begin: the symbol before the first. Default: the file's begin-of-text id, or else its
            end-of-text id.
        progress: called with the number of layers done and of all.

    Raises:
        FormatError: not a GGUF file, or something is missing in it.
        UnsupportedError: an architecture, a tokenizer or a tensor that this release does not know;
            the message names it.
        OSError: the file cannot be read.
        ValueError: ``input_bits`` or ``begin`` is out of range.
    """
    name = os.fspath(path)
    with open(path, "rb"):
        pass  # raises OSError with the reason
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError) as error:
        raise FormatError(f"{name}: expected a GGUF file: {error}") from None
    with _named(name):
        source = _Source(reader)
        alphabet = len(source.field(_TOKENS))
    require_arguments(input_bits, begin, alphabet)
    with _named(name):
        return source.model(input_bits, begin, progress)


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Name the file in errors, which are due to its content."""
    try:
        yield
    except UnsupportedError as error:
        raise UnsupportedError(f"{name}: {error}") from None
    except ValueError as error:
        raise FormatError(f"{name}: {error}") from None


class _Source:
    """A GGUF file that is being imported."""

    def __init__(self, reader: Any) -> None:
        self._fields: Mapping[str, Any] = reader.fields
        self._tensors = {tensor.name: tensor for tensor in reader.tensors}
        self.kind = self.field("general.architecture")
        if self.kind not in _ARCHITECTURES:
            raise UnsupportedError(
                f"expected an architecture of {', '.join(_ARCHITECTURES)}, found {self.kind!r}"
            )

    def model(
        self, input_bits: int, begin: int | None, progress: Progress | None
    ) -> TransformerModel:
        network = self.network(begin)
        tokens = self.field(_TOKENS)
        model = self.field("tokenizer.ggml.model")
        if model != "gpt2":
            raise UnsupportedError(
                f"expected a byte-level tokenizer ('gpt2'), found {model!r}; "
                "import the model's Hugging Face folder, if there is one"
            )
        tokenizer = byte_level_tokenizer(
            self.field("tokenizer.ggml.pre"), tokens, self.field("tokenizer.ggml.merges")
        )
        types = self.field("tokenizer.ggml.token_type")
        special = {i for i, kind in enumerate(types) if kind in _SPECIAL_TYPES}
        pieces = byte_level_pieces(tokens, special)
        tensors = quantise(network, input_bits, progress=progress) | piece_tensors(
            pieces, tokenizer
        )
        return TransformerModel(tensors, self.metadata())

    def metadata(self) -> dict[str, str]:
        entries = {
            "name": self.field("general.name", ""),
            "licence": self.field("general.license", ""),
            "source": self.field("general.organization", ""),
            "converted_from": "GGUF",
        }
        return {key: str(value) for key, value in entries.items() if value}

    def field(self, name: str, default: Any = None) -> Any:
        field = self._fields.get(name)
        if field is not None:
            return field.contents()
        if default is None:
            raise ValueError(f"expected the entry {name}, found none")
        return default

    def number(self, name: str, default: Any = None) -> Any:
        return self.field(f"{self.kind}.{name}", default)

    def architecture(self, begin: int | None) -> Architecture:
        for name in ("expert_count", "rope.scaling.type"):
            found = self.number(name, 0)
            if found and found != "none":
                raise UnsupportedError(f"expected no {self.kind}.{name}, found {found!r}")
        heads = self.number("attention.head_count")
        head_width = self.number("attention.key_length", self.number("embedding_length") // heads)
        rotated = self.number("rope.dimension_count", head_width)
        if rotated != head_width:
            raise UnsupportedError(
                f"expected a rotation of all {head_width} values of a head, found {rotated}"
            )
        window = self.number("attention.sliding_window", 0)
        positions = self.number("context_length")
        if begin is None:
            end = self.field("tokenizer.ggml.eos_token_id", -1)
            begin = int(self.field("tokenizer.ggml.bos_token_id", end))
            if begin < 0:
                raise ValueError(
                    "expected a begin-of-text or end-of-text id, found none; pass begin"
                )
        factors = self.tensor(_FACTORS)
        return Architecture(
            layers=self.number("block_count"),
            heads=heads,
            key_heads=self.number("attention.head_count_kv", heads),
            head_width=head_width,
            positions=min(positions, window or positions),
            base=self.number("rope.freq_base", 10000.0),
            factors=np.ones(head_width // 2) if factors is None else factors,
            epsilon=self.number("attention.layer_norm_rms_epsilon"),
            begin=begin,
        )

    def tensor(self, name: str) -> NDArray[np.float32] | None:
        found = self._tensors.get(name)
        if found is None:
            return None
        return np.asarray(gguf.dequantize(found.data, found.tensor_type), np.float32)

    def network(self, begin: int | None) -> FloatTransformer:
        architecture = self.architecture(begin)
        names = self.names(architecture.layers)
        unknown = sorted(set(self._tensors) - set(names.values()) - {_FACTORS})
        if unknown:
            raise UnsupportedError(f"expected only known tensors, found {unknown[0]!r}")
        turned = {"query": architecture.heads, "key": architecture.key_heads}

        def tensor(name: str) -> NDArray[np.float32] | None:
            found = self.tensor(names[name]) if name in names else None
            heads = turned.get(name.removesuffix(".bias").rpartition(".")[2])
            if found is None or heads is None or not _ARCHITECTURES[self.kind]:
                return found
            return halves_of_pairs(found, heads)

        return FloatTransformer(
            tensor=tensor,
            layers=architecture.layers,
            heads=architecture.heads,
            key_heads=architecture.key_heads,
            angles=architecture.angles(),
            epsilon=architecture.epsilon,
            begin=architecture.begin,
        )

    def names(self, layers: int) -> dict[str, str]:
        """Return the file's names of a network's tensors."""
        names = {own: f"{name}.weight" for own, name in _TOP.items()}
        for layer in range(layers):
            for own, name in _NAMES.items():
                names[f"layers.{layer}.{own}"] = f"blk.{layer}.{name}.weight"
                if not own.endswith("norm"):
                    names[f"layers.{layer}.{own}.bias"] = f"blk.{layer}.{name}.bias"
        return names
