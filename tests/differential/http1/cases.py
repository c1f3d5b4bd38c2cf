"""Awkward requests: (name, bytes). Each is sent whole on a connection of its own."""

HOST = b'Host: a.test\r\n'
GET = b'GET / HTTP/1.1\r\n' + HOST
POST = b'POST / HTTP/1.1\r\n' + HOST
END = b'\r\n'
NEXT = b'GET /next HTTP/1.1\r\n' + HOST + b'Connection: close\r\n\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n'
HELLO = b'5\r\nhello\r\n0\r\n\r\n'


def length(value, body=b'hello', name=b'Content-Length'):
    return POST + b'Connection: close\r\n' + name + b': ' + value + b'\r\n\r\n' + body


def coding(value, body=HELLO, name=b'Transfer-Encoding'):
    return POST + b'Connection: close\r\n' + name + b':' + value + b'\r\n\r\n' + body


def line(text):
    return text + b'\r\n' + HOST + b'Connection: close\r\n\r\n'


def target(text, method=b'GET'):
    return line(method + b' ' + text + b' HTTP/1.1')


def host(value):
    return b'GET / HTTP/1.1\r\nConnection: close\r\nHost: ' + value + b'\r\n\r\n'


def field(text):
    return GET + b'Connection: close\r\n' + text + b'\r\n\r\n'


SOUND = {
    'get': GET + b'Connection: close\r\n\r\n',
    'get, pipelined': GET + END + NEXT,
    'two gets, pipelined': GET + END + GET + END + NEXT,
    'length': length(b'5'),
    'length 0': length(b'0', b''),
    'length, pipelined': POST + b'Content-Length: 5\r\n\r\nhello' + NEXT,
    'chunked': CHUNKED + HELLO,
    'chunked, pipelined': POST + b'Transfer-Encoding: chunked\r\n\r\n' + HELLO + NEXT,
    'chunked, upper case': coding(b' CHUNKED'),
    'chunked, no blank': coding(b'chunked'),
    'chunked, tab': coding(b'\tchunked\t'),
    'chunks, zeros before': CHUNKED + b'00000005\r\nhello\r\n000\r\n\r\n',
    'chunks, upper hex': CHUNKED + b'A\r\n0123456789\r\n0\r\n\r\n',
    'chunked, trailer': CHUNKED + b'5\r\nhello\r\n0\r\nDigest: x\r\n\r\n',
    'get with body': GET + b'Connection: close\r\nContent-Length: 5\r\n\r\nhello',
    'get with chunks': GET + b'Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n' + HELLO,
    'put': target(b'/x', b'PUT'),
    'delete': target(b'/x', b'DELETE'),
    'options': target(b'/x', b'OPTIONS'),
    'head': target(b'/x', b'HEAD'),
    'patch': target(b'/x', b'PATCH'),
    'http/1.0': b'GET / HTTP/1.0\r\nHost: a.test\r\n\r\n',
    'http/1.0, length': b'POST / HTTP/1.0\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello',
    'http/1.0, pipelined': b'GET / HTTP/1.0\r\nHost: a.test\r\n\r\n' + NEXT,
    'http/1.0, keep-alive, pipelined':
        b'GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n' + NEXT,
    'close, then more': GET + b'Connection: close\r\n\r\n' + NEXT,
    'query': target(b'/a?b=c&d=%20'),
    'encoded': target(b'/%7Euser/%C3%A4'),
    'host with port': host(b'a.test:8080'),
    'host, upper case': host(b'A.TEST'),
    'host, v6': host(b'[::1]:80'),
    'empty value': field(b'X:'),
    'obs-text': field(b'X: \xc3\xa4'),
    'expect': POST + b'Connection: close\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
    'body that looks like a request': length(b'%d' % len(NEXT), NEXT),
}

