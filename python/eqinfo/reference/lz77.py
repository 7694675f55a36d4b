"""LZ77: literals and matches, coded with tables that follow from what was coded before.

See docs/pipeline.md, "LZ77". Sequences are triples: the number of literals, the length of the match
after them (0: none, at the end) and its distance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

MIN_MATCH = 3
NUMBER_CODES = 96
RECENT = 3
MAX_HITS = 5
LEAST_STATE = 1 << 31

Sequences = Iterable[tuple[int, int, int]]


class CorruptStreamError(Exception):
    """A stream that no encoder writes."""


class Table:
    """Symbols that get frequencies by how often they occurred, in runs that share one table.

    Args:
        symbols: how many there are.
        precision: the frequencies sum to 2 to this power.
        weight: a symbol that occurred n times has the weight 1 + weight n.
        runs: the number of symbols coded with the first table, and the most with any; every
            table is used for twice as many as the one before.
        exact: whether shares are divided exactly; otherwise, by a reciprocal with 32 bits.
    """

    def __init__(
        self, symbols: int, precision: int, weight: int, runs: tuple[int, int], exact: bool
    ) -> None:
        self.precision = precision
        self.weight, self.exact = weight, exact
        self.counts = [0] * symbols
        self.run, self.longest = runs
        self.left = self.run
        self._build()

    def _build(self) -> None:
        rest = (1 << self.precision) - len(self.counts)
        total = len(self.counts) + self.weight * sum(self.counts)
        share = (rest << 32) // total
        weights = [1 + self.weight * count for count in self.counts]
        frequencies = [1 + (w * rest // total if self.exact else w * share >> 32) for w in weights]
        most = self.counts.index(max(self.counts))
        frequencies[most] += (1 << self.precision) - sum(frequencies)
        self.starts = [0]
        for frequency in frequencies:
            self.starts.append(self.starts[-1] + frequency)

    def interval(self, symbol: int) -> tuple[int, int, int]:
        """Return start, frequency and precision."""
        start = self.starts[symbol]
        return start, self.starts[symbol + 1] - start, self.precision

    def count(self, symbol: int) -> None:
        """Learn a symbol."""
        self.counts[symbol] += 1
        self.left -= 1
        if not self.left:
            self.run = min(2 * self.run, self.longest)
            self.left = self.run
            self._build()


def small_table(symbols: int) -> Table:
    """Return a table of few symbols."""
    return Table(symbols, 14, 16, (8, 1024), False)


def id_table(ids: int) -> Table:
    """Return the table of ids that were not guessed."""
    return Table(ids, 24, 4, (1 << 11, 1 << 14), True)


def number_code(value: int) -> tuple[int, int]:
    """Return the code of a number and how many of its bits follow."""
    if value < 16:
        return value, 0
    bits = value.bit_length() - 3
    return 16 + (bits - 2) * 4 + (value >> bits) % 4, bits


class Writer:
    """Collects intervals, and encodes them from the last to the first."""

    def __init__(self) -> None:
        self.intervals: list[tuple[int, int, int]] = []

    def symbol(self, table: Table, symbol: int) -> int:
        """Add a symbol, and return it."""
        self.intervals.append(table.interval(symbol))
        table.count(symbol)
        return symbol

    def number(self, table: Table, value: int, first: int = 0) -> int:
        """Add a number, whose codes begin at ``first`` in the table, and return it."""
        code, bits = number_code(value)
        self.symbol(table, first + code)
        if bits:
            self.intervals.append((value % (1 << bits), 1, bits))
        return value

    def finish(self) -> bytes:
        """Return the stream."""
        states = [LEAST_STATE, LEAST_STATE]
        words: list[int] = []
        for i in reversed(range(len(self.intervals))):
            start, frequency, precision = self.intervals[i]
            state = states[i % 2]
            if state >= frequency << (63 - precision):
                words.append(state % (1 << 32))
                state >>= 32
            states[i % 2] = (state // frequency << precision) + state % frequency + start
        begin = b"".join(state.to_bytes(8, "little") for state in states)
        return begin + b"".join(word.to_bytes(4, "little") for word in reversed(words))


class Reader:
    """Decodes symbols from the first to the last."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.at = 0
        self.states = [self._take(8), self._take(8)]
        self.turn = 0

    def _take(self, count: int) -> int:
        if self.at + count > len(self.stream):
            raise CorruptStreamError
        self.at += count
        return int.from_bytes(self.stream[self.at - count : self.at], "little")

    def _advance(self, start: int, frequency: int, precision: int) -> None:
        state = self.states[self.turn]
        state = frequency * (state >> precision) + state % (1 << precision) - start
        if state < LEAST_STATE:
            state = state << 32 | self._take(4)
        self.states[self.turn] = state
        self.turn = 1 - self.turn

    def symbol(self, table: Table) -> int:
        """Return the next symbol."""
        slot = self.states[self.turn] % (1 << table.precision)
        symbol = next(i for i, start in enumerate(table.starts[1:]) if slot < start)
        self._advance(*table.interval(symbol))
        table.count(symbol)
        return symbol

    def number(self, table: Table, first: int = 0) -> int:
        """Return the next number; below 0 if the symbol is one before ``first``."""
        code = self.symbol(table) - first
        if code < 16:
            return code
        bits = (code - 16) // 4 + 2
        rest = self.states[self.turn] % (1 << bits)
        self._advance(rest, 1, bits)
        return (4 + code % 4) << bits | rest

    def check_end(self) -> None:
        """Raise CorruptStreamError if an encoder would have written more, or less."""
        if self.at != len(self.stream) or self.states != [LEAST_STATE, LEAST_STATE]:
            raise CorruptStreamError


