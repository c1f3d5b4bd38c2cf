# SPDX-License-Identifier: Apache-2.0
"""Talk to a program while it runs, and give up on one that takes too long."""
from immure import Sandbox, SandboxTimeout

with Sandbox({'resources': {'timeout_seconds': 300}}) as sandbox:
    with sandbox.exec_stream('while read line; do echo "got $line"; done',
                             stdin_open=True) as stream:
        stream.write('one\ntwo\n')
        stream.close_stdin()
        for chunk in stream:
            print(chunk.stdout.decode(), end='')
    print('exit code', stream.wait().exit_code)

    try:
        sandbox.exec('sleep 1000', timeout=0.5)
    except SandboxTimeout:
        print('too slow')
    print(sandbox.exec('sleep 1000', timeout_seconds=1).exit_code)  # 124
