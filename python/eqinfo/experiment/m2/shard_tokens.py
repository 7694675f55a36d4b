"""What training and sampling of an M2 must know about the tokens of shards."""

from __future__ import annotations

import numpy as np

from eqinfo.experiment.method_shards import MethodShards
from eqinfo.experiment.tokenizations.base import Ids
from eqinfo.shards.dataset import TokenShards

__all__ = ["ShardTokens"]


class ShardTokens:
    """The tokens of shards of a codebook, or of a method of the catalogue.

    `group`, `decode` and `encode` need the codebook or M1, and raise ModelMismatchError if it is
    neither bundled nor given; the rest needs only the codebook.

    Args:
        shards: what `eqinfo.experiment.open_shards` returned.

    Attributes:
        origin: what the tokens are of: "name" and "fingerprint" of the codebook or method.
        vocab_size: number of different ids, the end of documents included.
        end: the id that ends documents; None if there is none.
        window_tokens: tokens per window; 1 if there are no windows of whole tokens.
    """

    def __init__(self, shards: TokenShards | MethodShards) -> None:
        self._shards = shards
        has_end = bool(shards.manifest["parameters"]["end_of_document"])
        if isinstance(shards, MethodShards):
            method = shards.method
            name, fingerprint = method["name"], method["fingerprint"]
            end = int(method["vocab_size"])
            self.vocab_size = end + has_end
            self.window_tokens = int(method.get("window_tokens") or 1)
        else:
            codebook = shards.manifest["codebook"]
            name, fingerprint = f"the codebook {codebook['name']}", codebook["fingerprint"]
            end, self.vocab_size, self.window_tokens = 0, len(shards.codebook), 1
        self.origin = {"name": name, "fingerprint": fingerprint}
        self.end = end if has_end else None

    @property
    def group(self) -> int:
        """The fewest tokens that decode without those before them; 0: only whole documents do."""
        if isinstance(self._shards, MethodShards):
            return self._shards.tokenization.piece_ids
        return 1

    @property
    def strings(self) -> list[bytes] | None:
        """The text of each id; None for tokens of a method, whose ids do not stand for one text."""
        if isinstance(self._shards, MethodShards):
            return None
        return [self._shards.codebook[id_] for id_ in range(self.vocab_size)]

    def decode(self, ids: Ids) -> bytes:
        """Return the bytes of a group of tokens, or of a document without its end.

        Of a codebook, the bytes of any tokens. Raises FormatError if they do not decode.
        """
        if isinstance(self._shards, MethodShards):
            tokenization = self._shards.tokenization
            if tokenization.piece_ids:
                return tokenization.decode_piece(ids)
            return tokenization.decode(ids).encode()
        codebook = self._shards.codebook
        return codebook.decode_bytes(ids.astype(codebook.dtype))

    def encode(self, text: str) -> Ids:
        """Return the tokens of a text."""
        if isinstance(self._shards, MethodShards):
            return self._shards.tokenization.encode(text)
        return self._shards.codebook.encode(text).astype(np.int64)
