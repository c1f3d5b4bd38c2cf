# SPDX-License-Identifier: Apache-2.0
"""A browser in a sandbox: headless Chromium loads pages of a local server, unchanged but for --no-sandbox.

Its own sandbox wants user namespaces, of which a program inside may make none.
"""
import os
import re
import shutil
import struct
import unittest
import zlib

import origins
import support
from origins import NAME, Origin
from support import as_root_and_user, eventually

CHROMIUM = '/usr/bin/chromium'
CERTUTIL = '/usr/bin/certutil'
BROWSE = [CHROMIUM, '--headless=new', '--no-sandbox', '--virtual-time-budget=10000', '--dump-dom']
RESOURCES = 50
WAIT_S = 90


def png():
    """A picture of one pixel."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 1, 1, 8, 0, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(b'\0\0')) + chunk(b'IEND', b''))


PAGE = '<!DOCTYPE html><title>waits</title>{}<script>addEventListener("load", () => {{ document.title = "has " + [' \
       '...document.images].filter(i => i.naturalWidth == 1).length + " by " + performance.getEntriesByType(' \
       '"navigation")[0].nextHopProtocol; }})</script>\n'.format(''.join(f'<img src="/r/{i}.png">' for i in range(RESOURCES)))


@unittest.skipUnless(os.path.exists(CHROMIUM), 'there is no Chromium here')
@as_root_and_user
class Chromium(support.Tests):
    def setUp(self):
        if not origins.which('nginx'):
            self.skipTest('nginx is not installed')
        super().setUp()
        Origin.certificates()
        self.ca = shutil.copy(Origin.certificates().ca, f'{self.folder}/ca.crt')
        os.chmod(self.ca, 0o644)
        self.origin = Origin(os.path.join(self.folder, 'origin'))
        self.origin.__enter__()
        self.addCleanup(self.origin.__exit__)
        (self.origin.files / 'r').mkdir()
        for i in range(RESOURCES):
            (self.origin.files / f'r/{i}.png').write_bytes(png())
        (self.origin.files / 'page.html').write_text(PAGE)

    def browse(self, port, **settings):
        """Load the page at @port. Return: its title, and the facts of the requests that were told of."""
        events = []
        with self.sandbox({'network': {'allowed_hosts': [NAME], 'hosts': {NAME: '127.0.0.1'}, 'allow_private': ['127.0.0.1'],
                                       'ca_file': self.ca}, **settings}) as sandbox:
            sandbox.on_event(events.append)
            done = sandbox.exec([*BROWSE, f'https://{NAME}:{port}/page.html'], timeout=WAIT_S)

            def told():
                return [event['network'] for event in list(events) if event['type'] == 'network' and f'/{NAME}' in
                        event['network']['url'] and '/r/' in event['network']['url']]
            title = re.search('<title>(.*?)</title>', done['stdout'])
            if title is None:
                return f'{done["stdout"][-500:]} {re.findall("ERR_[A-Z_]*", done["stderr"])}', told()
            eventually(lambda: len(told()) >= RESOURCES)
            return title[1], told()

    def check(self, port, version):
        title, facts = self.browse(port)
        self.assertEqual(title, f'has {RESOURCES} by {version}')
        self.assertEqual(sorted(int(re.search(r'/r/(\d+)\.png$', fact['url'])[1]) for fact in facts), list(range(RESOURCES)))
        self.assertEqual({(fact['method'], fact['status_code']) for fact in facts}, {('GET', 200)}, facts)

    @unittest.skipUnless(os.path.exists(CERTUTIL), 'there is no certutil here')
    def test_http2(self):
        self.check(self.origin.port, 'h2')

    @unittest.skipUnless(os.path.exists(CERTUTIL), 'there is no certutil here')
    def test_http1(self):
        self.check(self.origin.port_1, 'http/1.1')

    def test_trusts_nobody_else(self):
        """A database of the user's own, mounted in that place, is left alone; then ours is not trusted."""
        own = self.make_folder('own')
        os.chown(own, self.identity.uid, self.identity.uid)
        seen, facts = self.browse(self.origin.port, vfs={'direct_mounts': {'/home/user/.pki/nssdb': {'host_path': own}}})
        self.assertIn('ERR_CERT_AUTHORITY_INVALID', seen)
        self.assertEqual(facts, [])
        self.assertIn('cert9.db', os.listdir(own), 'it used that one')
