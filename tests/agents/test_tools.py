# SPDX-License-Identifier: Apache-2.0
"""What agents call all day: compilers, package managers, git, databases, servers, terminals."""
import json
import os
import pathlib
import re

import support
import workspace
from support import as_root_and_user

GO = '/usr/local/go/bin/go'


class Tools(workspace.Tests):
    def work(self, script, *options, code=0, timeout=support.TIMEOUT_S):
        """Run a shell script on the shared workspace. Return: what it printed."""
        done = self.sh('set -eu\n' + script, '-v', f'{self.workspace}:/tmp/workspace', *options,
                       timeout=timeout)
        self.assert_code(done, code)
        return done.text

    def python(self, script, *options):
        self.make_file('workspace/script.py', script)
        return self.work('python3 script.py', *options)

    def need(self, *programs):
        for program in programs:
            if self.run_in('sh', '-c', 'command -v "$0"', program).code != 0:
                self.skipTest(f'{program} is not visible in the sandbox')

    def assert_owned(self):
        """All that was made in the workspace belongs to its owner."""
        owners = {os.lstat(os.path.join(folder, name)).st_uid
                  for folder, folders, files in os.walk(self.workspace) for name in folders + files}
        self.assertEqual(owners, {self.identity.uid})


@as_root_and_user
class Languages(Tools):
    def test_npm_test(self):
        self.need('node', 'npm')
        package = {'name': 'tiny', 'version': '1.0.0', 'scripts': {'test': 'node --test'}}
        self.make_file('workspace/package.json', json.dumps(package))
        self.make_file('workspace/sum.test.js', """
            const test = require('node:test');
            const assert = require('node:assert');
            test('adds', () => assert.strictEqual(1 + 2, 3));
            test('waits', async () => new Promise((done) => setTimeout(done, 10)));
            """)
        self.assertRegex(self.work('npm test'), r'pass 2\n')
        self.make_file('workspace/bad.test.js', "require('node:test')('fails', () => { throw 1; });")
        self.work('npm test', code=1)

    def test_gcc(self):
        self.need('gcc')
        self.make_file('workspace/main.c', r"""
            #include <math.h>
            #include <pthread.h>
            #include <stdio.h>
            static void *body(void *at) { *(double *)at = sqrt(*(double *)at); return at; }
            int main(void)
            {
                pthread_t thread;
                double value = 1764;
                pthread_create(&thread, 0, body, &value);
                pthread_join(thread, 0);
                printf("%g\n", value);
            }
            """)
        self.assertEqual(self.work('gcc -O2 -pthread -o main main.c -lm && ./main'), '42\n')
        self.assert_owned()

    def test_java(self):
        self.need('java', 'javac')
        self.make_file('workspace/Hello.java', """
            public class Hello {
                public static void main(String[] a) throws Exception {
                    var pool = java.util.concurrent.Executors.newFixedThreadPool(4);
                    System.out.println(pool.submit(() -> "hello " + a[0]).get());
                    pool.shutdown();
                }
            }
            """)
        self.assertEqual(self.work('javac Hello.java && java -cp . Hello world'), 'hello world\n')

    def test_go(self):
        self.need(GO)
        self.make_file('workspace/go.mod', 'module hello\n\ngo 1.19\n')
        self.make_file('workspace/main.go', """package main

import "fmt"

func main() {
	c := make(chan int)
	go func() { c <- 42 }()
	fmt.Println(<-c)
}
""")
        script = f'export GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off; {GO} build -o hello . && ./hello'
        self.assertEqual(self.work(script, timeout=120), '42\n')

    def test_pip_and_venv(self):
        self.assertRegex(self.work('python3 -m pip --version'), '^pip [0-9]')
        said = self.work('python3 -m venv env && env/bin/python -m pip --version &&'
                         'env/bin/python -c "import sys; print(sys.prefix)"')
        self.assertIn('/tmp/workspace/env', said)
        self.assert_owned()

    def test_pip_without_network_fails_soon(self):
        self.work('! timeout 30 python3 -m pip install --retries 0 --target t no-such-package')


@as_root_and_user
class Git(Tools):
    def test_a_repository(self):
        self.need('git')
        said = self.work("""
            git init -q -b main one
            cd one
            git config user.name Agent
            git config user.email agent@example.com
            i=0
            while [ $i -lt 30 ]; do
                echo $i > file$i; ln -s file$i link$i; git add .; git commit -qm "$i"; i=$((i + 1))
            done
            git gc -q
            git worktree add -q ../tree -b side
            cd ..
            git clone -q one two
            git clone -q --bare "file://$PWD/one" three.git
            cd two
            git push -q ../three.git HEAD:new
            git -C ../three.git fsck --strict
            git log --oneline | wc -l
            git status --short
            """)
        self.assertEqual(said.split(), ['30'])
        self.assert_owned()

    def test_a_repository_of_the_host(self):
        """Git trusts the folder that is shared, for it belongs to whom git runs as."""
        self.need('git')
        script = 'git init -q repo && cd repo && git -c user.name=a -c user.email=a@example.com'
        self.work(f'{script} commit -q --allow-empty -m first')
        self.assertIn('first', self.work('git -C repo log --oneline'))


