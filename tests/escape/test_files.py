# SPDX-License-Identifier: Apache-2.0
"""Rows C1 to C6, C10, C14, C18, C19: descriptors, streams, mounts, names."""
import fcntl
import json
import os
import pathlib
import select
import shutil
import socket
import subprocess

import rig
import support
from support import as_root_and_user, immure

SECRET = 'secret of the host'


@as_root_and_user
class Streams(rig.Row):
    """What is handed over with stdin, stdout and stderr."""

    def test_C01_program_of_init(self):
        self.refused('C01', errors={'ETXTBSY', 'EINVAL', 'EISDIR'}, least=8)

    def test_C01_exec_of_proc_self_exe(self):
        """It names what starts it, which is init: a sealed copy, not the immure on disk."""
        before = pathlib.Path(support.BINARY).stat()
        for words in (['/proc/self/exe'], ['/proc/self/exe', 'run', '--', 'true'], ['/proc/1/exe']):
            done = self.run_in(*words, timeout=20)
            self.assertNotEqual(done.code, 0, done)
        script = self.make_file('script', '#!/proc/self/exe\n', 0o755)
        self.assertNotEqual(self.run_in('/script', options=['-v', f'{script}:/script:ro']).code, 0)
        after = pathlib.Path(support.BINARY).stat()
        self.assertEqual((before.st_mtime_ns, before.st_size), (after.st_mtime_ns, after.st_size))

    def _extra(self):
        """Descriptors of secrets, as a careless caller leaves them open."""
        path = self.make_file('secret', SECRET)
        fds = [os.open(path, os.O_RDWR), os.open('/', os.O_RDONLY), os.open('/', os.O_PATH),
               socket.socket().detach(), os.memfd_create('secret')]
        for number in range(3, 21):
            if not _is_open(number):
                fds.append(fcntl.fcntl(fds[0], fcntl.F_DUPFD, number))
        self.addCleanup(lambda: [os.close(fd) for fd in fds])
        return fds

    def _judge_descriptors(self, tried):
        self.assertEqual([row.split()[0] for row in tried.all('fd')], ['0', '1', '2'], tried.done)
        self.assertEqual(tried.one('cwd'), '/tmp/workspace')
        self.assertEqual([row for row in tried.all('type') if row.split()[1] in ('40000', '140000')], [])
        self.judge(tried, errors={'ENOTDIR'}, least=6)

    def test_C02_descriptors_of_run(self):
        fds = self._extra()
        self._judge_descriptors(self.hostile('C02', pass_fds=fds))

    def test_C02_descriptors_of_start_and_exec(self):
        fds = self._extra()
        vm_id = self.immure('start', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', pass_fds=fds).text.strip()
        done = self.immure('exec', vm_id, '--', rig.PROGRAM, 'C02', pass_fds=fds, timeout=20)
        self._judge_descriptors(rig.Attempts(done))
        self.immure('kill', vm_id)

    def test_C02_descriptors_of_rpc(self):
        with self.sandbox({'vfs': {'direct_mounts': {'/tmp/hostile': {'host_path': rig.HOSTILE,
                                                                       'readonly': True}}}}) as sandbox:
            result = sandbox.exec([rig.PROGRAM, 'C02'])
            done = support.Done(['C02'], 0, result.stdout.encode(), b'')
            self._judge_descriptors(rig.Attempts(done))

    def test_C02_background_keeps_no_descriptor(self):
        """Or the one who waits for a pipe's end waits for ever."""
        reader, writer = os.pipe()
        vm_id = self.immure('start', pass_fds=[writer]).text.strip()
        os.close(writer)
        closed = bool(select.select([reader], [], [], 2)[0])
        os.close(reader)
        self.immure('kill', vm_id)
        self.assertTrue(closed, 'still open in the warden')

    def test_C02_closed_streams(self):
        for closed in ('0<&-', '1>&-', '2>&-', '0<&- 1>&-', '0<&- 1>&- 2>&-', '1>&- 2>&-'):
            with self.subTest(closed):
                folder = self.share(f'share{len(closed)}{closed[0]}')
                script = (f'exec "$0" run -v {rig.HOSTILE}:/tmp/hostile:ro -v {folder}:/mnt/share '
                          f'-- sh -c "{rig.PROGRAM} C02 >/mnt/share/out" {closed}')
                done = self.immure(words=[*self.identity.prefix, 'sh', '-c', script, support.BINARY],
                                   timeout=20)
                self.assert_code(done, 0)
                done.out = pathlib.Path(folder, 'out').read_bytes()
                tried = rig.Attempts(done)
                self.assertEqual([row.split()[0] for row in tried.all('fd')], ['0', '1', '2'], tried.done)

    def test_C02_folder_or_path_as_stream(self):
        for flags in (os.O_RDONLY | os.O_DIRECTORY, os.O_PATH, os.O_PATH | os.O_DIRECTORY):
            path = self.make_file('secret', SECRET) if flags == os.O_PATH else self.folder
            fd = os.open(path, flags)
            for stream in ('stdin', 'stdout', 'stderr'):
                with self.subTest(f'{stream} {flags:o}'):
                    done = self.hostile('C02', code=None, **{stream: fd})
                    self.assertNotIn('allowed', done.done.text)
                    if stream != 'stderr':
                        self.assertEqual(done.done.code, 125, done.done)
            os.close(fd)

    def test_C02_folder_as_stdin_of_exec(self):
        vm_id = self.start('-v', f'{rig.HOSTILE}:/tmp/hostile:ro')
        fd = os.open('/', os.O_RDONLY)
        done = self.immure('exec', vm_id, '--', rig.PROGRAM, 'C02', stdin=fd, timeout=20)
        os.close(fd)
        self.assertNotIn('allowed', done.text)
        self.immure('kill', vm_id)

    def _stream(self, mode, flags, stream, number):
        """Hand over a file of the host's; it must be as it was, but for what is written to it."""
        path = self.make_file('passed', SECRET, mode)
        folder = self.share()
        before = os.stat(path)
        fd = os.open(path, flags)
        tried = self.hostile('C02-stream', number, '/mnt/share', options=['-v', f'{folder}:/mnt/share'],
                             **({} if stream == 'stdout' else {stream: fd}))
        os.close(fd)
        after = os.stat(path)
        self.assertEqual(oct(after.st_mode), oct(before.st_mode), 'its mode was changed')
        self.assertEqual(after.st_mtime_ns, before.st_mtime_ns, 'its time was changed')
        self.assertEqual(after.st_nlink, 1, 'it has another name now')
        self.assertEqual(pathlib.Path(path).read_text(), SECRET)
        self.assertEqual(os.listdir(folder), [])
        self.assertIn('reopen', str(tried.done))  # what it did to the relay's pipe is no matter

    def test_C02_file_as_stdin(self):
        self._stream(0o600, os.O_RDONLY, 'stdin', '0')

    def test_C02_file_as_stderr(self):
        self._stream(0o600, os.O_WRONLY, 'stderr', '2')

    def test_C02_appended_file(self):
        """`2>> log` hands over the right to append, not what is in the log."""
        path = self.make_file('log', SECRET + '\n')
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        self.hostile('C02-append', '2', stderr=fd)
        os.close(fd)
        self.assertEqual(pathlib.Path(path).read_text()[:len(SECRET)], SECRET)

    def test_C02_socket_as_stream(self):
        ours, theirs = socket.socketpair()
        listener = socket.create_server(('127.0.0.1', 0))
        client = socket.create_connection(listener.getsockname())
        for fd in (theirs.fileno(), client.fileno()):
            tried = self.hostile('C02-socket', stdin=fd)
            self.judge(tried, errors={'ENOTSOCK'}, least=6)
        for one in (ours, theirs, listener, client):
            one.close()

    def test_C02_pipe_as_stdin_cannot_be_written(self):
        """Who reads the pipe after us must not get our words."""
        reader, writer = os.pipe()
        os.fchown(reader, self.identity.uid, self.identity.uid)
        self.sh('timeout 2 sh -c "echo forged >/proc/self/fd/0"', stdin=reader)
        os.set_blocking(reader, False)
        os.close(writer)
        self.assertEqual(os.read(reader, 100), b'')
        os.close(reader)

    def test_C02_flags_of_a_shared_pipe(self):
        """O_NONBLOCK belongs to the open file, which the caller goes on using."""
        reader, writer = os.pipe()
        os.fchown(writer, self.identity.uid, self.identity.uid)
        self.run_in('python3', '-c', 'import os; os.set_blocking(1, False)', stdout=writer)
        self.assertTrue(os.get_blocking(writer), 'the caller\'s pipe does not block any more')
        os.close(reader)
        os.close(writer)

    def test_C02_session_and_terminal(self):
        tried = self.hostile('C02-ids')
        self.judge(tried, errors={'ENXIO'}, least=1)
        self.assertNotEqual(tried.one('sid'), '0')


def _is_open(fd):
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
        return True
    except OSError:
        return False


@as_root_and_user
class Mounts(rig.Row):
    def test_C03_mount_over_proc_and_dev(self):
        """What is mounted there must not take the place of a cover."""
        folder = self.share(files=['core_pattern', 'file'])
        file = f'{folder}/file'
        for source, target in ((folder, '/proc'), (folder, '/proc/sys'), (folder, '/proc/sys/kernel'),
                               (file, '/proc/sysrq-trigger'), (file, '/proc/self/attr/exec'),
                               (file, '/proc/1/environ'), (folder, '/proc/acpi'), (folder, '/dev'),
                               (folder, '/dev/pts'), (folder, '/'), (folder, '/proc/self/fd')):
            with self.subTest(target):
                done = self.immure('run', '-v', f'{rig.HOSTILE}:/tmp/hostile:ro', '-v', f'{source}:{target}',
                                   '--', rig.PROGRAM, 'C13', timeout=20)
                if done.code == 125:
                    continue
                tried = rig.Attempts(done)
                covered = {'open_w_/proc/kmsg', 'open_w_/proc/timer_list', 'open_w_/proc/keys'}
                self.judge(tried, errors={'ENOENT', 'ENOTDIR'}, but=covered, least=20)

    def test_C03_symlinks_in_a_root(self):
        """A root folder whose own entries are links out of it."""
        root = self.share('root')
        os.symlink('/etc', f'{root}/home')
        os.symlink('/proc', f'{root}/mnt')
        os.symlink(self.folder, f'{root}/var')
        os.makedirs(f'{root}/usr/bin')
        shutil.copy(rig.OUTSIDE, f'{root}/usr/hostile')
        secret = self.make_file('secret', SECRET)
        done = self.immure('run', '--rootfs', root, '--', '/usr/hostile', 'C05-read', secret,
                           '/var/secret', '/etc/passwd', timeout=20)
        if done.code != 125:
            self.judge(rig.Attempts(done), errors={'ENOENT', 'ENOTDIR'}, least=3)

    def test_C04_source_that_is_a_symlink(self):
        secret = self.share('private', ['file'])
        link = os.path.join(self.folder, 'link')
        os.symlink(secret, link)
        done = self.immure('run', '-v', f'{link}:/mnt/share', '--', 'cat', '/mnt/share/file', timeout=20)
        if done.code != 0:
            self.assert_refused(done, 'link')  # or it is what the user named: both are fine

    def test_C04_target_below_a_link_in_a_share(self):
        """The second mount's place lies in the first share, where the program of yesterday put a link."""
        outer, inner = self.share('outer'), self.share('inner', ['file'])
        victim = self.share('victim')
        os.symlink(victim, f'{outer}/place')
        os.symlink('../../usr', f'{outer}/up')
        for place in ('/mnt/outer/place', '/mnt/outer/place/deeper', '/mnt/outer/up/bin'):
            with self.subTest(place):
                done = self.immure('run', '-v', f'{outer}:/mnt/outer', '-v', f'{inner}:{place}', '--', 'true',
                                   timeout=20)
                self.assert_refused(done, 'mount point|link')
        self.assertEqual(os.listdir(victim), [])

    def _race(self, arguments, one, other, rounds=40):
        """Run immure @rounds times while @one and @other are exchanged all the time."""
        swapper = subprocess.Popen([rig.OUTSIDE, 'C10-swap', one, other, '15'], stdout=subprocess.DEVNULL)
        self.addCleanup(swapper.wait)
        self.addCleanup(swapper.kill)
        return [self.immure('run', *arguments, timeout=20) for _ in range(rounds)]

    def test_C04_source_swapped_between_check_and_use(self):
        """The state folder must not get in, whatever the source's parent is at the moment."""
        decoy = self.share('decoy')
        os.makedirs(f'{decoy}/.immure/vms')
        self.immure('list')
        self.run_in('true')
        link = os.path.join(self.folder, 'swapped')
        os.symlink(self.home, link)
        for path in (decoy, f'{decoy}/.immure', f'{decoy}/.immure/vms'):
            os.chown(path, self.identity.uid, self.identity.uid)
        dones = self._race(['-v', f'{decoy}/.immure:/mnt/state:ro', '--', 'sh', '-c', 'ls /mnt/state/vms'],
                           decoy, link)
        seen = [done for done in dones if done.code == 0 and 'vm-' in done.text]
        self.assertEqual(len(seen), 0, f'of {len(dones)} saw the state folder')

    def test_C05_links_in_the_workspace(self):
        """The host's side reads files for a client: links mean what they mean inside."""
        secret = self.make_file('secret', SECRET)
        folder = self.share()
        os.symlink(secret, f'{folder}/link')
        os.symlink(self.folder, f'{folder}/folder')
        os.symlink('/etc/shadow', f'{folder}/shadow')
        os.symlink('/proc/self/root', f'{folder}/root')
        os.symlink('../' * 20 + secret, f'{folder}/up')
        with self.sandbox({'vfs': {'direct_mounts': {'/mnt/share': {'host_path': folder}}}}) as sandbox:
            for path in ('link', 'up', 'shadow', f'root{secret}', 'folder/secret'):
                with self.subTest(path):
                    with self.assertRaises(immure.SandboxError):
                        sandbox.read_file(f'/mnt/share/{path}')
            with self.assertRaises(immure.SandboxError):
                sandbox.list_files('/mnt/share/folder')
            for path in ('/mnt/share/link', '/mnt/share/up', '/mnt/share/folder/new'):
                try:
                    sandbox.write_file(path, b'hostile')
                except immure.SandboxError:
                    pass
        self.assertEqual(pathlib.Path(secret).read_text(), SECRET)
        self.assertFalse(os.path.exists(os.path.join(self.folder, 'new')))

    def test_C06_readonly_share(self):
        folder = self.share(files=['file'])
        before = os.stat(f'{folder}/file')
        self.refused('C06', '/mnt/share', options=['-v', f'{folder}:/mnt/share:ro'],
                     errors={'EEXIST', 'EINVAL', 'EBADF', 'ENOTTY', 'EOPNOTSUPP'}, least=15)
        self.assertEqual(os.listdir(folder), ['file'])
        after = os.stat(f'{folder}/file')
        self.assertEqual((before.st_mode, before.st_mtime_ns), (after.st_mode, after.st_mtime_ns))

    def test_C06_readonly_file(self):
        path = self.make_file('file', SECRET)
        done = self.sh('echo x >/mnt/file; echo x >>/mnt/file; chmod 777 /mnt/file; rm -f /mnt/file; '
                       'mv /mnt/file /mnt/other; ln -f /etc/hosts /mnt/file; cat /mnt/file',
                       '-v', f'{path}:/mnt/file:ro')
        self.assert_prints(done, SECRET)
        self.assertEqual(pathlib.Path(path).read_text(), SECRET)

    def test_C06_mount_below_a_readonly_share(self):
        """What is mounted on the host below the shared folder is read-only, too."""
        folder = self.share()
        os.makedirs(f'{folder}/below')
        if os.getuid() != 0:
            self.skipTest('needs root to set up')
        script = (f'mount -t tmpfs -o mode=1777 none {folder}/below && exec "$@"')
        words = ['unshare', '-m', 'sh', '-c', script, 'sh', *self.identity.prefix, support.BINARY, 'run',
                 '-v', f'{folder}:/mnt/share:ro', '--', 'sh', '-c', 'echo x >/mnt/share/below/x']
        done = self.immure(words=words, timeout=20)
        self.assertNotIn(done.code, (0, 125), done)

    def test_C06_scratch_owns_no_system_folder(self):
        done = self.sh('for f in / /usr /usr/bin /etc /proc /dev /mnt /srv /var /home /run /etc/ssl; do '
                       'touch $f/hostile 2>/dev/null && echo $f; mkdir $f/hostiles 2>/dev/null && echo $f; done; :')
        self.assert_prints(done, '')

    def test_C14_usual_sockets_and_ours(self):
        """No socket of the host: abstract, by path, or our own state."""
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind('\0immure-escape')
        abstract.listen()
        path = os.path.join(self.folder, 'listener')
        named = socket.socket(socket.AF_UNIX)
        named.bind(path)
        named.listen()
        os.chmod(path, 0o777)
        vm_id = self.start()
        own = f'{self.state}/vms/{vm_id}/socket'
        self.refused('C14', '@immure-escape', path, own,
                     errors={'ENOENT', 'ECONNREFUSED', 'EPROTOTYPE'}, least=50)
        self.immure('kill', vm_id)
        abstract.close()
        named.close()

    def test_C14_socket_in_a_share(self):
        """Sharing a folder's files is no leave to talk to who listens there."""
        folder = self.share()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f'{folder}/agent')
            listener.listen()
            os.chmod(f'{folder}/agent', 0o777)
            for mode in (':ro', ''):
                with self.subTest(mode or 'rw'):
                    tried = self.hostile('C14', '/mnt/share/agent',
                                         options=['-v', f'{folder}:/mnt/share{mode}'])
                    self.judge(tried, errors={'ENOENT', 'ECONNREFUSED', 'EPROTOTYPE'}, least=50)

    def test_C14_own_state_below_a_root(self):
        """--rootfs of a folder that holds our state would show every sandbox's socket."""
        root = self.share('root')
        os.makedirs(f'{root}/srv')
        os.chown(f'{root}/srv', self.identity.uid, self.identity.uid)
        shutil.copy(rig.OUTSIDE, f'{root}/hostile')
        env = {'IMMURE_HOME': f'{root}/srv/.immure'}
        vm_id = self.immure('start', env=env).text.strip()
        done = self.immure('run', '--rootfs', root, '--', '/hostile', 'C14',
                           f'/srv/.immure/vms/{vm_id}/socket', env=env, timeout=20)
        self.immure('kill', vm_id, env=env)
        if done.code != 125:
            self.judge(rig.Attempts(done), errors={'ENOENT', 'ECONNREFUSED', 'EPROTOTYPE'}, least=50)


