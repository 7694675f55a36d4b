"""Documents from streams, for any content, read size and boundary."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eqinfo import shards
from eqinfo.shards import ShardParameters, read
from eqinfo.shards import documents as stage
from eqinfo.shards.documents import DocumentRun, Lines, divide, split
from eqinfo.shards.plan import overlaps_itself
from eqinfo.shards.units import FileRange
from shards_cases import CODEBOOK, documents, expected_tokens, json_lines, shard_documents, write

contents = st.text("ab\n", max_size=60).map(str.encode)
separators = st.sampled_from([b"\n", b"ab", b"aba", b"\n\n"])


@pytest.fixture(autouse=True, scope="module")
def _small_reads() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (stage, read):
            patch.setattr(module, "READ_BYTES", 5)
            patch.setattr(module, "LONG_BYTES", 8)
        yield


def plain(content: bytes, separator: bytes) -> list[bytes]:
    texts = content.split(separator)
    return texts if texts[-1] else texts[:-1]


def texts_of(runs: Iterator[DocumentRun] | list[DocumentRun]) -> list[tuple[int, bytes]]:
    """Every document with its offset, or -1 where a run does not give one."""
    found = []
    for run in runs:
        if isinstance(run.texts, list):
            found += [(run.offset if i == 0 else -1, text) for i, text in enumerate(run.texts)]
        else:
            pieces = list(run.texts)
            assert all(len(piece) <= 16 for piece in pieces)
            found.append((run.offset, b"".join(pieces)))
    return found


@given(contents, separators)
def test_split(content: bytes, separator: bytes) -> None:
    found = texts_of(split(io.BytesIO(content), separator, 100))
    assert [text for _, text in found] == plain(content, separator)
    offset = 100
    for begin, text in found:
        assert begin in (offset, -1)
        offset += len(text) + len(separator)


@given(contents, separators)
def test_what_is_not_read_of_long_documents_is_skipped(content: bytes, separator: bytes) -> None:
    def begins(read_them: bool) -> list[int]:
        found = []
        for run in split(io.BytesIO(content), separator, 0):
            found.append(run.offset)
            if read_them:
                list(run.texts)
        return found

    assert begins(False) == begins(True)


@given(contents, separators, st.integers(0, 70))
def test_divide(content: bytes, separator: bytes, boundary: int) -> None:
    texts = plain(content, separator)
    run = DocumentRun(texts, 5)
    if not texts:
        return
    before, after = divide(run, separator, boundary)
    assert (before.texts if before else []) + (after.texts if after else []) == texts
    begins = [5 + sum(len(t) + len(separator) for t in texts[:i]) for i in range(len(texts))]
    wanted = [begin for begin in begins if begin < boundary]
    assert len(before.texts if before else []) == len(wanted)
    if after:
        assert after.offset == begins[len(wanted)]


@example("aa\na\n", 5)
@given(st.text("a\n", min_size=1, max_size=30), st.integers(0, 40))
def test_divide_lines(content: str, boundary: int) -> None:
    data = content.encode()
    before, after = divide(DocumentRun(Lines(data), 5), b"\n", boundary)
    begins = [0, *(i + 1 for i, byte in enumerate(data) if byte == ord("\n"))]
    cut = next((begin for begin in begins if 5 + begin >= boundary), len(data))
    found = [b"" if run is None else cast(Lines, run.texts).data for run in (before, after)]
    assert found == [data[:cut], data[cut:]]
    assert [run.offset for run in (before, after) if run] == [5] * bool(cut) + [5 + cut] * bool(
        data[cut:]
    )


@given(contents, st.sampled_from([b"\n", b"ab", b"aab"]), st.lists(st.integers(1, 60), max_size=4))
def test_ranges_make_up_the_file(content: bytes, separator: bytes, cuts: list[int]) -> None:
    ends = sorted({cut for cut in cuts if cut < len(content)} | {len(content)})
    found = []
    for begin, end in zip([0, *ends], ends, strict=False):
        part = FileRange("file", "file", "text", len(content), begin, end, end - begin)
        runs = read._within(io.BytesIO(content), part, separator)
        found += [text for _, text in texts_of(runs)]
    assert found == plain(content, separator)


def test_overlaps() -> None:
    for separator in (b"\n", b"\r\n", b"<|end|>", b"aab"):
        assert not overlaps_itself(separator)
    for separator in (b"\n\n", b"aba", b"\r\n\r\n", b"ababa"):
        assert overlaps_itself(separator)


def test_long_text_is_streamed(tmp_path: Path) -> None:
    text = "".join(documents(5)).encode()
    assert len(text) > 10 * stage.LONG_BYTES
    for name, separator in (("whole", None), ("between", "\n")):
        source = write(tmp_path / name, b"x\n" * bool(separator) + text + b"\n" * bool(separator))
        shards.tokenize(
            [source], tmp_path / f"{name}-out", CODEBOOK, ShardParameters(separator=separator)
        )
        (found,) = shard_documents(tmp_path / f"{name}-out").values()
        assert found == expected_tokens([b"x"] * bool(separator) + [text])


def test_long_json_lines(tmp_path: Path) -> None:
    texts = documents(20)
    source = write(tmp_path / "in.jsonl", json_lines(texts))
    shards.tokenize([source], tmp_path / "out", CODEBOOK, ShardParameters(shard_bytes=2000))
    found = [d for shard in shard_documents(tmp_path / "out").values() for d in shard]
    assert found == expected_tokens(texts)
