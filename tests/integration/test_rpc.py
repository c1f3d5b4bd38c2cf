# SPDX-License-Identifier: Apache-2.0
"""JSON-RPC on stdio and on the sandbox's socket, line by line; the library has its own tests."""
import base64
import collections
import json
import os
import select
import signal
import socket
import time

import support
from support import as_root_and_user, command_line, descendants, eventually


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


class Peer:
    """A connection that is read and written by hand."""

    def __init__(self, out, source):
        self.out, self.source = out, source
        self.rest = b''
        self.lines = collections.deque()
        self.number = 0

    def raw(self, data):
        while data:
            data = data[os.write(self.out, data):]

    def send(self, method, **params):
        """Send a request. Return: its id."""
        self.number += 1
        self.raw(json.dumps({'jsonrpc': '2.0', 'method': method, 'params': params,
                             'id': self.number}).encode() + b'\n')
        return self.number

    def read(self, seconds=20.0):
        """The next message that is no event; None at end of file."""
        end = time.monotonic() + seconds
        while True:
            while self.lines:
                message = json.loads(self.lines.popleft())
                if isinstance(message, list) or message.get('method') != 'event':
                    return message
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.source], [], [], left)[0]:
                raise AssertionError(f'no message; so far {self.rest[:2000]!r}')
            data = os.read(self.source, 1 << 20)
            if not data:
                return None
            *lines, self.rest = (self.rest + data).split(b'\n')
            self.lines.extend(lines)

    def ask(self, method, **params):
        """Send a request and read its answer, which comes next."""
        number = self.send(method, **params)
        message = self.read()
        assert message is not None and message.get('id') == number, message
        return message


class RpcTests(support.Tests):
    def connect(self, create=True, **config):
        self.process = self.popen('--rpc')
        peer = Peer(self.process.stdin.fileno(), self.process.stdout.fileno())
        if create:
            self.created = peer.ask('create', **config)
            self.assertIn('result', self.created)
        return peer

    def assert_error(self, message, codes, pattern='.'):
        self.assertEqual(message.get('jsonrpc'), '2.0', message)
        self.assertIn(message.get('error', {}).get('code'),
                      codes if isinstance(codes, tuple) else (codes,), message)
        self.assertRegex(message['error']['message'], pattern)
        self.assertNotIn('result', message)

    def result(self, message):
        self.assertEqual(message.get('jsonrpc'), '2.0', message)
        self.assertIn('result', message)
        return message['result']

    def stream(self, peer, number):
        """Read all of an exec_stream. Return: (stdout, stderr, last result)."""
        output = {'stdout': b'', 'stderr': b''}
        while True:
            message = peer.read()
            self.assertEqual(message['id'], number)
            result = self.result(message)
            for name in output:
                output[name] += base64.b64decode(result.get(name, ''))
            if 'exit_code' in result:
                return output['stdout'], output['stderr'], result


