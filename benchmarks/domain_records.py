"""Logs, tables and XML for the domain set: made from a seed, shaped as programs write them.

What compresses well in real records is there: fields that keep their order, values that come in few
kinds of very unequal frequency, numbers that drift, a field that follows from another. So is what
does not: identifiers, noise in the last digits, gaps between events.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import accumulate
from typing import TypeVar
from xml.sax.saxutils import escape, quoteattr

_T = TypeVar("_T")
_BEGIN = datetime(2025, 3, 14, 6, 25, 11, tzinfo=timezone.utc)

_ONSETS = [*"bcdfghklmnprstvw", "st", "tr", "br", "ch", "gr", "pl", "sh"]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ou"]
_CODAS = ["", "", "", "n", "r", "s", "l", "t", "nt", "ck", "rm"]

_SERVICES = ["checkout", "catalog", "search-api", "auth", "inventory", "mailer", "image-resizer"]
_ROUTES = [
    ("GET", "/api/v2/products/{id}"),
    ("GET", "/api/v2/search?q={word}&page={small}"),
    ("POST", "/api/v2/cart/{uuid}/items"),
    ("GET", "/healthz"),
    ("GET", "/api/v2/users/{id}/orders?limit={small}"),
    ("PUT", "/api/v2/users/{id}/address"),
    ("DELETE", "/api/v2/cart/{uuid}"),
    ("GET", "/static/img/{word}-{id}.webp"),
]
_AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/134.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "python-requests/2.32.3",
    "okhttp/4.12.0",
]
_WARNINGS = [
    "slow query: {ms} ms, SELECT * FROM orders WHERE customer_id = {id} ORDER BY created_at",
    "retry {small} of 5 for shard-{small}: connection reset by peer",
    "cache miss ratio {percent} % above the threshold, {id} keys evicted",
    "rate limit: 10.{octet}.{octet}.{octet} made {id} requests in 60 s",
]
_ERRORS = [
    "TimeoutError: no answer from {word}-db:5432 within {ms} ms\n  at Pool.acquire "
    "(/srv/app/node_modules/pg-pool/index.js:{id}:{small})\n  at async handler "
    "(/srv/app/src/routes/{word}.js:{small}:{octet})",
    "ValidationError: field 'quantity' must be at least 1, got {small}",
    "KeyError: '{word}'",
]


def chosen(rng: random.Random, items: Sequence[_T], steepness: float = 1.2) -> _T:
    """Draw an item; the n-th is drawn with a frequency of n to the power of -steepness."""
    weights = [(n + 1) ** -steepness for n in range(len(items))]
    return rng.choices(items, cum_weights=list(accumulate(weights)))[0]


def names(rng: random.Random, count: int) -> list[str]:
    """Make up words of one to three syllables."""
    return [
        "".join(
            rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
            for _ in range(rng.choice((1, 2, 2, 3)))
        )
        for _ in range(count)
    ]


def logs(size: int, rng: random.Random) -> bytes:
    """Return JSON lines of a web shop's services."""
    return _first(size, _log_lines(rng))


def _log_lines(rng: random.Random) -> Iterator[str]:
    words = names(rng, 300)
    users = [rng.randrange(10_000, 9_000_000) for _ in range(400)]
    addresses = [f"10.{rng.randrange(4)}.{rng.randrange(256)}.{rng.randrange(256)}" for _ in users]
    pods = {
        service: [f"{service}-{rng.getrandbits(40):010x}"[:-2] for _ in range(3)]
        for service in _SERVICES
    }
    time = _BEGIN
    open_requests: list[dict[str, object]] = []

    def fill(template: str) -> str:
        return template.format(
            id=chosen(rng, users, 0.9),
            uuid=f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}",
            word=chosen(rng, words),
            small=min(int(rng.expovariate(0.4)) + 1, 50),
            ms=int(rng.lognormvariate(6.5, 0.8)),
            percent=rng.randrange(5, 60),
            octet=rng.randrange(256),
        )

    while True:
        time += timedelta(seconds=rng.expovariate(9))
        service = chosen(rng, _SERVICES)
        event: dict[str, object] = {
            "ts": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": "info",
            "service": service,
            "pod": rng.choice(pods[service]),
        }
        kind = rng.random()
        if kind < 0.86:
            method, route = chosen(rng, _ROUTES)
            status = rng.choices((200, 304, 404, 500), (88, 7, 4, 1))[0]
            user = rng.randrange(len(users)) if rng.random() < 0.3 else int(rng.expovariate(0.02))
            user %= len(users)
            event |= {
                "msg": "request completed" if status < 500 else "request failed",
                "req_id": f"{rng.getrandbits(64):016x}",
                "method": method,
                "path": fill(route),
                "status": status,
                "duration_ms": round(rng.lognormvariate(2.5, 1.1), 2),
                "bytes": 0 if status == 304 else int(rng.lognormvariate(7.5, 1.3)),
                "user_id": users[user],
                "client": addresses[user],
                "agent": _AGENTS[user % 7 % len(_AGENTS)],
            }
            if route == "/healthz":
                del event["user_id"]
                event |= {"status": 200, "duration_ms": round(rng.uniform(0.2, 0.9), 2), "bytes": 2}
                event |= {"client": "10.0.0.1", "agent": "kube-probe/1.31"}
            open_requests = [*open_requests[-20:], event]
        elif kind < 0.97 or not open_requests:
            event |= {"level": "warn", "msg": fill(chosen(rng, _WARNINGS))}
        else:
            event |= {
                "level": "error",
                "msg": fill(chosen(rng, _ERRORS)),
                "req_id": rng.choice(open_requests)["req_id"],
            }
        yield json.dumps(event, separators=(",", ":")) + "\n"


