# SPDX-License-Identifier: Apache-2.0
"""Clients as people use them, against servers that stand in for the internet: a table of client × server × expected.

    tests/integration/run BINARY test_clients             through immure
    tests/integration/run BINARY test_clients --direct    without it: is the test itself right?
    ... --large 5120                                      MiB of the large transfers, instead of 256
    IMMURE_TEST_HUGE=512 ...                              MiB of the huge one, instead of 5120

Libraries (tests/clients/setup installs them) are driven by a program in their language that makes CHECKS and
prints what came of each; tools are rows of TOOLS, a shell script each and what it prints.
"""
import base64
import hashlib
import io
import json
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import tarfile
import zipfile

import origins
import support
from origins import BAD, NAME, Origin, sh
from servers import digest_of
from support import PYTHON, as_root_and_user

DIRECT = bool(os.environ.get('IMMURE_TEST_DIRECT'))
LARGE = int(os.environ.get('IMMURE_TEST_LARGE') or 256)
PACKAGES = pathlib.Path(os.environ.get('IMMURE_TEST_CLIENTS') or os.path.join(
    '/var/cache' if os.getuid() == 0 else os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'),
    'immure-tests/clients'))
HERE = pathlib.Path(__file__).resolve().parent
RAW_NAME = 'raw.test'
SMALL = 3  # MiB
SILENCE_S = 33
HUGE = int(os.environ.get('IMMURE_TEST_HUGE') or 5120) << 20
GATEWAY_KIB_MAX = 64 << 10
WAIT_S = 300 + LARGE // 10


def sent(count):
    """Length and digest of what the clients upload."""
    data = bytes(range(256)) * 4096 * count
    return f'{len(data)} {hashlib.sha256(data).hexdigest()}'


LARGE_DIGEST = digest_of('down', LARGE)


def served(count):
    return f'{count << 20} {LARGE_DIGEST if count == LARGE else digest_of("down", count)}'


# A check of a library's client, and what it must say. A server whose certificate is no good is an error of
# TLS, or an answer 502 that says why; an answer that broke off is an error and never a short success.
REFUSED = r'error .+|502 \{"error_code".*'
CHECKS = {
    'reuse': '1 2 3',
    f'get:{SMALL}': re.escape(f'200 {served(SMALL)}'),
    'head': f'200 {3 << 20}',
    f'post:{SMALL}': re.escape(f'200 {sent(SMALL)}'),
    f'chunked:{SMALL}': re.escape(f'200 {sent(SMALL)}'),
    'events': '3 at once',
    'broken:short': 'error .+',
    'broken:cut': 'error .+',
    **{f'bad:{name.split(".")[0]}': REFUSED for name in BAD},
    'ws': 'hello 1000',
}
KEEPS = tuple(check for check in CHECKS if check != 'ws')
CLOSES = tuple(check for check in KEEPS if check != 'reuse')  # a connection for each request

# Client, its words, which checks it can make, what must be there.
LIBRARIES = (
    ('Python urllib', [PYTHON, '/mnt/clients/client.py', 'urllib'], CLOSES, None),
    ('Python requests', [PYTHON, '/mnt/clients/client.py', 'requests'], KEEPS, 'python'),
    ('Python httpx', [PYTHON, '/mnt/clients/client.py', 'httpx'], KEEPS, 'python'),
    ('Python aiohttp', [PYTHON, '/mnt/clients/client.py', 'aiohttp'], KEEPS, 'python'),
    ('Python websockets', [PYTHON, '/mnt/clients/client.py', 'websockets'], ('ws',), 'python'),
    ('Node fetch', ['node', '/mnt/clients/client.mjs', 'fetch'], KEEPS, '/usr/bin/node'),
    ('Node https', ['node', '/mnt/clients/client.mjs', 'https'], KEEPS, '/usr/bin/node'),
    ('Node http2', ['node', '/mnt/clients/client.mjs', 'http2'], KEEPS, '/usr/bin/node'),
    ('Node undici', ['node', '/mnt/clients/client.mjs', 'undici'], KEEPS, 'node'),
    ('Node ws', ['node', '/mnt/clients/client.mjs', 'ws'], ('ws',), 'node'),
    ('Go net/http', ['/mnt/packages/go/client'], KEEPS, 'go'),
    ('Java HttpClient', ['java', '/mnt/clients/Client.java'], KEEPS, '/usr/bin/java'),
)