@as_root_and_user
class Policy(rig.Row):
    """C18, C19: what decides about the sandbox must not be in its hands."""

    def test_C18_state_in_a_share(self):
        self.run_in('true')
        for source in (self.home, self.state, self.folder, f'{self.state}/vms', '/'):
            for mode in ('', ':ro'):
                with self.subTest(source.replace(self.folder, '...') + mode):
                    done = self.immure('run', '-v', f'{source}:/mnt/share{mode}', '--', 'true', timeout=20)
                    self.assert_refused(done, 'state|settings')

    def test_C18_one_file_of_the_state(self):
        self.run_in('true')
        vm = os.listdir(f'{self.state}/vms')[0]
        done = self.immure('run', '-v', f'{self.state}/vms/{vm}/config.json:/mnt/config', '--', 'true')
        self.assert_refused(done, 'state|settings')

    def test_C18_key_of_the_authority(self):
        """Whoever has it is believed by every sandbox of this user."""
        self.assert_code(self.immure('ca', 'show'), 0)
        key = f'{self.state}/ca/ca.key'
        words = ''.join(pathlib.Path(key).read_text().splitlines()[1:-1])[:40]
        for source in (key, f'{self.state}/ca', f'{self.state}/ca/ca.crt'):
            done = self.immure('run', '-v', f'{source}:/mnt/share:ro', '--', 'true', timeout=20)
            self.assert_refused(done, 'state')
        for identity in ((), rig.BE_ROOT):
            done = self.sh(f'cat {key}; find / -xdev -name "ca.key" 2>/dev/null; '
                           f'grep -rls "{words}" /etc /run /tmp /home /root; ps -e 2>/dev/null | grep authority; :',
                           '--allow-host', 'a.example', *identity, timeout=60)
            self.assertEqual((done.code, done.text), (0, ''), done)

    def test_C18_programs_in_a_share(self):
        """Gateway and authority start later, as whoever started immure: they must not be replaced from inside."""
        folder = self.share()
        there = f'{folder}/tools/bin'
        os.makedirs(there)
        for name in ('immure', 'immure-gateway', 'immure-authority'):
            shutil.copy(os.path.join(os.path.dirname(support.BINARY), name), there)
        for source, mode, word in ((folder, '', 'programs'), (f'{folder}/tools', '', 'programs'), (there, '', 'programs'),
                                   (f'{there}/immure-gateway', '', 'programs'), (folder, ':ro', None)):
            with self.subTest(source.replace(folder, '...') + mode):
                done = self.immure(timeout=20, words=[*self.identity.prefix, f'{there}/immure', 'run', '-v',
                                                      f'{source}:/mnt/share{mode}', '--', 'true'])
                if word:
                    self.assert_refused(done, word)
                else:
                    self.assert_code(done, 0)

    def _judge_config(self, done, config):
        if done.code != 125:
            text = pathlib.Path(config).read_text() if os.path.exists(config) else None
            self.assertEqual(text, 'hostname: before\n', 'the settings were changed')

    def test_C18_config_file_in_a_share(self):
        """Writable inside, it would decide what the next start may do."""
        folder = self.share()
        config = self.make_file('share/immure.yaml', 'hostname: before\n')
        done = self.immure('run', '-c', config, '-v', f'{folder}:/mnt/share', '--', 'sh', '-c',
                           'echo "user: 0" >>/mnt/share/immure.yaml; mv /mnt/share/immure.yaml /mnt/share/x; '
                           'rm -f /mnt/share/x; :', timeout=20)
        self._judge_config(done, config)

    def test_C18_config_file_itself_shared(self):
        config = self.make_file('immure.yaml', 'hostname: before\n')
        done = self.immure('run', '-c', config, '-v', f'{config}:/mnt/config', '--', 'sh', '-c',
                           'echo "user: 0" >>/mnt/config', timeout=20)
        self._judge_config(done, config)

    def test_C18_config_by_a_link(self):
        folder = self.share()
        config = self.make_file('share/real.yaml', 'hostname: before\n')
        os.symlink(config, os.path.join(self.folder, 'link.yaml'))
        done = self.immure('run', '-c', os.path.join(self.folder, 'link.yaml'), '-v', f'{folder}:/mnt/share',
                           '--', 'sh', '-c', 'echo "user: 0" >>/mnt/share/real.yaml', timeout=20)
        self._judge_config(done, config)

    def test_C18_config_file_of_a_server(self):
        """With --rpc it is `create` that shares a folder, or the file itself."""
        folder = self.share()
        config = self.make_file('share/immure.yaml', 'hostname: before\n')
        for mounts in ({'/mnt/share': {'host_path': str(folder)}},
                       {'/mnt/config': {'host_path': str(config)}}):
            with self.subTest(mounts):
                server = self.popen('--rpc', '-c', config)
                create = {'jsonrpc': '2.0', 'id': 1, 'method': 'create', 'params': {'vfs': {'direct_mounts': mounts}}}
                out, _ = server.communicate(json.dumps(create).encode() + b'\n', timeout=20)
                answers = [json.loads(line) for line in out.splitlines()]
                answer = next(one for one in answers if one.get('id') == 1)
                self.assertRegex(answer.get('error', {}).get('message', ''), '--config file')

    def test_C18_state_that_does_not_exist_yet(self):
        folder = self.share()
        env = {'IMMURE_HOME': f'{folder}/.immure'}
        done = self.immure('run', '-v', f'{folder}:/mnt/share', '--', 'true', env=env)
        self.assert_refused(done, 'state|settings')

    def test_C19_what_is_protected_keeps_its_place(self):
        folder = self.share(files=['file'])
        os.makedirs(f'{folder}/git/deep')
        for path in ('git', 'git/deep'):
            os.chown(f'{folder}/{path}', self.identity.uid, self.identity.uid)
        config = self.make_file('share/git/deep/config', SECRET)
        tried = self.hostile('C19', '/mnt/share/git/deep/config', '/mnt/share/git/deep', '/mnt/share/git',
                             options=['-v', f'{folder}:/mnt/share', '-v',
                                      f'{config}:/mnt/share/git/deep/config:ro'])
        self.assertEqual(pathlib.Path(config).read_text() if os.path.exists(config) else None, SECRET,
                         'the protected file has another name on the host now')
        self.judge(tried, errors={'EBUSY', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY'}, least=6)

    def test_C19_what_is_covered_keeps_its_place(self):
        """A memory mount over a folder of a share, two deep, and a second one beside the first's parent."""
        folder = self.share()
        for path in ('git', 'git/hooks', 'git/info', 'git/info/deep'):
            os.makedirs(f'{folder}/{path}')
            os.chown(f'{folder}/{path}', self.identity.uid, self.identity.uid)
        options = ['-v', f'{folder}:/mnt/share', '--tmpfs', '/mnt/share/git/hooks:1M',
                   '--tmpfs', '/mnt/share/git/info/deep:1M']
        tried = self.hostile('C19', '/mnt/share/git/hooks', '/mnt/share/git/info', '/mnt/share/git',
                             options=options)
        self.judge(tried, errors={'EBUSY', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY'}, least=6)
        done = self.sh('cd /mnt/share/git && echo x >a && mkdir d && mv a d/b && cat d/b && grep -c share/git '
                       '/proc/self/mountinfo; cp /usr/bin/id i && chmod 4755 i; echo x >hooks/x; ls info', *options)
        self.assertEqual(done.text.split(), ['x', '4', 'deep'])
        self.assertEqual(os.listdir(f'{folder}/git/hooks'), [])
        flags = self.sh('grep " /mnt/share/git" /proc/self/mountinfo | grep -vc nosuid,nodev', *options)
        self.assertEqual(flags.text.strip(), '0')