@as_root_and_user
class Protocol(RpcTests):
    def test_before_create_and_after_close(self):
        peer = self.connect(create=False)
        for method, params in (('exec', {'command': 'true'}), ('exec_stream', {'command': 'true'}),
                               ('write_file', {'path': '/tmp/x', 'content': ''}),
                               ('read_file', {'path': '/tmp/x'}), ('list_files', {'path': '/'})):
            self.assert_error(peer.ask(method, **params), -32001)
        self.assertRegex(self.result(peer.ask('create'))['id'], '^vm-[0-9a-z]+$')
        self.assertIn('error', peer.ask('create'))
        self.assertIn('result', peer.ask('close'))
        self.assertIsNone(peer.read())
        self.assertEqual(self.process.wait(10), 0)

    def test_close_without_create(self):
        peer = self.connect(create=False)
        peer.send('close')
        self.assertIn('id', peer.read())
        self.process.stdin.close()
        self.process.stdin = None
        self.process.communicate(timeout=10)

    def test_end_of_input_ends_the_sandbox(self):
        peer = self.connect()
        peer.send('exec', command='sleep 1000')
        self.process.stdin.close()  # a call under way may still be answered ...
        self.process.stdout.close()  # ... but now nobody would read it
        self.process.wait(timeout=20)
        self.process.stdin = self.process.stdout = None
        self.assertEqual([vm['status'] for vm in self.listed()], ['stopped'])

    def test_remove(self):
        """The record is gone when close is answered."""
        peer = self.connect(remove=True)
        self.assertEqual([vm['status'] for vm in self.listed()], ['running'])
        self.result(peer.ask('close'))
        self.assertEqual(os.listdir(f'{self.state}/vms'), [])

    def test_create_names_the_setting_that_is_wrong(self):
        """Whether it is missing or leads nowhere; and no record is left."""
        peer = self.connect(create=False)
        at = r'^vfs\.direct_mounts\./mnt/x'
        for params, code, message in (
                ({'vfs': {'direct_mounts': {'/mnt/x': {}}}}, -32602, at + ': host_path is missing$'),
                ({'vfs': {'mounts': {'/mnt/x': {'type': 'real_fs'}}}}, -32602,
                 r'^vfs\.mounts\./mnt/x: host_path is missing$'),
                ({'vfs': {'direct_mounts': {'/mnt': {'host_path': '/usr'}, '/mnt/x': {'host_path': '/no/such'}}}},
                 -32000, at + r'\.host_path: /no/such: No such file or directory$'),
                ({'vfs': {'direct_mounts': {'/mnt/x': {'host_path': '/dev/null/x'}}}}, -32000,
                 at + r'\.host_path: /dev/null/x: Not a directory$'),
                ({'rootfs': '/no/such'}, -32000, r'^rootfs: /no/such: No such file or directory$'),
                ({'rootfs': '/dev/null'}, -32000, r'^rootfs: /dev/null is no folder$')):
            with self.subTest(params):
                self.assert_error(peer.ask('create', **params), code, message)
                self.assertEqual(self.listed(), [])
        self.assertIn('result', peer.ask('create'))

    def test_malformed_lines(self):
        unread = (-32700, -32600)  # JSON by the grammar, but not what we take for it
        cases = [
            (b'nonsense', -32700), (b'{"jsonrpc":"2.0"', -32700), (b'\xff\xfe', -32700),
            (b'{"a":1,"a":2}', unread), (b'{"jsonrpc":"2.0","method":"exec\xff","id":1}', -32700),
            (b'[' * 100000, unread), (b'1', -32600), (b'"x"', -32600), (b'null', -32600),
            (b'{}', -32600), (b'[]', -32600), (b'{"jsonrpc":"1.0","method":"exec","id":1}', -32600),
            (b'{"jsonrpc":"2.0","method":7,"id":1}', -32600),
            (b'{"jsonrpc":"2.0","method":"exec","params":7,"id":1}', -32600),
            (b'{"jsonrpc":"2.0","method":"exec","id":{}}', -32600),
            (b'{"jsonrpc":"2.0","method":"exec","params":{"command":"a\\u0000b"},"id":1}',
             (-32600, -32602, -32700)),
            (b'{"jsonrpc":"2.0","method":"exec","params":{"command":"\\ud800"},"id":1}',
             (-32600, -32602, -32700)),
            (b'{"jsonrpc":"2.0","method":"no_such","id":1}', -32601),
            (b'{"jsonrpc":"2.0","method":"exec","id":1}', -32602),
            (b'{"jsonrpc":"2.0","method":"exec","params":[1],"id":1}', -32602),
            (b'{"jsonrpc":"2.0","method":"exec","params":{"command":7},"id":1}', -32602),
            (b'{"jsonrpc":"2.0","method":"exec","params":{"command":"x","stdin":"?"},"id":1}',
             -32602),
        ]
        peer = self.connect()
        for line, code in cases:
            with self.subTest(line[:60]):
                peer.raw(line + b'\n')
                message = peer.read()
                self.assert_error(message, code)
                if code in (-32601, -32602):
                    self.assertEqual(message['id'], 1)
                if code == -32700:
                    self.assertIsNone(message['id'])
        self.assertEqual(self.result(peer.ask('exec', command='exit 3'))['exit_code'], 3)

    def test_a_line_without_end_is_bounded(self):
        peer = self.connect()
        piece = b'x' * (1 << 20)
        for _ in range(60):
            peer.raw(piece)
        self.assertLess(support.resident_mib(self.process.pid), 200)
        peer.raw(b'\n')
        self.assertIn(peer.read()['error']['code'], (-32600, -32700))
        self.assertEqual(self.result(peer.ask('exec', command='exit 3'))['exit_code'], 3)

    def test_notifications_are_not_answered(self):
        peer = self.connect()
        peer.raw(b'{"jsonrpc":"2.0","method":"exec","params":{"command":"echo x > note"}}\n')
        peer.raw(b'{"jsonrpc":"2.0","method":"no_such"}\n')
        self.assertTrue(eventually(
            lambda: 'result' in peer.ask('read_file', path='/tmp/workspace/note')))

    def test_ids_come_back_as_they_were(self):
        peer = self.connect()
        for number in (0, -5, 1.5, 'text', 'ü', 1 << 53, None):
            with self.subTest(number):
                peer.raw(json.dumps({'jsonrpc': '2.0', 'method': 'list_files', 'id': number,
                                     'params': {'path': '/tmp/workspace'}}).encode() + b'\n')
                self.assertEqual(peer.read()['id'], number)

    def test_batch(self):
        peer = self.connect()
        call = {'jsonrpc': '2.0', 'method': 'exec'}
        peer.raw(json.dumps([
            {**call, 'params': {'command': 'sleep 0.3; exit 1'}, 'id': 'a'},
            {**call, 'params': {'command': 'exit 2'}, 'id': 'b'},
            {**call, 'params': {'command': 'exit 3'}},
            {'jsonrpc': '2.0', 'method': 'no_such', 'id': 'c'}, 7]).encode() + b'\n')
        answers = peer.read()
        self.assertIsInstance(answers, list)
        codes = {answer['id']: answer.get('result', {}).get('exit_code')
                 or answer.get('error', {}).get('code') for answer in answers}
        self.assertEqual(codes, {'a': 1, 'b': 2, 'c': -32601, None: -32600})
        self.assertEqual(len(answers), 4)

    def test_create_refuses_what_it_does_not_know(self):
        peer = self.connect(create=False)
        for config, code in (({'imagination': 1}, -32602), ({'resources': {'cpus': 'two'}}, -32602),
                             ({'vfs': {'mounts': {'relative': {'type': 'memory'}}}}, -32602),
                             ({'vfs': {'mounts': {'/w': {'type': 'magic'}}}}, -32602),
                             ({'user': -1}, -32602)):
            with self.subTest(config):
                self.assert_error(peer.ask('create', **config), code)
        self.assertIn('result', peer.ask('create'))

    def test_create_after_a_start_that_failed(self):
        """Whatever it was that failed, the connection may try again."""
        peer = self.connect(create=False)
        self.assert_error(peer.ask('create', allow_degraded=['no-such-wall']), -32602)
        if not self.holds('memory-limit'):
            self.assert_error(peer.ask('create', resources={'memory_mb': 64}), -32000,
                              'no cgroup can hold the limit on memory')
        self.assertIn('result', peer.ask('create'))


