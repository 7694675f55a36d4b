"""tiktoken, with the tables that litellm ships."""

from __future__ import annotations

import os
from pathlib import Path

import tiktoken

from contestant import Contestant
from vocabularies import tiktoken_file


def make(_: Path, vocabulary: str) -> Contestant:
    """Open one of OpenAI's encodings."""
    os.environ["TIKTOKEN_CACHE_DIR"] = str(tiktoken_file(vocabulary).parent)
    tokenizer = tiktoken.get_encoding(vocabulary)
    return Contestant(
        vocabulary=tokenizer.n_vocab,
        returns="NumPy uint32",
        encode=lambda text: tokenizer.encode_to_numpy(text, disallowed_special=()),
        encode_documents=lambda texts: [
            tokenizer.encode_to_numpy(text, disallowed_special=()) for text in texts
        ],
        decode=tokenizer.decode_bytes,
        decode_documents=lambda documents: [tokenizer.decode_bytes(ids) for ids in documents],
        decoder_input=lambda ids: ids.tolist(),
        documents_decoder_input=lambda documents: [ids.tolist() for ids in documents],
    )
