# SPDX-License-Identifier: Apache-2.0
"""The certificate authority: what sandboxes see of it, immure ca, and what stays outside."""
import base64
import hashlib
import os
import pathlib
import re
import shutil
import stat
import struct
import subprocess
import unittest

import support
from support import as_root_and_user

NETWORK = ('--allow-host', 'a.example')
BUNDLE = '/run/immure/ca-bundle.crt'
OURS = '/run/immure/ca.crt'
STORE = '/run/immure/cacerts'  # for Java
SYSTEM = pathlib.Path('/etc/ssl/certs/ca-certificates.crt')  # of Debian and its kin
JAVA = pathlib.Path('/etc/ssl/certs/java/cacerts')  # likewise
CERTUTIL = '/usr/bin/certutil'
VARIABLES = {'SSL_CERT_FILE': BUNDLE, 'CURL_CA_BUNDLE': BUNDLE, 'REQUESTS_CA_BUNDLE': BUNDLE, 'PIP_CERT': BUNDLE,
             'GIT_SSL_CAINFO': BUNDLE, 'CARGO_HTTP_CAINFO': BUNDLE, 'AWS_CA_BUNDLE': BUNDLE,
             'NODE_EXTRA_CA_CERTS': OURS, 'DENO_CERT': OURS}
needs_openssl = unittest.skipIf(shutil.which('openssl') is None, 'there is no openssl here')
needs_bundle = unittest.skipUnless(SYSTEM.is_file() and not SYSTEM.is_symlink(),
                                   'this host keeps its roots elsewhere')
needs_certutil = unittest.skipUnless(os.path.exists(CERTUTIL), 'there is no certutil here')
needs_java = unittest.skipUnless(JAVA.is_file() and not JAVA.is_symlink(), 'this host has no Java, or keeps its roots elsewhere')


def der_of(pem):
    return [base64.b64decode(text) for text in re.findall('-----BEGIN CERTIFICATE-----(.*?)-----END', pem, re.S)]


def make_store(entries, version=2):
    """A JKS of {alias: DER}."""
    data = struct.pack('>III', 0xfeedfeed, version, len(entries))
    for alias, der in entries.items():
        data += struct.pack('>IH', 2, len(alias)) + alias.encode() + struct.pack('>QH', 1000, 5) + b'X.509'
        data += struct.pack('>I', len(der)) + der
    return data + hashlib.sha1('changeit'.encode('utf-16be') + b'Mighty Aphrodite' + data).digest()


def read_store(data):
    """{alias: DER} of a JKS whose sum is right."""
    sum_of = hashlib.sha1('changeit'.encode('utf-16be') + b'Mighty Aphrodite' + data[:-20]).digest()
    magic, version, count = struct.unpack_from('>III', data)
    if (magic, version, data[-20:]) != (0xfeedfeed, 2, sum_of):
        raise AssertionError('no store')
    at, entries = 12, {}
    for _ in range(count):
        tag, length = struct.unpack_from('>IH', data, at)
        alias = data[at + 6:at + 6 + length].decode()
        at += 6 + length + 8 + 2 + 5
        length, = struct.unpack_from('>I', data, at)
        entries[alias] = data[at + 4:at + 4 + length]
        at += 4 + length
        if tag != 2 or not length:
            raise AssertionError('an entry')
    if at + 20 != len(data):
        raise AssertionError('something after the last entry')
    return entries


class Rig(support.Tests):
    def ca(self, *words, code=0, **more):
        done = self.immure('ca', *words, **more)
        self.assert_code(done, code)
        return done

    def certificate(self):
        return self.ca('export').text

    def folder_of_ca(self):
        return pathlib.Path(self.state, 'ca')


