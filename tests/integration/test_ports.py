# SPDX-License-Identifier: Apache-2.0
"""Published ports: TCP ports of programs inside that are reachable from outside, and only those."""
import errno
import hashlib
import os
import signal
import socket
import threading
import time
import urllib.request

import support
from support import PYTHON, as_root_and_user, descendants, eventually
from test_network import own_address

MIB = 32  # of the large transfer, each way
CONNECTIONS = 200

# ADDRESS PORT [SECONDS]: echo what comes until its end, after a sleep; says "ready"
ECHO = r'''
import socket, sys, threading, time
address, port = sys.argv[1], int(sys.argv[2])
time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
family = socket.AF_INET6 if ":" in address else socket.AF_INET
server = socket.create_server((address, port), family=family, backlog=512)
print("ready", flush=True)
def talk(connection):
    with connection:
        while True:
            data = connection.recv(1 << 18)
            if not data:
                break
            connection.sendall(data)
while True:
    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
'''

# PORT: one connection: read to its end, answer with a line, and exit at once
ONCE = r'''
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
connection = server.accept()[0]
asked = b""
while True:
    data = connection.recv(65536)
    if not data:
        break
    asked += data
connection.sendall(b"%d octets came\n" % len(asked) + bytes(300000))
'''


def connect(port, host='127.0.0.1'):
    return socket.create_connection((host, port), timeout=20)


def receive(connection):
    data = b''
    while True:
        chunk = connection.recv(1 << 18)
        if not chunk:
            return data
        data += chunk


def say(port, data, host='127.0.0.1'):
    """Send @data and its end. Return: what came back."""
    with connect(port, host) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return receive(connection)


def outcome(port, host='127.0.0.1'):
    """What becomes of a connection to @port that asks for an echo: "echo", "reset", "refused"."""
    try:
        return 'echo' if say(port, b'hello', host) == b'hello' else 'nothing'
    except ConnectionRefusedError:
        return 'refused'
    except OSError as error:
        if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):  # wherever it overtakes us
            raise
        return 'reset'


def is_free(port, host='127.0.0.1'):
    with socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError:
            return False
        return True


class Rig(support.Tests):
    def ports(self):
        """Of all sandboxes that run: {(address, port inside): host port}."""
        return {(one['address'], one['port']): one['host_port']
                for vm in self.listed('--running') for one in vm['ports']}

    def serve(self, script, *arguments, publish=('0:8000',), options=()):
        """immure run, until the script says it is ready. Return: the process."""
        flags = [word for one in publish for word in ('-p', one)]
        process = self.popen('run', *flags, *options, '--', PYTHON, '-c', script, *arguments)
        self.assertEqual(self.started(process), 'ready')
        eventually(self.ports)
        return process

    def only_port(self):
        return next(iter(self.ports().values()))

    def dialler(self, pid):
        """The process that makes sockets for the warden @pid."""
        def is_one(child):
            return support._status(child).get('Name', '').strip() == 'immure-dialler'
        return next((child for child in descendants(pid) if is_one(child)), None)


