# SPDX-License-Identifier: Apache-2.0
"""Agents: they do their task in the shared workspace, and reach nothing else."""
import json
import os
import pathlib
import subprocess

import support
import workspace
from support import as_root_and_user

HERE = pathlib.Path(__file__).resolve().parent
AGENTS = os.environ['IMMURE_TEST_AGENTS']
REFUSED_S = 5.0  # a refusal that takes longer is a time-out to whoever waits for it
CONTENT = "made by the agent: it's\n"  # has what shells trip over


class Agents(workspace.Tests):
    def agent(self, *words, options=(), timeout=support.TIMEOUT_S):
        """Run an agent on the shared workspace, with the scripts of this folder."""
        return self.run_in(*words, timeout=timeout, options=[
            '-v', f'{HERE}:/tmp/agent:ro', '-v', f'{self.workspace}:/tmp/workspace', *options])

    def package(self, name):
        """The options that give an agent its package."""
        folder = pathlib.Path(AGENTS, name)
        if not (folder / 'installed').exists():
            self.skipTest(f'{name} is not installed: run tests/agents/setup')
        return ['-v', f'{folder}:/agents:ro']

    def assert_made(self, name, content):
        """The host sees a file in the workspace, as if its owner had written it."""
        path = pathlib.Path(self.workspace, name)
        self.assertEqual(path.read_text(encoding='utf-8'), content)
        found = path.stat()
        self.assertEqual((found.st_uid, found.st_gid), (self.identity.uid, self.identity.uid))


@as_root_and_user
class Npm(Agents):
    def do_task(self, name, timeout):
        options = self.package(name)
        task = f'printf %s "{CONTENT}" > result.txt; mkdir made; echo tool-ran-as-$(id -u)'
        done = self.agent('sh', f'/tmp/agent/run-{name}.sh', task, options=options, timeout=timeout)
        self.assert_code(done, 0)
        self.assert_made('result.txt', CONTENT)
        self.assertEqual(sorted(os.listdir(self.workspace)), ['made', 'result.txt'])
        return done

    def test_codex(self):
        done = self.do_task('codex', 60)
        self.assertRegex(done.text, r'(?s)task done: .*tool-ran-as-1000')

    def test_openclaw(self):
        done = self.do_task('openclaw', 120)
        self.assertEqual(json.loads(done.text[done.text.index('\n{') if done.text[0] != '{' else 0:])
                         ['final'], 'task done: tool-ran-as-1000', done)

    def test_task_outside_the_workspace_fails(self):
        options = self.package('codex')
        secret = self.make_file('secret', 'of the host')
        task = f'cat {secret} && echo found; echo x > /usr/x && echo written; echo tried'
        done = self.agent('sh', '/tmp/agent/run-codex.sh', task, options=options)
        self.assert_code(done, 0)
        self.assertIn('task done', done.text)
        said = done.text[done.text.index('task done'):]
        self.assertIn('tried', said)
        self.assertNotRegex(said, 'found|written|of the host')
        self.assertFalse(os.path.exists('/usr/x'))


@as_root_and_user
class Own(Agents):
    def report_of(self, *words):
        task = 'Ä task\nof two lines'
        self.make_file('workspace/task.txt', task)
        secret = self.make_file('home/secret', 'of the host')
        os.makedirs(os.path.join(self.home, '.ssh'))
        key = self.make_file('home/.ssh/id_ed25519', 'key', 0o600)
        forbidden = [secret, key, self.home, '/root', '~/.ssh', '~/.ssh/id_ed25519', '/etc/shadow',
                     '/proc/1/environ', '/proc/1/root/etc/shadow', '/sys/class', '/var/log', '/run/dbus',
                     str(support.ROOT / 'meson.build'), '/tmp/workspace/../../' + secret]
        done = self.agent(*words, '/tmp/workspace', *forbidden)
        self.assert_code(done, 0)
        path = pathlib.Path(self.workspace, 'report.json')
        self.assert_made('report.json', path.read_text(encoding='utf-8'))
        report = json.loads(path.read_text(encoding='utf-8'))
        self.assertEqual((report['task'], report['output']), (task, '42\n'))
        self.assertEqual(sorted(report['read']), sorted(forbidden))
        return report

    def assert_confined(self, report):
        for kind in ('read', 'write'):
            self.assertGreater(len(report[kind]), 3)
            self.assertEqual([path for path, error in report[kind].items() if error is None], [], kind)
        for goal in ('name', 'address'):
            error, seconds = report['network'][goal]
            self.assertIsNotNone(error, goal)
            self.assertLess(seconds, REFUSED_S, (goal, error))

    def test_python(self):
        report = self.report_of('python3', '/tmp/agent/agent.py')
        self.assert_confined(report)
        self.assertIn('name resolution', report['network']['name'][0])
        self.assertIn('reset', report['network']['address'][0])

    def test_node(self):
        if self.run_in('node', '--version').code != 0:
            self.skipTest('this host has no node below /usr')
        report = self.report_of('node', '/tmp/agent/agent.mjs')
        self.assert_confined(report)
        self.assertRegex(report['network']['name'][0], 'EAI_AGAIN|ENOTFOUND')
        self.assertIn('ECONNRESET', report['network']['address'][0])


@as_root_and_user
class Adr(workspace.Tests):
    def test_example(self):
        """The Python example of the ADR, as printed there."""
        if self.run_in('python', '-c', '').code != 0:
            self.skipTest('this host has no program called python, which the example runs')
        client = support.ROOT / 'clients' / 'python'
        env = {**self.env, 'PYTHONPATH': str(client), 'PYTHONDONTWRITEBYTECODE': '1',
               'IMMURE_BINARY': support.BINARY}
        done = subprocess.run([*self.identity.prefix, support.PYTHON, str(client / 'examples/adr.py')],
                              env=env, cwd='/', capture_output=True, text=True, check=False,
                              timeout=support.TIMEOUT_S)
        self.assertEqual((done.returncode, done.stdout),
                         (0, "Hello from sandbox!\n\nb'{\"status\": \"ok\"}'\n"), done.stderr)