DIGEST = digest_of('down', SMALL)
SERVER_SAID = '(502.*|)'  # a gateway may answer what a server could not be asked
# Client, a shell script that has $BASE, what it prints (a pattern), what must be there.
TOOLS = (
    ('curl HTTP/1.1', f'curl -sS --http1.1 -o f -w "%{{response_code}} %{{http_version}}\\n" $BASE/data/{SMALL}; sha256sum <f',
     f'200 1.1\n{DIGEST}  -\n', None),
    # 2 where nothing is between; what is between may offer 1.1 alone
    ('curl HTTP/2', f'curl -sS --http2 -o f -w "%{{response_code}} %{{http_version}}\\n" $BASE/data/{SMALL}; sha256sum <f',
     f'200 {"2" if DIRECT else "(2|1.1)"}\n{DIGEST}  -\n', None),
    ('curl large, down', f'curl -sS $BASE/data/{LARGE} | sha256sum', f'{LARGE_DIGEST}  -\n', None),
    ('curl large, both ways', f'curl -sS $BASE/data/{LARGE} | curl -sS -T - $BASE/digest/', f'{served(LARGE)}\n', None),
    ('curl large, up, HTTP/1.1', f'curl -sS --http1.1 $BASE/data/{LARGE} | curl -sS --http1.1 -T - $BASE/digest/',
     f'{served(LARGE)}\n', None),
    ('curl 100-continue', f'curl -sS $BASE/data/{SMALL} -o f; curl -sSv --http1.1 -H "Expect: 100-continue" --data-binary @f '
     '$BASE/digest/ 2>e; grep -c "^< HTTP/1.1 100" e', f'{served(SMALL)}\n1\n', None),
    ('curl HEAD', 'curl -sSI --http1.1 $BASE/data/7 | grep -i -e ^http -e ^content-length | tr -d "\\r"',
     f'HTTP/1.1 200 OK\n[Cc]ontent-[Ll]ength: {7 << 20}\n', None),
    ('curl keep-alive', 'curl -sS --http1.1 -o x -w "%header{x-requests} %{num_connects}\\n" $BASE/data/0 -o x $BASE/data/0 -o x $BASE/data/0',
     '[0-9]+ 1\n[0-9]+ 0\n[0-9]+ 0\n', None),
    ('curl events', 'curl -sSN $BASE/events/ | (read -r line; at=$(date +%s%3N); cat >x; '
     'test $(($(date +%s%3N) - at)) -gt 400 && echo "$line")', 'data: event 0\n', None),
    # each event must be out before the next is sent
    ('curl turns', 'for version in --http1.1 --http2; do curl -sSN $version $BASE/turns/ | while read -r line; do test -n "$line" && '
     'curl -sS $version $BASE/told/ && echo "$line"; done | tail -n 1; done', f'(data: turn {origins.TURNS - 1}\n){{2}}', None),
    ('openai', 'node /mnt/clients/model.mjs', 'a b c d \n4 parts at once\n', 'node'),
    ('curl broken off', 'for kind in short cut; do for version in --http1.1 --http2; do curl -sS $version -o x $BASE/$kind/ 2>e; '
     'echo $?; done; done', '((18|56|92)\n){4}', None),
    ('curl bad certificates', 'for name in expired self wrong; do curl -sS -w "%{response_code} " $(echo $BASE | '
     'sed s/origin.test/$name.test/)/data/0 2>e; echo $?; done', '(000 60\n|.*\n502 0\n){3}', None),
    ('wget', f'wget -q -O f $BASE/data/{SMALL} && sha256sum <f; wget -q -t 1 -O x $BASE/short/; echo $?; wget -q --spider '
     f'$BASE/data/0; echo $?', f'{DIGEST}  -\n4\n0\n', '/usr/bin/wget'),
    ('wget bad certificates', 'for name in expired self wrong; do wget -q -t 1 -O x $(echo $BASE | sed s/origin.test/$name.test/)/data/0; '
     'echo $?; done', '([58]\n){3}', '/usr/bin/wget'),
    # git before 2.44 may hang when libcurl asks for more of a body that it streams over HTTP/2, also without immure
    # (remote-curl: avoid hang if curl asks for more data after eof): it streams over HTTP/1.1 here, and sends whole over HTTP/2
    ('git', 'git clone -q $BASE/git/repo.git w && cd w && git log --format=%s && sha256sum <big && '
     'for how in http.postBuffer=30000000 http.version=HTTP/1.1; do head -c 20000000 /dev/urandom >more && git add more && '
     'git -c user.name=x -c user.email=x commit -qm pushed && git -c $how push -q origin HEAD 2>&1 || exit; done; git fetch -q && '
     'git status -sb', '.*first\n[0-9a-f]{64}  -\n## main...origin/main\n', '/usr/bin/git'),
    ('npm', 'npm install --registry $BASE/npm/ --no-audit --no-fund --loglevel=error immure-demo >x && '
     'node -e \'console.log(require("immure-demo"))\'', 'hello of npm\n', '/usr/bin/npm'),
    ('pip', f'PYTHONPATH=/mnt/packages/python {PYTHON} -m pip install -q --disable-pip-version-check --no-cache-dir '
     f'--index-url $BASE/pip/simple --target t immure-demo && PYTHONPATH=t {PYTHON} -c "import immure_demo"', 'hello of pip\n', 'python'),
    ('apt', 'mkdir -p l/partial c/archives/partial && touch status && echo "deb [trusted=yes] $BASE/apt ./" >list && '
     'apt="-o Dir::State=$PWD -o Dir::State::lists=$PWD/l -o Dir::State::status=$PWD/status -o Dir::Cache=$PWD/c '
     '-o Dir::Etc::sourcelist=$PWD/list -o Dir::Etc::sourceparts=- -o APT::Sandbox::User= -o Debug::NoLocking=1" && '
     'apt-get -qq $apt update && apt-get -qq $apt download immure-demo && dpkg-deb -f immure-demo_*.deb Version', '1.0\n', '/usr/bin/dpkg-deb'),
)
RAW = (
    ('ssh', 'cp /mnt/trust/key k; chmod 600 k; ssh="ssh -i k -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR -o '
     f'UserKnownHostsFile=/dev/null -p $PORT $LOGIN@{RAW_NAME}"; $ssh "echo hello; exit 3"; echo $?; head -c 20000000 /dev/zero | '
     '$ssh "cat" | sha256sum', f'hello\n3\n{hashlib.sha256(bytes(20000000)).hexdigest()}  -\n'),
    ('psql', f'export PGHOST={RAW_NAME} PGPORT=$PORT PGUSER=test PGDATABASE=postgres; for mode in disable require; do PGSSLMODE=$mode '
     '/usr/lib/postgresql/*/bin/psql -XAtc "select sum(length(repeat(i::text, 100))) from generate_series(1, 10000) i" '
     '-c "select ssl from pg_stat_ssl where pid = pg_backend_pid()" -c "copy (select repeat(\'x\', 1000) from '
     'generate_series(1, 9000)) to stdout" | cut -c 1-7 | uniq -c | tr -s " "; done', ' 1 3889400\n 1 f\n 9000 xxxxxxx\n 1 3889400\n 1 t\n 9000 xxxxxxx\n'),
)


