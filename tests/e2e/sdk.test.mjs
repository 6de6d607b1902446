// SPDX-License-Identifier: MIT
// sdk.test.mjs - clients of both SDKs, on each revision, use all of the protocol through trunkd: what they ask of backends, and
// what backends ask of them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as schemas from '@modelcontextprotocol/sdk/types.js';
import { withFixture } from './conformance/suites.mjs';
import { textResult, withScripted } from './fixture/scripted_backend.mjs';
import { eventually } from './support/processes.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const revisions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'];
const capabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } };
const text = (result) => result.content[0].text;

// The schemas by which the first SDK knows methods; the second takes their names.
const schemaOf = {
  'sampling/createMessage': schemas.CreateMessageRequestSchema,
  'elicitation/create': schemas.ElicitRequestSchema,
  'roots/list': schemas.ListRootsRequestSchema,
  'notifications/resources/updated': schemas.ResourceUpdatedNotificationSchema,
  'notifications/message': schemas.LoggingMessageNotificationSchema,
  'notifications/tools/list_changed': schemas.ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': schemas.PromptListChangedNotificationSchema,
  'notifications/resources/list_changed': schemas.ResourceListChangedNotificationSchema,
};

const sdks = {
  '1.x': {
    make: () => new Client({ name: 'sdk', version: '1' }, { capabilities }),
    transport: (url) => new StreamableHTTPClientTransport(url),
    key: (method) => schemaOf[method],
    signal: (context) => context.signal,
    call: (client, params, options) => client.callTool(params, undefined, options),
  },
  '2.x': {
    make: () => new Client2({ name: 'sdk', version: '2' }, { capabilities }),
    transport: (url) => new Transport2(url),
    key: (method) => method,
    signal: (context) => context.mcpReq.signal,
    call: (client, params, options) => client.callTool(params, options),
  },
};

// A client on this revision, whom backends can ask things; told: the notifications that came, questions: the elicitations.
async function connect(sdk, url, revision) {
  const client = sdk.make();
  const told = [];
  const questions = [];
  const withdrawn = [];
  const transport = sdk.transport(new URL(url));
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    const isFirst = message.method === 'initialize';
    return send(isFirst ? { ...message, params: { ...message.params, protocolVersion: revision } } : message, options);
  };
  const handle = (method, run) => client.setRequestHandler(sdk.key(method), run);
  handle('sampling/createMessage', ({ params }) => {
    const heard = params.messages[0].content.text;
    return { role: 'assistant', model: 'm', content: { type: 'text', text: `said ${heard}` } };
  });
  handle('elicitation/create', ({ params }, context) => {
    questions.push(params);
    if (params.message !== 'never') {
      return params.mode === 'url' ? { action: 'accept' } : { action: 'accept', content: { username: 'u', email: 'e@e' } };
    }
    return new Promise((resolve) => {
      sdk.signal(context).addEventListener('abort', () => {
        withdrawn.push(params);
        resolve({ action: 'cancel' });
      });
    });
  });
  handle('roots/list', () => ({ roots: [{ uri: 'file:///root', name: 'root' }] }));
  for (const method of Object.keys(schemaOf).filter((name) => name.startsWith('notifications/'))) {
    client.setNotificationHandler(sdk.key(method), (notification) => {
      told.push(notification);
    });
  }
  await client.connect(transport);
  return { client, told, questions, withdrawn, call: (name, args = {}, options = {}) => sdk.call(client, { name, arguments: args }, options) };
}

// Tools of a backend without an SDK, for what the fixture has not.
const tools = {
  roots: async ({ session, events }) => {
    const { result } = await session.ask(events(), 'r', 'roots/list', {});
    return textResult(result.roots[0].uri);
  },
  url: async ({ session, events }) => {
    const params = { mode: 'url', message: 'go there', url: 'https://example.com/', elicitationId: 'e-1' };
    const { result } = await session.ask(events(), 'u', 'elicitation/create', params);
    return textResult(result.action);
  },
  // Takes its question back when the client has it.
  withdraw: async ({ session, events, params }) => {
    const requestedSchema = { type: 'object', properties: {} };
    void session.ask(events(), 'w', 'elicitation/create', { message: 'never', requestedSchema });
    await eventually('the question at the client', () => seen.get(params.arguments.mark)?.questions.length > 0, true);
    events().send({ method: 'notifications/cancelled', params: { requestId: 'w', reason: 'no more' } });
    return textResult('withdrawn');
  },
  hang: ({ session, id }) => {
    session.hanging = id;
    return new Promise(() => {});
  },
};
const seen = new Map(); // mark -> the client whose call carries it

const isSince = (revision, since) => revision >= since;
const hasTold = (told, method) => () => told.some((notification) => notification.method === method);

