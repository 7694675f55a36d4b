"""The compression "eqinfo" of fsspec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from eqinfo.container.api import open
from eqinfo.errors import UnsupportedError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from eqinfo.container.settings import CompressOptions, FileModel


def register_fsspec(model: FileModel | None = None, **options: Unpack[CompressOptions]) -> None:
    """Make "eqinfo" a compression of fsspec, in this process.

    After this call ``fsspec.open(url, compression="eqinfo")`` reads and writes compressed files,
    and so does ``compression="infer"`` if the name ends in .eqi. So do libraries that take a
    compression of fsspec, such as dask. fsspec has no entry point for compressions, so that every
    process that opens files must make the call. Another call replaces model and options.

    fsspec closes its files after an exception, too: a file that was written to halfway is
    completed, unlike one of `eqinfo.open`.

    >>> import eqinfo, fsspec
    >>> eqinfo.register_fsspec(codec="ranged")
    >>> with fsspec.open("memory://book.eqi", "wt", compression="infer") as file:
    ...     _ = file.write("It was the best of times.")

    Args:
        model: as for `eqinfo.open`.
        options: see `CompressOptions`. Reading uses dictionary and num_threads only.

    Raises:
        UnsupportedError: fsspec is not installed.
    """
    try:
        from fsspec.compression import register_compression
    except ImportError:
        raise UnsupportedError("needs fsspec: pip install eqinfo[fsspec]") from None
    reading: CompressOptions = {}
    if "dictionary" in options:
        reading["dictionary"] = options["dictionary"]
    if "num_threads" in options:
        reading["num_threads"] = options["num_threads"]

    def open_compressed(file: BinaryIO, mode: str = "r", **_: Any) -> Any:
        chosen: Any = reading if mode.startswith("r") else options
        return open(file, cast(Any, mode), model, **chosen)

    register_compression("eqinfo", open_compressed, "eqi", force=True)
