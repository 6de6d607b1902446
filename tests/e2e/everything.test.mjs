// SPDX-License-Identifier: MIT
// everything.test.mjs - each list, read, get, completion and call of server-everything has, through trunkd, the bytes of the
// result that it has directly; over both transports.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema, ElicitRequestSchema, ListRootsRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { everythingOver, withBackends } from './support/backends.mjs';
import { everything } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { RawBackend, RawSession, cutElements, cutObject, messagesOf } from './support/raw.mjs';
import { withTrunkd } from './support/trunkd.mjs';

// What differs between any two sessions of it.
const differs = [/^get-env$/, /^toggle-/, /^gzip-/, /^demo:\/\/resource\/dynamic\//];
const isSame = (name) => !differs.some((pattern) => pattern.test(name));

const runsAsTask = ({ execution }) => execution?.taskSupport === 'required';

const args = {
  echo: { message: 'a "quoted" \u{1f600} text, 1e400' },
  'get-sum': { a: 0.1, b: 95.5 },
  'get-annotated-message': { messageType: 'error', includeImage: true },
  'get-structured-content': { location: 'Chicago' },
  'get-resource-links': { count: 3 },
  'trigger-long-running-operation': { duration: 0.1, steps: 2 },
};
const listings = {
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
};
const promptArgs = { 'args-prompt': { city: 'Bern', state: 'BE' }, 'completable-prompt': { department: 'Sales', name: 'Al' } };

// method, params: of what is asked; from both sides in this order.
async function questions(ask) {
  const list = async (kind) => JSON.parse(await ask(listings[kind], {}))[kind];
  const callable = (await list('tools')).filter(({ name }) => isSame(name));
  return [
    ...callable
      .filter((tool) => !runsAsTask(tool))
      .flatMap(({ name }) => [[name, args[name] ?? {}], [name, { ...args[name], unknown: true }]])
      .map(([name, given]) => ['tools/call', { name, arguments: given }]),
    ...(await list('prompts'))
      .filter(({ name }) => name !== 'resource-prompt') // a resource of demo://resource/dynamic
      .map(({ name }) => ['prompts/get', { name, arguments: promptArgs[name] }]),
    ...(await list('resources')).map(({ uri }) => ['resources/read', { uri }]),
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'S' } }],
    [
      'completion/complete',
      {
        ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
        argument: { name: 'resourceId', value: '7' },
      },
    ],
  ];
}

async function compare(direct, through) {
  for (const [kind, method] of Object.entries(listings)) {
    // trunkd offers no tasks, so what runs only as one is left out (protocol.md 5.4).
    const wanted = cutElements(await direct(method, {}), kind).filter((text) => !runsAsTask(JSON.parse(text)));
    assert.ok(wanted.length > 0, kind);
    assert.deepEqual(cutElements(await through(method, {}), kind).toSorted(), wanted.toSorted(), kind);
  }
  const asked = await questions(direct);
  assert.ok(asked.length > 20, `${asked.length}`);
  for (const [method, params] of asked) {
    const [ours, theirs] = await Promise.all([through(method, params), direct(method, params)]);
    assert.equal(ours, theirs, `${method} ${JSON.stringify(params)}`);
  }
}

// A function of method and params that gives the bytes of the result.
function asking(request, takeMessage) {
  let id = 0;
  return async (method, params) => {
    id++;
    const message = takeMessage(await request(id, method, params));
    return cutObject(message, 'result');
  };
}

const overHttp = (session) => asking((...what) => session.request(...what), (answer) => messagesOf(answer).at(-1));

async function compareWith(entry, direct) {
  const config = { aggregation: { strategy: 'conflict' }, mcpServers: { everything: entry } };
  await withTrunkd(config, async ({ url }) => {
    const session = await RawSession.open(url);
    await compare(direct, overHttp(session));
    await session.end();
  });
}

test('over stdio', async () => {
  const direct = await RawBackend.open(everything());
  await compareWith(everything(), asking((...what) => direct.request(...what), (line) => line));
  await direct.end();
});

test('over Streamable HTTP', async () => {
  await withBackends([everythingOver('streamableHttp')], async (backend) => {
    const direct = await RawSession.open(backend.url());
    await compareWith({ url: backend.url() }, overHttp(direct));
    await direct.end();
  });
});

const asksFor = {
  'trigger-sampling-request': { prompt: 'say "it" \u{1f600}', maxTokens: 7 },
  'trigger-elicitation-request': {},
  'trigger-url-elicitation': { url: 'https://example.com/a?b=c', message: 'go there', elicitationId: 'e-1', errorPath: false },
  'get-roots-list': {},
};

// What a client that can answer is asked by each of these tools, and what the tools then say.
async function answerQuestions(transport) {
  const capabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };
  const client = new Client({ name: 'answering', version: '1' }, { capabilities });
  const questions = [];
  const answer = (schema, result) =>
    client.setRequestHandler(schema, ({ method, params }) => {
      questions.push([method, method === 'roots/list' ? undefined : params]);
      return result(params);
    });
  answer(CreateMessageRequestSchema, ({ maxTokens }) => ({
    role: 'assistant',
    model: 'm',
    stopReason: 'endTurn',
    content: { type: 'text', text: `${maxTokens} tokens` },
  }));
  answer(ElicitRequestSchema, ({ mode }) =>
    mode === 'url' ? { action: 'accept' } : { action: 'accept', content: { name: 'u', check: true, integer: 42, number: 3.25 } },
  );
  answer(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///a%20root', name: 'root' }] }));
  await client.connect(transport);
  const names = async () => (await client.listTools()).tools.map(({ name }) => name).filter((name) => name in asksFor).toSorted();
  await eventually('the tools for a client that can answer', async () => (await names()).length, Object.keys(asksFor).length);
  const results = [];
  for (const [name, given] of Object.entries(asksFor)) {
    results.push(await client.callTool({ name, arguments: given }));
  }
  await client.close();
  return { questions: questions.toSorted(), results };
}

async function compareQuestions(entry, direct) {
  await withTrunkd({ aggregation: { strategy: 'conflict' }, mcpServers: { everything: entry } }, async ({ url }) => {
    const through = await answerQuestions(new StreamableHTTPClientTransport(new URL(url)));
    const wanted = await answerQuestions(direct);
    assert.equal(wanted.questions.length, Object.keys(asksFor).length);
    assert.deepEqual(through, wanted);
  });
}

test('what it asks of its client, over stdio', () => compareQuestions(everything(), new StdioClientTransport({ ...everything(), stderr: 'ignore' })));

test('what it asks of its client, over Streamable HTTP', () =>
  withBackends([everythingOver('streamableHttp')], (backend) =>
    compareQuestions({ url: backend.url() }, new StreamableHTTPClientTransport(new URL(backend.url()))),
  ));