async function useLists({ client, told, call }) {
  const lists = {
    tool: async () => (await client.listTools()).tools.map(({ name }) => name),
    prompt: async () => (await client.listPrompts()).prompts.map(({ name }) => name),
    resource: async () => (await client.listResources()).resources.map(({ uri }) => uri),
  };
  const names = { tool: 'test_changing_tool', prompt: 'test_changing_prompt', resource: 'test://changing-resource' };
  for (const [kind, list] of Object.entries(lists)) {
    for (const isThere of [true, false]) {
      const method = `notifications/${kind}s/list_changed`;
      await list();
      told.length = 0;
      await call(`test_trigger_${kind}_change`);
      await eventually(`${method} at the client`, hasTold(told, method), true);
      assert.equal((await list()).includes(names[kind]), isThere, kind);
    }
  }
}

async function useResources({ client, told, call }) {
  const read = async (uri) => (await client.readResource({ uri })).contents[0];
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.deepEqual(resourceTemplates.map(({ uriTemplate }) => uriTemplate), ['test://template/{id}/data']);
  assert.equal(JSON.parse((await read('test://template/7/data')).text).id, '7');
  assert.equal((await read('test://static-text')).mimeType, 'text/plain');
  await assert.rejects(read('test://nothing'), { message: /-32002/ });
  const uri = 'test://watched-resource';
  await client.subscribeResource({ uri });
  const revision = text(await call('test_update_watched_resource'));
  await eventually('updated', hasTold(told, 'notifications/resources/updated'), true);
  assert.equal((await read(uri)).text, revision);
  await client.unsubscribeResource({ uri });
}

async function useBackends(one, revision) {
  const { client, told, call } = one;
  const progress = [];
  await call('test_tool_with_progress', {}, { onprogress: (step) => progress.push(step.progress) });
  assert.deepEqual(progress, [0, 50, 100]);
  await client.setLoggingLevel('info');
  await call('test_tool_with_logging');
  assert.equal(told.filter(({ method }) => method === 'notifications/message').length, 3);
  await client.setLoggingLevel('error');
  told.length = 0;
  await call('test_tool_with_logging');
  assert.deepEqual(told, []);
  const { messages } = await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'x', arg2: 'y' } });
  assert.match(messages[0].content.text, /'x'.*'y'/);
  if (isSince(revision, '2025-03-26')) {
    const ref = { type: 'ref/prompt', name: 'test_prompt_with_arguments' };
    const { completion } = await client.complete({ ref, argument: { name: 'arg1', value: 'v' } });
    assert.deepEqual(completion.values, ['v-1', 'v-2']);
  }
}

async function answerBackends(one, revision, backend) {
  const { client, call, questions, withdrawn } = one;
  assert.equal(text(await call('test_sampling', { prompt: 'hello' })), 'LLM response: said hello');
  assert.equal(text(await call('roots')), 'file:///root');
  const [session] = [...backend.sessions.values()];
  await client.sendRootsListChanged();
  const hasHeard = (method) => session.notifications.some((notification) => notification.method === method);
  await eventually('roots/list_changed', () => hasHeard('notifications/roots/list_changed'), true);
  if (isSince(revision, '2025-06-18')) {
    assert.match(text(await call('test_elicitation', { message: 'who?' })), /action=accept.*"username":"u"/);
    questions.length = 0;
    seen.set(revision, one);
    assert.equal(text(await call('withdraw', { mark: revision })), 'withdrawn');
    await eventually('a question taken back', () => withdrawn.length, 1);
  }
  if (isSince(revision, '2025-11-25')) {
    assert.equal(text(await call('url')), 'accept');
    assert.deepEqual(questions.at(-1).elicitationId, 'e-1');
  }
  const controller = new AbortController();
  const hanging = assert.rejects(call('hang', {}, { signal: controller.signal }));
  await eventually('the call at the backend', () => session.hanging !== undefined, true);
  controller.abort('enough');
  await hanging;
  await eventually('cancelled', () => hasHeard('notifications/cancelled'), true);
  const { params } = session.notifications.find(({ method }) => method === 'notifications/cancelled');
  assert.equal(params.requestId, session.hanging);
}

for (const [version, sdk] of Object.entries(sdks)) {
  for (const revision of revisions) {
    test(`a client of the SDK ${version} on ${revision} has all of the protocol`, async () => {
      await withFixture((fixture) =>
        withScripted({ tools }, (backend) => {
          const mcpServers = { fixture: { url: fixture }, scripted: { url: backend.url } };
          return withTrunkd({ aggregation: { strategy: 'conflict' }, mcpServers }, async ({ url }) => {
            const one = await connect(sdk, url, revision);
            await useBackends(one, revision);
            await useResources(one);
            await answerBackends(one, revision, backend);
            await useLists(one);
            await one.client.close();
          });
        }),
      );
    });
  }
}