LENGTHS = {f'Content-Length: {value.decode("latin-1")!r}': length(value) for value in (
    b'', b'+5', b'-5', b'5 ', b' 5', b'\t5', b'5 5', b'5,5', b'5, 5', b'5,6', b'5,', b',5', b'5;', b'5;a=b',
    b'0x5', b'0X5', b'5h', b'a', b'5a', b'5.0', b'5e0', b'"5"', b"'5'", b'05', b'005', b'5_0', b'\xb5', b'5\x00',
    b'\x005', b'5\x0b', b'5\x0c', b'\x0b5', b'5\r', b'-0', b'+0', b'18446744073709551621', b'4294967301',
    b'9223372036854775808', b'99999999999999999999999', b'00000000000000000000005', b'NaN', b'five', b'5 HTTP/1.1')}

TWICE = {
    'two lengths, same': POST + b'Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
    'two lengths, differ': POST + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    'two lengths, second 0': POST + b'Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello' + NEXT,
    'CL.TE': POST + b'Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG',
    'TE.CL': POST + b'Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGPOST / HTTP/1.1\r\n\r\n0\r\n\r\n',
    'CL.TE, CL 0': POST + b'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n' + HELLO,
    'TE.TE, second identity':
        POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n' + HELLO,
    'TE.TE, second cow': POST + b'Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n\r\n' + HELLO,
    'TE.TE, first cow': POST + b'Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n\r\n' + HELLO,
    'TE.TE, same': POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n' + HELLO,
    'TE in 1.0': b'POST / HTTP/1.0\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\n' + HELLO,
    'TE in 1.0, keep-alive': b'POST / HTTP/1.0\r\n' + HOST
        + b'Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n' + HELLO,
    'Connection: Content-Length': POST + b'Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello',
    'Connection: Transfer-Encoding':
        POST + b'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n' + HELLO,
    'Connection: Host': GET + b'Connection: close, Host\r\n\r\n',
}

CODINGS = {f'Transfer-Encoding:{value.decode("latin-1")!r}': coding(value) for value in (
    b'', b' ', b' identity', b' xchunked', b' chunkedx', b' x-chunked', b' chunked, chunked', b' gzip, chunked',
    b' chunked, gzip', b' identity, chunked', b' chunked, identity', b' chunked,', b' ,chunked', b' , chunked',
    b' chunked;a=b', b' chunked ;', b' "chunked"', b" 'chunked'", b' chun ked', b'\x0bchunked', b' \x0bchunked',
    b' chunked\x0b', b'\x0cchunked', b' chunked\x00', b' \x00chunked', b' chunked\r', b' \x7fchunked',
    b' \xffchunked', b' chunked\xa0', b'\r\n chunked', b'\r\n\tchunked', b'\n chunked', b' ch\xd5nked',
    b' CHUN\xc4\xb0ED', b' chunked\r\n ', b' chunked\n')}

NAMES = {f'name {name.decode("latin-1")!r}': coding(b' chunked', name=name) for name in (
    b'Transfer-Encoding ', b'Transfer-Encoding\t', b' Transfer-Encoding', b'\tTransfer-Encoding',
    b'Transfer_Encoding', b'Transfer-Encoding\x00', b'Transfer\x00-Encoding', b'Transfer-Encoding\x0b',
    b'Transfer-Encoding\r', b'Transfer Encoding', b'X:\nTransfer-Encoding', b'X: y\nTransfer-Encoding',
    b'X: y\rTransfer-Encoding', b'\x00Transfer-Encoding', b'Transfer-Encoding:', b'\xa0Transfer-Encoding',
    b'"Transfer-Encoding"', b'(Transfer-Encoding)')}

