"""Tables of subword tokenizers: BPE and SuperBPE by `tokenizers`, Unigram by SentencePiece."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from common import peer
from tables import Table, codebook_of, codebook_table
from tiny_lm import END, Tokens

SUPERBPE_WITHIN_WORDS = 0.8
"""Of the ids of SuperBPE, how many are merged within words, before all others."""
SUPERBPE_LONGEST = 8
"""Tokens of the first stage in one of the second."""
_FIRST_STAGE = 0xF0000
"""The character that stands for token 0 of the first stage: the first of a private-use plane."""


def bpe_table(documents: Sequence[bytes], window_bits: int) -> Table | None:
    """Train byte-level BPE."""
    tokenizer = bpe_tokenizer(tuple(documents), 1 << window_bits)
    if tokenizer is None:
        return None

    return Table(
        "bpe", tokenizer.get_vocab_size(), _encoder(tokenizer), byte_level_strings(tokenizer)
    )


def bpe_longest_table(documents: Sequence[bytes], window_bits: int) -> Table | None:
    """Cut by greedy longest match with BPE's own strings: what is left of BPE is its vocabulary."""
    tokenizer = bpe_tokenizer(tuple(documents), 1 << window_bits)
    if tokenizer is None:
        return None
    return codebook_table("bpe-longest", codebook_of(byte_level_strings(tokenizer)))


def superbpe_table(documents: Sequence[bytes], window_bits: int) -> Table | None:
    """Train SuperBPE (arXiv 2503.13423) in two stages: BPE within words, then across words.

    The second stage goes on merging where the first ended: its text is that of the first stage's
    tokens, with a character for each. No token crosses the end of a line.
    """
    tokenizers = peer("tokenizers")
    if tokenizers is None:
        return None
    first = bpe_tokenizer(tuple(documents), int(SUPERBPE_WITHIN_WORDS * (1 << window_bits)))
    alphabet = [chr(_FIRST_STAGE + token) for token in range(first.get_vocab_size())]

    def lines(text: bytes) -> list[str]:
        found = first.encode_batch(text.decode().splitlines(keepends=True))
        return ["".join(alphabet[token] for token in line.ids) for line in found]

    second = tokenizers.Tokenizer(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=1 << window_bits,
        special_tokens=[alphabet[END]],
        initial_alphabet=alphabet[1:],
        max_token_length=SUPERBPE_LONGEST,
        show_progress=False,
    )
    second.train_from_iterator((line for text in documents for line in lines(text)), trainer)
    texts = byte_level_strings(first)
    strings = [b""] * second.get_vocab_size()
    for characters, token in second.get_vocab().items():
        strings[token] = b"".join(texts[ord(each) - _FIRST_STAGE] for each in characters)

    def encode(text: bytes) -> Tokens:
        found = second.encode_batch(lines(text))
        return np.array([token for line in found for token in line.ids], np.int64)

    return Table("superbpe", len(strings), encode, strings)


def unigram_table(documents: Sequence[bytes], window_bits: int) -> Table | None:
    """Train a Unigram model on bytes, within words.

    By SentencePiece: what `tokenizers` trains is another model every time.
    """
    tokenizers, sentencepiece = peer("tokenizers"), peer("sentencepiece")
    if tokenizers is None or sentencepiece is None:
        return None
    pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    words = (
        word for text in documents for word, _ in pre_tokenizer.pre_tokenize_str(text.decode())
    )
    proto = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=words,
        model_writer=proto,
        model_type="unigram",
        vocab_size=1 << window_bits,
        hard_vocab_limit=False,  # little text has fewer pieces
        num_threads=1,
        minloglevel=2,
        # Pieces of the words as they are, every byte among them.
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_whitespace=False,
        split_by_unicode_script=False,
        split_by_number=False,
        required_chars="".join(byte_level_characters()),
        unk_id=END,
        bos_id=-1,
        eos_id=-1,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_proto=proto.getvalue())
    scores = [(pieces.id_to_piece(id_), pieces.get_score(id_)) for id_ in range(len(pieces))]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.Unigram(scores, unk_id=END))
    tokenizer.pre_tokenizer = pre_tokenizer
    return Table(
        "unigram", tokenizer.get_vocab_size(), _encoder(tokenizer), byte_level_strings(tokenizer)
    )


def _encoder(tokenizer: Any) -> Callable[[bytes], Tokens]:
    """Return a function that encodes a text, as a batch, because only these let threads run."""
    return lambda text: np.array(tokenizer.encode_batch_fast([text.decode()])[0].ids, np.int64)


def byte_level_strings(tokenizer: Any) -> list[bytes]:
    """Return the text of every token of a byte-level tokenizer, b"" for END."""
    byte_of = {character: byte for byte, character in enumerate(byte_level_characters())}
    strings = [b""] * tokenizer.get_vocab_size()
    for word, token in tokenizer.get_vocab().items():
        if token != END:
            strings[token] = bytes(byte_of[character] for character in word)
    return strings


@cache
def bpe_tokenizer(documents: tuple[bytes, ...], vocabulary: int) -> Any:
    """Train a byte-level BPE with GPT-2's pre-tokenizer; None without the `tokenizers` package."""
    tokenizers = peer("tokenizers")
    if tokenizers is None:
        return None
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = byte_level(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<end>"],
        initial_alphabet=byte_level.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((text.decode() for text in documents), trainer)
    assert tokenizer.token_to_id("<end>") == END
    return tokenizer


def byte_level_characters() -> list[str]:
    """Return the characters that stand for bytes 0 to 255 in GPT-2's byte-level alphabet."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = (byte for byte in range(256) if byte not in printable)
    replacements = {byte: 256 + place for place, byte in enumerate(others)}
    return [chr(replacements.get(byte, byte)) for byte in range(256)]
