"""fastokens and its fork snaptokens, through ``encode_batch_flat``."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np

from contestant import Contestant
from vocabularies import BPE_FILE, tiktoken_file


def make(folder: Path, library: str, vocabulary: str) -> Contestant:
    """Open a byte-level BPE that we trained, or ``cl100k_base``.

    Both packages return ids fastest as one buffer of uint32, and decode lists of int.
    """
    tokenizer_class = import_module(f"{library}._native").Tokenizer
    if vocabulary == "bpe":
        tokenizer = tokenizer_class.from_file(str(folder / BPE_FILE))
    else:
        tokenizer = tokenizer_class.from_tiktoken(
            str(tiktoken_file(vocabulary)), encoding=vocabulary
        )
    return Contestant(
        vocabulary=tokenizer.vocab_size,
        returns="a buffer of uint32",
        encode=lambda text: tokenizer.encode_batch_flat([text]),
        encode_documents=tokenizer.encode_batch_flat,
        decode=tokenizer.decode,
        decode_documents=tokenizer.decode_batch,
        decoder_input=lambda flat: np.frombuffer(flat[0], np.uint32).tolist(),
        documents_decoder_input=_documents,
        tokens=lambda flat: len(flat[0]) // 4,
    )


def _documents(flat: tuple[bytes, bytes]) -> list[list[int]]:
    ids = np.frombuffer(flat[0], np.uint32).tolist()
    offsets: list[int] = np.frombuffer(flat[1], np.uint64).tolist()
    return [ids[begin:end] for begin, end in pairwise(offsets)]
