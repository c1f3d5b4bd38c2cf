# SPDX-License-Identifier: Apache-2.0
"""Flows that reach the outside by an HTTP proxy, of the settings or of the caller's environment."""
import contextlib
import json
import os
import pathlib
import socket
import ssl
import subprocess
import unittest

import proxies
import support
from inside import TRY
from proxies import ESTABLISHED, Proxy, Squid
from servers import Names, Server, answering, receive
from support import PYTHON, as_root_and_user, eventually

NO_NAMES = ('--dns-server', '127.0.0.1:9')  # where nobody answers, at once: as in an office
PASSWORD = 's3cr3t-0f-the-proxy'
TLS = '''
import ssl, socket, sys
flow = ssl.create_default_context().wrap_socket(socket.create_connection(('lab.test', 443), 20), server_hostname='lab.test')
flow.sendall(b'GET /x HTTP/1.1\\r\\nHost: lab.test\\r\\nConnection: close\\r\\n\\r\\n')
data = b''
while more := flow.recv(65536):
    data += more
print(data.rpartition(b'\\r\\n\\r\\n')[2].decode())
'''
needs_squid = unittest.skipIf(proxies.SQUID is None, 'squid is not installed')


def speaks_first(connection):
    connection.sendall(b'hello')
    return receive(connection)


def says(answer):
    """A proxy that says only this. Its result is what came after the request."""
    def handle(connection):
        receive(connection, b'\r\n\r\n')
        connection.sendall(answer)
        try:
            connection.shutdown(socket.SHUT_WR)
            return receive(connection)
        except OSError:  # it was reset
            return b''
    return handle


class Rig(support.Tests):
    def options(self, proxy=None, *hosts, names=NO_NAMES):
        """Options by which @hosts may be reached, by @proxy if there is one."""
        way = () if proxy is None else ('--upstream-proxy', proxy if isinstance(proxy, str) else proxy.url)
        return (*names, *way, *(word for host in hosts or ('a.test',) for word in ('--allow-host', host)))

    def tries(self, *pairs, options=(), **more):
        done = self.run_in(PYTHON, '-c', TRY, *pairs, options=options, **more)
        self.assert_code(done, 0)
        return done.text.split('\n')[:-1]

    def get(self, url, options, **more):
        """Return: the status and the text that curl gets inside."""
        done = self.run_in('curl', '-sS', '-m', '30', '-w', '\n%{http_code}', url, options=options, **more)
        text, _, status = done.text.rpartition('\n')
        return int(status), text

    def reason(self, proxy, wanted, host='a.test'):
        """Ask by @proxy, and get nothing: the event of the flow says why."""
        network = {'allowed_hosts': [host], 'dns_servers': ['127.0.0.1:9'], 'proxy': proxy}
        with self.sandbox({'network': network}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            sandbox.exec(['curl', '-sS', f'http://{host}/'])

            def told():
                return [event['network'] for event in list(events)
                        if event['type'] == 'network' and event['network']['url'] == f'tcp://{host}:80']
            self.assertTrue(eventually(told), events)
        self.assertRegex(told()[0]['reason'], wanted)
        self.assertFalse(told()[0]['blocked'])

    @contextlib.contextmanager
    def tls_server(self, text):
        certificate, key = (os.path.join(self.folder, f'lab.{kind}') for kind in ('crt', 'key'))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                        '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=lab',
                        '-addext', 'subjectAltName=DNS:lab.test'], check=True, capture_output=True)
        os.chmod(certificate, 0o644)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        answer = answering(text)
        with Server(lambda connection: answer(context.wrap_socket(connection, server_side=True))) as server:
            server.options = ('--upstream-ca', certificate)
            yield server