@as_root_and_user
class Ports(Rig):
    """What passes."""

    def test_http_on_each_address_inside(self):
        pages = self.make_folder('pages')
        self.make_file('pages/page', 'a page')
        for number, address in enumerate(('127.0.0.1', '0.0.0.0', '::1', '::')):
            with self.subTest(address):
                process = self.popen('run', '-p', '0:8000', '-v', f'{pages}:/pages:ro', '--',
                                     PYTHON, '-m', 'http.server', '-b', address, '-d', '/pages', '8000')
                self.assertTrue(eventually(self.ports), number)
                port = self.only_port()

                def fetch():
                    try:
                        with urllib.request.urlopen(f'http://127.0.0.1:{port}/page', timeout=20) as answer:
                            return answer.read()
                    except OSError:
                        return None
                self.assertEqual(eventually(fetch), b'a page')
                self.end(process)

    def test_octets_pass_unchanged(self):
        """An upgrade to WebSocket, a frame, the preface of HTTP/2, TLS's beginning, NULs."""
        self.serve(ECHO, '127.0.0.1', '8000')
        for data in (b'GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x85abcd\x09',
                     b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0', b'\x16\3\1\2\0\1', bytes(range(256)), b''):
            self.assertEqual(say(self.only_port(), data), data)

    def test_as_they_come(self):
        """Nothing waits for more octets, or for an end."""
        self.serve(ECHO, '127.0.0.1', '8000')
        with connect(self.only_port()) as connection:
            for number in range(100):
                connection.sendall(b'%d' % number)
                self.assertEqual(connection.recv(100), b'%d' % number)

    def test_many_connections_at_once(self):
        self.serve(ECHO, '127.0.0.1', '8000')
        port = self.only_port()
        open_ones = [connect(port) for _ in range(CONNECTIONS)]
        for number, connection in enumerate(open_ones):
            connection.sendall(b'number %d' % number)
        for number, connection in reversed(list(enumerate(open_ones))):
            self.assertEqual(connection.recv(100), b'number %d' % number)
            connection.close()
        self.assertEqual(outcome(port), 'echo')

    def test_more_than_a_port_takes(self):
        """The 512 that are carried leave room for the others when they end."""
        self.serve(ECHO, '127.0.0.1', '8000')
        port = self.only_port()
        open_ones = [connect(port) for _ in range(530)]
        for connection in open_ones:
            connection.sendall(b'x')
        answered = [connection for connection in open_ones[:200] if connection.recv(1) == b'x']
        self.assertEqual(len(answered), 200)
        for connection in open_ones[:200]:
            connection.close()
        for connection in open_ones[200:]:
            self.assertEqual(connection.recv(1), b'x')
            connection.close()

    def test_large_both_ways(self):
        self.serve(ECHO, '127.0.0.1', '8000')
        block = os.urandom(1 << 20)
        sent, got = hashlib.sha256(), hashlib.sha256()
        with connect(self.only_port()) as connection:
            def send():
                for number in range(MIB):
                    piece = block[number:] + block[:number]
                    sent.update(piece)
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
            thread = threading.Thread(target=send)
            thread.start()
            octets = 0
            while True:
                data = connection.recv(1 << 18)
                if not data:
                    break
                got.update(data)
                octets += len(data)
            thread.join()
        self.assertEqual(octets, MIB << 20)
        self.assertEqual(got.hexdigest(), sent.hexdigest())

    def test_two_sandboxes_with_the_same_port(self):
        first = self.serve(ONCE, '8000', publish=['0:8000'])
        port = self.only_port()
        self.serve(ECHO, '127.0.0.1', '8000', publish=['::1:0:8000'])
        self.assertEqual(eventually(lambda: len(self.ports()) == 2), True)
        self.assertEqual(say(self.ports()['::1', 8000], b'x', '::1'), b'x')
        self.assertTrue(say(port, b'abc').startswith(b'3 octets came\n'))
        first.wait(10)

    def test_several_ports(self):
        self.serve(ECHO, '::', '8000', publish=['0:8000', '0:8000', '127.0.0.2:0:8000', '0:8001'])
        found = [(one['address'], one['host_port'], one['port'])
                 for vm in self.listed() for one in vm['ports']]
        self.assertEqual([(one[0], one[2]) for one in found],
                         [('127.0.0.1', 8000), ('127.0.0.1', 8000), ('127.0.0.2', 8000), ('127.0.0.1', 8001)])
        self.assertEqual([outcome(port, address) for address, port, _ in found], ['echo', 'echo', 'echo', 'reset'])


@as_root_and_user
class Lives(Rig):
    """When there is somebody to talk to, and when not."""

    def test_a_program_that_listens_later(self):
        process = self.popen('run', '-p', '0:8000', '--', PYTHON, '-c', ECHO, '127.0.0.1', '8000', '2')
        self.assertTrue(eventually(self.ports))
        port = self.only_port()
        start = time.monotonic()
        self.assertEqual(outcome(port), 'reset')
        self.assertLess(time.monotonic() - start, 1)
        self.assertEqual(self.started(process), 'ready')
        self.assertEqual(outcome(port), 'echo')

    def test_the_last_words_of_a_program(self):
        """What it sent before it ended, and the sandbox with it, arrives."""
        process = self.serve(ONCE, '8000')
        port = self.only_port()
        answer = say(port, b'x' * 70000)
        self.assertEqual(answer, b'70000 octets came\n' + bytes(300000))
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(outcome(port), 'refused')
        self.assertTrue(is_free(port))

    def test_one_that_does_not_read_holds_nobody(self):
        process = self.serve(ECHO, '127.0.0.1', '8000')
        with connect(self.only_port()) as connection:
            connection.settimeout(0.5)
            try:
                while True:
                    connection.sendall(bytes(1 << 20))
            except socket.timeout:
                pass
            start = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(10)
            self.assertLess(time.monotonic() - start, 5)

    def test_a_killed_warden_leaves_nothing(self):
        process = self.serve(ECHO, '127.0.0.1', '8000')
        port = self.only_port()
        dialler = self.dialler(process.pid)
        self.assertIsNotNone(dialler)
        with connect(port) as connection:
            connection.sendall(b'x')
            self.assertEqual(connection.recv(1), b'x')
            warden = next((int(vm['pid']) for vm in self.listed()), None)
            os.kill(warden, signal.SIGKILL)
            with self.assertRaises(ConnectionResetError):
                connection.recv(1)
        process.wait(10)
        self.assertEqual(outcome(port), 'refused')
        self.assertTrue(eventually(lambda: support.reap() or not os.path.exists(f'/proc/{dialler}')))
        self.assertEqual([vm['ports'] for vm in self.listed()], [[]])

    def test_a_killed_dialler_has_a_successor(self):
        process = self.serve(ECHO, '127.0.0.1', '8000')
        port = self.only_port()
        with connect(port) as connection:
            connection.sendall(b'x')
            self.assertEqual(connection.recv(1), b'x')
            os.kill(self.dialler(process.pid), signal.SIGKILL)
            self.assertTrue(eventually(lambda: outcome(port) == 'echo'))
            connection.sendall(b'y')  # those that are carried never notice
            self.assertEqual(connection.recv(1), b'y')

    def test_nothing_runs_without_ports(self):
        process = self.popen('run', '--', 'sh', '-c', 'echo ready; sleep 100')
        self.started(process)
        self.assertIsNone(self.dialler(process.pid))


@as_root_and_user
class Refused(Rig):
    """What is not published."""

    def test_a_port_that_is_taken(self):
        with socket.create_server(('127.0.0.1', 0)) as other:
            port = other.getsockname()[1]
            for publish in (f'{port}:80', f'127.0.0.1:{port}:80'):
                done = self.immure('run', '-p', publish, '--', 'echo', 'ran')
                self.assert_refused(done, f'cannot publish port 80: 127.0.0.1 port {port} .*Address already in use')
            done = self.immure('start', '-p', f'{port}:80')
            self.assert_refused(done, 'Address already in use')
        done = self.immure('run', '-p', f'{port}:80', '-p', f'{port}:81', '--', 'echo', 'ran')
        self.assert_refused(done, 'cannot publish port 81: ')
        self.assertEqual(self.listed(), [], 'a start that fails leaves no record')

    def test_no_such_address(self):
        self.assert_refused(self.immure('run', '-p', '192.0.2.77:0:80', '--', 'true'), 'no such address')

    def test_no_port_at_all(self):
        for text in ('x', '0', '65536', '80:0', 'localhost:1:2', '1:2:3', ''):
            with self.subTest(text):
                self.assert_refused(self.immure('run', '-p', text, '--', 'true'), 'network.publish')

    def test_only_the_address_that_was_asked_for(self):
        self.serve(ECHO, '0.0.0.0', '8000')
        port = self.only_port()
        self.assertEqual(outcome(port), 'echo')
        self.assertEqual(outcome(port, '127.0.0.2'), 'refused')
        self.assertEqual(outcome(port, '::1'), 'refused')
        if own_address() is not None:
            self.assertEqual(outcome(port, own_address()), 'refused')

    def test_all_addresses_on_request(self):
        self.serve(ECHO, '127.0.0.1', '8000', publish=['0.0.0.0:0:8000'])
        self.assertEqual(outcome(self.only_port(), '127.0.0.2'), 'echo')
        self.assertEqual(outcome(self.only_port(), '::1'), 'refused')


@as_root_and_user
class Shown(Rig):
    """What people and programs are told."""

    def test_list_and_get(self):
        process = self.serve(ECHO, '127.0.0.1', '8000')
        vm = self.listed()[0]
        port = vm['ports'][0]['host_port']
        self.assertEqual(vm['ports'], [{'address': '127.0.0.1', 'host_port': port, 'port': 8000}])
        self.assertRegex(self.immure('list').text, rf'(?m)^ID .* PORTS +COMMAND\n.* 127\.0\.0\.1:{port}->8000 +\S')
        self.assertEqual(self.immure('get', vm['id']).json()['ports'], vm['ports'])
        self.assertEqual(self.immure('get', vm['id']).json()['config']['network']['publish'], ['0:8000'])
        self.end(process)
        self.assertEqual(self.listed()[0]['ports'], [])
        self.assertNotIn('PORTS', self.immure('list').text)

    def test_run_says_which_port_was_free(self):
        done = self.immure('run', '-p', '0:8000', '--', 'echo', 'ran')
        self.assertEqual((done.code, done.text), (0, 'ran\n'))
        self.assertRegex(done.errors, r'^immure: published 127\.0\.0\.1:[1-9][0-9]*->8000\n$')

    def test_start_says_it_too(self):
        done = self.immure('start', '--json', '-p', '0:8000', '--', PYTHON, '-c', ECHO, '127.0.0.1', '8000')
        self.assert_code(done, 0)
        self._started.add(done.json()['id'])
        port = done.json()['ports'][0]['host_port']
        self.assertTrue(eventually(lambda: outcome(port) == 'echo'))
        self.immure('kill', '--all')
        self.assertEqual(outcome(port), 'refused')

    def test_rpc_and_events(self):
        with self.sandbox({'network': {'publish': ['0:8000']}}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            port = self.only_port()
            self.assertEqual(outcome(port), 'reset')
            program = sandbox.exec_stream([PYTHON, '-c', ECHO, '::1', '8000'])
            self.assertTrue(eventually(lambda: outcome(port) == 'echo'))
            self.assertEqual(say(port, b'x' * 1000), b'x' * 1000)

            def told():
                return [event['network'] for event in list(events) if event['type'] == 'network']
            self.assertTrue(eventually(lambda: any(one['request_bytes'] == 1000 for one in told())), told())
            first, last = told()[0], told()[-1]
            self.assertEqual((first['method'], first['url'], first['blocked'], first['rule'], first['reason']),
                             ('ACCEPT', 'tcp://[::1]:8000', False, 'publish[0]', 'no program listens on this port'))
            self.assertEqual((last['method'], last['url'], last['request_bytes'], last['response_bytes'],
                              last['reason']), ('ACCEPT', 'tcp://[::1]:8000', 1000, 1000, ''))
            program.kill()

    def test_a_settings_file(self):
        path = self.make_file('immure.yaml', "network:\n  publish: ['0:8000', '127.0.0.2:0:81']\n")
        done = self.immure('run', '-c', path, '-p', '0:82', '--', 'true')
        self.assert_code(done, 0)
        self.assertRegex(done.errors, r'127\.0\.0\.1:\d+->8000\n.*127\.0\.0\.2:\d+->81\n.*127\.0\.0\.1:\d+->82\n')

    def test_help(self):
        self.assertIn('--publish', self.immure('run', '--help').text)


# ADDRESS/PORT...: listen there, echo what comes; close the one of a port that comes on stdin
MANY_ECHOES = r'''
import socket, sys, threading
servers = {}
def talk(connection):
    with connection:
        while True:
            data = connection.recv(65536)
            if not data:
                return
            connection.sendall(data)
def accept(server):
    while True:
        try:
            threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()
        except OSError:
            return
for word in sys.argv[1:]:
    address, port = word.split("/")
    server = socket.create_server((address, int(port)), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    servers[port] = server
    threading.Thread(target=accept, args=(server,), daemon=True).start()
print("ready", flush=True)
for line in sys.stdin:
    servers[line.strip()].shutdown(socket.SHUT_RDWR)
    servers.pop(line.strip()).close()
    print("closed", flush=True)
'''


def free_ports(count):
    """Of this host, one after the other."""
    first = 20000 + os.getpid() % 20000
    while not all(is_free(first + i) and is_free(first + i, '0.0.0.0') for i in range(count)):
        first += count
    return range(first, first + count)


@as_root_and_user
class Auto(Rig):
    """-p auto: what programs listen at, while they do."""

    def serve_auto(self, *places, publish=('auto',), options=()):
        flags = [word for one in publish for word in ('-p', one)]
        process = self.popen('run', *flags, *options, '--', PYTHON, '-c', MANY_ECHOES, *places)
        self.assertEqual(self.started(process), 'ready')
        return process

    def become(self, wanted):
        """Until the ports are {inside: outside}."""
        def seen():
            return {inside: outside for (_, inside), outside in self.ports().items()}
        eventually(lambda: seen() == wanted, 5)
        self.assertEqual(seen(), wanted)

    def test_each_address(self):
        """Those that 127.0.0.1 or ::1 reach; another one of the loopback is not led to, so not published."""
        a, b, c, d, e = free_ports(5)
        self.serve_auto(f'127.0.0.1/{a}', f'0.0.0.0/{b}', f'::1/{c}', f'::/{d}', f'127.0.0.2/{e}')
        self.become({a: a, b: b, c: c, d: d})
        for port in (a, b, c, d):
            self.assertEqual(outcome(port), 'echo')
        self.assertTrue(is_free(e))
        self.assertEqual({address for address, _ in self.ports()}, {'127.0.0.1'})
        address = own_address()
        if address is not None:
            self.assertTrue(is_free(b, address))

    def test_while_it_listens(self):
        """A port goes with its listener, what is connected stays; the port can come again."""
        a, b = free_ports(2)
        process = self.serve_auto(f'127.0.0.1/{a}', f'0.0.0.0/{b}')
        self.become({a: a, b: b})
        with connect(a) as connection:
            connection.sendall(b'one')
            self.assertEqual(connection.recv(9), b'one')
            process.stdin.write(b'%d\n' % a)
            self.become({b: b})
            self.assertEqual(outcome(a), 'refused')
            connection.sendall(b'two')
            self.assertEqual(connection.recv(9), b'two')
        self.end(process)
        self.assertTrue(is_free(b))

    def test_a_port_that_is_taken(self):
        """Is not shared: the next one is. Below 1024 it begins at the port + 8000."""
        a, b, c = free_ports(3)
        with socket.create_server(('0.0.0.0', a)) as own:
            self.serve_auto(f'127.0.0.1/{a}', f'0.0.0.0/{c}', '127.0.0.1/443')
            eventually(lambda: len(self.ports()) == 3)
            ports = self.ports()
            self.assertEqual((ports['127.0.0.1', a], ports['127.0.0.1', c]), (b, c))
            self.assertIn(ports['127.0.0.1', 443], range(8443, 8459))
            self.assertEqual(outcome(b), 'echo')
            own.settimeout(0.5)
            with connect(a):
                own.accept()[0].close()

    def test_the_port_of_a_proxy(self):
        """Is not taken even while it is free: who had it would be sent what is for the proxy."""
        a, b = free_ports(2)
        self.serve_auto(f'127.0.0.1/{a}', options=('--allow-host', 'a.test', '--upstream-proxy', f'http://127.0.0.1:{a}'))
        self.become({a: b})
        self.assertTrue(is_free(a))

    def test_beside_given_ports(self):
        """What the settings publish is not published twice."""
        a, b, c = free_ports(3)
        self.serve_auto(f'127.0.0.1/{a}', f'127.0.0.1/{b}', publish=(f'{c}:{a}', 'auto', 'auto'))
        self.become({a: c, b: b})

    def test_many_sandboxes(self):
        """Each has its own, also if they listen at the same port."""
        (a, *_) = free_ports(4)
        for _ in range(3):
            self.serve_auto(f'127.0.0.1/{a}')
        eventually(lambda: sum(len(vm['ports']) for vm in self.listed('--running')) == 3)
        ports = [one['host_port'] for vm in self.listed('--running') for one in vm['ports']]
        self.assertEqual(len(set(ports)), 3, ports)
        self.assertEqual([outcome(port) for port in ports], ['echo'] * 3)

    def test_nothing_without_it(self):
        (a,) = free_ports(1)
        self.serve_auto(f'127.0.0.1/{a}', publish=())
        time.sleep(1)
        self.assertTrue(is_free(a))
        self.assertEqual(self.ports(), {})

    def test_what_is_said(self):
        """Once a port, on a terminal; nothing in a pipe."""
        (a,) = free_ports(1)
        words = ('run', '-p', 'auto', '--', PYTHON, '-c', MANY_ECHOES, f'127.0.0.1/{a}')
        terminal = self.terminal(*words)
        terminal.expect(b'immure: port %d of the program is at http://127.0.0.1:%d' % (a, a))
        time.sleep(0.6)
        terminal.type(b'\x04')
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn(b'immure: port', terminal.seen)
        process = self.serve_auto(f'127.0.0.1/{a}')
        self.become({a: a})
        self._running.remove(process)
        self.assertEqual(process.communicate(timeout=20)[1], b'')

    def test_what_is_offered(self):
        """Without it: at most three ports on a terminal, each once, none that is published; nothing in a pipe."""
        a, b, c, d, e = free_ports(5)
        terminal = self.terminal('run', '-p', f'{e}:{a}', '--', PYTHON, '-c', MANY_ECHOES,
                                 *(f'127.0.0.1/{port}' for port in (a, b, c, d, 80)))
        for port, outside in ((80, 8080), (b, b), (c, c)):
            terminal.expect(b'immure: the program listens on %d; -p %d:%d would publish it\r\n' % (port, outside, port))
        time.sleep(0.6)
        terminal.type(b'\x04')
        self.assertEqual(terminal.wait(), 0)
        self.assertNotIn(b'listens on', terminal.seen)
        process = self.serve_auto(f'127.0.0.1/{a}', publish=())
        time.sleep(1.6)
        self._running.remove(process)
        self.assertEqual(process.communicate(timeout=20)[1], b'')

    def test_events_and_rpc(self):
        (a,) = free_ports(1)
        with self.sandbox({'network': {'publish': ['auto']}}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            done = sandbox.exec([PYTHON, '-c', f'import socket, time; s = socket.create_server(("127.0.0.1", {a})); time.sleep(1)'])
            self.assertEqual(done['exit_code'], 0)

            def told():
                return [event['ports'] for event in list(events) if event['type'] == 'ports']
            eventually(lambda: len(told()) == 2)
            self.assertEqual(told(), [[{'address': '127.0.0.1', 'host_port': a, 'port': a, 'auto': True}], []])