@as_root_and_user
class Inside(Rig):
    def variables(self, *options):
        """Of a program in a sandbox, those that are about certificates."""
        done = self.run_in('env', options=options)
        self.assert_code(done, 0)
        pairs = dict(line.split('=', 1) for line in done.text.splitlines())
        return {name: value for name, value in pairs.items() if name in VARIABLES or 'CERT' in name}

    def test_nothing_without_a_network(self):
        self.assertEqual(self.variables(), {})
        done = self.sh(f'ls {OURS} {BUNDLE}; cat {SYSTEM} 2>/dev/null')
        self.assertEqual(done.text, SYSTEM.read_text() if SYSTEM.exists() else '')
        self.assertFalse(self.folder_of_ca().exists(), 'no authority is made for nothing')

    def test_variables(self):
        self.assertEqual(self.variables(*NETWORK), VARIABLES)
        mine = self.variables(*NETWORK, '-e', 'PIP_CERT=/mine', '-e', 'SSL_CERT_FILE=', '-e', 'SSL_CERT_DIR=/own')
        self.assertEqual(mine, {**VARIABLES, 'PIP_CERT': '/mine', 'SSL_CERT_FILE': '', 'SSL_CERT_DIR': '/own'})

    def test_files(self):
        done = self.sh(f'cat {OURS}', *NETWORK)  # made by this launch, the first
        self.assert_prints(done, self.certificate())
        before = SYSTEM.read_text() if SYSTEM.exists() else ''
        self.assertTrue(before or not SYSTEM.exists())
        self.assert_prints(self.sh(f'cat {BUNDLE}', *NETWORK), before + self.certificate())

    @needs_bundle
    def test_the_distributions_bundle(self):
        self.assert_prints(self.sh(f'cat {SYSTEM}', *NETWORK), SYSTEM.read_text() + self.certificate())
        names = self.sh('ls -A /etc/ssl/certs', *NETWORK).text.split()
        new = set(names) - set(os.listdir('/etc/ssl/certs'))
        self.assertEqual(len(new), 1, new)
        self.assertRegex(new.pop(), r'^[0-9a-f]{8}\.0$')
        self.assertEqual(set(os.listdir('/etc/ssl/certs')) - set(names), set(), 'none is lost')

    def test_read_only(self):
        script = ('for f in {} {} {} /etc/ssl/certs/new /run/immure/new; do (echo x >>$f) 2>/dev/null && echo $f; done;'
                  'rm -f {} 2>/dev/null && echo gone; true').format(OURS, BUNDLE, SYSTEM, OURS)
        for user in ('1000', '0'):
            self.assert_prints(self.sh(script, *NETWORK, '--user', user), '')

    @needs_openssl
    @needs_bundle
    def test_openssl_trusts_it(self):
        """By the variable, and, with none, by the bundle and by the hashed folder."""
        for words in (('openssl', 'verify'), ('env', '-i', '/usr/bin/openssl', 'verify'),
                      ('env', '-i', '/usr/bin/openssl', 'verify', '-no-CAfile', '-no-CAstore', '-CApath',
                       '/etc/ssl/certs'),
                      ('env', '-i', '/usr/bin/openssl', 'verify', '-CAfile', SYSTEM)):
            with self.subTest(words):
                self.assert_prints(self.run_in(*words, OURS, options=NETWORK), f'{OURS}: OK\n')
        self.assertNotEqual(self.run_in('openssl', 'verify', f'{self.folder}/ca.crt', options=(
            '-v', f'{self.make_file("ca.crt", self.certificate())}:{self.folder}/ca.crt:ro')).code, 0,
            'without a network it is not trusted')

    def test_exec_and_rpc(self):
        vm_id = self.start(*NETWORK)
        done = self.immure('exec', vm_id, 'sh', '-c', 'cat $NODE_EXTRA_CA_CERTS')
        self.assert_prints(done, self.certificate())
        with self.sandbox({'network': {'allowed_hosts': ['a.example']}}) as sandbox:
            done = sandbox.exec(['sh', '-c', 'cat $NODE_EXTRA_CA_CERTS'])
            self.assertEqual((done['exit_code'], done['stdout']), (0, self.certificate()), done)

    def root(self, bundle=None):
        """One for --rootfs, perhaps with a @bundle."""
        root = pathlib.Path(self.make_root('/bin/sh', '/bin/cat', '/bin/ls'))
        if bundle is not None:
            certs = root / 'etc/ssl/certs'
            certs.mkdir(parents=True)
            (certs / 'ca-certificates.crt').write_text(bundle)
            (certs / 'ca-certificates.crt').chmod(0o644)
        return root

    def test_rootfs(self):
        root = self.root('ROOTS OF ITS OWN')  # and no newline at the end
        want = 'ROOTS OF ITS OWN\n' + self.certificate()
        done = self.sh(f'cat {SYSTEM} {BUNDLE}', '--rootfs', root, *NETWORK)
        self.assert_prints(done, want + want)
        self.assertEqual((root / 'etc/ssl/certs/ca-certificates.crt').read_text(), 'ROOTS OF ITS OWN')
        self.assertEqual(os.listdir(root / 'etc/ssl/certs'), ['ca-certificates.crt'])

    def stores(self, *paths, options):
        """What the files @paths inside are."""
        several = [self.run_in('cat', path, options=options) for path in paths]
        for done in several:
            self.assert_code(done, 0)
        return [done.out for done in several]

    @needs_java
    def test_java(self):
        """Java's own roots and ours, in a store of its own kind."""
        ours, = der_of(self.certificate())
        system, store = self.stores(JAVA, STORE, options=NETWORK)
        before = read_store(JAVA.read_bytes())
        self.assertEqual((read_store(system), read_store(store)), ({**before, 'immure-0': ours},) * 2)
        self.assertNotIn('immure-0', before)
        system, = self.stores(JAVA, options=())
        self.assertEqual(system, JAVA.read_bytes(), 'as it was, without a network')
        for user in ('1000', '0'):
            self.assert_prints(self.sh(f'(echo x >>{JAVA}) 2>/dev/null || (echo x >>{STORE}) 2>/dev/null || echo no', *NETWORK,
                                       '--user', user), 'no\n')

    @unittest.skipUnless(shutil.which('keytool'), 'there is no Java here')
    @needs_java
    def test_java_reads_it(self):
        done = self.run_in('keytool', '-list', '-cacerts', '-storepass', 'changeit', '-alias', 'immure-0', options=NETWORK)
        self.assert_code(done, 0)
        self.assertIn('trustedCertEntry', done.text)
        wrong = self.run_in('keytool', '-list', '-cacerts', '-storepass', 'other1', options=NETWORK)
        self.assertNotEqual(wrong.code, 0)

    def java_root(self, store, place=str(JAVA), bundle=None):
        shutil.rmtree(f'{self.folder}/root', ignore_errors=True)
        root = self.root(bundle)
        path = root / place.lstrip('/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store)
        path.chmod(0o644)
        return root

    def test_rootfs_java(self):
        """Its own roots and ours; if they are in another form, those of its bundle; nothing if it has no Java."""
        ours, = der_of(self.certificate())
        bundle = ''.join(f'-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n' for text in (
            'b25l', 'not base64', 'dHdv'))
        own = make_store({'x': b'own'})
        of_bundle = {'root-0': b'one', 'root-2': b'two', 'root-3': ours}
        for place, store, want in (
                (str(JAVA), own, {'x': b'own', 'immure-0': ours}),
                ('/etc/pki/ca-trust/extracted/java/cacerts', own, {'x': b'own', 'immure-0': ours}),
                ('/usr/lib/jvm/any/lib/security/cacerts', own, {'x': b'own', 'immure-0': ours}),
                ('/usr/lib/jvm/old/jre/lib/security/cacerts', own, {'x': b'own', 'immure-0': ours}),
                (str(JAVA), make_store({}), {'immure-0': ours}),
                (str(JAVA), make_store({'immure-0': b'forged'}), {'immure-0': ours}),
                (str(JAVA), b'\x30\x82\x00\x00 PKCS #12', of_bundle),
                (str(JAVA), own[:-1], of_bundle),
                (str(JAVA), make_store({'x': b'own'}, 1), of_bundle),
                (str(JAVA), own[:11] + b'\2' + own[12:], of_bundle),
                (str(JAVA), b'', of_bundle)):
            with self.subTest(place=place, store=store):
                root = self.java_root(store, place, bundle)
                covered, made = self.stores(place, STORE, options=('--rootfs', root, *NETWORK))
                self.assertEqual((read_store(covered), read_store(made)), (want, want))
                self.assertEqual((root / place.lstrip('/')).read_bytes(), store, 'the folder stays as it is')
        shutil.rmtree(f'{self.folder}/root')
        self.assertIn('No such', self.sh(f'cat {STORE}', '--rootfs', self.root(bundle), *NETWORK).errors)

    def test_rootfs_java_that_leads_elsewhere(self):
        secret = self.make_file('secret', make_store({'secret': b'SECRET'}), 0o600)
        for target in (secret, '../../../../../../../../..' + secret):
            root = self.java_root(b'')
            (root / str(JAVA).lstrip('/')).unlink()
            (root / str(JAVA).lstrip('/')).symlink_to(target)
            self.assertIn('No such', self.sh(f'cat {STORE}', '--rootfs', root, *NETWORK).errors)
        root = self.java_root(make_store({'x': b'PRIVATE'}))
        (root / str(JAVA).lstrip('/')).chmod(0o600)
        made, = self.stores(STORE, options=('--rootfs', root, *NETWORK))
        self.assertNotIn(b'PRIVATE', made)

    @needs_certutil
    def test_nss(self):
        """In the program's home, its own to change; made once, and kept beside the certificate."""
        script = (f'{CERTUTIL} -L -d sql:$HOME/.pki/nssdb | grep immure; stat -c "%a %u" ~/.pki ~/.pki/nssdb ~/.pki/nssdb/*; '
                  f'{CERTUTIL} -V -u L -n immure -d sql:$HOME/.pki/nssdb; {CERTUTIL} -D -n immure -d sql:$HOME/.pki/nssdb && ls ~/.pki')
        for user, options in (('1000', ()), ('0', ('--user', '0'))):
            done = self.sh(script, *NETWORK, *options)
            self.assertRegex(done.text, rf'^immure +C,, *\n700 {user}\n700 {user}\n(600 {user}\n)+.*certificate is valid\nnssdb\n$')
        self.assert_prints(self.sh('ls -A ~'), '')
        cached, = self.folder_of_ca().glob('*nss*')
        times = {path.name: path.stat().st_mtime_ns for path in cached.iterdir()}
        self.assertEqual(stat.S_IMODE(cached.stat().st_mode), 0o700)
        self.assert_code(self.sh('test -e ~/.pki/nssdb/key4.db', *NETWORK), 0)
        self.assertEqual({path.name: path.stat().st_mtime_ns for path in cached.iterdir()}, times, 'it is not made again')
        (cached / 'key4.db').unlink()
        self.assert_code(self.sh('test -e ~/.pki/nssdb/key4.db', *NETWORK), 0)
        self.ca('rotate')
        done = self.sh(f'{CERTUTIL} -L -d sql:$HOME/.pki/nssdb -n immure -a | tr -d "\\r"', *NETWORK)
        self.assertEqual(der_of(done.text), der_of(self.certificate()))

    @needs_certutil
    def test_nss_two_at_once(self):
        several = [self.popen('run', *NETWORK, '--', 'sh', '-c', 'cksum <$HOME/.pki/nssdb/cert9.db') for _ in range(4)]
        seen = {process.communicate(timeout=60)[0] for process in several}
        self.assertEqual(len(seen), 1, seen)
        self.assertEqual([path.name[:4] for path in self.folder_of_ca().glob('*nss*')], ['nss-'])

    @needs_certutil
    def test_nss_own_mount(self):
        """What the user mounts over it stays as it is."""
        own = self.make_folder('own')
        self.make_file('own/mine', 'MINE')
        for point in ('/home/user', '/home/user/.pki', '/home/user/.pki/nssdb'):
            self.assert_prints(self.sh(f'ls -A {point}', '-v', f'{own}:{point}', *NETWORK), 'mine\n')
        self.assertEqual(os.listdir(own), ['mine'])

    def test_rootfs_without_roots(self):
        done = self.sh(f'cat {BUNDLE}; ls /etc', '--rootfs', self.root(), *NETWORK)
        self.assertTrue(done.text.endswith(self.certificate()), done)

    def test_rootfs_that_leads_elsewhere(self):
        """Its links are followed inside, and only what everybody may read is shown."""
        root = self.root('x')
        bundle = root / 'etc/ssl/certs/ca-certificates.crt'
        secret = self.make_file('secret', 'SECRET OF THE HOST', 0o600)
        (root / 'private').write_text('PRIVATE PART OF THE ROOT')
        (root / 'private').chmod(0o600)
        for target in (secret, '../../../../../../../..' + secret, '/private', '/proc/self/root' + secret):
            with self.subTest(target):
                bundle.unlink()
                bundle.symlink_to(target)
                done = self.sh(f'cat {BUNDLE}', '--rootfs', root, *NETWORK)
                self.assert_code(done, 0)
                self.assertNotRegex(done.text, 'SECRET|PRIVATE')
                self.assertTrue(done.text.endswith(self.certificate()))


@as_root_and_user
class Authority(Rig):
    def test_show_export_rotate(self):
        first = self.ca('show', '--json').json()
        self.assertEqual(set(first), {'fingerprint', 'not_before', 'not_after', 'folder'})
        self.assertEqual(first['folder'], str(self.folder_of_ca()))
        self.assertIn(first['fingerprint'], self.ca('show').text)
        self.assertEqual(self.ca('show', '--json').json(), first)
        pem = self.certificate()
        self.assertRegex(pem, r'\A-----BEGIN CERTIFICATE-----\n[\w+/=\n]+-----END CERTIFICATE-----\n\Z')
        self.assertIn('keep to the old one', self.ca('rotate').text)
        self.assertNotEqual(self.ca('show', '--json').json()['fingerprint'], first['fingerprint'])
        self.assertNotEqual(self.certificate(), pem)
        self.assert_prints(self.sh(f'cat {OURS}', *NETWORK), self.certificate())

    @needs_openssl
    def test_fingerprint(self):
        done = subprocess.run(['openssl', 'x509', '-noout', '-fingerprint', '-sha256'], input=self.certificate(),
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.split('=')[1].strip().replace(':', '').lower(),
                         self.ca('show', '--json').json()['fingerprint'])

    def test_modes(self):
        self.ca('show')
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in self.folder_of_ca().iterdir()}
        self.assertEqual(modes.pop('ca.key'), 0o600)
        self.assertEqual(set(modes), {'ca.crt', 'ca.hash'})
        self.assertEqual(stat.S_IMODE(self.folder_of_ca().stat().st_mode), 0o700)

    def test_refusals(self):
        self.assert_refused(self.immure('ca', 'forge'), 'show, export and rotate')
        self.assert_refused(self.immure('ca', 'export', '--json'), 'not JSON')
        self.ca('show')
        key = self.folder_of_ca() / 'ca.key'
        key.chmod(0o644)
        self.assert_refused(self.immure('ca', 'show'), 'open to others.*ca rotate')
        self.ca('rotate')
        self.ca('show')
        self.folder_of_ca().chmod(0o770)
        for words in (('ca', 'show'), ('run', *NETWORK, '--', 'true')):
            self.assert_refused(self.immure(*words), 'written by others')

    def test_damage_is_mended(self):
        """ca.crt and ca.hash are copies: whoever lost them gets them again."""
        pem = self.certificate()
        for name in ('ca.crt', 'ca.hash'):
            (self.folder_of_ca() / name).unlink()
        self.assert_prints(self.sh(f'cat {OURS}', *NETWORK), pem)
        self.assertEqual((self.folder_of_ca() / 'ca.crt').read_text(), pem)

    def test_two_at_once(self):
        """Of first launches at one time all trust the same."""
        several = [self.popen('run', *NETWORK, '--', 'cat', OURS) for _ in range(4)]
        seen = {process.communicate(timeout=60)[0].decode() for process in several}
        self.assertEqual(seen, {self.certificate()})

    def test_key_stays_outside(self):
        self.ca('show')
        folder = self.folder_of_ca()
        for shared in (folder, folder / 'ca.key', self.state, self.home, self.folder):
            with self.subTest(shared):
                self.assert_refused(self.sh('true', '-v', f'{shared}:/x:ro', *NETWORK), "immure's own state")
        done = self.sh('find / -xdev -name "ca.*" 2>/dev/null; ls -d ' + str(self.state) + ' 2>/dev/null', *NETWORK)
        self.assertNotIn('ca.key', done.text)
        self.assertNotIn('.immure', done.text)
        key = ''.join((folder / 'ca.key').read_text().split('\n')[1:-1])[:40]
        self.assertGreater(len(key), 30)
        grep = self.sh(f'grep -rl "{key}" /etc /run /tmp /home 2>/dev/null', *NETWORK)
        self.assertEqual(grep.text, '')


@as_root_and_user
class Upstream(Rig):
    def test_file(self):
        good = self.make_file('roots.pem', self.certificate())
        for options in (('--upstream-ca', good), ('--upstream-ca', 'roots.pem')):
            self.assert_code(self.sh('true', *options, *NETWORK), 0)
        vm_id = self.start('--upstream-ca', 'roots.pem')
        self.assertEqual(self.immure('get', vm_id).json()['config']['network']['ca_file'], good)

    def test_refusals(self):
        empty = self.make_file('empty', '')
        for path, why in ((f'{self.folder}/none', 'No such file'), (self.folder, 'no regular file'),
                          (empty, 'no certificate'), ('/dev/zero', 'no regular file')):
            with self.subTest(path):
                self.assert_refused(self.sh('true', '--upstream-ca', path), f'network.ca_file: {re.escape(path)}.*{why}')
        with self.assertRaisesRegex(support.immure.SandboxError, 'network.ca_file.*no certificate'):
            self.sandbox({'network': {'ca_file': empty}}).exec(['true'])
