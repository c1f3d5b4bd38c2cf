# SPDX-License-Identifier: Apache-2.0
"""A small agent: reads its task, runs a program, writes a report, and tries what it must not.

    agent.py FOLDER PATH...     FOLDER: has task.txt, gets report.json; PATH: files that should not be there

The report: {'task', 'output', 'read': {PATH: ERROR}, 'write': {PATH: ERROR}, 'network': {GOAL: [ERROR,
SECONDS]}}; ERROR is null for what worked. agent.mjs writes the same.
"""
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

WRITES = ['/usr/bin/immure-agent', '/etc/immure-agent', '/immure-agent', '/proc/sys/kernel/hostname']


def error_of(action):
    try:
        action()
    except (OSError, subprocess.SubprocessError) as error:
        return f'{type(error).__name__}: {error}'
    return None


def read(path):
    path = os.path.expanduser(path)
    if os.path.isdir(path):
        if not os.listdir(path):
            raise FileNotFoundError(f'{path} is empty')
    else:
        pathlib.Path(path).read_bytes()


def connect():
    with socket.create_connection(('198.51.100.7', 443), timeout=20) as connection:
        connection.sendall(b'hello')
        if not connection.recv(1):
            raise ConnectionError('closed without an answer')


def timed(action):
    start = time.monotonic()
    error = error_of(action)
    return [error, round(time.monotonic() - start, 3)]


def main():
    folder = pathlib.Path(sys.argv[1])
    report = {
        'task': (folder / 'task.txt').read_text(encoding='utf-8'),
        'output': subprocess.run(['sh', '-c', 'echo $((6 * 7))'], capture_output=True, text=True,
                                 check=True).stdout,
        'read': {path: error_of(lambda path=path: read(path)) for path in sys.argv[2:]},
        'write': {path: error_of(lambda path=path: pathlib.Path(path).write_text('x')) for path in WRITES},
        'network': {
            'name': timed(lambda: urllib.request.urlopen('http://example.com', timeout=20)),
            'address': timed(connect),
        },
    }
    (folder / 'report.json').write_text(json.dumps(report, indent=1), encoding='utf-8')


main()
