"""Reading shards: documents by number, from tokens mapped into memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from eqinfo.codebook.table import Codebook
from eqinfo.common.batch import TokenBatch
from eqinfo.common.counts import counted
from eqinfo.common.mapping import map_array
from eqinfo.common.text import to_text
from eqinfo.errors import ChecksumError, FormatError, ModelMismatchError, UnsupportedError
from eqinfo.shards.encoder import id_dtype
from eqinfo.shards.inputs import file_checksum
from eqinfo.shards.manifest import (
    MANIFEST,
    FileEntry,
    ShardEntry,
    encoder_entry,
    read_manifest,
)
from eqinfo.shards.parts import DocumentParts
from eqinfo.shards.write import OFFSET

_REPAIR = "run the job again to repair the shard"


class TokenShards(DocumentParts):
    """The documents of all shards: a sequence of token arrays, which are views of the files.

    The tokens are uint16, or uint32 for more than 65,536 ids. Every document ends with an id of its
    own (of a codebook, id 0) if the manifest has ``end_of_document`` among its parameters. To read
    all tokens as one stream, take ``shards[k].tokens`` one after the other.

    No file stays open. Pickling stores the absolute path of the folder, and no tokens: unpickling
    opens it again, so the workers of a data loader share the mapped files. Threads may share it.

    Attributes:
        folder: the folder of the shards.
        manifest: the content of ``manifest.json``.
        shards: one `TokenBatch` per shard that has documents; ``tokens`` and ``offsets`` are mapped
            into memory.
    """

    def __init__(
        self, folder: str | os.PathLike[str], codebook: Codebook | str | None = None
    ) -> None:
        self.folder = Path(folder)
        self._absolute = self.folder.absolute()  # as the working directory is now
        self.manifest = read_manifest(folder)
        self._codebook = self._matching(codebook)
        if self.manifest["parameters"].get("output_format") != "bin":
            raise UnsupportedError(
                f"{folder}: expected shards of the format bin, found "
                f"{self.manifest['parameters'].get('output_format')}, which pyarrow reads"
            )
        self._dtype = id_dtype(self._ids())
        entries: list[ShardEntry] = [s for s in self.manifest["shards"] if s["documents"]]
        self.shards = [self._map(entry) for entry in entries]
        self._names = [entry["name"] for entry in entries]
        super().__init__(self.shards)

    def _shown_parts(self) -> str:
        return f"{str(self.folder)!r}, {counted(len(self.shards), 'shard')}"

    def _ids(self) -> int:
        """Return the number of different ids."""
        kind, entry = encoder_entry(self.manifest)
        if kind == "codebook":
            return 1 << int(entry["window_bits"])
        return int(entry["vocab_size"]) + bool(self.manifest["parameters"].get("end_of_document"))

    def _matching(self, codebook: Codebook | str | None) -> Codebook | None:
        kind, written = encoder_entry(self.manifest)
        if kind != "codebook":
            if codebook is not None:
                raise ModelMismatchError(f"{self.folder / MANIFEST}: {self._no_codebook()}")
            return None
        if codebook is None:
            try:
                found = Codebook.bundled(written["name"])
            except ValueError:
                return None
            return found if found.fingerprint == written["fingerprint"] else None
        found = Codebook.bundled(codebook) if isinstance(codebook, str) else codebook
        if found.fingerprint != written["fingerprint"]:
            raise ModelMismatchError(
                f"{self.folder / MANIFEST}: expected codebook {written['fingerprint']} "
                f"({written['name'] or 'not bundled'}), found {found.fingerprint}; open the "
                "shards with the codebook that gave their tokens"
            )
        return found

    def _map(self, entry: ShardEntry) -> TokenBatch:
        tokens = self._mapped(entry, ".bin", self._dtype, entry["tokens"])
        offsets = self._mapped(entry, ".idx", OFFSET, entry["documents"] + 1)
        try:
            return TokenBatch(tokens, offsets)
        except ValueError as error:
            raise FormatError(f"{self.folder / entry['name']}.idx: {error}") from None

    def _mapped(
        self, entry: ShardEntry, suffix: str, dtype: np.dtype[Any], count: int
    ) -> np.ndarray[Any, Any]:
        path = self.folder / (entry["name"] + suffix)
        with _repairable(path):
            size = path.stat().st_size
        if size != count * dtype.itemsize:
            raise FormatError(
                f"{path}: expected {count * dtype.itemsize} bytes, found {size}; {_REPAIR}"
            )
        if count == 0:
            return np.empty(0, dtype)  # an empty file cannot be mapped
        return map_array(path, dtype, count)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path; and the codebook, unless the manifest names a bundled one."""
        codebook = None if self._matching(None) is not None else self._codebook
        return type(self), (self._absolute, codebook)

    @property
    def codebook(self) -> Codebook:
        """The codebook that gave the tokens.

        Raises:
            ModelMismatchError: none was given when opening, and this version of the package does
                not bundle the one that the manifest names; or another method gave the tokens.
        """
        if self._codebook is None:
            kind, written = encoder_entry(self.manifest)
            if kind != "codebook":
                raise ModelMismatchError(f"{self.folder}: {self._no_codebook()}")
            raise ModelMismatchError(
                f"{self.folder}: expected a codebook with the fingerprint "
                f"{written['fingerprint']}, found none; give the one that made the shards "
                "(shards.open(folder, codebook), --model FILE)"
            )
        return self._codebook

    def _no_codebook(self) -> str:
        name = encoder_entry(self.manifest)[1]["name"]
        return (
            f"expected shards of a codebook, found tokens of {name}; open them with "
            "eqinfo.experiment.open_shards"
        )

    def decode(self, index: int) -> str:
        """Return the text of a document.

        Raises:
            FormatError: the document is not UTF-8, or as for `decode_bytes`.
            ModelMismatchError: as for `codebook`.
            IndexError: there is no document of that number.
        """
        return to_text(self.decode_bytes(index))

    def decode_bytes(self, index: int) -> bytes:
        """Return the bytes of a document.

        Raises:
            FormatError: the codebook does not have one of the ids; the message names the file.
            ModelMismatchError: as for `codebook`.
            IndexError: there is no document of that number.
        """
        try:
            return self.codebook.decode_bytes(self[index].astype(self.codebook.dtype))
        except ValueError as error:
            shard, document = self._find(index)
            offset = self.shards[shard].offsets[document]
            path = self.folder / f"{self._names[shard]}.bin"
            raise FormatError(f"{path}: document {document}, from id {offset}: {error}") from None

    def verify(self) -> None:
        """Compare all files with the checksums in the manifest.

        Raises:
            ChecksumError: a file differs; the message names it.
            OSError: a file cannot be read.
        """
        learned: FileEntry | None = encoder_entry(self.manifest)[1].get("learned")
        if learned is not None:
            self._verify(learned)
        for entry in self.manifest["shards"]:
            for file in entry["files"]:
                self._verify(file)

    def _verify(self, file: FileEntry) -> None:
        path = self.folder / file["name"]
        with _repairable(path):
            checksum = file_checksum(path)[1]
        if checksum != file["xxh3_128"]:
            raise ChecksumError(
                f"{path}: expected XXH3 {file['xxh3_128']}, found {checksum}; {_REPAIR}"
            )


@contextmanager
def _repairable(path: Path) -> Iterator[None]:
    """Say what to do where a file is missing that the manifest names."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path}: expected this file beside the manifest, found none; {_REPAIR}"
        ) from None
