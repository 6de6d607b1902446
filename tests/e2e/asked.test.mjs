// SPDX-License-Identifier: MIT
// asked.test.mjs - many clients whose backend asks them things at the same time, with the same ids in every session and in both
// directions: what is asked reaches the session that it is for, and so does each answer.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { textResult, withScripted } from './fixture/scripted_backend.mjs';
import { RawSession, initializeParams } from './support/raw.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const isLong = process.env.TRUNKD_TEST_SIZE === 'long';
const rounds = isLong ? 10 : 1;
const times = (count, body) => Promise.all(Array.from({ length: count }, (_, i) => body(i)));

// The n-th call of a session asks with ids that other sessions and the clients' own requests have, too: numbers, strings that
// look like them, and the call's own.
const questionIds = (n, id) => [n, String(n), id + 1000];

const elicitation = (text) => ({ message: text, requestedSchema: { type: 'object', properties: { secret: { type: 'string' } } } });
const sampling = (text) => ({ messages: [{ role: 'user', content: { type: 'text', text } }], maxTokens: 1 });

// Asks three things at once, with the session's secret in each; answers with what it was told.
async function ask({ id, params, session, events }) {
  const { n, mark } = params.arguments;
  const text = `${session.secret}/${mark}`;
  const [first, second, third] = questionIds(n, id);
  const answers = await Promise.all([
    session.ask(events(), first, 'elicitation/create', elicitation(text)),
    session.ask(events(), second, 'sampling/createMessage', sampling(text)),
    session.ask(events(), third, 'elicitation/create', elicitation(text)),
  ]);
  const told = answers.map(({ result }) => result.content.secret ?? result.content.text);
  return textResult(JSON.stringify({ secret: session.secret, mark, told }));
}

// What a client keeps of what it was asked: it may only ever see one secret, that of its own session at the backend.
class Person {
  constructor(name) {
    this.name = name;
    this.seen = new Set();
  }

  see(text) {
    this.seen.add(text.split('/')[0]);
    return `${this.name}:${text}`;
  }

  elicited({ message }) {
    return { action: 'accept', content: { secret: this.see(message) } };
  }

  sampled({ messages }) {
    return { role: 'assistant', model: 'm', content: { type: 'text', text: this.see(messages[0].content.text) } };
  }

  check(text, mark) {
    const { secret, mark: said, told } = JSON.parse(text);
    assert.equal(said, mark);
    assert.deepEqual(told, Array(3).fill(`${this.name}:${secret}/${mark}`));
    assert.deepEqual([...this.seen], [secret]);
    return secret;
  }
}

const capabilities = { sampling: {}, elicitation: {} };

async function connect1(url, person) {
  const client = new Client({ name: 'asked', version: '1' }, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => person.elicited(params));
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => person.sampled(params));
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return client;
}

async function connect2(url, person) {
  const client = new Client2({ name: 'asked', version: '2' }, { capabilities });
  client.setRequestHandler('elicitation/create', ({ params }) => person.elicited(params));
  client.setRequestHandler('sampling/createMessage', ({ params }) => person.sampled(params));
  await client.connect(new Transport2(new URL(url)));
  return client;
}

// Of the SDKs: three calls at once.
async function useSdk(connect, url, name) {
  const person = new Person(name);
  const client = await connect(url, person);
  const secrets = [];
  for (let round = 0; round < rounds; round++) {
    const found = await times(3, async (n) => {
      const mark = `${round}-${n}`;
      const { content } = await client.callTool({ name: 'one_ask', arguments: { n, mark } });
      return person.check(content[0].text, mark);
    });
    secrets.push(...found);
  }
  await client.close();
  return secrets;
}

// Without one: the ids of its calls are those that the backend asks with. Answers go out on other connections.
async function useRaw(url, name) {
  const person = new Person(name);
  const session = await RawSession.open(url, {}, { ...initializeParams, capabilities });
  const secrets = [];
  for (let round = 0; round < rounds; round++) {
    const found = await times(3, async (n) => {
      const mark = `${round}-${n}`;
      const stream = await session.openCall(n, 'one_ask', { n, mark });
      for (;;) {
        const { id, method, params, result } = await stream.nextMessage();
        if (method === undefined) {
          assert.equal(id, n);
          return person.check(result.content[0].text, mark);
        }
        const answer = method === 'elicitation/create' ? person.elicited(params) : person.sampled(params);
        const accepted = await session.post(JSON.stringify({ jsonrpc: '2.0', id, result: answer }));
        assert.equal(accepted.status, 202);
      }
    });
    secrets.push(...found);
  }
  await session.end();
  return secrets;
}

test('100 clients at once are each asked for themselves only, and each answer is of their own session', async () => {
  await withScripted({ tools: { ask } }, async (backend) => {
    await withTrunkd({ mcpServers: { one: { url: backend.url } } }, async ({ url }) => {
      const secrets = await times(100, (i) => {
        const name = `client-${i}`;
        return [useSdk.bind(undefined, connect1), useSdk.bind(undefined, connect2), useRaw][i % 3](url, name);
      });
      assert.equal(new Set(secrets.flat()).size, 100);
      assert.ok(secrets.every((own) => new Set(own).size === 1));
    });
  });
});
