"""Many short strings as ids of a codebook: `column` has the class, `file` stores it."""

from eqinfo.string_column.column import StringColumn

__all__ = ["StringColumn"]
