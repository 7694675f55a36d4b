"""Which of the tests of gzip, bz2 and lzma in CPython 3.11 cannot pass with eqinfo, and why."""

from __future__ import annotations

_GZIP_HEADER = "looks at fields of gzip's header, which a container does not have"
_FILENO = (
    "eqinfo's file objects have no fileno(): who reads or writes by it, as numpy.load and "
    "subprocess do, would take compressed bytes for data"
)
_COMMAND = "only compares messages of the command python -m gzip"
_BOMB = "compresses two million zeros to 8 kB; eqinfo's codecs are for text, and store them"
_LZMA_ARGUMENTS = "only lzma's presets, filters and checks, which a container does not have"
_CLOSED_WRITABLE = (
    "a closed io.BufferedReader says that it is not writable, instead of raising ValueError, as it "
    "does for files of open()"
)

REASONS = {
    "gzip.TestCommandLine.test_compress_fast_best_are_exclusive": _COMMAND,
    "gzip.TestCommandLine.test_compress_stdin_outfile": _GZIP_HEADER,
    "gzip.TestCommandLine.test_decompress_cannot_have_flags_compression": _COMMAND,
    "gzip.TestCommandLine.test_decompress_infile_outfile_error": _COMMAND,
    "gzip.TestGzip.test_compress_mtime": _GZIP_HEADER,
    "gzip.TestGzip.test_compresslevel_metadata": _GZIP_HEADER,
    "gzip.TestGzip.test_decompress_limited": _BOMB,
    "gzip.TestGzip.test_gzip_BadGzipFile_exception": "only looks at a class of the shim",
    "gzip.TestGzip.test_metadata": _GZIP_HEADER,
    "gzip.TestGzip.test_metadata_ascii_name": _GZIP_HEADER,
    "gzip.TestGzip.test_mtime": _GZIP_HEADER,
    "gzip.TestGzip.test_prepend_error": "calls a method of a private class of gzip",
    "gzip.TestGzip.test_read_with_extra": _GZIP_HEADER,
    "gzip.TestGzip.test_seek_write": "seeks in a file that is written, which gzip fills with "
    "zeros; eqinfo's refuse it, as those of bz2 and lzma do",
    "gzip.TestGzip.test_write": _FILENO,
    "bz2.BZ2DecompressorTest.test_Constructor": "only passes an argument that BZ2Decompressor does "
    "not take; Decompressor takes a model",
    "bz2.BZ2FileTest.testDecompressLimited": _BOMB,
    "bz2.BZ2FileTest.testFileno": _FILENO,
    "bz2.BZ2FileTest.testWritable": _CLOSED_WRITABLE,
    "bz2.CompressDecompressTest.testDecompressEmpty": "decompresses no data, of which bz2 makes no "
    "data; to eqinfo they are a truncated container",
    "lzma.CompressorDecompressorTestCase.test_bad_filter_spec": _LZMA_ARGUMENTS,
    "lzma.CompressorDecompressorTestCase.test_decompressor_memlimit": "limits the memory of a "
    "decoder; a Decompressor limits what it returns, with max_length",
    "lzma.FileTestCase.test_decompress_limited": _BOMB,
    "lzma.FileTestCase.test_fileno": _FILENO,
    "lzma.FileTestCase.test_init_bad_check": _LZMA_ARGUMENTS,
    "lzma.FileTestCase.test_init_bad_filter_spec": _LZMA_ARGUMENTS,
    "lzma.FileTestCase.test_init_bad_preset": _LZMA_ARGUMENTS,
    "lzma.FileTestCase.test_init_with_preset_and_filters": _LZMA_ARGUMENTS,
    "lzma.FileTestCase.test_writable": _CLOSED_WRITABLE,
    "lzma.MiscellaneousTestCase.test__decode_filter_properties": _LZMA_ARGUMENTS,
    "lzma.MiscellaneousTestCase.test__encode_filter_properties": _LZMA_ARGUMENTS,
    "lzma.MiscellaneousTestCase.test_filter_properties_roundtrip": _LZMA_ARGUMENTS,
    "lzma.MiscellaneousTestCase.test_is_check_supported": _LZMA_ARGUMENTS,
}

# Some patch releases and distributions have these tests, too.
NOT_IN_ALL_RELEASES = {
    "bz2.BZ2DecompressorTest.test_decompress_after_data_error": "decompresses damaged data of bz2",
}

# These tests count references, which only debug builds of Python do.
NEEDS_DEBUG_BUILD = {
    "bz2.BZ2DecompressorTest.test_refleaks_in___init__",
    "lzma.CompressorDecompressorTestCase.test_refleaks_in_decompressor___init__",
}