@as_root_and_user
class Spare(RpcTests):
    """A server that is left alone keeps a sandbox ready, which `create` may or may not take."""

    def connect_and_wait(self):
        peer = self.connect(create=False)
        self.assertTrue(eventually(lambda: self.inits() == self.drafts() == 1))
        return peer

    def inits(self):
        return [command_line(pid) for pid in descendants(self.process.pid)].count('immure-init')

    def drafts(self):
        vms = f'{self.state}/vms'
        return len([n for n in os.listdir(vms) if n.startswith('.new-')]) if os.path.isdir(vms) else 0

    def check_alone(self, peer):
        """Of the two sandboxes the one that `create` took is left."""
        self.assertTrue(eventually(lambda: len(descendants(self.process.pid)) == self.inits() == 1))
        self.assertTrue(eventually(lambda: self.drafts() == 0))
        self.assertEqual([vm['status'] for vm in self.listed()], ['running'])
        self.assertEqual(self.result(peer.ask('exec', command='echo $$ >/dev/null'))['exit_code'], 0)

    def test_taken_up(self):
        peer = self.connect_and_wait()
        spare = next(p for p in descendants(self.process.pid) if command_line(p) == 'immure-init')
        made = self.result(peer.ask('create', env={'COLOUR': 'blue'}, remove=False))
        done = self.result(peer.ask('exec', command='echo $COLOUR; touch /tmp/workspace/x'))
        self.assertEqual(base64.b64decode(done['stdout']), b'blue\n')
        self.check_alone(peer)
        self.assertIn(spare, descendants(self.process.pid))
        facts = self.immure('get', made['id'], '--json').json()
        self.assertEqual(set(facts['start']['walls'].values()), {'up'})
        self.assertGreater(len(facts['start']['selftest']['refused']), 20)

    def test_left(self):
        folder = self.make_folder('shared')
        self.make_file('shared/fact', 'yes')
        for number, config in enumerate((
                {'vfs': {'mounts': {'/data': {'type': 'memory'}}}},
                {'vfs': {'direct_mounts': {'/data': {'host_path': str(folder)}}}},
                {'user': 0}, {'hostname': 'other'})):
            with self.subTest(config=config):
                peer = self.connect_and_wait()
                self.result(peer.ask('create', **config))
                done = self.result(peer.ask('exec', command='ls -d /data; id -u; hostname'))
                text = base64.b64decode(done['stdout']).decode()
                self.assertEqual(text.startswith('/data'), number < 2, text)
                self.assertEqual('\n0\n' in '\n' + text, number == 2, text)
                self.assertEqual('other' in text, number == 3, text)
                self.check_alone(peer)
                self.result(peer.ask('close'))
                self.process.communicate(timeout=10)
                self.immure('prune')

    def test_unused(self):
        peer = self.connect_and_wait()
        peer.send('close')
        self.assertIn('result', peer.read())
        self.process.communicate(timeout=10)
        self.assertEqual(os.listdir(f'{self.state}/vms'), [])

    def test_killed(self):
        self.connect_and_wait()
        self.process.kill()
        self.process.communicate(timeout=10)
        self.assertEqual(self.drafts(), 1)
        self.assert_code(self.immure('prune'), 0)
        self.assertEqual(self.drafts(), 0)