@as_root_and_user
class Databases(Tools):
    def test_sqlite_wal(self):
        said = self.python("""
import sqlite3, subprocess, sys
one = sqlite3.connect('data.db')
print(one.execute('pragma journal_mode=wal').fetchone()[0])
one.execute('create table t (n integer)')
writers = [subprocess.Popen([sys.executable, '-c', '''
import sqlite3
db = sqlite3.connect("data.db", timeout=20)
for n in range(50):
    with db: db.execute("insert into t values (?)", (n,))
''']) for _ in range(4)]
assert [writer.wait() for writer in writers] == [0] * 4
print(one.execute('select count(*) from t').fetchone()[0])
print(one.execute('pragma integrity_check').fetchone()[0])
""")
        self.assertEqual(said.split(), ['wal', '200', 'ok'])
        self.assert_owned()


@as_root_and_user
class Loopback(Tools):
    def test_server_and_client(self):
        self.need('curl')
        pathlib.Path(self.workspace, 'index.html').write_text('from the server', encoding='utf-8')
        for host in ('127.0.0.1', '::1', 'localhost'):
            with self.subTest(host):
                address = '::' if host == 'localhost' else host
                url = f'http://[{host}]:8000/' if ':' in host else f'http://{host}:8000/'
                said = self.work(f"""
                    python3 -m http.server --bind {address} 8000 2> server.log &
                    curl -sS -m 10 --retry 50 --retry-delay 0 --retry-connrefused --retry-all-errors \
                        --no-progress-meter '{url}' 2> curl.log
                    kill $!
                    """)
                self.assertEqual(said, 'from the server')

    def test_sandboxes_are_apart(self):
        server = self.popen('run', '--', 'python3', '-uc', """
import socket
server = socket.create_server(('127.0.0.1', 8123))
print('ready')
server.accept()
""")
        self.assertEqual(self.started(server), 'ready')
        done = self.run_in('python3', '-c', 'import socket; socket.create_connection(("127.0.0.1", 8123), 5)')
        self.assert_code(done, 1)
        self.assertRegex(done.errors, 'refused|reset')


@as_root_and_user
class Processes(Tools):
    def test_threads_and_processes(self):
        said = self.python("""
import concurrent.futures, multiprocessing, subprocess, threading
threads = [threading.Thread(target=threading.Event().wait, args=(0.2,)) for _ in range(200)]
for thread in threads: thread.start()
for thread in threads: thread.join()
programs = [subprocess.Popen(['sleep', '0.2']) for _ in range(200)]
print(sum(program.wait() for program in programs))
with concurrent.futures.ProcessPoolExecutor(4) as pool:
    print(sum(pool.map(abs, range(-100, 0))))
lock = multiprocessing.Lock()
with lock: print('locked')
""")
        self.assertEqual(said.split(), ['0', '5050', 'locked'])

    def test_python_pty(self):
        said = self.python(r"""
import os, pty, sys
def spoken(fd):
    return os.read(fd, 1024)
code = pty.spawn(['sh', '-c', 'test -t 0 && test -t 1 && tty && stty size && id -un'], spoken)
sys.exit(os.waitstatus_to_exitcode(code))
""")
        self.assertRegex(said, r'^/dev/pts/0\s+\d+ \d+\s+user\s*$')

    def test_script(self):
        self.need('script')
        said = self.work("script -qec 'tty; echo in a terminal' /dev/null < /dev/null")
        self.assertRegex(said, r'/dev/pts/0\s+in a terminal')

    def test_tmux(self):
        self.need('tmux')
        said = self.work("""
            tmux new-session -d -x 80 -y 24 'echo made in tmux > made; tmux wait-for -S made; sleep 30'
            tmux wait-for made
            tmux list-sessions
            tmux kill-server
            cat made
            """)
        self.assertTrue(re.search(r'^0: 1 windows', said) and said.endswith('made in tmux\n'), said)

    def test_shell_tools(self):
        """What coreutils and their kin do with files; inotify, locks, times, sparse and big ones."""
        said = self.work("""
            mkfifo pipe; (echo through > pipe &); cat pipe
            truncate -s 1G sparse; stat -c %s sparse; rm sparse
            flock lock echo locked
            touch -d 2001-02-03 old; stat -c %y old | cut -c1-10
            tar cf - old lock | tar tf -
            find . -name old | xargs -n1 -P4 ls
            install -m 640 old new; stat -c %a new
            ln old hard; stat -c %h old
            dd if=/dev/urandom of=big bs=1M count=8 status=none; gzip big; ls big*
            """)
        self.assertEqual(said.split(), ['through', '1073741824', 'locked', '2001-02-03', 'old', 'lock',
                                        './old', '640', '2', 'big.gz'])
        self.assert_owned()

    def test_man(self):
        self.need('man')
        if not os.path.exists('/usr/share/man/man1/ls.1.gz'):
            self.skipTest('this host has no manual pages')
        self.assertIn('LS(1)', self.work('man ls'))
