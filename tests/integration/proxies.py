# SPDX-License-Identifier: Apache-2.0
"""Proxies that know CONNECT, on the host's loopback: one of our own that can be made to fail, and squid."""
import base64
import os
import shutil
import socket
import subprocess
import threading
import time

from servers import Server, receive

SQUID = shutil.which('squid', path='/usr/sbin:/usr/bin')
ESTABLISHED = b'HTTP/1.1 200 Connection established\r\n\r\n'


def pump(source, sink):
    """Carry octets until the end, and pass that on."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Proxy(Server):
    """A proxy for the names in @routes, {'a.test:443': port of the loopback}; what it knows not is 502.

    `asked` are the heads it was sent. @user: 'user:password' that it wants. @answer: what it says in place of
    ESTABLISHED. @within: what is sent with it in one packet.
    """

    def __init__(self, routes, user=None, answer=ESTABLISHED, within=b''):
        super().__init__(self._serve_one)
        self.routes, self.asked, self._user = routes, [], user
        self._answer, self._within = answer, within

    @property
    def url(self):
        user = '' if self._user is None else self._user + '@'
        return f'http://{user}127.0.0.1:{self.port}'

    @property
    def targets(self):
        return [head.split()[1].decode() for head in self.asked]

    def _serve_one(self, connection):
        head = receive(connection, b'\r\n\r\n')
        self.asked.append(head)
        if self._user is not None and b'\r\nProxy-Authorization: Basic %s\r\n' % base64.b64encode(
                self._user.encode()) not in head:
            connection.sendall(b'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n')
            return
        port = self.routes.get(head.split()[1].decode())
        if port is None:
            connection.sendall(b'HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n')
            return
        with socket.create_connection(('127.0.0.1', port), 20) as origin:
            if callable(self._answer):
                self._answer(connection)
            else:
                connection.sendall(self._answer + self._within)
            up = threading.Thread(target=pump, args=(connection, origin), daemon=True)
            up.start()
            pump(origin, connection)
            up.join(20)


def slowly(connection):
    """Established, octet by octet."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for octet in ESTABLISHED:
        connection.sendall(bytes([octet]))
        time.sleep(.002)


class Squid:
    """squid, for which all of @names are 127.0.0.1; it wants any user if @wants_user."""

    def __init__(self, folder, names, wants_user=False):
        with socket.create_server(('127.0.0.1', 0)) as one:
            self.port = one.getsockname()[1]
        os.chmod(folder, 0o777)  # squid, when root's, is another user
        self._log = os.path.join(folder, 'squid.log')
        hosts, self._conf = os.path.join(folder, 'squid.hosts'), os.path.join(folder, 'squid.conf')
        with open(hosts, 'w', encoding='ascii') as file:
            file.write(f'127.0.0.1 {" ".join(names)}\n')
        auth = ('auth_param basic program /usr/lib/squid/basic_fake_auth\nauth_param basic children 1\n'
                'acl known proxy_auth REQUIRED\nhttp_access allow known\n' if wants_user else 'http_access allow all\n')
        with open(self._conf, 'w', encoding='ascii') as file:
            file.write(f'http_port 127.0.0.1:{self.port}\nhosts_file {hosts}\npid_filename none\ncache deny all\n'
                       f'access_log none\ncache_log {self._log}\nshutdown_lifetime 0 seconds\npinger_enable off\n'
                       f'coredump_dir {folder}\nvisible_hostname squid\nmax_filedescriptors 1024\nnetdb_filename none\n'
                       f'{auth}http_access deny all\n')

    def __enter__(self):
        self._process = subprocess.Popen([SQUID, '-N', '-f', self._conf], stdout=subprocess.DEVNULL,
                                         stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return self
            except OSError:
                if time.monotonic() > end or self._process.poll() is not None:
                    self.__exit__()
                    with open(self._log, encoding='utf-8', errors='replace') as log:
                        raise AssertionError(f'squid does not serve: {log.read()[-2000:]}') from None
                time.sleep(.05)

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
