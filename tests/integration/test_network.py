# SPDX-License-Identifier: Apache-2.0
"""Flows to hosts that are allowed by name, and all others, which are not."""
import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import support
from inside import BOTH_WAYS, HALF_CLOSE, MANY, TRY, UNTIL_THE_END
from servers import Folder, Names, Server, answering, blocks, digest_of, receive, reset
from support import PYTHON, as_root_and_user, descendants, eventually

MIB = 64  # of the large transfer, each way
FLOWS = 200
LOOPBACK = ('--allow-private', '127.0.0.1')


def banner(text):
    """A server that speaks first, and once."""
    return lambda connection: connection.sendall(text)


def own_address():
    """One of this host's that is not its loopback, or None: flows to it stay on this host."""
    text = subprocess.run(['ip', '-o', '-4', 'addr'], capture_output=True, text=True, check=False).stdout
    found = [word for word in re.findall(r'inet ([0-9.]+)', text) if not word.startswith('127.')]
    return found[0] if found else None


class Rig(support.Tests):
    def allow(self, *names, address='127.0.0.1', private=LOOPBACK, port=None):
        """Options by which @names may be reached, all at that address; raw, if there is a @port."""
        suffix = '' if port is None else f':{port}'
        return (*private, *(word for name in names
                            for word in ('--allow-host', name + suffix, '--add-host', f'{name}:{address}')))

    def raw(self, server, **more):
        """Options by which a.test is @server, and may be spoken to in whatever it speaks."""
        return self.allow('a.test', port=server.port, **more)

    def python(self, script, *arguments, options=(), **more):
        return self.run_in(PYTHON, '-c', script, *arguments, options=options, **more)

    def tries(self, *pairs, options=()):
        """What came of connecting to host, port, host, port, ..."""
        done = self.python(TRY, *pairs, options=options)
        self.assert_code(done, 0)
        return done.text.split('\n')[:-1]

    def see(self, *pairs, wanted, **network):
        """Connect to host, port, ... Return: what was tried, and the facts of @wanted network events by url."""
        with self.sandbox({'network': network}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            done = sandbox.exec([PYTHON, '-c', TRY, *map(str, pairs)])
            self.assertEqual(done['exit_code'], 0, done)

            def told():
                return [event['network'] for event in list(events) if event['type'] == 'network']
            eventually(lambda: len(told()) >= wanted)
        self.assertEqual(len(told()), wanted, told())
        return done['stdout'].split(), {facts['url']: facts for facts in told()}


@as_root_and_user
class Hosts(Rig):
    """Which names and addresses lead out."""

    def test_an_allowed_name(self):
        with Server(answering(b'hello')) as server:
            done = self.run_in('curl', '-sS', f'http://a.test:{server.port}/x', options=self.allow('a.test'))
            self.assert_prints(done, 'hello')
        self.assertRegex(server.results[0], rb'^GET /x HTTP/1.1\r\nHost: a.test:')

    def test_names_in_any_spelling(self):
        with Server(banner(b'hello')) as server:
            self.assertEqual(self.tries('A.Test', server.port, 'a.test.', server.port,
                                        options=self.raw(server)), ['hello', 'hello'])

    def test_another_name_does_not_exist(self):
        begun = time.monotonic()
        self.assertEqual(self.tries('b.test', 80, 'sub.a.test', 80, 'test', 80, 'xa.test', 80,
                                    options=self.allow('a.test')), ['gaierror'] * 4)
        self.assertLess(time.monotonic() - begun, 4)
        done = self.run_in('curl', '-sS', 'http://b.test/', options=self.allow('a.test'))
        self.assertEqual((done.code, done.errors), (6, 'curl: (6) Could not resolve host: b.test\n'))

    def test_a_name_of_one_label(self):
        """Is asked for as it is, whatever the host's name is and its search domains are; localhost is the sandbox's."""
        with Server(banner(b'hello')) as server, Names({'lab': ['127.0.0.1'], 'wpad': ['127.0.0.1']}) as names:
            options = ('--allow-host', f'lab:{server.port}', '--allow-host', 'localhost', '--dns-server', names.address, *LOOPBACK)
            for hostname in ((), ('--hostname', 'box.example.test')):
                with self.subTest(hostname=hostname):
                    self.assertEqual(
                        self.tries('lab', server.port, 'LAB.', server.port, 'wpad', server.port, 'localhost', server.port,
                                   options=(*options, *hostname)),
                        ['hello', 'hello', 'gaierror', 'ConnectionRefusedError'])
        self.assertEqual(set(names.asked), {'lab'})
        self.assertEqual(self.see('lab', 80, wanted=1)[0], ['gaierror'])

    def test_below_and_not_the_apex(self):
        with Server(banner(b'hello')) as server, Names({name: ['127.0.0.1'] for name in (
                'example.test', 'a.example.test', 'b.a.example.test', 'xexample.test')}) as names:
            hosts = ('a.example.test', 'b.a.example.test', 'example.test', 'xexample.test')
            self.assertEqual(
                self.tries(*[word for host in hosts for word in (host, server.port)],
                           options=('--allow-host', f'*.example.test:{server.port}', '--dns-server', names.address,
                                    *LOOPBACK)),
                ['hello', 'hello', 'gaierror', 'gaierror'])
        self.assertEqual(names.asked, ['a.example.test', 'b.a.example.test'])

    def test_a_port(self):
        with Server(banner(b'one')) as one, Server(banner(b'other')) as other:
            self.assertEqual(self.tries('a.test', one.port, 'a.test', other.port,
                                        options=(*LOOPBACK, '--allow-host', f'a.test:{one.port}', '--add-host',
                                                 'a.test:127.0.0.1')), ['one', 'ConnectionResetError'])
        self.assertEqual(other.accepted, 0)

    def test_an_address_is_no_name(self):
        """Not even that of an allowed name, nor a synthetic one that no name has."""
        address = own_address() or '127.0.0.1'
        with Server(banner(b'hello'), address) as server:
            options = self.raw(server, address=address, private=('--allow-private', address))
            tried = self.tries('a.test', server.port, address, server.port, '198.18.7.7', 80,
                               'fd69:6d6d:7572::777', 80, '2001:db8::1', 80, options=options)
        self.assertEqual((tried[0], server.accepted), ('hello', 1))
        self.assertEqual(set(tried[1:]) - {'ConnectionResetError', 'ConnectionRefusedError'}, set())

    def test_an_allowed_address(self):
        address = own_address()
        if address is None:
            self.skipTest('this host has no IPv4 address but its loopback, which is another inside')
        with Server(banner(b'hello'), address) as server:
            allowed = ('--allow-host', f'{address}/31:{server.port}')
            self.assertEqual(self.tries(address, server.port, options=allowed), ['ConnectionResetError'])
            self.assertEqual(server.accepted, 0)
            self.assertEqual(self.tries(address, server.port, options=(*allowed, '--allow-private', address)),
                             ['hello'])

    def test_nothing_is_allowed(self):
        """By default; nor does an --add-host or --allow-private allow anything by itself."""
        with Server(banner(b'hello')) as server, Names({'a.test': ['127.0.0.1']}) as names:
            for options in ((), ('--dns-server', names.address, *LOOPBACK),
                            (*LOOPBACK, '--add-host', 'a.test:127.0.0.1')):
                with self.subTest(options=options):
                    self.assertEqual(self.tries('a.test', server.port, '192.0.2.1', 80, options=options),
                                     ['gaierror', 'ConnectionResetError'])
        self.assertEqual((server.accepted, names.asked), (0, []))

    def test_what_is_no_pattern(self):
        for option, value in (('--allow-host', 'a..test'), ('--allow-host', 'a.*.test'), ('--allow-host', 'a:0'),
                              ('--allow-private', '*'), ('--add-host', 'a.test'), ('--dns-server', 'a.test')):
            with self.subTest(value=value):
                self.assertIn(self.run_in('true', options=(option, value)).code, (support.OURS, 2))


@as_root_and_user
class Private(Rig):
    """Addresses that no name may lead to by itself."""

    def test_the_host_s_loopback(self):
        with Server(banner(b'hello')) as server, Names({'a.test': ['127.0.0.1', '::1']}) as names:
            for options in (('--add-host', 'a.test:127.0.0.1'), ('--dns-server', names.address),
                            ('--add-host', 'a.test:127.0.0.1', '--allow-private', 'a.test'),
                            ('--add-host', 'a.test:127.0.0.1', '--allow-private', '127.0.0.2')):
                with self.subTest(options=options):
                    self.assertEqual(self.tries('a.test', server.port,
                                                options=('--allow-host', 'a.test', *options)),
                                     ['ConnectionResetError'])
        self.assertEqual(server.accepted, 0)

    def test_metadata_services(self):
        """Whatever is off and allowed beside them."""
        hosts = {'a.test': '169.254.169.254', 'b.test': 'fd00:ec2::254', 'c.test': '::ffff:169.254.169.254'}
        pairs = [word for host in (*hosts, '169.254.169.254') for word in (host, 80)]
        tried, told = self.see(*pairs, wanted=7, block_private_ips=False, allowed_hosts=['*'], hosts=hosts,
                               allow_private=['169.254.0.0/16', 'fd00::/8', *hosts])
        self.assertEqual(tried, ['ConnectionResetError'] * 4)
        for url in [f'tcp://{host}:80' for host in pairs[::2]]:
            self.assertTrue(told[url]['blocked'], told[url])
            self.assertRegex(told[url]['reason'], 'metadata')

    def test_what_block_private_ips_covers(self):
        """Private addresses, but never this machine's own."""
        with Server(banner(b'hello')) as server:
            tried, told = self.see('a.test', server.port, wanted=2, block_private_ips=False,
                                   allowed_hosts=['a.test'], hosts={'a.test': '127.0.0.1'})
        self.assertEqual((tried, server.accepted), (['ConnectionResetError'], 0))
        self.assertTrue(told[f'tcp://a.test:{server.port}']['blocked'])

    def test_rebinding(self):
        """Each flow has its own answer, and each answer is judged."""
        answers = iter(['127.0.0.1', '127.0.0.2', '127.0.0.1', '169.254.169.254'])
        with Server(banner(b'first')) as first, Server(banner(b'second'), '127.0.0.2', first.port) as second, \
                Names({'a.test': lambda: next(answers)}) as names:
            self.assertEqual(
                self.tries(*['a.test', first.port] * 4,
                           options=('--allow-host', f'a.test:{first.port}', '--dns-server', names.address, *LOOPBACK)),
                ['first', 'ConnectionResetError', 'first', 'ConnectionResetError'])
        self.assertEqual((names.asked, second.accepted), (['a.test'] * 4, 0))

    def test_one_harmless_address_of_two(self):
        with Server(banner(b'hello')) as server, \
                Names({'a.test': ['127.0.0.2', '127.0.0.1', 'fe80::1']}) as names:
            self.assertEqual(
                self.tries('a.test', server.port,
                           options=('--allow-host', f'a.test:{server.port}', '--dns-server', names.address, *LOOPBACK)),
                ['hello'])


@as_root_and_user
class Resolvers(Rig):
    def test_both_families(self):
        with Server(banner(b'four')) as four, Server(banner(b'six'), '::1') as six, \
                Names({'four.test': ['127.0.0.1'], 'six.test': ['::1']}) as names:
            self.assertEqual(
                self.tries('four.test', four.port, 'six.test', six.port,
                           options=('--allow-host', f'*.test:{four.port}', '--allow-host', f'*.test:{six.port}',
                                    '--dns-server', names.address, *LOOPBACK,
                                    '--allow-private', '::1')), ['four', 'six'])

    def test_no_such_name(self):
        """An allowed one has an address inside, and a flow to it fails at once."""
        with Names({'empty.test': []}) as names:
            begun = time.monotonic()
            tried = self.tries('no.test', 80, 'empty.test', 80,
                               options=('--allow-host', '*.test', '--dns-server', names.address))
            self.assertLess(time.monotonic() - begun, 4)
        self.assertEqual(tried, ['ConnectionResetError'] * 2)

    def test_six(self):
        with Server(banner(b'six'), '::1') as server:
            self.assertEqual(
                self.tries('a.test', server.port,
                           options=self.raw(server, address='::1', private=('--allow-private', '::1'))), ['six'])


@as_root_and_user
class Flows(Rig):
    """What a flow carries, and how it ends."""

    def test_large_both_ways(self):
        def handle(connection):
            sender = threading.Thread(target=lambda: [connection.sendall(block) for block in blocks('down', MIB)])
            sender.start()
            judge, length = hashlib.sha256(), 0
            while True:
                data = connection.recv(1 << 20)
                if not data:
                    break
                judge.update(data)
                length += len(data)
            sender.join()
            return length, judge.hexdigest()
        with Server(handle) as server:
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'servers.py')
            shutil.copy(source, self.make_folder('lib'))
            done = self.python(BOTH_WAYS, server.port, MIB, options=(
                *self.raw(server), '-v', f'{self.folder}/lib:/tmp/lib:ro'))
        self.assert_prints(done, digest_of('down', MIB) + '\n')
        self.assertEqual(server.results, [(MIB << 20, digest_of('up', MIB))])

    def test_what_was_sent_before_the_end_arrives(self):
        """A program that sends, closes and exits at once: its sandbox goes, what it sent does not."""
        script = "import socket; flow = socket.create_connection(('a.test', {})); flow.sendall(bytes({}))"
        with Server(receive) as server:
            sizes = [1000000] * 12 + [4] * 4 + [20000000]
            for size in sizes:
                self.assert_code(self.python(script.format(server.port, size), options=self.raw(server)), 0)
            eventually(lambda: len(server.results) == len(sizes))
        self.assertEqual(sorted(map(len, server.results)), sorted(sizes))

    def test_an_upstream_that_takes_nothing_holds_the_end_for_a_moment_only(self):
        script = ("import socket; flow = socket.create_connection(('a.test', {})); flow.setblocking(False)\n"
                  "try:\n    while flow.send(bytes(65536)): pass\nexcept BlockingIOError: pass")
        over = threading.Event()
        with Server(lambda connection: over.wait(30)) as server:
            try:
                done = self.python(script.format(server.port), options=self.raw(server), timeout=20)
            finally:
                over.set()
        self.assert_code(done, 0)

    def test_half_close(self):
        def handle(connection):
            question = receive(connection)
            time.sleep(0.2)
            connection.sendall(b'answer to ' + question)
        with Server(handle) as server:
            self.assert_prints(self.python(HALF_CLOSE, server.port, options=self.raw(server)),
                               'answer to question True\n')

    def test_a_server_that_speaks_first(self):
        with Server(banner(b'SSH-2.0-test\r\n')) as server:
            self.assert_prints(self.run_in(
                'bash', '-c', f'exec 3<>/dev/tcp/a.test/{server.port}; head -n 1 <&3',
                options=self.raw(server)), 'SSH-2.0-test\r\n')

    def test_a_reset_is_no_end(self):
        def handle(connection):
            connection.sendall(b'up')
            connection.sendall(b'x' * 100_000)
            time.sleep(0.2)
            reset(connection)
        with Server(handle) as server:
            self.assert_prints(self.python(UNTIL_THE_END, server.port, options=self.raw(server)),
                               'up\nConnectionResetError\n')

    def test_an_end_is_no_reset(self):
        with Server(banner(b'up' + b'x' * 1_000_000)) as server:
            self.assert_prints(self.python(UNTIL_THE_END, server.port, options=self.raw(server)), 'up\nend\n')

    def test_a_program_that_dies(self):
        """Its server sees the flow end, with all that was sent. The sandbox lives on."""
        with Server(receive) as server:
            vm_id = self.start(*self.raw(server))
            self.assert_code(self.immure('exec', vm_id, '--', 'bash', '-c', f'exec 3<>/dev/tcp/a.test/{server.port}; '
                                         'echo -n sent >&3; kill -9 $$'), 137)
            self.assertTrue(eventually(lambda: server.results))
            self.assert_code(self.immure('kill', vm_id), 0)
        self.assertEqual(server.results, [b'sent'])

    def test_nobody_listens(self):
        with Server(banner(b'')) as server:
            port = server.port
        self.assertEqual(self.tries('a.test', port, options=self.allow('a.test', port=port)), ['ConnectionResetError'])

    def test_many_at_once(self):
        together = threading.Barrier(FLOWS)

        def handle(connection):
            line = receive(connection, b'\n')
            together.wait(30)
            connection.sendall(line)
        with Server(handle) as server:
            self.assert_prints(self.python(MANY, server.port, FLOWS, options=self.raw(server)), f'{FLOWS}\n')
        self.assertEqual(server.accepted, FLOWS)

    def test_sandboxes_do_not_meet(self):
        """The same name and port, elsewhere in each."""
        addresses = [f'127.0.0.{i}' for i in range(1, 5)]
        with contextlib.ExitStack() as others, \
                Server(banner(addresses[0].encode()), addresses[0]) as first:
            for address in addresses[1:]:
                others.enter_context(Server(banner(address.encode()), address, first.port))
            script = f'for i in 1 2 3 4 5; do exec 3<>/dev/tcp/a.test/{first.port}; cat <&3; echo; done'
            running = [self.popen('run', *self.allow('a.test', port=first.port, address=address,
                                                     private=('--allow-private', '127.0.0.0/8')),
                                  '--', 'bash', '-c', script) for address in addresses]
            for process, address in zip(running, addresses):
                out, err = process.communicate(timeout=30)
                self.assertEqual(out.decode(), f'{address}\n' * 5, err)
                self._running.remove(process)


