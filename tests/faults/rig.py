# SPDX-License-Identifier: Apache-2.0
"""One launch with one fault, and how it is judged."""
import base64
import collections
import contextlib
import errno
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading

import calls

HERE = pathlib.Path(__file__).resolve().parent
USER_ID = 65533  # nobody's: without a name, a home or a group
PROPER, OURS, HUNG, KILLED = 7, 125, 99, 137
STARTER = re.compile(r'^0\.\d\.[1-9]')  # what becomes the program; of the spare, over RPC, too
NEXT_EACH = 8  # launches: see whether the next start works
NAMESPACES = ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts')
INPUT = ''.join(f'line {number} of the input\n' for number in range(4000))
NUMBERS = calls.numbers()
NAMES = {str(number): name for name, number in NUMBERS.items()} | {calls.ALLOCATION: calls.ALLOCATION}

# A scenario's words say {share} for a folder that both sides may write to, {walls} for walls.sh.
# Its streams are 'pipes'; 'files', of which the program is to copy INPUT first; or 'rpc' on pipes.
Scenario = collections.namedtuple('Scenario', 'name words streams')
Fault = collections.namedtuple('Fault', 'role call nth error onwards')


def fault_text(fault):
    name = {calls.ALLOCATION: 'allocation', calls.ANY: 'call'}.get(fault.call, fault.call)
    return (f'{fault.role} {name} {fault.nth}{"+" if fault.onwards else ""} '
            f'{errno.errorcode.get(fault.error, "SIGKILL")}')


def build(folder, binary):
    """The injector, and the addresses it wants to know of @binary. Return: its words."""
    tool = os.path.join(folder, 'inject')
    subprocess.run(['gcc', '-O1', '-std=gnu17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-o', tool,
                    str(HERE / 'inject.c')], check=True)
    symbols = subprocess.run(['readelf', '-lsW', binary], check=True, capture_output=True, text=True).stdout
    tls = re.search(r'^\s*TLS\s+\S+ \S+ \S+ \S+ (\S+) \S+\s+(\S+)', symbols, re.M)
    rows = {name: int(value, 16)
            for value, name in re.findall(r'^ *\d+: ([0-9a-f]{16}) +\d+ (?:FUNC|TLS) .* (\S+)$', symbols, re.M)}
    if not tls or not {'malloc', 'calloc', 'realloc', 'errno'} <= rows.keys():
        return [tool]  # stripped: without faults of allocations
    size, align = (int(text, 16) for text in tls.groups())
    errno_at = rows['errno'] - (size + align - 1) // align * align
    return [tool, '-b', f'{errno_at}:{rows["malloc"]:x},{rows["calloc"]:x},{rows["realloc"]:x}']


def host_namespaces():
    return {name: os.readlink(f'/proc/self/ns/{name}') for name in NAMESPACES}


def cgroups():
    return {folder for folder, _, _ in os.walk('/sys/fs/cgroup') if 'immure' in os.path.basename(folder)}


class Outcome:
    """What a launch came to."""

    def __init__(self, code, out, err, report, answers=()):
        self.code, self.out, self.err, self.answers = code, out, err, answers
        self.report = [line.split() for line in report.splitlines()]

    def told(self, word):
        return [row[1:] for row in self.report if row[0] == word]

    def __str__(self):
        return (f'exit code {self.code}, report {self.report}\n  out {self.out[-600:]!r}\n'
                f'  err {self.err[-600:]!r}' + (f'\n  answers {self.answers}' if self.answers else ''))