@as_root_and_user
class Methods(RpcTests):
    def test_create(self):
        self.connect(image='standard', env={'A': 'b'}, working_dir='/workspace',
                     resources={'memory_mb': 512, 'timeout_seconds': 300}, allow_degraded=['limits'],
                     vfs={'mounts': {'/workspace': {'type': 'memory'}}})
        self.assertEqual(self.created['result']['env'], {'A': 'b'})
        self.assertEqual([vm['id'] for vm in self.listed()], [self.created['result']['id']])

    def test_exec(self):
        peer = self.connect()
        result = self.result(peer.ask('exec', command='echo "$X"; pwd; cat; echo err >&2; exit 7',
                                      working_dir='/usr', env={'X': 'ü'}, stdin=b64('in')))
        self.assertEqual((result['exit_code'], result['stdout'], result['stderr']),
                         (7, b64('ü\n/usr\nin'), b64('err\n')))
        self.assertIsInstance(result['duration_ms'], int)
        self.assertNotIn('signal', result)
        result = self.result(peer.ask('exec', command=['printf', '[%s]', 'a b', '$HOME']))
        self.assertEqual(result['stdout'], b64('[a b][$HOME]'))
        result = self.result(peer.ask('exec', command='cat; kill -SEGV $$'))
        self.assertEqual((result['exit_code'], result['signal']), (139, 11))
        result = self.result(peer.ask('exec', command='echo x; sleep 60', timeout_seconds=1))
        self.assertEqual((result['exit_code'], result['timed_out'], result['stdout']),
                         (124, True, b64('x\n')))
        self.assertGreaterEqual(result['duration_ms'], 900)

    def test_stdin_of_exec(self):
        """Nothing at all without input; else a pipe, which ends behind what was given."""
        peer = self.connect()
        for params, kind, data in (({}, '/dev/null', ''), ({'stdin_open': False}, '/dev/null', ''),
                                   ({'stdin': ''}, 'pipe:', ''), ({'stdin': b64('in')}, 'pipe:', 'in'),
                                   ({'stdin': b64('x' * 200000)}, 'pipe:', 'x' * 200000)):
            script = 'readlink /proc/self/fd/0; cat'
            result = self.result(peer.ask('exec', command=script, **params))
            link, rest = base64.b64decode(result['stdout']).decode().split('\n', 1)
            self.assertTrue(link.startswith(kind), (params, link))
            self.assertEqual(rest, data)
        number = peer.send('exec', command='exec sleep 60')
        self.assert_error(peer.ask('stdin', exec=number, data=b64('late')), -32000)

    def test_exec_of_what_is_not_there(self):
        peer = self.connect()
        for params, code in (({'command': ['no-such-program']}, 127), ({'command': ['/tmp']}, 126),
                             ):
            answer = peer.ask('exec', **params)
            if 'error' in answer:
                self.assert_error(answer, -32000)
            else:
                self.assertEqual(answer['result']['exit_code'], code)
        answer = peer.ask('exec', command='true', working_dir='/no/such/folder')
        if 'error' in answer:
            self.assert_error(answer, -32000, 'no/such/folder|No such')
        else:
            self.assertIn(answer['result']['exit_code'], (125, 126, 127))
        for params in ({'command': []}, {'command': ['a', 7]},
                       {'command': 'x', 'env': {'A=': 'b'}},
                       {'command': 'x', 'env': ['A']},
                       {'command': 'x', 'working_dir': 'relative'}, {'command': 'x', 'tty': 'yes'},
                       {'command': 'x', 'timeout_seconds': -1}, {'command': 'x', 'wrong': 1}):
            with self.subTest(params):
                self.assert_error(peer.ask('exec', **params), -32602)

    def test_output_of_exec_is_bounded(self):
        peer = self.connect()
        result = self.result(peer.ask('exec', command='head -c 20000000 /dev/zero; echo end >&2'))
        self.assertTrue(result['truncated'])
        self.assertEqual(len(base64.b64decode(result['stdout'])), 16 << 20)
        self.assertEqual(result['stderr'], b64('end\n'))
        self.assertNotIn('truncated', self.result(peer.ask('exec', command='echo')))

    def test_files(self):
        peer = self.connect()
        content = os.urandom(1_000_000)
        self.assertIn('result', peer.ask('write_file', path='/tmp/workspace/f', mode=0o750,
                                         content=b64(content)))
        self.assertEqual(self.result(peer.ask('read_file', path='/tmp/workspace/f'))['content'],
                         b64(content))
        part = peer.ask('read_file', path='/tmp/workspace/f', offset=999_990, length=100)
        self.assertEqual(self.result(part)['content'], b64(content[999_990:]))
        self.result(peer.ask('exec', command='mkdir d; ln -s f link; : > empty'))
        files = self.result(peer.ask('list_files', path='/tmp/workspace'))['files']
        found = {file['name']: (file['mode'] & 0o777, file['is_dir']) for file in files}
        self.assertEqual(set(found), {'f', 'd', 'link', 'empty'})
        self.assertEqual((found['f'], found['d'][1]), ((0o750, False), True))
        self.assertEqual([file['size'] for file in files if file['name'] == 'f'], [len(content)])
        stat = self.result(peer.ask('exec', command='stat -c "%u %a" f; sha256sum < f'))
        self.assertIn(b'750', base64.b64decode(stat['stdout']))

    def test_files_that_are_not_to_be_had(self):
        peer = self.connect()
        host = self.make_file('home/marker', 'of the host')
        for method, path in (('read_file', '/tmp/workspace/none'), ('read_file', '/tmp'),
                             ('read_file', host), ('read_file', '/etc/shadow'),
                             ('write_file', '/usr/x'), ('write_file', '/no/such/f'),
                             ('write_file', '/tmp'), ('list_files', '/none'),
                             ('list_files', '/proc/self/status')):
            with self.subTest(method, path=path):
                params = {'content': b64('x')} if method == 'write_file' else {}
                self.assert_error(peer.ask(method, path=path, **params), -32000)
        for method, params in (('read_file', {}), ('read_file', {'path': 'relative'}),
                               ('read_file', {'path': 7}),
                               ('write_file', {'path': '/tmp/x'}), ('list_files', {'path': ''}),
                               ('write_file', {'path': '/tmp/x', 'content': '!'}),
                               ('read_file', {'path': '/proc/self/status', 'offset': -1})):
            with self.subTest(method, params=params):
                self.assert_error(peer.ask(method, **params), -32602)

    def test_reading_what_never_ends(self):
        peer = self.connect()
        result = peer.ask('read_file', path='/dev/zero', length=1000)
        if 'result' in result:
            self.assertEqual(result['result']['content'], b64(bytes(1000)))
        self.assertIn('error', peer.ask('read_file', path='/dev/zero'))
        peer.ask('exec', command='mkfifo pipe')
        peer.send('read_file', path='/tmp/workspace/pipe')  # may wait, must not hold up the others
        number = peer.send('exec', command='exit 3')
        answers = [peer.read()]
        while answers[-1]['id'] != number:
            answers.append(peer.read())
        self.assertEqual(answers[-1]['result']['exit_code'], 3)

    def test_links_inside_do_not_lead_out(self):
        peer = self.connect()
        host = self.make_file('home/marker', 'of the host')
        peer.ask('exec', command=f'ln -s {host} out; ln -s / root')
        for path in ('out', f'root{host}', f'../../proc/self/root{host}'):
            answer = peer.ask('read_file', path=f'/tmp/workspace/{path}')
            self.assert_error(answer, -32000)


