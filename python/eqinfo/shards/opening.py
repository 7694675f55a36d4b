"""Opening folders of shards: one, or several as one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeAlias, overload

from eqinfo.codebook.table import Codebook
from eqinfo.shards.dataset import TokenShards
from eqinfo.shards.joined import JoinedShards

_Folder: TypeAlias = str | os.PathLike[str]


@overload
def open(  # type: ignore[overload-overlap] # a str is a sequence of str, and comes first
    folder: _Folder, codebook: Codebook | str | None = None
) -> TokenShards: ...
@overload
def open(folder: Sequence[_Folder], codebook: Codebook | str | None = None) -> JoinedShards: ...
def open(
    folder: _Folder | Sequence[_Folder], codebook: Codebook | str | None = None
) -> TokenShards | JoinedShards:
    """Open a complete folder of ``.bin`` shards, or several folders as one.

    Args:
        folder: the folder that holds ``manifest.json``; or a list of such folders, whose documents
            follow one another.
        codebook: the codebook that gave the tokens, or the name of a bundled one. None: the bundled
            one that the manifest names, if any.

    Raises:
        ModelMismatchError: another codebook gave the tokens, or the folders have tokens of
            different codebooks.
        FormatError: the manifest is malformed, or files do not have the sizes in it.
        UnsupportedError: the version is not known, or the shards are in Parquet, which pyarrow
            reads.
        OSError: the folder does not exist, has no shards, or the job is not complete.
        ValueError: no codebook of that name is bundled, or the list is empty.
    """
    if isinstance(folder, str | os.PathLike):
        return TokenShards(folder, codebook)
    return JoinedShards([TokenShards(item, codebook) for item in folder])
