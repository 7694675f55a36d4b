"""Several folders of shards, read as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TokenBatch
from eqinfo.common.counts import counted
from eqinfo.errors import ModelMismatchError
from eqinfo.shards.dataset import TokenShards
from eqinfo.shards.manifest import encoder_entry
from eqinfo.shards.parts import DocumentParts


class JoinedShards(DocumentParts):
    """The documents of several runs of `tokenize`, one run after the other.

    Pickling stores the runs as they do, so no tokens.

    Args:
        runs: what `shards.open` returned for each folder; at least one.

    Attributes:
        runs: the same.
        shards: the `TokenShards.shards` of all runs.

    Raises:
        ModelMismatchError: two runs have tokens of different codebooks or methods.
        ValueError: there are no runs, or only some of them end their documents with id 0.
    """

    def __init__(self, runs: Sequence[TokenShards]) -> None:
        if not runs:
            raise ValueError("expected at least one folder of shards, found none")
        self.runs = tuple(runs)
        first = self.runs[0]
        for run in self.runs[1:]:
            (kind, here), (_, there) = (encoder_entry(r.manifest) for r in (first, run))
            if here["fingerprint"] != there["fingerprint"]:
                raise ModelMismatchError(
                    f"expected tokens of the same {kind}, found {_shown(here)} in {first.folder} "
                    f"and {_shown(there)} in {run.folder}; tokenize one of them again"
                )
            if _has_ends(first) != _has_ends(run):
                raise ValueError(
                    "expected runs with the same end_of_document, found "
                    f"{_has_ends(first)} in {first.folder} and {_has_ends(run)} in {run.folder}"
                )
        super().__init__(self.runs)

    def _shown_parts(self) -> str:
        return counted(len(self.runs), "run")

    @property
    def shards(self) -> list[TokenBatch]:
        """One `TokenBatch` per shard that has documents, mapped into memory."""
        return [shard for run in self.runs for shard in run.shards]

    @property
    def codebook(self) -> Codebook:
        """The codebook that gave the tokens; raises as `TokenShards.codebook`."""
        return self.runs[0].codebook

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the runs."""
        return type(self), (self.runs,)

    def decode(self, index: int) -> str:
        """Return the text of a document; raises as `TokenShards.decode`."""
        run, document = self._find(index)
        return self.runs[run].decode(document)

    def decode_bytes(self, index: int) -> bytes:
        """Return the bytes of a document; raises as `TokenShards.decode_bytes`."""
        run, document = self._find(index)
        return self.runs[run].decode_bytes(document)

    def verify(self) -> None:
        """Compare all files with the checksums in the manifests; raises as `TokenShards.verify`."""
        for run in self.runs:
            run.verify()


def _has_ends(run: TokenShards) -> bool:
    return bool(run.manifest["parameters"].get("end_of_document"))


def _shown(entry: dict[str, Any]) -> str:
    return f"{entry['fingerprint']} ({entry['name'] or 'not bundled'})"