@as_root_and_user
class Ways(Rig):
    """Who goes by the proxy."""

    def test_http_by_name(self):
        with Server(answering(b'hello')) as origin, Proxy({'a.test:80': origin.port}) as proxy:
            self.assertEqual(self.get('http://a.test/x', self.options(proxy)), (200, 'hello'))
        self.assertEqual(proxy.asked, [b'CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n'])
        self.assertRegex(origin.results[0], rb'^GET /x HTTP/1.1\r\nHost: a.test\r\n')

    def test_tls(self):
        with self.tls_server(b'hello') as origin, Proxy({'lab.test:443': origin.port}) as proxy:
            done = self.run_in(PYTHON, '-c', TLS, options=(*self.options(proxy, 'lab.test'), *origin.options))
            self.assert_prints(done, 'hello\n')
            done = self.run_in(PYTHON, '-c', TLS, options=self.options(proxy, 'lab.test'))
            self.assertNotIn('hello', done.text, 'a certificate that nobody knows')
        self.assertEqual(proxy.targets, ['lab.test:443'] * 2)

    def test_raw(self):
        with Server(speaks_first) as origin, Proxy({'a.test:22': origin.port}) as proxy:
            self.assertEqual(self.tries('a.test', 22, 'a.test', 23, options=self.options(proxy, 'a.test:22')),
                             ['hello', 'ConnectionResetError'])
        self.assertEqual(proxy.targets, ['a.test:22'])

    def test_the_environment_of_the_caller(self):
        with Server(speaks_first) as origin, Proxy({'a.test:22': origin.port}) as proxy, Proxy({}) as other:
            rows = (({'HTTPS_PROXY': proxy.url}, ['hello']), ({'https_proxy': f'127.0.0.1:{proxy.port}'}, ['hello']),
                    ({'ALL_PROXY': proxy.url}, ['hello']), ({'all_proxy': proxy.url, 'https_proxy': ''}, ['hello']),
                    ({'HTTPS_PROXY': other.url, 'https_proxy': proxy.url}, ['hello']),
                    ({'HTTP_PROXY': proxy.url, 'http_proxy': proxy.url}, None),
                    ({'HTTPS_PROXY': proxy.url, 'NO_PROXY': 'b.test, test'}, None),
                    ({'HTTPS_PROXY': proxy.url, 'no_proxy': '*'}, None))
            for env, wanted in rows:
                with self.subTest(env=env):
                    asked = len(proxy.asked)
                    tried = self.tries('a.test', 22, options=self.options(None, 'a.test:22'), env=env)
                    self.assertEqual((tried, len(proxy.asked) - asked), (wanted or ['ConnectionResetError'], bool(wanted)))
            self.assertEqual(self.tries('a.test', 22, env={'HTTPS_PROXY': proxy.url},
                                        options=self.options('none', 'a.test:22')), ['ConnectionResetError'])
            self.assertEqual(self.tries('a.test', 22, env={'HTTPS_PROXY': other.url},
                                        options=self.options(proxy, 'a.test:22')), ['hello'])
        self.assertEqual(other.asked, [])

    def test_the_environment_inside_says_nothing(self):
        with Server(speaks_first) as origin, Proxy({'a.test:22': origin.port}) as proxy:
            options = (*self.options(None, 'a.test:22'), '-e', f'HTTPS_PROXY={proxy.url}', '-e', f'ALL_PROXY={proxy.url}')
            self.assertEqual(self.tries('a.test', 22, options=options), ['ConnectionResetError'])
            done = self.run_in('env', options=self.options(None, 'a.test'), env={'HTTPS_PROXY': proxy.url})
            self.assertNotIn('PROXY', done.text.upper())
        self.assertEqual(proxy.asked, [])

    def test_rpc(self):
        """The server's environment, or what `create` says."""
        with Server(speaks_first) as origin, Proxy({'a.test:22': origin.port}) as proxy:
            for env, settings in (({'HTTPS_PROXY': proxy.url}, {}), ({}, {'proxy': proxy.url}),
                                  ({'HTTPS_PROXY': 'http://127.0.0.1:9'}, {'proxy': proxy.url})):
                self.env.update(env)
                with self.subTest(env=env), self.sandbox({'network': {
                        'allowed_hosts': ['a.test:22'], 'dns_servers': ['127.0.0.1:9'], **settings}}) as sandbox:
                    done = sandbox.exec([PYTHON, '-c', TRY, 'a.test', '22'])
                    self.assertEqual(done['stdout'], 'hello\n', done)
        self.assertEqual(proxy.targets, ['a.test:22'] * 3)

    def test_what_cannot_be_used(self):
        for text in ('socks5h://127.0.0.1:9', 'https://127.0.0.1:9', 'http://127.0.0.1', f'http://a:{PASSWORD}@b'):
            with self.subTest(text=text):
                done = self.run_in('true', options=self.options(), env={'ALL_PROXY': text})
                self.assert_refused(done, r'ALL_PROXY: the proxy cannot be used: .*--upstream-proxy')
                self.assertNotIn(PASSWORD, done.errors)
                done = self.run_in('true', options=self.options(text))
                self.assert_refused(done, r'network\.proxy: impossible value: ')
                self.assertNotIn(PASSWORD, done.errors)
                self.assert_prints(self.run_in('true', options=self.options('none'), env={'ALL_PROXY': text}), '')
                self.assert_prints(self.run_in('true', env={'ALL_PROXY': text}), '')

    def test_many_at_once(self):
        with Server(speaks_first) as origin, Proxy({'a.test:22': origin.port}) as proxy:
            script = ('import socket\nflows = [socket.create_connection(("a.test", 22), 20) for _ in range(100)]\n'
                      'print(sum(flow.recv(5) == b"hello" for flow in flows))')
            self.assert_prints(self.run_in(PYTHON, '-c', script, options=self.options(proxy, 'a.test:22')), '100\n')
        self.assertEqual(proxy.targets, ['a.test:22'] * 100)


