# SPDX-License-Identifier: Apache-2.0
"""Clients of Python: client.py LIBRARY BASE CHECK...; prints `CHECK: what came of it` for each check.

A library is a function request(method, url, body, chunked) that yields (status, headers), then octets.
See tests/integration/test_clients.py for what the checks are.
"""
import asyncio
import hashlib
import sys
import time

MIB = 1 << 20
WAIT_S = 30


def blocks(count):
    """The body of an upload."""
    return (bytes(range(256)) * 4096 for _ in range(count))


def urllib(method, url, body=None, chunked=False):
    import urllib.request
    headers = {'Transfer-Encoding': 'chunked'} if chunked else {}
    if body is not None and not chunked:
        body = b''.join(body)
    query = urllib.request.Request(url, data=body, method=method, headers=headers)
    with urllib.request.urlopen(query, timeout=WAIT_S) as answer:
        yield answer.status, answer.headers
        while True:
            data = answer.read1(MIB)
            if not data:
                if answer.length:  # read1() says nothing of what is missing; read() does
                    raise OSError('IncompleteRead')
                return
            yield data


def requests(method, url, body=None, chunked=False):
    import requests as library
    if body is not None and not chunked:
        body = b''.join(body)
    requests.session = getattr(requests, 'session', None) or library.Session()
    answer = requests.session.request(method, url, data=body, stream=True, timeout=WAIT_S)
    yield answer.status_code, answer.headers
    yield from answer.iter_content(None)


def httpx(method, url, body=None, chunked=False):
    import httpx as library
    if body is not None and not chunked:
        body = b''.join(body)
    httpx.client = getattr(httpx, 'client', None) or library.Client(timeout=WAIT_S)
    with httpx.client.stream(method, url, content=body) as answer:
        yield answer.status_code, answer.headers
        yield from answer.iter_raw()


async def _aiohttp(method, url, body, chunked):
    import aiohttp as library

    async def stream():
        for block in body:
            yield block
    if not hasattr(aiohttp, 'session'):
        aiohttp.session = library.ClientSession(timeout=library.ClientTimeout(WAIT_S), trust_env=True)
    data = None if body is None else stream() if chunked else b''.join(body)
    async with aiohttp.session.request(method, url, data=data) as answer:
        yield answer.status, answer.headers
        async for part in answer.content.iter_any():
            yield part


def aiohttp(method, url, body=None, chunked=False):
    aiohttp.loop = getattr(aiohttp, 'loop', None) or asyncio.new_event_loop()
    steps = _aiohttp(method, url, body, chunked)
    while True:
        try:
            yield aiohttp.loop.run_until_complete(steps.__anext__())
        except StopAsyncIteration:
            return


def digest(parts):
    judge, length = hashlib.sha256(), 0
    for part in parts:
        judge.update(part)
        length += len(part)
    return f'{length} {judge.hexdigest()}'


def text(parts):
    return b''.join(parts).decode().strip()


def check_get(request, base, word):
    """get:N: N MiB"""
    parts = request('GET', f'{base}/data/{word}')
    status, _ = next(parts)
    return f'{status} {digest(parts)}'


def check_head(request, base, _):
    parts = request('HEAD', f'{base}/data/3')
    status, headers = next(parts)
    return f'{status} {headers["Content-Length"]} {text(parts)}'.strip()


def check_post(request, base, word, chunked=False):
    parts = request('POST', f'{base}/digest/', blocks(int(word)), chunked)
    status, _ = next(parts)
    return f'{status} {text(parts)}'


def check_chunked(request, base, word):
    return check_post(request, base, word, True)


def check_events(request, base, _):
    """Is the first there before the last is sent?"""
    parts = request('GET', f'{base}/events/')
    next(parts)
    times, seen = [], b''
    for part in parts:
        seen += part
        times += [time.monotonic()] * (seen.count(b'\n\n') - len(times))
    return f'{len(times)} {"at once" if times[-1] - times[0] > 0.4 else "late"}'


def check_reuse(request, base, _):
    """How many requests its connection has carried, by the server's count."""
    counts = []
    for _ in range(3):
        parts = request('GET', f'{base}/data/0')
        counts.append(next(parts)[1]['X-Requests'])
        list(parts)
    return ' '.join(counts)


def check_broken(request, base, word):
    parts = request('GET', f'{base}/{word}/')
    next(parts)
    return f'whole: {digest(parts)}'


def check_bad(request, base, word):
    """A server whose certificate is no good."""
    parts = request('GET', f'{base.replace("origin.test", word + ".test")}/data/0')
    status, _ = next(parts)
    return f'{status} {text(parts)}'


def check_ws(_, base, __):
    async def talk():
        import websockets
        async with websockets.connect(f'{base.replace("http", "ws", 1)}/ws/') as socket:
            await socket.send('hello')
            await socket.send('x' * 1000)
            return f'{await socket.recv()} {len(await socket.recv())}'
    return asyncio.run(talk())


def main():
    library, base, *checks = sys.argv[1:]
    request = globals().get(library)
    for check in checks:
        name, _, word = check.partition(':')
        try:
            said = globals()[f'check_{name}'](request, base, word)
        except Exception as error:  # which one is the library's business
            if getattr(error, 'code', None) == 502:  # urllib has errors for these
                said = f'502 {error.read().decode()}'
            else:
                said = f'error {type(error).__name__}: {error}'.replace('\n', ' ')
        print(f'{check}: {said}', flush=True)
    if hasattr(aiohttp, 'session'):
        aiohttp.loop.run_until_complete(aiohttp.session.close())


main()
