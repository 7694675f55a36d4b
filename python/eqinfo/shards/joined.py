"""Several folders of shards, read as one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any, overload

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TokenArray, TokenBatch
from eqinfo.errors import ModelMismatchError
from eqinfo.shards.dataset import TokenShards


class JoinedShards(Sequence[TokenArray]):
    """The documents of several runs of `tokenize`, one run after the other.

    Pickling stores the runs as they do, so no tokens.

    Args:
        runs: what `shards.open` returned for each folder; at least one.

    Attributes:
        runs: the same.
        shards: the `TokenShards.shards` of all runs.

    Raises:
        ModelMismatchError: two runs have tokens of different codebooks.
        ValueError: there are no runs, or only some of them end their documents with id 0.
    """

    def __init__(self, runs: Sequence[TokenShards]) -> None:
        if not runs:
            raise ValueError("expected at least one folder of shards, found none")
        self.runs = tuple(runs)
        first = self.runs[0]
        for run in self.runs[1:]:
            here, there = (r.manifest["codebook"] for r in (first, run))
            if here["fingerprint"] != there["fingerprint"]:
                raise ModelMismatchError(
                    f"expected tokens of the same codebook, found {_shown(here)} in {first.folder} "
                    f"and {_shown(there)} in {run.folder}; tokenize one of them again"
                )
            if _has_ends(first) != _has_ends(run):
                raise ValueError(
                    "expected runs with the same end_of_document, found "
                    f"{_has_ends(first)} in {first.folder} and {_has_ends(run)} in {run.folder}"
                )
        self._ends = list(accumulate(map(len, self.runs)))

    @property
    def shards(self) -> list[TokenBatch]:
        """One `TokenBatch` per shard that has documents, mapped into memory."""
        return [shard for run in self.runs for shard in run.shards]

    @property
    def codebook(self) -> Codebook:
        """The codebook that gave the tokens; raises as `TokenShards.codebook`."""
        return self.runs[0].codebook

    def __len__(self) -> int:
        """Return the number of documents."""
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> TokenArray: ...
    @overload
    def __getitem__(self, index: slice) -> list[TokenArray]: ...
    def __getitem__(self, index: int | slice) -> TokenArray | list[TokenArray]:
        """Return the tokens of a document as a read-only view, or a list of views for a slice.

        Raises:
            IndexError: there is no document of that number.
        """
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        run, document = self._find(index)
        return run[document]

    def __iter__(self) -> Iterator[TokenArray]:
        """Yield the tokens of every document."""
        for run in self.runs:
            yield from run

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the runs."""
        return type(self), (self.runs,)

    def decode(self, index: int) -> str:
        """Return the text of a document; raises as `TokenShards.decode`."""
        run, document = self._find(index)
        return run.decode(document)

    def decode_bytes(self, index: int) -> bytes:
        """Return the bytes of a document; raises as `TokenShards.decode_bytes`."""
        run, document = self._find(index)
        return run.decode_bytes(document)

    def verify(self) -> None:
        """Compare all files with the checksums in the manifests; raises as `TokenShards.verify`."""
        for run in self.runs:
            run.verify()

    def _find(self, index: int) -> tuple[TokenShards, int]:
        """Return a run, and the number of a document in it."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"expected a document of 0 to {len(self) - 1}, found {index}")
        index %= len(self)
        number = bisect_right(self._ends, index)
        return self.runs[number], index - self._ends[number] + len(self.runs[number])


def _has_ends(run: TokenShards) -> bool:
    return bool(run.manifest["parameters"].get("end_of_document"))


def _shown(codebook: dict[str, Any]) -> str:
    return f"{codebook['fingerprint']} ({codebook['name'] or 'not bundled'})"