@dataclass
class Guess:
    """An id, and how often it was right; no guess if that is 0."""

    id: int = 0
    hits: int = 0

    def learn(self, id_: int) -> None:
        """Learn what the id was."""
        if self.hits and self.id == id_:
            self.hits = min(self.hits + 1, MAX_HITS)
        elif self.hits > 2:
            self.hits //= 2
        else:
            self.id, self.hits = id_, 1


def pair_index(last: int, before: int) -> int:
    """Return where the guess from the last two ids lies."""
    mixed = (last * 0x9E3779B1 ^ before * 0x85EBCA77) % 2**32
    return mixed * 0xC2B2AE3D % 2**32 >> 16


class Ids:
    """What is known of literals that are ids."""

    def __init__(self, ids: int) -> None:
        self.misses = id_table(ids)
        self.outcomes: defaultdict[tuple[int, int, bool], Table] = defaultdict(
            lambda: small_table(3)
        )
        self.by_last: defaultdict[int, Guess] = defaultdict(Guess)
        self.by_pair: defaultdict[int, Guess] = defaultdict(Guess)
        self.last = self.pair = 0

    def guesses(self) -> tuple[Guess, Guess]:
        """Return the guess from the last two ids and that from the last one."""
        return self.by_pair[self.pair], self.by_last[self.last]

    def outcome_table(self) -> Table | None:
        """Return the table of which guess is right, if there is a guess."""
        pair, last = self.guesses()
        if not pair.hits and not last.hits:
            return None
        return self.outcomes[pair.hits, last.hits, pair.id == last.id]

    def learn(self, id_: int) -> None:
        """Learn an id."""
        for guess in self.guesses():
            guess.learn(id_)
        self.pair, self.last = pair_index(id_, self.last), id_

    def write(self, writer: Writer, id_: int) -> None:
        """Add an id."""
        hits = [guess.hits > 0 and guess.id == id_ for guess in self.guesses()]
        outcome = 0 if hits[0] else 1 if hits[1] else 2
        if (table := self.outcome_table()) is not None:
            writer.symbol(table, outcome)
        if outcome == 2:
            writer.symbol(self.misses, id_)
        self.learn(id_)

    def read(self, reader: Reader) -> int:
        """Return the next id."""
        table = self.outcome_table()
        outcome = reader.symbol(table) if table is not None else 2
        id_ = reader.symbol(self.misses) if outcome == 2 else self.guesses()[outcome].id
        self.learn(id_)
        return id_