@as_root_and_user
class Judged(Rig):
    """What no proxy is asked for."""

    def test_what_is_denied(self):
        with Proxy({}) as proxy:
            self.assertEqual(self.tries('b.test', 80, '192.0.2.1', 80, options=self.options(proxy)),
                             ['gaierror', 'ConnectionResetError'])
        self.assertEqual(proxy.accepted, 0)

    def test_inside_by_number_and_name(self):
        hosts = ('10.0.0.1', '169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal', 'metadata', 'wpad', 'x.corp',
                 'c.local')
        with Proxy({}) as proxy:
            tried = self.tries(*(word for host in hosts for word in (host.strip('[]'), 80)),
                               options=self.options(proxy, *hosts))
        self.assertEqual((tried, proxy.accepted), (['ConnectionResetError'] * len(hosts), 0))

    def test_inside_by_what_the_resolver_says(self):
        with Server(speaks_first) as origin, Proxy({'public.test:22': origin.port}) as proxy, \
                Names({'private.test': ['10.0.0.1'], 'mixed.test': ['8.8.8.8', '10.0.0.1'], 'public.test': ['8.8.8.8'],
                       'here.test': ['127.0.0.1'], 'cloud.test': ['169.254.169.254']}) as names:
            hosts = ('private.test', 'mixed.test', 'here.test', 'cloud.test', 'public.test')
            tried = self.tries(*(word for host in hosts for word in (host, 22)), options=self.options(
                proxy, *(host + ':22' for host in hosts), names=('--dns-server', names.address)))
        self.assertEqual((tried, proxy.targets), (['ConnectionResetError'] * 4 + ['hello'], ['public.test:22']))

    def test_slow_names_switch_nothing_off(self):
        """One that nobody answers, be it the first or one of many, and then one of the inside."""
        with Server(speaks_first) as origin, Proxy({'private.test:22': origin.port}) as proxy, \
                Names({'slow.test': None, 'private.test': ['10.0.0.1']}) as names:
            options = self.options(proxy, 'slow.test:22', 'private.test:22', names=('--dns-server', names.address))
            tried = self.tries('slow.test', 22, 'private.test', 22, 'slow.test', 22, 'private.test', 22, options=options)
            self.assertEqual(tried, ['ConnectionResetError'] * 4)
            self.assertEqual(names.asked.count('private.test'), 2)
            self.assertEqual(proxy.targets, ['slow.test:22'], 'the first only: nobody had answered anything yet')
            script = ('import socket\nflows = [socket.socket() for _ in range(200)]\n'
                      'where = [(socket.gethostbyname(h), 22) for h in ("slow.test", "private.test")]\n'
                      'for i, flow in enumerate(flows):\n'
                      '    flow.setblocking(False)\n'
                      '    flow.connect_ex(where[i == 199])\n'
                      'flows[199].settimeout(25)\n'
                      'try:\n    print(flows[199].recv(5))\nexcept OSError as error:\n    print(type(error).__name__)\n')
            self.assert_prints(self.run_in(PYTHON, '-c', script, options=options), 'ConnectionResetError\n')
        self.assertNotIn('private.test:22', proxy.targets)

    def test_a_fixed_address(self):
        """Is what the proxy is asked for; one of this machine's loopback is reached without."""
        with Server(speaks_first) as origin, Proxy({'192.0.2.1:22': origin.port}) as proxy:
            options = (*self.options(proxy, 'a.test:22', f'b.test:{origin.port}'), '--add-host', 'a.test:192.0.2.1',
                       '--allow-private', '192.0.2.1', '--add-host', 'b.test:127.0.0.1')
            self.assertEqual(self.tries('a.test', 22, 'b.test', origin.port, options=options),
                             ['hello', 'ConnectionResetError'])
            self.assertEqual(self.tries('b.test', origin.port, options=(*options, '--allow-private', '127.0.0.1')), ['hello'])
        self.assertEqual(proxy.targets, ['192.0.2.1:22'])