def java_trust(test, ca):
    if not shutil.which('keytool'):
        return {}
    sh('keytool', '-importcert', '-noprompt', '-alias', 'ca', '-file', str(ca), '-keystore', f'{test.folder}/trust/ca.p12',
       '-storetype', 'PKCS12', '-storepass', 'changeit')
    os.chmod(f'{test.folder}/trust/ca.p12', 0o644)
    return {'JAVA_TOOL_OPTIONS': '-Djavax.net.ssl.trustStore=/mnt/trust/ca.p12 -Djavax.net.ssl.trustStorePassword=changeit'}


def trust(test, ca):
    """
    What makes clients in @test's sandbox trust a server that only @ca vouches for: options of immure, and variables.

    An immure that opens TLS is told which CA its servers have, and brings its own into the sandbox by itself.
    """
    if not DIRECT and '--upstream-ca' in test.immure('run', '--help').text:
        return ['--upstream-ca', str(ca)], {}
    inside = '/mnt/trust/ca.crt'
    test.make_file('trust/wgetrc', f'ca_certificate={inside}\n')
    test.make_file('trust/apt.conf', f'Acquire::https::CaInfo "{inside}";\n')
    return [], {**{name: inside for name in (
        'SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'REQUESTS_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS', 'GIT_SSL_CAINFO', 'PIP_CERT',
        'npm_config_cafile')}, **java_trust(test, ca), 'WGETRC': '/mnt/trust/wgetrc', 'APT_CONFIG': '/mnt/trust/apt.conf'}