@dataclass
class Matches:
    """What is known of sequences."""

    literals: Table = field(default_factory=lambda: small_table(NUMBER_CODES))
    lengths: defaultdict[bool, Table] = field(
        default_factory=lambda: defaultdict(lambda: small_table(NUMBER_CODES))
    )
    distances: defaultdict[int, Table] = field(
        default_factory=lambda: defaultdict(lambda: small_table(RECENT + NUMBER_CODES))
    )
    recent: list[int] = field(default_factory=lambda: [1, 2, 3])

    def distance_table(self, length: int) -> Table:
        """Return the table of distances of matches of this length."""
        return self.distances[min((length - MIN_MATCH) // 4, 7)]

    def use(self, distance: int, at: int | None) -> None:
        """Move a distance to the front of the recent ones; ``at`` is where it was."""
        del self.recent[RECENT - 1 if at is None else at]
        self.recent.insert(0, distance)

    def write(self, writer: Writer, literals: int, length: int, distance: int) -> None:
        """Add a match."""
        writer.number(self.lengths[literals == 0], length - MIN_MATCH)
        table = self.distance_table(length)
        at = self.recent.index(distance) if distance in self.recent else None
        if at is None:
            writer.number(table, distance - 1, RECENT)
        else:
            writer.symbol(table, at)
        self.use(distance, at)

    def read(self, reader: Reader, literals: int) -> tuple[int, int]:
        """Return length and distance of the next match."""
        length = reader.number(self.lengths[literals == 0]) + MIN_MATCH
        value = reader.number(self.distance_table(length), RECENT)
        at = value + RECENT if value < 0 else None
        distance = value + 1 if at is None else self.recent[at]
        self.use(distance, at)
        return length, distance


def encode(
    data: bytes, sequences: Sequences, ids: Sequence[int] | None = None, alphabet: int = 0
) -> bytes:
    """Return the stream of data, given their sequences.

    ``ids`` are those of the literals, of a codebook with so many; None to code bytes.
    """
    writer, matches = Writer(), Matches()
    bytes_after: defaultdict[int, Table] = defaultdict(lambda: small_table(256))
    if ids is not None:
        writer.number(matches.literals, len(ids))
        tables = Ids(alphabet)
        for id_ in ids:
            tables.write(writer, id_)
    at = 0
    for literals, length, distance in sequences:
        writer.number(matches.literals, literals)
        for i in range(at, at + literals if ids is None else at):
            writer.symbol(bytes_after[data[i - 1] if i else 0], data[i])
        if length:
            matches.write(writer, literals, length, distance)
        at += literals + length
    return writer.finish()


def decode(stream: bytes, size: int, strings: Sequence[bytes] | None = None) -> bytes:
    """Return ``size`` bytes of data. ``strings`` are those of the codebook, by id."""
    reader, matches = Reader(stream), Matches()
    bytes_after: defaultdict[int, Table] = defaultdict(lambda: small_table(256))
    text, read = b"", 0
    if strings is not None:
        tables = Ids(len(strings))
        count = reader.number(matches.literals)
        if count > size:
            raise CorruptStreamError
        text = b"".join(strings[tables.read(reader)] for _ in range(count))
    data = bytearray()
    while len(data) < size:
        literals = reader.number(matches.literals)
        if literals > size - len(data) or (strings is not None and literals > len(text) - read):
            raise CorruptStreamError
        if strings is None:
            for _ in range(literals):
                data.append(reader.symbol(bytes_after[data[-1] if data else 0]))
        else:
            data += text[read : read + literals]
            read += literals
        if len(data) == size:
            break
        length, distance = matches.read(reader, literals)
        if length > size - len(data) or distance > len(data):
            raise CorruptStreamError
        for _ in range(length):
            data.append(data[-distance])
    if read != len(text):
        raise CorruptStreamError
    reader.check_end()
    return bytes(data)
