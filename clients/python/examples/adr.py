# SPDX-License-Identifier: Apache-2.0
"""The example of ADR-0001, without its network part."""
from immure import Sandbox

with Sandbox({
    'image': 'standard',
    'vfs': {
        'mounts': {
            '/workspace': {'type': 'memory'}
        }
    },
}) as sb:

    # Handle events
    sb.on_event(lambda e: print(f"Event: {e['type']}") if e['type'] == 'network' else None)

    # Write and execute
    sb.write_file('/workspace/hello.py', 'print("Hello from sandbox!")')
    result = sb.exec('python /workspace/hello.py')
    print(result['stdout'])  # "Hello from sandbox!"

    # Read output
    sb.write_file('/workspace/script.py', '''
import json
with open('/workspace/output.json', 'w') as f:
    json.dump({"status": "ok"}, f)
''')
    sb.exec('python /workspace/script.py')
    output = sb.read_file('/workspace/output.json')
    print(output)  # b'{"status": "ok"}'