@as_root_and_user
class Streams(RpcTests):
    def test_parts_come_in_order_and_as_written(self):
        peer = self.connect()
        number = peer.send('exec_stream', command='echo one; sleep 0.3; echo two >&2;'
                                                  'sleep 0.3; echo 3')
        started = time.monotonic()
        parts = []
        while not parts or 'exit_code' not in parts[-1]:
            message = peer.read()
            self.assertEqual(message['id'], number)
            parts.append(message['result'])
        self.assertEqual(parts[:3], [{'stdout': b64('one\n')}, {'stderr': b64('two\n')},
                                     {'stdout': b64('3\n')}])
        self.assertEqual(parts[3]['exit_code'], 0)
        self.assertGreater(time.monotonic() - started, 0.4)

    def test_much(self):
        peer = self.connect()
        number = peer.send('exec_stream', command='seq 5000000')
        out, _, last = self.stream(peer, number)
        self.assertEqual(last['exit_code'], 0)
        self.assertEqual((len(out), out[-8:]), (38888896, b'5000000\n'))

    def test_stdin(self):
        peer = self.connect()
        number = peer.send('exec_stream', command='read a; echo "<$a>"; cat', stdin_open=True)
        seen = []
        for data, eof in (('first\n', False), ('second', False), ('', True)):
            peer.send('stdin', exec=number, data=b64(data), eof=eof)
        while len(seen) < 4 or not any('exit_code' in m.get('result', {}) for m in seen):
            seen.append(peer.read())
        while len([m for m in seen if m['id'] != number]) < 3:
            seen.append(peer.read())
        out = b''.join(base64.b64decode(m['result'].get('stdout', '')) for m in seen
                       if m['id'] == number)
        self.assertEqual(out, b'<first>\nsecond')
        self.assertEqual(len([m for m in seen if m['id'] != number and 'result' in m]), 3)
        self.assertIn('error', peer.ask('stdin', exec=number, data='', eof=True))

    def test_input_that_nobody_reads_is_bounded(self):
        peer = self.connect()
        number = peer.send('exec_stream', command='sleep 5', stdin_open=True)
        os.set_blocking(peer.out, False)
        line = json.dumps({'jsonrpc': '2.0', 'method': 'stdin',
                           'params': {'exec': number, 'data': b64(bytes(1 << 20)), 'eof': False}})
        data, sent, end = line.encode() + b'\n', 0, time.monotonic() + 3
        while time.monotonic() < end and sent < 300 << 20:
            try:
                sent += os.write(peer.out, data[sent % len(data):])
            except BlockingIOError:
                time.sleep(0.05)
            select.select([peer.source], [], [], 0)
        self.assertLess(support.resident_mib(self.process.pid), 200)

    def test_cancel_and_kill(self):
        peer = self.connect()
        number = peer.send('exec_stream', command='echo on; exec sleep 1234')
        self.assertEqual(peer.read()['result'], {'stdout': b64('on\n')})
        cancel = peer.send('cancel', exec=number)
        answers = {message['id']: message for message in (peer.read(), peer.read())}
        self.assertIn('result', answers[cancel])
        self.assert_error(answers[number], -32005)
        for name, value in (('TERM', 15), ('KILL', 9), (10, 10)):
            number = peer.send('exec', command='exec sleep 1234')
            time.sleep(0.3)
            kill = peer.send('kill', exec=number, signal=name)
            answers = {message['id']: message for message in (peer.read(), peer.read())}
            self.assertIn('result', answers[kill])
            self.assertEqual((answers[number]['result']['exit_code'],
                              answers[number]['result']['signal']), (128 + value, value))
        for params in ({'exec': 999}, {'exec': number}, {'exec': 999, 'signal': 'TERM'}):
            self.assertIn('error', peer.ask('kill', **params))
        number = peer.send('exec', command='sleep 1')
        self.assert_error(peer.ask('kill', exec=number, signal='NONSENSE'), -32602)

    def test_kill_the_sandbox(self):
        peer = self.connect()
        peer.send('exec', command='sleep 1000')
        peer.send('kill')
        self.assertTrue(eventually(lambda: self.listed('--running') == []))

    def test_close_after_a_crash(self):
        peer = self.connect()
        number = peer.send('exec', command=['sleep', '1003'])
        sleeps = eventually(lambda: support.process_of(self.process.pid, 'sleep 1003'))
        os.kill(support.init_of(sleeps), signal.SIGKILL)
        self.assertEqual(peer.read()['id'], number)
        self.assertTrue(eventually(lambda: self.listed('--running') == []))
        self.assert_error(peer.ask('exec', command='true'), -32002)
        self.assertIn('result', peer.ask('close'))
        self.assertEqual(self.process.wait(10), 0)

    def test_terminal(self):
        peer = self.connect()
        number = peer.send('exec_stream', tty=True, rows=33, columns=44, stdin_open=True,
                           command='test -t 0 && test -t 1 && test -t 2 && stty size; read x;'
                                   'stty size')
        self.assertIn(b'33 44', base64.b64decode(peer.read()['result']['stdout']))
        self.assertIn('result', peer.ask('resize', exec=number, rows=10, columns=20))
        peer.send('stdin', exec=number, data=b64('\n'), eof=False)
        out = b''
        while True:
            message = peer.read()
            if message['id'] == number:
                out += base64.b64decode(message['result'].get('stdout', ''))
                if 'exit_code' in message['result']:
                    break
        self.assertIn(b'10 20', out)

    def test_a_reader_that_does_not_read(self):
        peer = self.connect()
        before = support.resident_mib(self.process.pid)
        number = peer.send('exec_stream', command='head -c 1G /dev/zero')
        most = 0
        for _ in range(30):
            most = max([most] + [support.resident_mib(pid) for pid in
                                 [self.process.pid, *support.descendants(self.process.pid)]])
            time.sleep(0.1)
        self.assertLess(most - before, 64)
        octets = 0
        while True:
            result = peer.read()['result']
            octets += len(result.get('stdout', '')) // 4 * 3 - result.get('stdout', '').count('=')
            if 'exit_code' in result:
                break
        self.assertEqual(octets, 1 << 30)
        self.assertLess(support.resident_mib(self.process.pid) - before, 64)

    def test_fifty_at_once(self):
        peer = self.connect()
        expected = {peer.send('exec', command=f'sleep 0.5; echo {n}'): f'{n}\n' for n in range(50)}
        started = time.monotonic()
        found = {}
        for _ in range(50):
            message = peer.read(60)
            found[message['id']] = base64.b64decode(self.result(message)['stdout']).decode()
        self.assertEqual(found, expected)
        self.assertLess(time.monotonic() - started, 20)