@dataclass
class _Station:
    name: str
    temperature: float
    pressure: float = 1013.0


def csv(size: int, rng: random.Random) -> bytes:
    """Return a table of measurements: several stations, values that drift, some of them missing."""
    return _first(size, _csv_lines(rng))


def _csv_lines(rng: random.Random) -> Iterator[str]:
    yield "time,station,temperature_c,humidity_pct,pressure_hpa,wind_ms,wind_dir,rain_mm,flag\n"
    stations = [
        _Station(f"{name[:3].upper()}{rng.randrange(10, 99)}", rng.gauss(9, 4))
        for name in names(rng, 12)
    ]
    time, rain = _BEGIN.replace(minute=0, second=0), 0.0
    while True:
        sun = -abs(time.hour + time.minute / 60 - 14) / 12  # 0 at two in the afternoon
        rain = max(0.0, 0.9 * rain + rng.gauss(-0.05, 0.25))
        for station in stations:
            if rng.random() < 0.03:  # the station did not report
                continue
            station.temperature += 0.3 * rng.gauss(0, 1)
            station.temperature += 0.05 * (9 + 8 * sun - station.temperature)
            station.pressure += rng.gauss(0, 0.15) + 0.01 * (1013 - station.pressure)
            dry = 3 * (station.temperature - 9)
            humidity = min(100.0, max(20.0, 75 - dry + rng.gauss(0, 4)))
            wind = abs(rng.gauss(3, 2))
            fields = [
                time.strftime("%Y-%m-%d %H:%M"),
                station.name,
                f"{station.temperature:.1f}",
                "" if rng.random() < 0.02 else f"{humidity:.0f}",
                f"{station.pressure:.1f}",
                f"{wind:.1f}",
                "" if wind < 0.3 else str(int(rng.gauss(240, 50)) // 10 * 10 % 360),
                f"{rain:.1f}" if rain else "0",
                rng.choices(("", "E", "C"), (96, 3, 1))[0],
            ]
            yield ",".join(fields) + "\n"
        time += timedelta(minutes=10)


def xml(size: int, rng: random.Random) -> bytes:
    """Return orders of a mail-order firm, indented."""
    return _first(size, _xml_parts(rng))


def _xml_parts(rng: random.Random) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<orders xmlns="urn:example:orders:3">\n'
    words = names(rng, 900)
    towns = [(word.title(), rng.randrange(10_000, 99_999)) for word in names(rng, 150)]
    products = [
        (
            f"{rng.choice('ABCDHKX')}{rng.randrange(1000, 99_999)}",
            " ".join(rng.choices(words[:200], k=rng.randrange(2, 5))).capitalize(),
            round(rng.lognormvariate(3, 0.9), 2),
        )
        for _ in range(500)
    ]
    number, time = 4_210_377, _BEGIN
    while True:
        number += rng.choice((1, 1, 1, 2, 3))
        time += timedelta(seconds=rng.expovariate(1 / 200))
        town, code = chosen(rng, towns)
        street = chosen(rng, words, 0.6)
        person = f"{chosen(rng, words, 0.6).title()} {chosen(rng, words, 0.6).title()}"
        lines = [
            f'  <order id="{number}" placed="{time:%Y-%m-%dT%H:%M:%SZ}" '
            f'channel="{chosen(rng, ["web", "phone", "shop"])}">',
            "    <customer>",
            f"      <name>{escape(person)}</name>",
            f"      <street>{street.title()} Street {rng.randrange(1, 140)}</street>",
            f'      <town code="{code}">{town}</town>',
            "    </customer>",
        ]
        for _ in range(1 + int(rng.expovariate(0.7))):
            sku, title, price = chosen(rng, products, 0.7)
            count = 1 + int(rng.expovariate(1.4))
            lines += [
                f'    <item sku="{sku}" count="{count}">',
                f"      <title>{escape(title)}</title>",
                f'      <price currency="EUR">{price * count:.2f}</price>',
                "    </item>",
            ]
        if rng.random() < 0.2:
            note = " ".join(chosen(rng, words) for _ in range(rng.randrange(3, 14)))
            lines.append(f"    <note by={quoteattr(person)}>{escape(note)} &amp; thanks</note>")
        yield "\n".join([*lines, "  </order>"]) + "\n"


def _first(size: int, parts: Iterator[str]) -> bytes:
    """Return the first ``size`` bytes of the parts."""
    data = bytearray()
    while len(data) < size:
        data += next(parts).encode()
    return bytes(data[:size])
