// SPDX-License-Identifier: Apache-2.0
// Clients of Node: client.mjs LIBRARY BASE CHECK...; prints `CHECK: what came of it`. As client.py.
import crypto from 'node:crypto';
import http2 from 'node:http2';
import https from 'node:https';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';

const [library, base, ...checks] = process.argv.slice(2);
const packages = createRequire(`${process.env.NODE_PATH}/`);
const block = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));

async function* blocks(count) {
	for (let i = 0; i < count; i++) yield block;
}

async function byFetch(fetch, method, url, count, chunked) {
	const body = count === undefined ? undefined
		: chunked ? Readable.toWeb(Readable.from(blocks(count))) : Buffer.concat(Array(count).fill(block));
	const answer = await fetch(url, { method, body, duplex: body && 'half' });
	return { status: answer.status, header: (name) => answer.headers.get(name), body: answer.body ?? [] };
}

const agent = new https.Agent({ keepAlive: true });

function byHttps(method, url, count, chunked) {
	return new Promise((done, fail) => {
		const length = count !== undefined && !chunked ? { 'Content-Length': count << 20 } : {};
		const request = https.request(url, { method, agent, headers: length }, (answer) => done({
			status: answer.statusCode, header: (name) => answer.headers[name.toLowerCase()], body: answer,
		}));
		request.on('error', fail);
		Readable.from(blocks(count ?? 0)).pipe(request);
	});
}

const sessions = {};

function byHttp2(method, url, count) {
	return new Promise((done, fail) => {
		const { origin, pathname } = new URL(url);
		const session = sessions[origin] ??= http2.connect(origin);
		session.on('error', fail);
		const stream = session.request({ ':method': method, ':path': pathname });
		stream.on('error', fail);
		stream.on('response', (headers) => done({
			status: headers[':status'], header: (name) => headers[name.toLowerCase()], body: stream,
		}));
		Readable.from(blocks(count ?? 0)).pipe(stream);
	});
}

const libraries = {
	fetch: (...words) => byFetch(fetch, ...words),
	undici: (...words) => byFetch(packages('undici').fetch, ...words),
	https: byHttps,
	http2: byHttp2,
};
const request = libraries[library];

async function digest(body) {
	const judge = crypto.createHash('sha256');
	let length = 0;
	for await (const part of body) {
		judge.update(part);
		length += part.length;
	}
	return `${length} ${judge.digest('hex')}`;
}

async function text(body) {
	let all = '';
	for await (const part of body) all += Buffer.from(part).toString();
	return all.trim();
}

async function post(word, chunked) {
	const answer = await request('POST', `${base}/digest/`, Number(word), chunked);
	return `${answer.status} ${await text(answer.body)}`;
}

const kinds = {
	async get(word) {
		const answer = await request('GET', `${base}/data/${word}`);
		return `${answer.status} ${await digest(answer.body)}`;
	},
	async head() {
		const answer = await request('HEAD', `${base}/data/3`);
		return `${answer.status} ${answer.header('Content-Length')} ${await text(answer.body)}`.trim();
	},
	post: (word) => post(word, false),
	chunked: (word) => post(word, true),
	async events() {
		const answer = await request('GET', `${base}/events/`);
		const times = [];
		let seen = '';
		for await (const part of answer.body) {
			seen += Buffer.from(part).toString();
			while (times.length < seen.split('\n\n').length - 1) times.push(Date.now());
		}
		return `${times.length} ${times.at(-1) - times[0] > 400 ? 'at once' : 'late'}`;
	},
	async reuse() {
		const counts = [];
		for (let i = 0; i < 3; i++) {
			const answer = await request('GET', `${base}/data/0`);
			counts.push(answer.header('X-Requests'));
			await text(answer.body);
			await new Promise((done) => setTimeout(done, 50)); // a pool takes it back in a later turn
		}
		return counts.join(' ');
	},
	async broken(word) {
		const answer = await request('GET', `${base}/${word}/`);
		return `whole: ${await digest(answer.body)}`;
	},
	async bad(word) {
		const answer = await request('GET', `${base.replace('origin.test', `${word}.test`)}/data/0`);
		return `${answer.status} ${await text(answer.body)}`;
	},
	ws() {
		return new Promise((done, fail) => {
			const socket = new (packages('ws'))(`${base.replace('http', 'ws')}/ws/`);
			const seen = [];
			socket.on('error', fail);
			socket.on('open', () => {
				socket.send('hello');
				socket.send('x'.repeat(1000));
			});
			socket.on('message', (data) => {
				if (seen.push(data.toString()) === 2) {
					socket.close();
					done(`${seen[0]} ${seen[1].length}`);
				}
			});
		});
	},
};

process.on('uncaughtException', () => {}); // of a session that broke; whoever waits is told by its stream
for (const check of checks) {
	const [name, word] = check.split(':');
	const said = await kinds[name](word).catch(
		(error) => `error ${error.name}: ${error.message} ${error.cause?.code ?? error.code ?? ''}`);
	console.log(`${check}: ${said}`);
}
process.exit(0);
