"""The documents of input files in memory, for what is made from all of a text at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from eqinfo.common.batch import TextBatch
from eqinfo.common.locations import name_of, status
from eqinfo.shards.bad_input import BadInputError
from eqinfo.shards.documents import DocumentRun, Lines
from eqinfo.shards.inputs import Selection, find_files, readable_twice
from eqinfo.shards.parameters import ShardParameters, parameters_of
from eqinfo.shards.plan import kinds_of
from eqinfo.shards.read import read_unit
from eqinfo.shards.units import FileRange, Unit


@dataclass(frozen=True)
class CorpusFile:
    """The documents of a file.

    Attributes:
        name: as messages call it.
        documents: their bytes.
        divided: whether the file is one of several documents.
    """

    name: str
    documents: list[bytes]
    divided: bool

    @property
    def text(self) -> bytes:
        """The file as one text: as it is, or with a line feed after each of its documents."""
        return b"".join(d + b"\n" for d in self.documents) if self.divided else self.documents[0]


@dataclass(frozen=True)
class Corpus:
    """What was read of a corpus.

    Attributes:
        files: the files.
        skipped: documents, and files, that could not be read.
    """

    files: list[CorpusFile] = field(default_factory=list)
    skipped: list[BadInputError] = field(default_factory=list)

    @property
    def documents(self) -> list[bytes]:
        """The documents of all files."""
        return [document for file in self.files for document in file.documents]

    @property
    def text(self) -> bytes:
        """All files as one text."""
        return b"".join(file.text for file in self.files)


def read_corpus(
    inputs: Iterable[str | os.PathLike[str]],
    parameters: ShardParameters | None = None,
    selection: Selection | None = None,
    *,
    skip: bool = False,
) -> Corpus:
    """Read input files as `shards.tokenize` does.

    Args:
        inputs: files, folders, patterns and URLs; "-" is standard input.
        parameters: how documents are read; None: the defaults.
        selection: which files are taken; None: all.
        skip: whether to go on without documents and files that cannot be read.

    Raises:
        BadInputError: the input is damaged or not of its format, and that is not skipped.
        UnsupportedError: an optional package is not installed; the message names it.
        ValueError, OSError: as `inputs.find_files`, or a file cannot be read.
    """
    parameters = parameters_of(parameters)
    paths = find_files(inputs, None, selection)
    corpus = Corpus()
    with readable_twice(paths) as places:
        kinds = kinds_of(paths, places, parameters, skip)
        for path, place, kind in zip(paths, places, kinds, strict=True):
            if isinstance(kind, BadInputError):
                corpus.skipped.append(kind)
                continue
            size = status(place).size
            part = FileRange(name_of(path), place, kind.format, size, 0, None, size)
            documents: list[bytes] = []
            for _, run in read_unit(Unit(0, (part,)), parameters, skip=skip):
                documents += _texts(run)
                corpus.skipped.extend(run.skipped)
            divided = kind.format != "text" or parameters.separator is not None
            if documents or divided:
                corpus.files.append(CorpusFile(name_of(path), documents, divided))
    return corpus


def _texts(run: DocumentRun) -> Iterator[bytes]:
    assert not isinstance(run.texts, Lines)  # `read_unit` has taken them apart
    if isinstance(run.texts, TextBatch):
        yield from run.texts.iter_bytes()
    elif isinstance(run.texts, list):
        yield from run.texts
    else:
        yield b"".join(run.texts)
