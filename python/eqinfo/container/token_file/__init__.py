"""Files of tokens that say which codec they belong to; docs/format.md defines them.

`api` has the public functions, `stream` writes and reads tokens as they come, `header` is the
beginning of a file, and `codec` finds the codec that a header asks for.
"""
