# SPDX-License-Identifier: Apache-2.0
"""What the network tests run inside. Each prints what it saw, exceptions by their class."""

# One flow each: create_connection() would go on to the next address after a reset.
TRY = '''
import socket, sys
for host, port in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as flow:
            flow.settimeout(20)
            flow.connect(address)
            print(flow.recv(100).decode() or 'end')
    except OSError as error:
        print(type(error).__name__)
'''

BOTH_WAYS = '''
import hashlib, socket, sys, threading
sys.path.insert(0, '/tmp/lib')
from servers import blocks
flow = socket.create_connection(('a.test', int(sys.argv[1])))
def send():
    for block in blocks('up', int(sys.argv[2])):
        flow.sendall(block)
    flow.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
judge = hashlib.sha256()
while True:
    data = flow.recv(1 << 20)
    if not data:
        break
    judge.update(data)
sender.join()
print(judge.hexdigest())
'''

HALF_CLOSE = '''
import socket, sys
flow = socket.create_connection(('a.test', int(sys.argv[1])))
flow.sendall(b'question')
flow.shutdown(socket.SHUT_WR)
flow.settimeout(20)
print(flow.recv(100).decode(), flow.recv(100) == b'')
'''

MANY = '''
import socket, sys
flows = [socket.create_connection(('a.test', int(sys.argv[1])), 20) for _ in range(int(sys.argv[2]))]
for i, flow in enumerate(flows):
    flow.sendall(b'%d\\n' % i)
print(sum(flow.recv(100) == b'%d\\n' % i for i, flow in enumerate(flows)))
'''

UNTIL_THE_END = '''
import socket, sys
flow = socket.create_connection(('a.test', int(sys.argv[1])), 20)
print(flow.recv(2).decode(), flush=True)
try:
    while flow.recv(65536):
        pass
    print('end')
except OSError as error:
    print(type(error).__name__)
'''
