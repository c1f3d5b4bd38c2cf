# SPDX-License-Identifier: Apache-2.0
"""Rows A4, A20 to A25: nothing leaves, IPv4 and IPv6 alike; each flow is refused at once and reported."""
import socket
import subprocess
import threading

import rig
import support
from support import as_root_and_user, eventually

AT_ONCE_MS = 4900
REFUSED_TCP = {'DENIED', 'ECONNRESET', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'EPERM', 'EACCES', 'EINVAL',
               'EADDRNOTAVAIL'}
REFUSED_UDP = REFUSED_TCP

# The same things in both families (A25): documentation, public, private, link-local, metadata, multicast.
V4 = ['192.0.2.1', '8.8.8.8', '10.1.2.3', '192.168.1.1', '172.16.0.1', '169.254.169.254', '168.63.129.16',
      '100.100.100.200', '224.0.0.251', '239.255.255.250', '255.255.255.255', '0.0.0.0', '10.0.2.2', '10.0.2.3',
      '127.0.0.1', '127.1.2.3']
V6 = ['2001:db8::1', '2001:4860:4860::8888', 'fd12:3456::1', 'fe80::1', 'fd00:ec2::254', 'ff02::1', 'ff02::fb',
      'ff0e::1', '::', '::1', '::ffff:192.0.2.1', '::ffff:169.254.169.254', '::ffff:127.0.0.1', '::192.0.2.1',
      '64:ff9b::c000:201', '2002:c000:201::1', '2001:0:4136:e378:8000:63bf:3fff:fdd2']
PORTS = ['1', '22', '53', '80', '443', '853', '8080', '65535']


def own_addresses():
    """Of the host, in both families."""
    text = subprocess.run(['ip', '-o', 'addr'], capture_output=True, text=True, check=False).stdout
    return sorted({line.split()[3].split('/')[0] for line in text.splitlines()})