@as_root_and_user
class Clients(Rig):
    """Programs as they are."""

    def test_http(self):
        with Server(answering(b'hello')) as server:
            url = f'http://a.test:{server.port}/'
            for words in (['curl', '-sS', url],
                          [PYTHON, '-c', f'import urllib.request as r; print(r.urlopen("{url}").read().decode())'],
                          ['node', '-e', f'require("http").get("{url}", r => r.pipe(process.stdout))']):
                if words[0] == 'node' and not os.path.exists('/usr/bin/node'):
                    continue  # one of somebody's own, which a sandbox does not see
                with self.subTest(client=words[0]):
                    self.assert_prints(self.immure('run', *self.allow('a.test'), '--', *words),
                                       'hello\n' if words[0] == PYTHON else 'hello')

    def test_git_clone(self):
        served = self.make_folder('served')
        commit = ['git', '-c', 'user.name=x', '-c', 'user.email=x', 'commit', '-qm', 'x', '--allow-empty']
        for words in (['git', 'init', '-q', 'work'], [*commit[:1], '-C', 'work', *commit[1:]],
                      ['git', 'clone', '-q', '--bare', 'work', 'repo.git'],
                      ['git', '-C', 'repo.git', 'update-server-info']):
            subprocess.run(words, cwd=served, check=True, env={**self.env, 'GIT_CONFIG_GLOBAL': '/dev/null'})
        with Folder(served) as server:
            done = self.sh(f'git clone -q http://git.test:{server.port}/repo.git && git -C repo log --format=%s',
                           *self.allow('git.test'))
        self.assert_prints(done, 'x\n')


