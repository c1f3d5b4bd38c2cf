# SPDX-License-Identifier: Apache-2.0
"""Questions at a terminal: `immure run --ask`."""
import time

import support
from servers import Server, answering
from support import as_root_and_user

SETTLE_S = 0.5  # keys count after 0.3 s
ASKED = rb'wants to reach (\S+) port (\d+), by any protocol over TCP\r\n  \((.*)\)\r\n  \[y\] once, .* means no: '


@as_root_and_user
class Prompt(support.Tests):
    def ask(self, script, *options):
        return self.terminal('run', '--ask', '--allow-private', '127.0.0.1', *(word for name in 'ab' for word in ('--add-host', f'{name}.test:127.0.0.1')),
                             *options, '--', 'sh', '-c', script)

    def answer(self, terminal, key):
        match = terminal.expect(ASKED)
        time.sleep(SETTLE_S)
        terminal.type(key)
        return match

    def fetch(self, server, name='a.test'):
        return f'curl -s -m 30 -o /dev/null -w "<%{{http_code}}>" http://{name}:{server.port}/; '

    def test_yes_and_no(self):
        with Server(answering(b'hello')) as server:
            terminal = self.ask(self.fetch(server) * 4, '--app', 'mine')
            match = self.answer(terminal, 'y')
            self.assertEqual(match.group(1, 2), (b'a.test', str(server.port).encode()))
            self.assertIn(b'no network is allowed to this sandbox', match.group(3))
            terminal.expect(b'yes, this time\r\n')
            terminal.expect(b'<200>')
            self.answer(terminal, 'n')
            terminal.expect(b'no\r\n(.*)<403>')
            self.answer(terminal, 'xr')  # what is no answer does nothing
            terminal.expect(b'yes, for this run\r\n')
            terminal.expect(rb'(?s)<200>.*<200>')
            self.assertEqual(terminal.wait(), 0)

    def test_who_asks_is_said(self):
        with Server(answering(b'hello')) as server:
            terminal = self.ask(self.fetch(server), '--app', 'mine')
            match = self.answer(terminal, 'y')
            self.assertRegex(match.group(3), rb'^asked for by "\S*curl", PID \d+; no network')
            self.assertEqual(terminal.wait(), 0)

    def test_keys_before_the_question_are_no_answer(self):
        with Server(answering(b'hello')) as server:
            terminal = self.ask('echo ready; sleep 1; ' + self.fetch(server) + 'read -r line; echo "[$line]"')
            terminal.expect(b'ready')
            terminal.type('yyyy')
            terminal.expect(ASKED)
            terminal.type('y')  # too soon
            time.sleep(SETTLE_S)
            terminal.type('n')
            terminal.expect(b'no\r\n')
            terminal.expect(b'<403>')
            terminal.type('more\n')  # the program has its terminal back
            terminal.expect(rb'\[.*more\]')
            self.assertEqual(terminal.wait(), 0)

    def test_two_questions(self):
        with Server(answering(b'hello')) as server:
            terminal = self.ask(f'{{ {self.fetch(server)} }} & {{ {self.fetch(server, "b.test")} }} & wait')
            asked = {self.answer(terminal, 'y').group(1), self.answer(terminal, 'y').group(1)}
            self.assertEqual(asked, {b'a.test', b'b.test'})
            terminal.expect(rb'(?s)<200>.*<200>')
            self.assertEqual(terminal.wait(), 0)

    def test_the_program_ends_meanwhile(self):
        with Server(answering(b'hello')) as server:
            terminal = self.ask(f'({self.fetch(server)}) & sleep 1; kill $!; exit 7')
            terminal.expect(ASKED)
            self.assertEqual(terminal.wait(), 7)

    def test_without_a_terminal_it_is_no(self):
        with Server(answering(b'hello')) as server:
            done = self.immure('run', '--ask', '--add-host', 'a.test:127.0.0.1', '--', 'sh', '-c', self.fetch(server))
        self.assertEqual(done.text, '<403>')
