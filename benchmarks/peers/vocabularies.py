"""Vocabularies for the peers, without downloads: trained here, or found in a wheel.

As a script, it trains the missing ones. That is a separate process because gigatoken prints, and
because the memory for training must not count.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

BPE_FILE = "bpe.json"
UNIGRAM_FILE = "unigram.model"
_TIKTOKEN_CACHE_NAMES = {
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
}
"""File names in tiktoken's cache: the SHA-1 of the address that it would download from."""


def tiktoken_file(encoding: str) -> Path:
    """Return the rank file of an encoding, which litellm's wheel ships as a tiktoken cache.

    Raises:
        FileNotFoundError: litellm is not installed, or no longer has the file.
    """
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            f"the ranks of {encoding} come with litellm, which is not installed: "
            "pip install --no-deps litellm"
        )
    folder = Path(spec.origin).parent / "litellm_core_utils" / "tokenizers"
    path = folder / _TIKTOKEN_CACHE_NAMES[encoding]
    if not path.exists():
        raise FileNotFoundError(
            f"expected the ranks of {encoding} in litellm at {path}, found no file"
        )
    return path


def train_bpe(text: bytes, size: int, path: Path) -> None:
    """Train a byte-level BPE on words as GPT-2 splits them; write a tokenizer.json."""
    from gigatoken.gigatoken_rs import train_bpe as train

    vocabulary, merges = train(text, size, [])
    letters = _byte_letters()

    def spell(piece: bytes) -> str:
        return "".join(letters[byte] for byte in piece)

    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {spell(piece): index for index, piece in vocabulary.items()},
            "merges": [[spell(left), spell(right)] for left, right in merges],
        },
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _byte_letters() -> list[str]:
    """Return the printable letter that stands for each byte in byte-level BPE files (GPT-2)."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def train_unigram(text: bytes, size: int, path: Path) -> None:
    """Train a Unigram model that keeps all white space and falls back to bytes."""
    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_lines(text),
        model_writer=model,
        model_type="unigram",
        vocab_size=size,
        hard_vocab_limit=False,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=False,
        num_threads=2,
        minloglevel=2,
    )
    path.write_bytes(model.getvalue())


def _lines(text: bytes) -> Iterator[str]:
    return (line for line in text.decode("utf-8", "replace").split("\n") if line.strip())


def sample(path: Path, size: int) -> bytes:
    """Return about ``size`` bytes of a file, in 50 equal pieces spread over it."""
    text = path.read_bytes()
    if len(text) <= size:
        return text
    pieces = 50
    starts = [index * (len(text) // pieces) for index in range(pieces)]
    return b"".join(text[start : start + size // pieces] for start in starts)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the vocabularies that are missing.")
    parser.add_argument("train", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--bpe", type=int, required=True, help="number of ids of the byte-level BPE"
    )
    parser.add_argument(
        "--unigram", type=int, required=True, help="number of ids of the Unigram model"
    )
    arguments = parser.parse_args()
    jobs = (
        (train_bpe, BPE_FILE, arguments.bpe, 50_000_000),
        (train_unigram, UNIGRAM_FILE, arguments.unigram, 10_000_000),
    )
    for train, name, size, text_bytes in jobs:
        path = arguments.folder / name
        if path.exists():
            continue
        try:
            train(sample(arguments.train, text_bytes), size, path)
        except ImportError as error:
            print(f"{name} is not trained: {error}")


if __name__ == "__main__":
    main()