@as_root_and_user
class Events(Rig):
    """What is told over --rpc."""

    def _assert_facts(self, facts, **wanted):
        self.assertEqual({key: facts[key] for key in wanted}, wanted, facts)

    def test_a_refused_name(self):
        tried, told = self.see('no.test', 80, wanted=1, allowed_hosts=['a.test'])
        self.assertEqual(tried, ['gaierror'])
        self._assert_facts(told['dns://no.test'], method='QUERY', blocked=True, rule='default', status_code=0,
                           reason='no.test is not among the allowed hosts', request_bytes=0, response_bytes=0)

    def test_refused_flows(self):
        tried, told = self.see('192.0.2.1', 80, '203.0.113.5', 443, wanted=2, allowed_hosts=['203.0.113.0/24'])
        self.assertEqual(tried, ['ConnectionResetError'] * 2)
        self._assert_facts(told['tcp://192.0.2.1:80'], method='CONNECT', blocked=True, rule='default',
                           reason='192.0.2.1 port 80 is not among the allowed hosts')
        self._assert_facts(told['tcp://203.0.113.5:443'], method='CONNECT', blocked=True, rule='allowed_hosts[0]')
        self.assertRegex(told['tcp://203.0.113.5:443']['reason'], r'^203\.0\.113\.5: .*documentation')
        for facts in told.values():
            self.assertEqual(facts['process']['program'], os.path.realpath(PYTHON), facts)
            self.assertGreater(facts['process']['pid'], 1, facts)

    def test_whose_a_request_is(self):
        """Two programs at once, each with its own name and the number that it has inside."""
        script = 'cp /usr/bin/curl "./a b"; "./a b" -s $0/1 & echo $!; wait; curl -s $0/2 & echo $!; wait'
        with Server(answering(b'')) as server, self.sandbox({'network': {
                'allowed_hosts': ['a.test'], 'hosts': {'a.test': '127.0.0.1'}, 'allow_private': ['127.0.0.1']}}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            done = sandbox.exec(['sh', '-c', script, f'http://a.test:{server.port}'])
            self.assertEqual(done['exit_code'], 0, done)

            def told():
                return {event['network']['url'][-2:]: event['network'].get('process') for event in list(events)
                        if event['type'] == 'network' and event['network']['method'] == 'GET'}
            eventually(lambda: len(told()) == 2)
        first, second = map(int, done['stdout'].split())
        self.assertEqual(told(), {'/1': {'pid': first, 'program': '/tmp/workspace/a b'},
                                  '/2': {'pid': second, 'program': '/usr/bin/curl'}})

    def test_a_name_that_leads_inside(self):
        tried, told = self.see('a.test', 80, wanted=2, allowed_hosts=['x.test', 'a.test'],
                                hosts={'a.test': '10.1.2.3'})
        self.assertEqual(tried, ['ConnectionResetError'])
        self._assert_facts(told['dns://a.test'], blocked=False, rule='allowed_hosts[1]', reason='')
        self._assert_facts(told['tcp://a.test:80'], blocked=True, rule='allowed_hosts[1]',
                           reason='a.test resolves to 10.1.2.3: private address (RFC 1918)')

    def test_an_ended_flow(self):
        def handle(connection):
            receive(connection, b'\n')
            connection.sendall(b'x' * 3001)
        with Server(handle) as server, self.sandbox({'network': {
                'allowed_hosts': [f'a.test:{server.port}'], 'hosts': {'a.test': '127.0.0.1'},
                'allow_private': ['127.0.0.1']}}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            done = sandbox.exec(['bash', '-c', f'exec 3<>/dev/tcp/a.test/{server.port}; echo 0123456789 >&3; '
                                               'wc -c <&3'])
            self.assertEqual(done['stdout'], '3001\n', done)
            url = f'tcp://a.test:{server.port}'
            facts = eventually(lambda: next((event['network'] for event in list(events) if event['type'] == 'network'
                                             and event['network']['url'] == url), None))
        self.assertTrue(facts, events)
        self._assert_facts(facts, method='CONNECT', blocked=False, rule='allowed_hosts[0]', reason='',
                           request_bytes=11, response_bytes=3001, status_code=0)
        self.assertLess(facts['duration_ms'], 20_000)

    def test_nobody_listens(self):
        with Server(banner(b'')) as server:
            port = server.port
        _, told = self.see('a.test', port, wanted=2, allowed_hosts=['a.test'], hosts={'a.test': '127.0.0.1'},
                            allow_private=['127.0.0.1'])
        facts = told[f'tcp://a.test:{port}']
        self._assert_facts(facts, blocked=False, rule='allowed_hosts[0]', request_bytes=0, response_bytes=0)
        self.assertRegex(facts['reason'], 'refused')


@as_root_and_user
class Faults(Rig):
    def _gateway(self, vm_id):
        with open(f'{self.state}/vms/{vm_id}/pid', encoding='ascii') as file:
            warden = int(file.read().split()[0])
        return next(pid for pid in descendants(warden, zombies=False) if 'gateway' in support.command_line(pid))

    def test_the_gateway_dies_before_it_has_the_socket(self):
        """The server, which has a connection already, sees a reset and not an empty, clean flow."""
        def stop():
            os.kill(self._gateway(vm_id), signal.SIGSTOP)
            return '127.0.0.1'
        with Server(receive) as server, Names({'a.test': stop}) as names:
            vm_id = self.start('--allow-host', f'a.test:{server.port}', '--dns-server', names.address, *LOOPBACK)
            flow = self.popen('exec', vm_id, '--', PYTHON, '-c', TRY, 'a.test', server.port)
            self.assertTrue(eventually(lambda: server.accepted))
            time.sleep(0.2)  # the answer is in the channel, or not yet sent: all the same
            os.kill(self._gateway(vm_id), signal.SIGKILL)
            self.assertEqual(flow.communicate(timeout=15)[0], b'ConnectionResetError\n')
            self._running.remove(flow)
            self.assertTrue(eventually(lambda: server.results))
            self.assertIsInstance(server.results[0], ConnectionResetError)
            self.assert_code(self.immure('kill', vm_id), 0)

    def test_the_gateway_is_killed(self):
        """In mid-flow: that ends with a reset, and the next has another gateway."""
        over = threading.Event()
        self.addCleanup(over.set)

        def handle(connection):
            connection.sendall(b'up')
            over.wait(30)
        with Server(handle) as server:
            vm_id = self.start(*self.raw(server))
            killed = set()
            for _ in range(2):
                flow = self.popen('exec', vm_id, '--', PYTHON, '-c', UNTIL_THE_END, server.port)
                self.assertEqual(self.started(flow), 'up')
                gateway = self._gateway(vm_id)
                self.assertNotIn(gateway, killed)
                killed.add(gateway)
                os.kill(gateway, signal.SIGKILL)
                self.assertEqual(flow.communicate(timeout=15)[0], b'ConnectionResetError\n')
                self._running.remove(flow)
            over.set()
            self.assert_prints(self.immure('exec', vm_id, '--', PYTHON, '-c', UNTIL_THE_END, server.port),
                               'up\nend\n')
        self.assert_code(self.immure('kill', vm_id), 0)