class Rig(support.Tests):
    def setUp(self):
        if not origins.which('nginx'):
            self.skipTest('nginx is not installed')
        super().setUp()
        for name in ('trust', 'clients', 'work'):
            self.make_folder(name)
        Origin.certificates()
        self.origin = Origin(os.path.join(self.folder, 'origin'))
        self.origin.__enter__()
        self.addCleanup(self.origin.__exit__)
        ca = Origin.certificates().ca
        shutil.copy(ca, f'{self.folder}/trust/ca.crt')
        self.options, self.variables = trust(self, ca)
        self.variables.update(BASE=f'https://{NAME}:{self.origin.port}', NODE_PATH='/mnt/packages/node/node_modules',
                              PYTHONPATH='/mnt/packages/python', PYTHONDONTWRITEBYTECODE='1', GIT_CONFIG_GLOBAL='/dev/null')

    def need(self, what):
        """@what: a program's path, or a folder that tests/clients/setup fills."""
        if what and what.startswith('/') and not os.path.exists(what):
            self.skipTest(f'{what} is not installed')
        if what and not what.startswith('/') and not (PACKAGES / what / 'installed').exists():
            self.skipTest(f'tests/clients/setup has not put the packages of {what} into {PACKAGES}')

    def shares(self):
        """{folder on the host: where it is inside}"""
        return {f'{self.folder}/trust': '/mnt/trust', f'{self.folder}/clients': '/mnt/clients',
                **({str(PACKAGES): '/mnt/packages'} if PACKAGES.is_dir() else {})}

    def client(self, words, *, allow=(), variables=()):
        """Run @words where they reach the origin. Return: Done."""
        variables = {**self.variables, **dict(variables)}
        if DIRECT:
            return self.immure('', words=self.direct(words), env={**variables, 'LC_ALL': 'C'}, timeout=WAIT_S,
                               cwd=f'{self.folder}/work')
        names = [NAME, *BAD]
        options = [word for name in names for word in ('--allow-host', name)]
        options += [word for one in allow for word in ('--allow-host', one)]
        options += [word for name in (*names, RAW_NAME) if name != RAW_NAME or allow
                    for word in ('--add-host', f'{name}:127.0.0.1')]
        options += [word for host, inside in self.shares().items() for word in ('-v', f'{host}:{inside}:ro')]
        options += [word for name, value in variables.items() for word in ('-e', f'{name}={value}')]
        return self.run_in(*words, options=('--allow-private', '127.0.0.1', *options, *self.options), timeout=WAIT_S)

    def direct(self, words):
        """The same without immure: names and folders are there by mounts of its own."""
        hosts = self.make_file('hosts', f'127.0.0.1 localhost {NAME} {RAW_NAME} {" ".join(BAD)}\n')
        script = 'mount -t tmpfs none /mnt; mount --bind "$0" /etc/hosts\n' + ''.join(
            f'mkdir {inside}; mount --bind {host} {inside}\n' for host, inside in self.shares().items()) + 'exec "$@"\n'
        space = ['unshare', '-m'] if os.getuid() == 0 else ['unshare', '-Urm']
        return [*space, 'sh', '-ec', script, hosts, *self.identity.prefix, *words]


@as_root_and_user
class Libraries(Rig):
    """LIBRARIES × CHECKS"""

    def setUp(self):
        super().setUp()
        for name in ('client.py', 'client.mjs', 'Client.java'):
            shutil.copy(HERE.parent / 'clients' / name, f'{self.folder}/clients')

    def check(self, words, checks):
        done = self.client([*words, self.variables['BASE'], *checks])
        said = dict(line.split(': ', 1) for line in done.text.splitlines() if ': ' in line)
        for check in checks:
            with self.subTest(check=check):
                self.assertIn(check, said, done)
                self.assertRegex(said[check], f'^(?:{CHECKS[check]})$')


