"""Tiny tokenizers of the two common kinds."""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedTokenizerFast

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = [
    "Alice was beginning to get very tired of sitting by her sister on the bank,",
    "and of having nothing to do: once or twice she had peeped into the book.",
]
END = "<|end|>"


def byte_level(vocab_size: int = 300, all_bytes: bool = True) -> PreTrainedTokenizerFast:
    """Return a byte-level tokenizer, as GPT-2 has."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet() if all_bytes else []
    trainer: Any = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END], initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)


def sentence_piece() -> PreTrainedTokenizerFast:
    """Return a tokenizer as Llama 2 has: it adds a space before the text and has byte fallback."""
    words = sorted({"\u2581" + word for line in TEXT for word in line.split()})
    letters = sorted({c for word in words for c in word})
    pieces = ["<unk>", END, *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    merges = [("\u2581", "a"), ("h", "e"), ("\u2581", "he")]
    pieces += [a + b for a, b in merges]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END)
