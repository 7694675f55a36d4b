"""Objects that threads and processes share, in a module that a spawned worker can import."""

from __future__ import annotations

from typing import Any

import numpy as np

import eqinfo
from eqinfo.codebook import Codebook
from eqinfo.codecs import ArithmeticCodec, CodebookCodec, WindowCodec
from eqinfo.models import StaticModel
from native_cases import random_native_model


def objects() -> dict[str, Any]:
    codebook = Codebook.bundled("en-4k")
    return {
        "Codebook": codebook,
        "CodebookCodec": CodebookCodec(codebook),
        "WindowCodec": WindowCodec(random_native_model(), 32),
        "ArithmeticCodec": ArithmeticCodec(StaticModel(np.zeros(256, np.float32))),
        "StringColumn": eqinfo.StringColumn(["a", None, "b"], codebook),
        "TokenBatch": codebook.encode_batch(["a", "b"]),
    }


def use(name: str, given: Any) -> Any:
    """Return something that an object of this kind computes."""
    if name == "StringColumn":
        return given.to_list()
    if name == "TokenBatch":
        return [each.tolist() for each in given]
    return given.encode("a text").tolist()