@as_root_and_user
class Tools(Rig):
    """TOOLS"""

    def check(self, script, pattern):
        done = self.client(['sh', '-c', script])
        self.assertRegex(done.text, f'^(?:{pattern})$', done)

    def serve_openai(self):
        shutil.copy(HERE.parent / 'clients/model.mjs', f'{self.folder}/clients')

    def serve_git(self):
        work = self.origin.folder / 'repo'  # of whom the server runs as
        work.mkdir()
        (work / 'big').write_bytes(os.urandom(20_000_000))
        env = {**self.env, 'GIT_CONFIG_GLOBAL': '/dev/null'}
        for words in (['init', '-q', '-b', 'main'], ['add', 'big'],
                      ['-c', 'user.name=x', '-c', 'user.email=x', 'commit', '-qm', 'first']):
            sh('git', *words, cwd=work, env=env)
        sh('git', 'clone', '-q', '--bare', work, self.origin.git / 'repo.git', env={
            **env, 'GIT_CONFIG_COUNT': '1', 'GIT_CONFIG_KEY_0': 'safe.directory', 'GIT_CONFIG_VALUE_0': '*'})

    def serve_npm(self):
        package = {'name': 'immure-demo', 'version': '1.0.0', 'main': 'main.js'}
        folder = self.origin.files / 'npm/immure-demo'
        (folder / '-').mkdir(parents=True)
        with tarfile.open(folder / '-/demo.tgz', 'w:gz') as tar:
            for name, text in (('package.json', json.dumps(package)), ('main.js', "module.exports = 'hello of npm';\n")):
                member = tarfile.TarInfo(f'package/{name}')
                member.size = len(text)
                tar.addfile(member, io.BytesIO(text.encode()))
        judged = base64.b64encode(hashlib.sha512((folder / '-/demo.tgz').read_bytes()).digest()).decode()
        package['dist'] = {'tarball': f'{self.variables["BASE"]}/npm/immure-demo/-/demo.tgz', 'integrity': f'sha512-{judged}'}
        folder.with_suffix('.json').write_text(json.dumps(
            {'name': 'immure-demo', 'dist-tags': {'latest': '1.0.0'}, 'versions': {'1.0.0': package}}))

    def serve_pip(self):
        folder = self.origin.files / 'pip/simple/immure-demo'
        folder.mkdir(parents=True)
        wheel = 'immure_demo-1.0-py3-none-any.whl'
        (folder / 'index.html').write_text(f'<!DOCTYPE html><a href="{wheel}">{wheel}</a>')
        with zipfile.ZipFile(folder / wheel, 'w') as archive:
            info = 'immure_demo-1.0.dist-info'
            archive.writestr('immure_demo.py', 'print("hello of pip")\n')
            archive.writestr(f'{info}/METADATA', 'Metadata-Version: 2.1\nName: immure-demo\nVersion: 1.0\n')
            archive.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
            archive.writestr(f'{info}/RECORD', '')

    def serve_apt(self):
        folder, built = self.origin.files / 'apt', pathlib.Path(self.make_folder('deb'))
        folder.mkdir()
        (built / 'DEBIAN').mkdir()
        control = 'Package: immure-demo\nVersion: 1.0\nArchitecture: all\nMaintainer: x <x@x.test>\nDescription: x\n'
        (built / 'DEBIAN/control').write_text(control)
        sh('dpkg-deb', '-b', '--root-owner-group', built, folder / 'demo.deb')
        data = (folder / 'demo.deb').read_bytes()
        packages = f'{control}Filename: ./demo.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n'
        (folder / 'Packages').write_text(packages)
        (folder / 'Release').write_text(f'Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n '
                                        f'{hashlib.sha256(packages.encode()).hexdigest()} {len(packages)} Packages\n')


