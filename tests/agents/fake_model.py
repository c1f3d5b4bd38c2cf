#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A model API on loopback, for agents that run where no network is.

    fake_model.py [--log FILE] COMMAND -- AGENT [ARG]...

Starts AGENT with MODEL_URL in its environment and ends with its exit code. The model knows one task:
it answers the first turn by a call of the agent's tool for shell commands, with COMMAND, and the turn
that brings the tool's output by the text "task done: OUTPUT". It speaks OpenAI's Responses and Chat
Completions, streaming (server-sent events) and not.
"""
import argparse
import http.server
import itertools
import json
import os
import subprocess
import sys
import threading
import time

# The shell tools of agents, by name: the argument that takes the command, and how it is written.
SHELL_TOOLS = {
    'exec_command': lambda command: {'cmd': command},
    'shell_command': lambda command: {'command': command},
    'shell': lambda command: {'command': ['sh', '-c', command]},
    'exec': lambda command: {'command': command},
    'bash': lambda command: {'command': command},
}
CALL_ID = 'call_1'
USAGE = {'input_tokens': 10, 'output_tokens': 5, 'total_tokens': 15,
         'prompt_tokens': 10, 'completion_tokens': 5}


def text_of(content):
    """The text of a message's or a tool output's content, which may be a list of parts."""
    if isinstance(content, list):
        return ''.join(part.get('text', '') for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else json.dumps(content)


def choose_tool(tools):
    """The first of the agent's tools that runs shell commands; None if it offers none."""
    names = [tool.get('name') or tool.get('function', {}).get('name') for tool in tools or ()]
    return next((name for name in SHELL_TOOLS if name in names), None)


class Model:
    """What the model says; the same for both protocols."""

    def __init__(self, command, log):
        self.command, self._log = command, log
        self._numbers = itertools.count(1)

    def log(self, entry):
        if self._log:
            with open(self._log, 'a', encoding='utf-8') as file:
                file.write(json.dumps(entry) + '\n')

    def turn(self, tools, output):
        """Return: (tool name, arguments) of a call, or (None, text)."""
        if output is not None:
            return None, f'task done: {output}'
        name = choose_tool(tools)
        if name is None:
            return None, 'no tool to do it with'
        return name, json.dumps(SHELL_TOOLS[name](self.command))

    def responses(self, request):
        """Events of one answer of the Responses API."""
        items = request['input'] if isinstance(request['input'], list) else []
        output = next((text_of(item['output']) for item in reversed(items)
                       if item.get('type') == 'function_call_output'), None)
        name, text = self.turn(request.get('tools'), output)
        number = next(self._numbers)
        if name:
            item = {'type': 'function_call', 'id': f'fc_{number}', 'call_id': CALL_ID, 'name': name,
                    'arguments': text, 'status': 'completed'}
        else:
            item = {'type': 'message', 'id': f'msg_{number}', 'role': 'assistant',
                    'status': 'completed',
                    'content': [{'type': 'output_text', 'text': text, 'annotations': []}]}
        response = {'id': f'resp_{number}', 'object': 'response', 'model': request.get('model'),
                    'created_at': int(time.time()), 'status': 'in_progress', 'output': []}
        yield 'response.created', {'response': response}
        yield 'response.output_item.added', {'output_index': 0, 'item': {**item, 'status': 'in_progress'}}
        if not name:
            yield 'response.output_text.delta', {'item_id': item['id'], 'output_index': 0,
                                                 'content_index': 0, 'delta': text}
        yield 'response.output_item.done', {'output_index': 0, 'item': item}
        yield 'response.completed', {'response': {**response, 'status': 'completed',
                                                  'output': [item], 'usage': USAGE}}

    def chat(self, request):
        """(message, reason to finish) of one answer of Chat Completions."""
        output = next((text_of(message['content']) for message in reversed(request['messages'])
                       if message.get('role') == 'tool'), None)
        name, text = self.turn(request.get('tools'), output)
        if not name:
            return {'role': 'assistant', 'content': text}, 'stop'
        call = {'index': 0, 'id': CALL_ID, 'type': 'function',
                'function': {'name': name, 'arguments': text}}
        return {'role': 'assistant', 'content': None, 'tool_calls': [call]}, 'tool_calls'


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    model = None

    def log_message(self, format, *arguments):  # noqa: A002  (the base class names it so)
        self.model.log({'line': format % arguments})

    def do_GET(self):
        if self.path.endswith('/models'):
            self._json({'object': 'list', 'data': [{'id': 'fake-model', 'object': 'model'}]})
        else:
            self._json({'error': {'message': 'not here'}}, 404)

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        self.model.log({'path': self.path, 'request': request})
        if self.path.endswith('/responses'):
            self._responses(request)
        elif self.path.endswith('/chat/completions'):
            self._chat(request)
        else:
            self._json({'error': {'message': 'not here'}}, 404)

    def _responses(self, request):
        events = list(self.model.responses(request))
        if not request.get('stream'):
            self._json(events[-1][1]['response'])
            return
        self._stream(f'event: {kind}\ndata: {json.dumps({"type": kind, "sequence_number": i, **data})}\n\n'
                     for i, (kind, data) in enumerate(events))

    def _chat(self, request):
        message, reason = self.model.chat(request)
        head = {'id': 'chat_1', 'created': int(time.time()), 'model': request.get('model')}
        if not request.get('stream'):
            self._json({**head, 'object': 'chat.completion', 'usage': USAGE,
                        'choices': [{'index': 0, 'message': message, 'finish_reason': reason}]})
            return
        chunks = [{'choices': [{'index': 0, 'delta': message, 'finish_reason': None}]},
                  {'choices': [{'index': 0, 'delta': {}, 'finish_reason': reason}]},
                  {'choices': [], 'usage': USAGE}]
        texts = [json.dumps({**head, 'object': 'chat.completion.chunk', **chunk}) for chunk in chunks]
        self._stream(f'data: {text}\n\n' for text in [*texts, '[DONE]'])

    def _json(self, value, status=200):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events):
        """Chunked, each event by itself, as a real model's tokens come."""
        self.send_response(200)
        self.send_header('Content-Type', 'text/event-stream')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(f'{len(data):x}\r\n'.encode() + data + b'\r\n')
            self.wfile.flush()
        self.wfile.write(b'0\r\n\r\n')


def main():
    if '--' not in sys.argv:
        sys.exit(__doc__)
    cut = sys.argv.index('--')
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--log', help='append what is asked to this file')
    parser.add_argument('command', help='what the agent is told to run')
    arguments = parser.parse_args(sys.argv[1:cut])
    Handler.model = Model(arguments.command, arguments.log)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f'http://127.0.0.1:{server.server_port}/v1'
    return subprocess.run(sys.argv[cut + 1:], env={**os.environ, 'MODEL_URL': url},
                          stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == '__main__':
    sys.exit(main())
