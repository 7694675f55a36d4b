"""The codec "eqinfo" of numcodecs, for the chunks of arrays, as in Zarr of version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numcodecs.abc import Codec
from numcodecs.compat import ensure_contiguous_ndarray, ndarray_copy

from eqinfo.container.api import compress, decompress
from eqinfo.container.settings import CompressOptions, candidates

if TYPE_CHECKING:
    from typing_extensions import Buffer, Unpack


class EqinfoCodec(Codec):
    """Compresses a chunk into a container; meant for arrays of text as bytes.

    numcodecs finds it by its entry point: ``numcodecs.get_codec({"id": "eqinfo"})``.

    >>> codec = EqinfoCodec(codec="ranged")
    >>> codec.decode(codec.encode(b"It was the best of times."))
    b'It was the best of times.'

    Args:
        model: the name of a bundled model or codebook, which the metadata of an array can hold.
        options: see `CompressOptions`.

    Raises:
        TypeError: a model that is not a name, a dictionary, or an unknown option.
        ValueError: a name that is not bundled, or an option out of range.
    """

    codec_id = "eqinfo"

    def __init__(self, model: str | None = None, **options: Unpack[CompressOptions]) -> None:
        if not isinstance(model, str | None):
            raise TypeError(
                "expected the name of a bundled model or codebook, which metadata can hold, found "
                f"{type(model).__name__}"
            )
        if options.get("dictionary") is not None:
            raise TypeError("expected no dictionary, which metadata cannot hold, found one")
        candidates(model, options)
        self.model = model
        self.options = options

    def encode(self, buf: Buffer) -> bytes:
        """Compress the bytes of an array or another buffer; raises as `eqinfo.compress`."""
        return compress(ensure_contiguous_ndarray(buf), self.model, **self.options)

    def decode(self, buf: Buffer, out: Buffer | None = None) -> Any:
        """Return the data as bytes, or in ``out``; raises as `eqinfo.decompress`."""
        num_threads = self.options.get("num_threads", 1)
        data = decompress(ensure_contiguous_ndarray(buf), num_threads=num_threads)
        return ndarray_copy(data, out)

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` takes."""
        model = {} if self.model is None else {"model": self.model}
        return {"id": self.codec_id, **model, **self.options}

    def __repr__(self) -> str:
        """Return the call that makes the codec."""
        config = self.get_config()
        del config["id"]
        return f"EqinfoCodec({', '.join(f'{key}={value!r}' for key, value in config.items())})"
