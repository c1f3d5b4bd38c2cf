// SPDX-License-Identifier: Apache-2.0
// An agent's library, openai, that lets a model say something and sees it come: prints what it said, and how.
import { createRequire } from 'node:module';

const { OpenAI } = createRequire(`${process.env.NODE_PATH}/`)('openai');
const client = new OpenAI({ baseURL: `${process.env.BASE}/v1`, apiKey: 'none' });
const stream = await client.chat.completions.create({
	model: 'any', stream: true, messages: [{ role: 'user', content: 'a b c d' }],
});
let said = '', parts = 0, first = 0;
for await (const part of stream) {
	first ||= performance.now();
	parts++;
	said += part.choices[0].delta.content;
}
console.log(said);
console.log(`${parts} parts ${performance.now() - first > 150 ? 'at once' : 'late'}`);