class Once(Rig, support.unittest.TestCase):
    """What takes long: as one identity alone."""

    identity = support.identities()[0]

    def test_long_silence(self):
        """A stream without events, and an answer that is long in coming: longer than a head may take to come (30 s)."""
        asks = [f'$BASE/{kind}/{SILENCE_S}' for kind in ('idle', 'poll')]
        script = ''.join(f'curl -sSN {version} {ask} >{i}{version} & ' for version in ('--http1.1', '--http2')
                         for i, ask in enumerate(asks)) + 'wait; cat 0* 1*'
        done = self.client(['sh', '-c', script])
        self.assertEqual(done.text, 'data: before\n\ndata: after\n\n' * 2 + 'at last\n' * 2, done)

    def huge_file(self):
        """A sparse one that is nowhere the same for long. Return: its path."""
        path = self.origin.files / 'huge'
        with open(path, 'wb') as file:
            for at in range(0, HUGE, HUGE // 64):
                file.seek(at)
                file.write(hashlib.sha256(b'%d' % at).digest() * 2048)
            file.truncate(HUGE)
        path.chmod(0o644)
        return path

    def gateway_of(self, command):
        """The gateway that @command, a process id, started; None: not yet."""
        for path in pathlib.Path(f'/proc/{command}/task/{command}/children').read_text().split():
            if pathlib.Path(f'/proc/{path}/comm').read_text() == 'immure-gateway\n':
                return path
        return None

    def carry(self, script, *options):
        """Run @script where it reaches the origin. Return: what it printed, KiB that the gateway took at most."""
        words = ['run', '--allow-host', NAME, '--allow-private', '127.0.0.1', '--add-host', f'{NAME}:127.0.0.1', *options,
                 *self.options, '-e', f'BASE={self.variables["BASE"]}', '--', 'sh', '-c', script]
        process, most = self.popen(*words), 0
        while process.poll() is None:
            try:
                gateway = self.gateway_of(process.pid)
                status = pathlib.Path(f'/proc/{gateway}/status').read_text() if gateway else ''
                most = max(most, *map(int, re.findall(r'VmHWM:\s*(\d+)', status)), 0)
            except OSError:
                pass  # one that just ended
            support.time.sleep(0.2)
        return process.communicate()[0].decode(), most

    @support.unittest.skipIf(DIRECT, 'it is about the gateway')
    def test_huge(self):
        """5 GiB down, and up again, in bounded memory."""
        path = self.huge_file()
        digest = sh('sha256sum', path).decode().split()[0]
        script = 'curl -sS --http1.1 $BASE/huge | sha256sum; curl -sS --http1.1 -T /mnt/huge $BASE/digest/'
        text, most = self.carry(script, '-v', f'{path}:/mnt/huge:ro')
        self.assertEqual(text, f'{digest}  -\n{HUGE} {digest}\n')
        self.assertTrue(0 < most < GATEWAY_KIB_MAX, f'{most} KiB')


@as_root_and_user
class Raw(Rig):
    """What is neither TLS nor HTTP: by the port that the rule names."""

    def check(self, script, pattern, port, **variables):
        done = self.client(['sh', '-c', script], allow=(f'{RAW_NAME}:{port}',), variables={'PORT': str(port), **variables})
        self.assertRegex(done.text, f'^(?:{pattern})$', done)

    def need_name(self):
        try:
            return pwd.getpwuid(os.getuid())
        except KeyError:
            return self.skipTest('these servers want to be run by a user who has a name')

    def test_ssh(self):
        if not origins.which('sshd'):
            self.skipTest('sshd is not installed')
        if self.need_name().pw_shell.endswith(('nologin', 'false')):
            self.skipTest('sshd lets nobody in who has no shell, and this user has none')
        if DIRECT and self.identity.uid == support.USER_ID:
            self.skipTest('ssh wants a user who has a name; inside a sandbox everyone has')
        port, login, key = self.origin.ssh()
        self.make_file('trust/key', key.read_bytes(), 0o644)
        self.check(*RAW[0][1:], port, LOGIN=login)

    def test_psql(self):
        if not origins.which('postgres'):
            self.skipTest('PostgreSQL is not installed')
        self.need_name()
        self.check(*RAW[1][1:], self.origin.postgres())


def test_of(name, needed, perform, prepare=None):
    def test(self):
        self.need(needed)
        if prepare:
            getattr(self, prepare)()
        perform(self)
    test.__doc__ = name
    return f'test_{re.sub("[^a-z0-9]+", "_", name.lower())}', test


def add_rows(module):
    """A test for each row, in the classes that @as_root_and_user made."""
    for class_name, made in list(module.items()):
        if class_name.startswith('LibrariesAs'):
            for name, words, checks, needed in LIBRARIES:
                def perform(self, words=words, checks=checks):
                    self.check(words, checks)
                setattr(made, *test_of(name, needed, perform))
        elif class_name.startswith('ToolsAs'):
            for name, script, pattern, needed in TOOLS:
                prepare = f'serve_{name}' if hasattr(made, f'serve_{name}') else None
                setattr(made, *test_of(name, needed, lambda self, *row, words=(script, pattern): self.check(*words), prepare))


add_rows(globals())
