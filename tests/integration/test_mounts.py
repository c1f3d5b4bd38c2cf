# SPDX-License-Identifier: Apache-2.0
"""Mount points that do not exist yet, in folders that are the host's, a root's or another mount's."""
import os
import pathlib

import support
from support import as_root_and_user

NAME = f'immure-it-{os.getpid()}'  # no host has it
WRITE = 'for d in {}; do touch $d/made 2>/dev/null && echo $d; done; true'


@as_root_and_user
class MountPoints(support.Tests):
    def setUp(self):
        super().setUp()
        self.share = self.make_folder('share')
        self.file = self.make_file('share/file', 'content\n')

    def mounts(self, *paths, source=None, readonly=False):
        return [word for path in paths
                for word in ('-v', f'{source or self.share}:{path}' + (':ro' if readonly else ''))]

    def both(self, script, *options):
        """As an ordinary user inside and as root inside; the same is printed. Return: that."""
        done = [self.sh(script, *options, '--user', user) for user in ('1000', '0')]
        for one in done:
            self.assert_code(one, 0)
        self.assertEqual(done[0].text, done[1].text)
        return done[0].text

    def writable(self, folders, *options):
        return self.both(WRITE.format(' '.join(folders)), *options).split()

    def covers(self, *options):
        """Where a folder is covered, by the kernel's word: {path: flags}. Landlock alone would do, too."""
        done = self.sh('while read line; do echo "$line"; done </proc/self/mountinfo', *options)
        self.assert_code(done, 0)
        rows = [line.split() for line in done.text.splitlines()]
        return {row[4]: row[5].split(',')[0] for row in rows if 'nr_inodes=16384' in row[-1].split(',')}

    def test_in_system_folders(self):
        paths = [f'/opt/{NAME}', f'/opt/{NAME}-deep/a/b', f'/usr/local/{NAME}', f'/usr/local/share/{NAME}/a']
        options = [*self.mounts(*paths), *self.mounts(f'/opt/{NAME}-file', source=self.file, readonly=True),
                   '--tmpfs', f'/opt/{NAME}-memory']
        self.assertEqual(self.both(f'cat {" ".join(f"{path}/file" for path in paths)} /opt/{NAME}-file', *options),
                         'content\n' * 5)
        above = {os.path.dirname(path) for path in paths}
        self.assertEqual(self.writable([*above, f'/opt/{NAME}-deep', *paths, f'/opt/{NAME}-memory', '/usr/local/bin'],
                                       *options), [*paths, f'/opt/{NAME}-memory'])
        self.assertEqual(sorted(os.listdir(self.share)), ['file', 'made'])
        self.assertLessEqual(set(self.covers(*options).values()), {'ro'})
        for folder in ('/opt', '/usr/local'):
            new = {os.path.relpath(path, folder).split('/')[0] for path in paths if path.startswith(f'{folder}/')}
            if folder == '/opt':
                new |= {f'{NAME}-file', f'{NAME}-memory'}
            listed = set(self.both(f'ls -A {folder}', *options).split('\n')) - {''}
            self.assertEqual(listed, new | set(os.listdir(folder) if os.path.isdir(folder) else []))

    def test_host_root_is_gone(self):
        """It lies on /run/immure/empty for a moment of the launch; a share over /run must not keep it there."""
        below = 'while read a b c d path rest; do case $path in /run/*) echo $path;; esac; done </proc/self/mountinfo'
        self.assertEqual(self.both(f'ls -A /run/immure/empty; {below}'), '')
        self.assertEqual(self.both(below, *self.mounts('/run')), '')

    def root(self):
        """A root with a folder /data of everything that a folder may hold."""
        root = self.make_root('/bin/sh', '/bin/cat', '/bin/ls', '/usr/bin/touch', '/usr/bin/readlink')
        data = pathlib.Path(root, 'data')
        for folder in ('dir/below', 'other', 'name with blank'):
            (data / folder).mkdir(parents=True)
        (data / 'dir' / 'file').write_text('in dir\n')
        (data / 'file').write_text('in data\n')
        (data / 'link').symlink_to('dir')
        (data / 'nowhere').symlink_to('/no/such')
        (data / 'loop').symlink_to('loop')
        os.mkfifo(data / 'fifo')
        return root

    def test_in_a_root(self):
        root = self.root()
        before = sorted(path.relative_to(root) for path in pathlib.Path(root).rglob('*'))
        options = ['--rootfs', root, *self.mounts('/data/new/a', '/data/new/b', '/data/other', '/data/dir/below/x/y')]
        text = self.both('cd /data; cat file link/file dir/file new/a/file new/b/file other/file dir/below/x/y/file;'
                         'readlink nowhere loop link; ls -A', *options)
        self.assertEqual(text, 'in data\nin dir\nin dir\n' + 'content\n' * 4 + '/no/such\nloop\ndir\n'
                         'dir\nfile\nlink\nloop\nname with blank\nnew\nnowhere\nother\n')
        self.assertEqual(before, sorted(path.relative_to(root) for path in pathlib.Path(root).rglob('*')))

    def test_what_was_mounted_before_stays_as_it_is(self):
        """The cover of /data comes after a mount in it, and after the cover of a folder in it."""
        options = ['--rootfs', self.root(), *self.mounts('/data/dir/below/point', '/data/other', '/data/zzz')]
        self.assertEqual(self.writable(['/data', '/data/dir', '/data/dir/below', '/data/dir/below/point', '/data/other',
                                        '/data/zzz', '"/data/name with blank"'], *options),
                         ['/data/dir/below/point', '/data/other', '/data/zzz'])
        self.assertEqual(self.covers(*options), {'/data': 'ro', '/data/dir/below': 'ro'})
        options = ['--rootfs', self.root_again(), *self.mounts('/data/other', readonly=True), *self.mounts('/data/zzz')]
        self.assertEqual(self.writable(['/data/other', '/data/zzz'], *options), ['/data/zzz'])

    def root_again(self):
        return os.path.join(self.folder, 'root')

    def test_symbolic_links_are_not_followed(self):
        root = self.root()
        for path in ('/data/link', '/data/link/x', '/data/link/below', '/data/nowhere', '/data/loop/x',
                     '/data/nowhere/x/y'):
            for source in (self.share, self.file):
                with self.subTest(path, source=source):
                    done = self.sh('true', '--rootfs', root, *self.mounts(path, source=source))
                    self.assert_refused(done, f'mount.* {path}.*symbolic link')
        self.assertEqual(os.listdir(f'{root}/data/dir/below'), [])

    def test_a_closed_folder_stays_closed(self):
        """Its cover has its mode: a file within that only the folder guards is not opened by a mount beside it."""
        root = self.root()
        closed = pathlib.Path(root, 'data', 'closed')
        closed.mkdir()
        (closed / 'key').write_text('the key\n')
        (closed / 'key').chmod(0o644)
        closed.chmod(0o700)
        if os.getuid() == 0:
            os.chown(closed, self.identity.uid, self.identity.uid)
        script = 'cat /data/closed/key 2>/dev/null; :'
        before = self.sh(script, '--rootfs', root).text
        self.assertEqual(self.sh(script, '--rootfs', root, *self.mounts('/data/closed/point')).text, before)

    def test_a_file_in_the_way(self):
        self.assert_refused(self.sh('true', '--rootfs', self.root(), *self.mounts('/data/file/x')),
                            '/data/file/x: Not a directory')

    def test_a_crowded_folder(self):
        root = self.root()
        for count, code in ((4096, 0), (4097, support.OURS)):
            with self.subTest(count):
                folder = pathlib.Path(root, f'crowd{count}')
                folder.mkdir()
                for number in range(count):
                    (folder / str(number)).touch()
                done = self.sh(f'cat /crowd{count}/{count - 1} /crowd{count}/x/file', '--rootfs', root,
                               *self.mounts(f'/crowd{count}/x'))
                self.assert_code(done, code)
                if code == 0:
                    self.assertEqual(done.text, 'content\n')
                else:
                    self.assertRegex(done.errors, f'/crowd{count}, which has more than 4096 entries')

    def test_below_a_mount_for_reading(self):
        """What the user shares is not ours to cover: it is said what to do."""
        other = self.make_folder('other')
        for options in (self.mounts('/mnt/a', readonly=True), ['--rootfs', self.root(),
                                                               *self.mounts('/data/dir', readonly=True)]):
            path = f'{options[-1].split(":")[1]}/x/y'
            done = self.sh('true', *options, *self.mounts(path, source=other))
            self.assert_refused(done, f'{path} in a mount that is read-only: make it on the host')
        self.assertEqual(os.listdir(self.share), ['file'])