LINES = {repr(text.decode('latin-1')): line(text) for text in (
    b'GET /', b'GET', b'GET  / HTTP/1.1', b'GET /  HTTP/1.1', b'GET / HTTP/1.1 ', b'GET / HTTP/1.1\t',
    b' GET / HTTP/1.1', b'\tGET / HTTP/1.1', b'GET\t/\tHTTP/1.1', b'GET\t/ HTTP/1.1', b'GET / x HTTP/1.1',
    b'get / HTTP/1.1', b'Get / HTTP/1.1', b'G(T / HTTP/1.1', b'GET: / HTTP/1.1', b'GE\x00T / HTTP/1.1',
    b'GET / http/1.1', b'GET / HTTP/1.10', b'GET / HTTP/01.1', b'GET / HTTP/1.', b'GET / HTTP/1', b'GET / HTTP/1.2',
    b'GET / HTTP/1.9', b'GET / HTTP/2.0', b'GET / HTTP/0.9', b'GET / HTTP/3.0', b'GET / HTTP/9.9', b'GET / HTTP/-1.1',
    b'GET / HTTP/1,1', b'GET / HTTP1.1', b'GET / HTTP /1.1', b'GET / HTTP/ 1.1', b'GET / HTTPS/1.1', b'GET / ICY/1.1',
    b'GET / HTTP/1.1\r', b'GET /\rHTTP/1.1', b'GET /\x0bHTTP/1.1', b'PRI * HTTP/2.0', b'TRACE / HTTP/1.1',
    b'LONGERTHANANYMETHODTHATISREGISTERED / HTTP/1.1')}

TARGETS = {f'target {text.decode("latin-1")!r}': target(text) for text in (
    b'x', b'*', b'?x', b'//', b'//a', b'/a//b', b'/../a', b'/a/../../b', b'/a/../b', b'/%2e%2e/a', b'/%2f', b'/a%5cb',
    b'/a\\b', b'/%00', b'/%', b'/%zz', b'/a#b', b'/a\x00b', b'/\xc3\xa4', b'/a\x7f', b'/a;b', b'/a/..;/b',
    b'/a?b c', b'/"', b'/<>', b'/[', b'/a?[b]', b'/%c0%af', b'/%u002f', b'http://a.test/', b'http://b.test/',
    b'http://u@a.test/', b'http://a.test:80/', b'http:///x', b'http:/x', b'ftp://a.test/', b'a.test:80',
    b'HTTP://A.TEST/', b'http://a.test', b'http://a.test?x')}

HOSTS = {f'Host: {value.decode("latin-1")!r}': host(value) for value in (
    b'', b'a.test, b.test', b'a b', b'u@a.test', b'a.test/x', b'a.test?x', b'a.test#x', b'a.test:', b'a.test:x',
    b'a.test:99999', b'a.test:0', b'a.test:80:80', b'a.test\x00', b'a.test\x0b', b'a%2etest', b'a\\b', b'.', b'a..b',
    b'a.test.', b'[::1', b'[::1]x', b'[x]', b'127.1', b'0x7f.1', b'\xc3\xa4', b'"a.test"', b'<a>')}

FIELDS = {
    'no Host': b'GET / HTTP/1.1\r\nConnection: close\r\n\r\n',
    'two Hosts': GET + b'Connection: close\r\nHost: b.test\r\n\r\n',
    'two Hosts, same': GET + b'Connection: close\r\nHost: a.test\r\n\r\n',
    'Host with blank': b'GET / HTTP/1.1\r\nConnection: close\r\nHost : a.test\r\n\r\n',
    'folded': field(b'X: a\r\n b'),
    'folded at the start': b'GET / HTTP/1.1\r\n X: a\r\n' + HOST + b'Connection: close\r\n\r\n',
    'blank line of blanks': field(b' '),
    'no colon': field(b'X'),
    'empty name': field(b': a'),
    'NUL in name': field(b'X\x00Y: a'),
    'NUL in value': field(b'X: a\x00b'),
    'control in value': field(b'X: a\x01b'),
    'DEL in value': field(b'X: a\x7fb'),
    'CR in value': field(b'X: a\rb'),
    'CR before CRLF': field(b'X: a\r'),
    'LF ends a field': field(b'X: a\nY: b'),
    'LF ends all': b'GET / HTTP/1.1\nHost: a.test\nConnection: close\n\n',
    'LF ends the head': b'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\n',
    'LF CR': b'GET / HTTP/1.1\n\rHost: a.test\n\rConnection: close\n\r\n\r',
    'empty line first': b'\r\n' + GET + b'Connection: close\r\n\r\n',
    'LF first': b'\n' + GET + b'Connection: close\r\n\r\n',
    'name of 8 bits': field(b'X\xff: a'),
    'name with slash': field(b'X/Y: a'),
    'Expect: x': POST + b'Connection: close\r\nExpect: x\r\nContent-Length: 5\r\n\r\nhello',
    'Connection malformed': GET + b'Connection: close;x\r\nConnection: close\r\n\r\n',
    'Connection: a b': GET + b'Connection: a b\r\nConnection: close\r\n\r\n',
    'TLS': b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'\r\n\r\n',
    'CONNECT': b'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n',
    'CONNECT without port': b'CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n',
    'OPTIONS *': target(b'*', b'OPTIONS'),
    'half a head': GET,
    'half a body': length(b'9'),
}