@as_root_and_user
class Egress(rig.Row):
    def _judge_flows(self, tried, kind, refused, count):
        rows = [value.split() for value in tried.all(kind)]
        self.assertEqual(len(rows), count, tried.done)
        bad = [row for row in rows if row[2] not in refused]
        self.assertEqual(bad, [], 'not refused')
        self.assertEqual([row for row in rows if int(row[3]) > AT_ONCE_MS], [], 'not at once')

    def _pairs(self, addresses, ports):
        return [word for address in addresses for port in ports for word in (address, port)]

    def test_A21_tcp_to_any_address(self):
        pairs = self._pairs(V4 + V6, PORTS)
        self._judge_flows(self.hostile('tcp', *pairs), 'tcp', REFUSED_TCP, len(pairs) // 2)

    def test_A21_tcp_as_root_inside(self):
        pairs = self._pairs(V4 + V6, ['443'])
        self._judge_flows(self.hostile('tcp', *pairs, options=rig.BE_ROOT), 'tcp', REFUSED_TCP, len(pairs) // 2)

    def test_A24_udp_to_any_address(self):
        pairs = self._pairs(V4 + V6, ['123', '443', '5353', '1900', '65535'])
        self._judge_flows(self.hostile('udp', *pairs), 'udp', REFUSED_UDP, len(pairs) // 2)

    def test_A20_listeners_of_the_host(self):
        """TCP and UDP listeners on every address of the host: nothing arrives at them."""
        arrived, listeners = [], []
        for address in {*own_addresses(), '127.0.0.1', '::1'}:
            family = socket.AF_INET6 if ':' in address else socket.AF_INET
            for type_ in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                one = socket.socket(family, type_)
                try:
                    one.bind((address, 0))
                except OSError:  # link-local
                    one.close()
                    continue
                if type_ == socket.SOCK_STREAM:
                    one.listen()
                one.setblocking(False)
                listeners.append((address, str(one.getsockname()[1]), type_, one))
        for kind, type_ in (('tcp', socket.SOCK_STREAM), ('udp', socket.SOCK_DGRAM)):
            pairs = [word for row in listeners if row[2] == type_ for word in row[:2]]
            self._judge_flows(self.hostile(kind, *pairs), kind, REFUSED_TCP, len(pairs) // 2)
        for address, port, type_, one in listeners:
            try:
                (one.accept if type_ == socket.SOCK_STREAM else lambda: one.recv(1))()
                arrived.append((address, port))
            except BlockingIOError:
                pass
            one.close()
        self.assertEqual(arrived, [])
        self.assertGreater(len(listeners), 2)

    def test_A22_dns_is_refused_at_once(self):
        """Of every resolver and type, and for names that carry data."""
        data = '.'.join(['a' * 63] * 3)
        rows = [(resolver, name, kind) for resolver in ('10.0.2.3', '8.8.8.8', '192.0.2.1', '127.0.0.53',
                                                        '2001:4860:4860::8888', 'fd00::53', '::ffff:8.8.8.8')
                for name, kind in (('example.com', '1'), ('example.com', '28'), ('example.com', '16'),
                                   (data + '.example', '10'), ('', '2'), ('x', '255'))]
        for kind, more in (('dns', ()), ('dns-tcp', ('ECONNREFUSED',))):  # TCP to an own address: nobody listens
            tried = self.hostile(kind, *[word for row in rows for word in row])
            answers = [value.split() for value in tried.all(kind)]
            self.assertEqual(len(answers), len(rows))
            self.assertEqual([row for row in answers if row[2] not in ('rcode3-answers0', 'EPERM', *more)], [])
            self.assertEqual([row for row in answers if int(row[3]) > AT_ONCE_MS], [])
            self.assertGreater(len([row for row in answers if row[2] == 'rcode3-answers0']), len(rows) // 2)

    def test_A22_names_do_not_resolve(self):
        done = self.sh('for name in example.com metadata.google.internal localhost.localdomain; do '
                       'timeout 5 getent ahosts $name && echo resolved; done; :')
        self.assert_prints(done, '')

    def test_A04_proxies_are_not_asked(self):
        """A client is captured whatever its environment says, and our own is not followed."""
        pairs = self._pairs(['192.0.2.1'], ['80'])
        env = {'http_proxy': 'http://127.0.0.1:9', 'https_proxy': 'http://127.0.0.1:9', 'ALL_PROXY': 'x'}
        self._judge_flows(self.hostile('tcp', *pairs, env=env), 'tcp', REFUSED_TCP, 1)

    def test_A24_sockets(self):
        for identity in ((), rig.BE_ROOT):
            tried = self.hostile('A24', options=identity)
            families = {tuple(map(int, value.split())) for value in tried.all('socket')}
            self.assertEqual({row for row in families if row[0] not in (1, 2, 10, 16)}, set())
            self.assertEqual({row for row in families if row[0] in (2, 10)
                              and (row[1] not in (1, 2) or row[2] not in (0, 6, 17))}, set())
            self.assertEqual({row for row in families if row[0] == 16 and row[2] != 0}, set())
            self.assertEqual(set(tried.all('netlink')), {'0'})
            self.assertEqual(tried.all('socketpair'), [])
            self.judge(tried, errors={'EAFNOSUPPORT'}, least=3)

    def test_A24_options_and_netlink(self):
        # an answer to fast open is the reset; SO_DEBUG and the rest need a capability
        self.refused('A24-options', errors={'ENOENT', 'ENOPROTOOPT', 'ECONNRESET', 'EINVAL'}, least=10)
        self.refused('A24-netlink', errors={'EOPNOTSUPP'}, least=6)

    def test_A25_only_lo(self):
        tried = self.hostile('A25')
        self.assertEqual(tried.all('up'), ['lo'])
        self.judge(tried, least=2)

    def test_A21_flows_are_reported(self):
        """Each, with its destination, to who listens; blocked."""
        config = {'vfs': {'direct_mounts': {'/tmp/hostile': {'host_path': rig.HOSTILE, 'readonly': True}}}}
        with self.sandbox(config) as sandbox:
            events = []
            sandbox.on_event(events.append)
            sandbox.exec([rig.PROGRAM, 'tcp', '192.0.2.7', '4711', '2001:db8::7', '4712'])
            sandbox.exec([rig.PROGRAM, 'dns', '8.8.8.8', 'secret.example.com', '1'])
            wanted = ('tcp://192.0.2.7:4711', 'tcp://[2001:db8::7]:4712', 'dns://secret.example.com')
            eventually(lambda: all(any(url in str(event) for event in events) for url in wanted), 5)
            text = [str(event) for event in events]
        for url in wanted:
            self.assertTrue(any(url in one for one in text), (url, text))

    def test_A24_other_flows_are_reported(self):
        """UDP that is not DNS is refused in the kernel; the record must still say so."""
        config = {'vfs': {'direct_mounts': {'/tmp/hostile': {'host_path': rig.HOSTILE, 'readonly': True}}}}
        with self.sandbox(config) as sandbox:
            events = []
            sandbox.on_event(events.append)
            sandbox.exec([rig.PROGRAM, 'udp', '192.0.2.7', '443', '2001:db8::7', '4712'])
            eventually(lambda: len([event for event in events if event['type'] == 'network']) >= 2, 2)
        told = [event['network'] for event in events if event['type'] == 'network']
        for url in ('udp://192.0.2.7:443', 'udp://[2001:db8::7]:4712'):
            mine = [row for row in told if row['url'] == url]
            self.assertTrue(mine, (url, told))
            self.assertEqual({(row['method'], row['blocked']) for row in mine}, {('UDP', True)}, told)
            self.assertGreaterEqual(sum(row['count'] for row in mine), 1, told)

    def test_A24_a_flood_is_told_in_few_words(self):
        """One place: at most one event a second; many places: at most as many as the firewall tells of."""
        with self.sandbox({}) as sandbox:
            events = []
            sandbox.on_event(events.append)
            sandbox.exec(['python3', '-c', 'import socket, time\n'
                          's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n'
                          'def send(port):\n'
                          '    try: s.sendto(b"x", ("192.0.2.7", port))\n'
                          '    except PermissionError: pass\n'
                          'end = time.monotonic() + 2.5\n'
                          'while time.monotonic() < end: send(443)\n'
                          'for port in range(1000, 4000): send(port)\n'])
        told = [event['network'] for event in events if event['type'] == 'network']
        self.assertGreaterEqual(len([row for row in told if row['url'].endswith(':443')]), 2, told)
        self.assertLessEqual(len([row for row in told if row['url'].endswith(':443')]), 5, told)
        self.assertGreater(sum(row['count'] for row in told), 50)
        self.assertLess(sum(row['count'] for row in told), 250, 'the rate is not held')

    def test_A24_what_is_sent_last_is_told(self):
        """By a program that ends the sandbox with its last datagram."""
        config = {'vfs': {'direct_mounts': {'/tmp/hostile': {'host_path': rig.HOSTILE, 'readonly': True}}}}
        with self.sandbox(config) as sandbox:
            events = []
            sandbox.on_event(events.append)
            sandbox.exec([rig.PROGRAM, 'udp', '192.0.2.9', '443'])
        urls = [event['network']['url'] for event in events if event['type'] == 'network']
        self.assertIn('udp://192.0.2.9:443', urls)

    def test_A28_flood_of_flows(self):
        tried = self.hostile('flood', '192.0.2.1', '443', '2000')
        refused, _, count = tried.one('flood').split()[:3]
        self.assertEqual(refused, count, tried.done)
        self._judge_flows(self.hostile('tcp', '192.0.2.1', '80'), 'tcp', REFUSED_TCP, 1)

    def test_A20_no_listener_of_ours_answers(self):
        """The capture's own port, on its own addresses."""
        pairs = self._pairs(['127.0.0.1', '10.0.2.15', '::1', 'fd00::2:15'], ['1', '53', '9999'])
        self._judge_flows(self.hostile('tcp', *pairs), 'tcp', REFUSED_TCP, len(pairs) // 2)
