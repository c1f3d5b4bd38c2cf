// SPDX-License-Identifier: Apache-2.0
// The agent of agent.py in Node: the same arguments, the same report, and work done on a thread.
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { fileURLToPath } from 'node:url';

const WRITES = ['/usr/bin/immure-agent', '/etc/immure-agent', '/immure-agent', '/proc/sys/kernel/hostname'];

async function errorOf(action) {
	try {
		await action();
	} catch (error) {
		return `${error.name}: ${error.message} ${error.cause?.code ?? error.code ?? ''}`;
	}
	return null;
}

function read(name) {
	const full = name.replace(/^~/, os.homedir());
	if (!existsSync(full) || !statSync(full).isDirectory()) {
		readFileSync(full);
	} else if (readdirSync(full).length === 0) {
		throw new Error(`${full} is empty`);
	}
}

function connect() {
	return new Promise((resolve, reject) => {
		const socket = net.connect(443, '198.51.100.7', () => socket.write('hello'));
		socket.setTimeout(20000, () => socket.destroy(new Error('timed out')));
		socket.on('data', resolve);
		socket.on('error', reject);
		socket.on('close', () => reject(new Error('closed without an answer')));
	});
}

async function timed(action) {
	const start = performance.now();
	const error = await errorOf(action);
	return [error, (performance.now() - start) / 1000];
}

async function errorsOf(names, action) {
	const errors = {};
	for (const name of names)
		errors[name] = await errorOf(() => action(name));
	return errors;
}

// On a thread: 6 * 7, by a program.
async function work() {
	const { stdout } = await promisify(execFile)('sh', ['-c', `echo $((${workerData} * 7))`]);
	parentPort.postMessage(stdout);
}

async function main() {
	const [folder, ...forbidden] = process.argv.slice(2);
	const worker = new Worker(fileURLToPath(import.meta.url), { workerData: 6 });
	const output = await new Promise((resolve, reject) => {
		worker.on('message', resolve);
		worker.on('error', reject);
	});
	const report = {
		task: readFileSync(path.join(folder, 'task.txt'), 'utf8'),
		output,
		read: await errorsOf(forbidden, read),
		write: await errorsOf(WRITES, (name) => writeFileSync(name, 'x')),
		network: {
			name: await timed(() => fetch('http://example.com', { signal: AbortSignal.timeout(20000) })),
			address: await timed(connect),
		},
	};
	writeFileSync(path.join(folder, 'report.json'), JSON.stringify(report, null, 1));
}

await (isMainThread ? main() : work());