CHUNKS = {f'chunks {text.decode("latin-1")!r}': CHUNKED + text for text in (
    b'\r\nhello\r\n0\r\n\r\n', b'0x5\r\nhello\r\n0\r\n\r\n', b'5 \r\nhello\r\n0\r\n\r\n', b' 5\r\nhello\r\n0\r\n\r\n',
    b'5\t\r\nhello\r\n0\r\n\r\n', b'+5\r\nhello\r\n0\r\n\r\n', b'-5\r\nhello\r\n0\r\n\r\n', b'5g\r\nhello\r\n0\r\n\r\n',
    b'5\nhello\r\n0\r\n\r\n', b'5\r\nhello\n0\r\n\r\n', b'5\rhello\r\n0\r\n\r\n', b'5\r\nhello0\r\n\r\n',
    b'5\r\nhelloxx0\r\n\r\n', b'5\r\nhello\r\n0\n\n', b'5\r\nhello\r\n0\r\n\n', b'5\r\nhello\r\n0\n\r\n',
    b'5;\r\nhello\r\n0\r\n\r\n', b'5;a=b\r\nhello\r\n0\r\n\r\n', b'5;a="b\r\nhello\r\n0\r\n\r\n',
    b'5;a\nhello\r\n0\r\n\r\n', b'5;a\rb\r\nhello\r\n0\r\n\r\n', b'5 ;a\r\nhello\r\n0\r\n\r\n', b'5;a\x00\r\nhello\r\n0\r\n\r\n',
    b'4\r\nhello\r\n0\r\n\r\n', b'6\r\nhello\r\n0\r\n\r\n', b'10000000000000005\r\nhello\r\n0\r\n\r\n',
    b'fffffffffffffffff\r\nhello\r\n0\r\n\r\n', b'ffffffffffffffff\r\nhello\r\n0\r\n\r\n',
    b'8000000000000000\r\nhello\r\n0\r\n\r\n', b'00000000000000000000005\r\nhello\r\n0\r\n\r\n',
    b'5\r\nhello\r\n0;a\r\n\r\n', b'5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n', b'5\r\nhello\r\n0\r\nHost: b\r\n\r\n',
    b'5\r\nhello\r\n0\r\nX : y\r\n\r\n', b'5\r\nhello\r\n0\r\n X: y\r\n\r\n', b'5\r\nhello\r\n0\r\nX: y\n\r\n',
    b'5\r\nhello\r\n0\r\nX: y\x00\r\n\r\n', b'5\r\nhello\r\n0\r\nX\r\n\r\n', b'5\r\nhello\r\n0\r\n',
    b'5\r\nhello\r\n', b'5\r\nhell', b'\x005\r\nhello\r\n0\r\n\r\n', b'5\x00\r\nhello\r\n0\r\n\r\n',
    b'\xb5\r\nhello\r\n0\r\n\r\n')}

GROUPS = {'sound': SOUND, 'length': LENGTHS, 'two framings': TWICE, 'coding': CODINGS, 'names': NAMES,
          'request line': LINES, 'target': TARGETS, 'host': HOSTS, 'fields': FIELDS, 'chunks': CHUNKS}