@as_root_and_user
class Socket(RpcTests):
    def path(self, vm_id):
        """Of the socket, which is made a moment after the sandbox began to run."""
        path = os.path.join(self.state, 'vms', vm_id, 'socket')
        self.assertTrue(eventually(lambda: os.path.exists(path)))
        return path

    def attach(self, vm_id):
        one = socket.socket(socket.AF_UNIX)
        self.addCleanup(one.close)
        one.connect(self.path(vm_id))
        return Peer(one.fileno(), one.fileno()), one

    def test_the_same_methods(self):
        vm_id = self.start()
        peer, one = self.attach(vm_id)
        self.assertEqual(self.result(peer.ask('exec', command='exit 3'))['exit_code'], 3)
        self.assertIn('error', peer.ask('create'))
        one.close()
        peer, one = self.attach(vm_id)
        self.assertIn('result', peer.ask('list_files', path='/tmp/workspace'))
        self.assertEqual(self.status_of(vm_id), 'running')
        self.assertIn('result', peer.ask('close'))
        self.assertTrue(eventually(lambda: self.status_of(vm_id) == 'stopped'))

    def test_the_command_line_waits_for_a_socket_that_is_not_there_yet(self):
        vm_id = self.start()
        done = self.immure('exec', vm_id, '--', 'sh', '-c', 'exit 7')
        self.assertEqual((done.code, done.errors), (7, ''))

    def test_disconnecting_ends_what_was_under_way_only_there(self):
        vm_id = self.start()
        peer, one = self.attach(vm_id)
        other, _ = self.attach(vm_id)
        peer.send('exec', command='exec sleep 1235')
        number = other.send('exec', command='sleep 1; exit 4')
        time.sleep(0.2)
        one.close()
        message = other.read()
        self.assertEqual((message['id'], message['result']['exit_code']), (number, 4))

    def test_ids_of_two_connections_do_not_meet(self):
        vm_id = self.start()
        peer, _ = self.attach(vm_id)
        other, _ = self.attach(vm_id)
        number = peer.send('exec', command='sleep 1; exit 5')
        time.sleep(0.2)
        self.assertIn('error', other.ask('kill', exec=number))
        self.assertEqual(peer.read()['result']['exit_code'], 5)

    def test_other_users_cannot_connect(self):
        vm_id = self.start()
        path = self.path(vm_id)
        if os.getuid() != 0:
            self.skipTest('only root can try as another user')
        code = f'import socket; socket.socket(socket.AF_UNIX).connect({path!r})'
        done = self.immure(words=['setpriv', '--reuid=65532', '--regid=65532', '--clear-groups',
                                  support.PYTHON, '-c', code])
        self.assertIn('PermissionError', done.errors)