class Bench:
    """A state folder of its own, in which launches take place one after the other."""

    def __init__(self, tool, binary, uid):
        self.tool, self.binary, self.uid = tool, binary, uid
        self.folder = tempfile.mkdtemp(prefix='immure-faults-')
        os.chmod(self.folder, 0o755)
        self.home, self.share = (self._own(name) for name in ('home', 'share'))
        self.env = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': self.home, 'IMMURE_HOME': f'{self.home}/immure'}
        self.vms = pathlib.Path(self.home, 'immure', 'vms')
        self.namespaces = host_namespaces()
        self.normal = {}  # by scenario: walls and self-test of the launch without a fault
        self.launches = 0

    def _own(self, name):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        os.chown(path, self.uid, self.uid)
        return path

    def close(self):
        shutil.rmtree(self.folder)

    def plain(self, *words, **more):
        """immure, without the injector."""
        drop = {} if os.getuid() == self.uid else {'user': self.uid, 'group': self.uid, 'extra_groups': []}
        return subprocess.run([self.binary, *words], env=self.env, capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, cwd=self.folder, **drop, **more)

    # Launches.

    def launch(self, scenario, fault=None, trace=None):
        report = os.path.join(self.folder, 'report')
        words = [*self.tool, '-r', report, '-u', str(0 if os.getuid() == self.uid else self.uid)]
        if fault:
            numbers = [str(NUMBERS.get(name, name)) for name in fault.call.split(',')]
            words += ['-f', f'{fault.role}:{fault.nth}{"+" if fault.onwards else ""}:{fault.error}:{",".join(numbers)}']
        if trace:
            words += ['-t', trace]
        script = (HERE / 'walls.sh').read_text()
        words += ['--', self.binary]
        words += [word.format(share=self.share, walls=script, home=self.home) for word in scenario.words]
        streams = self._files if scenario.streams == 'files' else self._pipes
        with streams() as (stdin, stdout):
            process = subprocess.Popen(words, env=self.env, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                                       cwd=self.folder)
            if scenario.streams == 'rpc':
                return self._converse(process, report, script)
            out, err = process.communicate()
        if scenario.streams == 'files':
            out = pathlib.Path(self.folder, 'out').read_bytes()
        return Outcome(process.returncode, out.decode(), err.decode(), pathlib.Path(report).read_text())

    @contextlib.contextmanager
    def _pipes(self):
        yield subprocess.PIPE, subprocess.PIPE

    @contextlib.contextmanager
    def _files(self):
        pathlib.Path(self.folder, 'in').write_text(INPUT)
        with open(os.path.join(self.folder, 'in')) as stdin, open(os.path.join(self.folder, 'out'), 'w') as stdout:
            yield stdin, stdout

    @staticmethod
    def _loads(line):
        """A line that is no JSON is a finding, and shall be read in the report."""
        try:
            return json.loads(line)
        except ValueError:
            return {'error': {'message': f'no JSON: {line!r}'}}

    def _converse(self, process, report, script):
        """create, exec, close: each when the one before is answered; to the end of the first that fails."""
        err, answers = [], []
        reader = threading.Thread(target=lambda: err.append(process.stderr.read()))
        reader.start()
        requests = [('create', {}), ('exec', {'command': ['sh', '-c', script, 'sh', self.home]}), ('close', {})]
        try:
            for number, (method, params) in enumerate(requests, 1):
                request = {'jsonrpc': '2.0', 'id': number, 'method': method, 'params': params}
                process.stdin.write(json.dumps(request).encode() + b'\n')
                process.stdin.flush()
                answer = next((self._loads(line) for line in process.stdout
                               if self._loads(line).get('id') == number or 'error' in self._loads(line)), None)
                answers.append(answer)
                if answer is None or 'error' in answer:
                    break
            process.stdin.close()
        except BrokenPipeError:
            answers.append(None)
        process.stdout.read()
        process.wait()
        reader.join()
        return Outcome(process.returncode, '', err[0].decode(), pathlib.Path(report).read_text(), answers)

    # Judgements.

    def judge(self, scenario, fault, outcome):
        """What is wrong: a list of texts."""
        wrong = [f'{row[:-1]} died of {signal.Signals(int(row[-1])).name}' for row in outcome.told('died')]
        wrong += [f'{row[0]} was left' for row in outcome.told('left')]
        if outcome.code == HUNG:
            hung = ', '.join(f'{row[0]} in {NAMES.get(row[1], row[1])}' for row in outcome.told('hang'))
            wrong.append(f'it hung: {hung}')
        elif fault is not None and fault.error == 0 and (fault.role == '0' or STARTER.match(fault.role)):
            wrong += [] if outcome.code in (0, PROPER, OURS, KILLED) else [f'exit code {outcome.code}']
        elif scenario.streams == 'rpc':
            wrong += self._judge_answers(outcome)
        else:
            wrong += self._judge_run(scenario, fault, outcome)
        ran = 'walls ' in outcome.out or (len(outcome.answers) > 1 and 'result' in (outcome.answers[1] or {}))
        if ran and outcome.code in (0, PROPER):
            wrong += self._judge_record(scenario)
        wrong += self.judge_state()
        self.launches += 1
        if self.launches % NEXT_EACH == 0 or wrong:
            wrong += self._judge_next()
        return wrong

    def _judge_walls(self, text):
        row = re.search(r'^walls (.*) up$', text, re.M)
        if 'missing' in text or not row:
            return [f'the program ran, and says {text!r}']
        shared = [one for one in row[1].split() if one in self.namespaces.values()]
        return [f'the program shared {one} with the host' for one in shared]

    def _judge_message(self, outcome):
        lines = outcome.err.splitlines()
        if len(lines) != 1 or not re.match(r'^immure: \S.{8,}', lines[0]):
            return [f'no one clear message: {outcome.err!r}']
        if 'Success' in lines[0]:
            return [f'a message of success: {lines[0]!r}']
        return []

    def _judge_run(self, scenario, fault, outcome):
        starter = fault is not None and STARTER.match(fault.role)
        if outcome.code == PROPER:
            wrong = self._judge_walls(outcome.out)
            if scenario.streams == 'files' and not outcome.out.startswith(INPUT):
                wrong.append('input or output was lost')
            # a gateway that dies says so, and has a successor
            complaints = [line for line in outcome.err.splitlines() if not line.startswith('immure: gateway: ')]
            return wrong + ([f'it complained: {complaints}'] if complaints else [])
        if scenario.name == 'flow' and outcome.code == 8 and fault.onwards:
            return []  # without descriptors there is no gateway, and the flow waits for one
        if outcome.code == OURS or (starter and outcome.code in (126, 127)):
            return self._judge_message(outcome)
        return [f'exit code {outcome.code}']

    def _judge_answers(self, outcome):
        wrong = []
        for answer in outcome.answers:
            if answer is None and outcome.code != OURS:
                wrong.append('a call was not answered')
            elif answer is not None and 'error' in answer and len(answer['error'].get('message', '')) < 8:
                wrong.append(f'no clear message: {answer}')
        if len(outcome.answers) > 1 and 'result' in (outcome.answers[1] or {}):
            wrong += self._judge_exec(outcome.answers[1]['result'])
        if outcome.code == OURS:
            wrong += self._judge_message(outcome)
        elif outcome.code != 0:
            wrong.append(f'exit code {outcome.code}')
        return wrong

    def _judge_exec(self, result):
        text = base64.b64decode(result.get('stdout', '')).decode()
        if result['exit_code'] == PROPER:
            return [] if result.get('truncated') else self._judge_walls(text)  # it says that output is lost
        return [] if len(result.get('error', '')) >= 8 else [f'a program without an end or an error: {result}']

    def judge_state(self):
        """The state folder is whole and can be cleaned; nothing else is left."""
        wrong = []
        ids = [path.name for path in self.vms.glob('vm-*')]
        listed = self.plain('list', '--json') if ids else None
        try:
            if listed:
                rows = {row['id']: row['status'] for row in json.loads(listed.stdout)}
                wrong += [f'{one} reads {rows.get(one)!r}' for one in ids
                          if rows.get(one) not in ('stopped', 'crashed')]
        except (ValueError, KeyError):
            wrong.append(f'list says {listed}')
        if self.vms.exists() and any(self.vms.iterdir()):
            pruned = self.plain('prune')
            left = [str(path) for path in self.vms.iterdir()]
            if pruned.returncode != 0 or left:
                wrong.append(f'prune left {left} and says {pruned.stderr!r}')
                shutil.rmtree(self.vms)
        wrong += [f'cgroup {path}' for one in ids for path in glob.glob(f'/sys/fs/cgroup/**/*{one}*', recursive=True)]
        return wrong

    def _judge_record(self, scenario):
        try:
            [path] = self.vms.glob('vm-*/logs/start.json')
            record = json.loads(path.read_text())
        except ValueError as error:
            return [f'no record of the start: {error}']
        facts = {name: record.get(name) for name in ('walls', 'selftest', 'limits')}
        facts['own uid'] = record.get('host_uid') != 0
        normal = self.normal.setdefault(scenario.name, facts)
        return [] if facts == normal else [f'the record differs: {facts}']

    def _judge_next(self):
        done = self.plain('run', '--', 'true')
        self.plain('prune')
        return [] if done.returncode == 0 else [f'the next start fails: {done.stderr!r}']
