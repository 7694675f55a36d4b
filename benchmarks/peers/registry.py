"""The contestants, in the order of the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from eqinfo.codebook import BUNDLED


@dataclass(frozen=True)
class Row:
    """One contestant: a module of this folder whose ``make`` opens it.

    Attributes:
        name: its name in the table.
        package: its package on PyPI.
        module: the module in this folder.
        ids: the vocabulary; contestants with the same ``ids`` make the same tokens.
        arguments: arguments of ``make``.
        threads: if more than one, the name says so, and its process is not tied to one core.
        slow: whether to measure it in the first repeat only.
    """

    name: str
    package: str
    module: str
    ids: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    threads: int = 1
    slow: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether this is a codebook with its defaults, which needs little memory."""
        return self.module == "peer_eqinfo" and self.arguments.keys() <= {"codebook", "from_bytes"}


def _eqinfo(codebook: str, suffix: str = "", threads: int = 1, **options: object) -> Row:
    name = f"eqinfo {codebook}"
    ids = name + suffix if "parse" in options else name
    arguments = {"codebook": codebook, **options}
    return Row(name + suffix, "eqinfo", "peer_eqinfo", ids, arguments, threads)


def _peer(name: str, package: str, module: str, **arguments: object) -> Row:
    slow = package in ("sentencepiece", "tokenizers")
    return Row(f"{package} {name}", package, module, name, arguments, slow=slow)


OURS = tuple(
    row
    for codebook in ("en-dense", "en")
    if codebook in BUNDLED
    for row in (
        _eqinfo(codebook),
        _eqinfo(codebook, " from bytes", from_bytes=True),
        _eqinfo(codebook, ", 2 threads", threads=2, num_threads=2),
        _eqinfo(codebook, ", shortest parse", parse="shortest"),
        Row(
            f"eqinfo {codebook}, transformers",
            "eqinfo",
            "peer_huggingface",
            f"eqinfo {codebook}",
            {"codebook": codebook},
        ),
    )
)
ONLY_COUNTED = tuple(_eqinfo(codebook) for codebook in ("world", "world-18"))
"""Codebooks whose tokens are counted, too."""
PEERS = (
    _peer("BPE", "fastokens", "peer_flat_bpe", library="fastokens", vocabulary="bpe"),
    _peer("cl100k", "fastokens", "peer_flat_bpe", library="fastokens", vocabulary="cl100k_base"),
    _peer("BPE", "gigatoken", "peer_gigatoken", vocabulary="bpe"),
    Row(
        "gigatoken BPE from bytes",
        "gigatoken",
        "peer_gigatoken",
        "BPE",
        {"vocabulary": "bpe", "from_bytes": True},
    ),
    _peer("cl100k", "gigatoken", "peer_gigatoken", vocabulary="cl100k_base"),
    _peer("BPE", "snaptokens", "peer_flat_bpe", library="snaptokens", vocabulary="bpe"),
    _peer("cl100k", "toktok-rs", "peer_toktok", vocabulary="cl100k_base"),
    _peer("o200k", "toktok-rs", "peer_toktok", vocabulary="o200k_base"),
    _peer("Unigram", "sentencepiece", "peer_sentencepiece"),
    _peer("cl100k", "tiktoken", "peer_tiktoken", vocabulary="cl100k_base"),
    _peer("o200k", "tiktoken", "peer_tiktoken", vocabulary="o200k_base"),
    _peer("BPE", "tokenizers", "peer_huggingface"),
)
ROWS = {row.name: row for row in (*OURS, *PEERS)}