@as_root_and_user
class Faults(Rig):
    def test_answers(self):
        huge = b'HTTP/1.1 200 OK\r\n' + b'X: %s\r\n' % (b'y' * 1000) * 20 + b'\r\n'
        rows = ((b'HTTP/1.1 407 x\r\nProxy-Authenticate: Basic realm="x"\r\n\r\n', 'answered 407: it wants a user'),
                (b'HTTP/1.1 403 x\r\nContent-Length: 9\r\n\r\n<b>no</b>', 'answered 403: it lets nobody'),
                (b'HTTP/1.1 503 x\r\n\r\n', 'answered 503'), (b'HTTP/1.1 302 x\r\nLocation: /\r\n\r\n', 'answered 302'),
                (huge, ': '), (b'HTTP/1.1 200 OK\n\n', ': '), (b'SSH-2.0-x\r\n\r\n', ': '),
                (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', ': '),
                (b'', 'closed the connection without'), (ESTABLISHED[:-1], 'closed the connection without'))
        for answer, wanted in rows:
            with self.subTest(answer=answer[:40]), Server(says(answer)) as proxy:
                self.reason(f'http://127.0.0.1:{proxy.port}', rf'^a\.test: proxy 127\.0\.0\.1:{proxy.port}.*{wanted}')
            self.assertEqual(set(proxy.results), {b''}, 'nothing follows the request for a connection')

    def test_no_proxy_there(self):
        with Proxy({}) as proxy:
            url = proxy.url
        self.reason(url, r'^a\.test: proxy 127\.0\.0\.1:\d+: Connection refused$')
        self.reason('http://nowhere.test:3128', r'^a\.test: proxy nowhere\.test:3128: no resolver gave an answer$')

    def test_slow_and_at_once(self):
        """However it is cut, and what comes with the answer is the program's."""
        with Server(speaks_first) as origin:
            for more, wanted in (({'answer': proxies.slowly}, 'hello'), ({'within': b'early '}, 'early '),
                                 ({'answer': b'HTTP/1.1 100 Continue\r\n\r\n' + ESTABLISHED}, 'hello')):
                with self.subTest(more=more), Proxy({'a.test:22': origin.port}, **more) as proxy:
                    tried = self.tries('a.test', 22, options=self.options(proxy, 'a.test:22'))
                    self.assertTrue(tried[0].startswith(wanted), tried)


@as_root_and_user
class Passwords(Rig):
    def test_are_sent(self):
        with Server(answering(b'hello')) as origin, Proxy({'a.test:80': origin.port}, f'ann:{PASSWORD}') as proxy:
            self.assertEqual(self.get('http://a.test/', self.options(proxy)), (200, 'hello'))
            self.assertEqual(self.get('http://a.test/', self.options(), env={'https_proxy': proxy.url}), (200, 'hello'))
            self.reason(proxy.url.replace(PASSWORD, 'wrong'), r'answered 407: it wants a user and password, or others$')

    def test_are_shown_nowhere(self):
        """Neither inside nor in the records, settings and events; nor what base64 makes of them."""
        script = ('cat /proc/*/environ /proc/*/cmdline /proc/1/mountinfo; env; curl -sS http://a.test/ http://b.test/;'
                  'curl -sS http://c.test/')
        with Proxy({}, f'ann:{PASSWORD}') as proxy:
            config = {'network': {'allowed_hosts': ['a.test', 'b.test'], 'dns_servers': ['127.0.0.1:9'],
                                  'proxy': proxy.url}}
            with self.sandbox(config) as sandbox:
                events = []
                sandbox.on_event(events.append)
                done = sandbox.exec(['sh', '-c', script])
                eventually(lambda: len(events) > 2)
                shown = self.immure('get', sandbox.id).text + self.immure('logs', sandbox.id).text
            self.assertIn(f'proxy 127.0.0.1:{proxy.port} answered 502', json.dumps(events))
        files = b''.join(path.read_bytes() for path in pathlib.Path(self.state).rglob('*') if path.is_file())
        self.assertIn(f'"http://127.0.0.1:{proxy.port}"'.encode(), files, 'settings without the password')
        everything = json.dumps(done) + json.dumps(events) + shown + files.decode('utf-8', 'replace')
        for secret in (PASSWORD, 'YW5uOnMzY3I'):
            self.assertNotIn(secret, everything)
        self.assertEqual(len(set(proxy.asked)), 2)  # curl on a busy machine tries twice


@as_root_and_user
class RealOne(Rig):
    @needs_squid
    def test_squid(self):
        folder = self.make_folder('squid')
        with self.tls_server(b'hello') as tls, Server(answering(b'plain')) as plain, Server(speaks_first) as raw:
            with Squid(folder, ['a.test', 'lab.test'], wants_user=True) as squid:
                hosts = ('a.test', f'a.test:{raw.port}', 'lab.test')
                options = self.options(f'http://ann:{PASSWORD}@127.0.0.1:{squid.port}', *hosts)
                self.assertEqual(self.get(f'http://a.test:{plain.port}/', options), (200, 'plain'))
                self.assertEqual(self.tries('a.test', raw.port, options=options), ['hello'])
                url, tls_options = f'https://lab.test:{tls.port}/', (*options, *tls.options)
                self.assertEqual(self.get(url, tls_options), (200, 'hello'))
                self.reason(f'http://ann:{PASSWORD}@127.0.0.1:{squid.port}', r'proxy 127\.0\.0\.1:\d+ answered 50[0-9]', 'nowhere.test')
                self.reason(f'http://127.0.0.1:{squid.port}', 'answered 407: it wants a user')
