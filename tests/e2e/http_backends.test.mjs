// SPDX-License-Identifier: MIT
// http_backends.test.mjs - backends over stdio, Streamable HTTP and HTTP+SSE in one session, for both SDK clients.
import assert from 'node:assert/strict';
import test from 'node:test';
import { everythingOver, withBackends } from './support/backends.mjs';
import { callText, connect, connect2, endSession, toolNames } from './support/client.mjs';
import { demo, everything } from './support/paths.mjs';
import { RawBackend, RawSession, cutObject, messagesOf } from './support/raw.mjs';
import { leavesNothing, withTrunkd } from './support/trunkd.mjs';

// Runs body({ url, pid }, { streamable, sse }) with four backends, of three transports.
function withAll(body) {
  const starts = [everythingOver('streamableHttp'), everythingOver('sse')];
  return withBackends(starts, (streamable, sse) => {
    const mcpServers = {
      streamable: { url: streamable.url() },
      sse: { type: 'sse', url: sse.url('/sse') },
      stdio: everything(),
      demo: demo(),
    };
    return withTrunkd({ mcpServers }, (trunkd) => body(trunkd, { streamable, sse }));
  });
}

async function directToolNames(backend) {
  const direct = await RawBackend.open(backend);
  const { tools } = JSON.parse(await direct.request(1, 'tools/list', {})).result;
  await direct.end();
  return tools.filter(({ execution }) => execution?.taskSupport !== 'required').map((tool) => tool.name); // as in npm.test.mjs
}

async function unionOfTools() {
  const ofEverything = await directToolNames(everything());
  const ofDemo = await directToolNames(demo());
  return [
    ...['streamable', 'sse', 'stdio'].flatMap((name) => ofEverything.map((tool) => `${name}_${tool}`)),
    ...ofDemo.map((tool) => `demo_${tool}`),
  ].toSorted();
}

for (const [version, connectClient] of [['1.x', connect], ['2.x', connect2]]) {
  test(`the SDK client ${version} uses stdio, HTTP and SSE backends in one session`, async () => {
    await withAll(async ({ url, pid }) => {
      await leavesNothing(pid, async () => {
        const client = await connectClient(url);
        assert.deepEqual((await toolNames(client)).toSorted(), await unionOfTools());
        for (const name of ['streamable', 'sse', 'stdio']) {
          const text = `by ${name} \u{1f600}`;
          assert.equal(await callText(client, `${name}_echo`, { message: text }), `Echo: ${text}`);
          assert.match(await callText(client, `${name}_get-sum`, { a: 2, b: 40 }), /42/);
        }
        assert.equal(await callText(client, 'demo_add', { a: 2, b: 3 }), '5');
        await endSession(client);
      });
    });
  });
}

const calls = [
  ['echo', { message: 'a "quoted" \u{1f600} text' }],
  ['get-sum', { a: 0.1, b: 95.5 }],
  ['get-sum', { a: 'not a number' }],
  ['get-structured-content', { location: 'New York' }],
  ['get-tiny-image', {}],
];

test('a result has the bytes of the one got directly, over each transport', async () => {
  await withAll(async ({ url }, { streamable }) => {
    const session = await RawSession.open(url);
    const piped = await RawBackend.open(everything());
    const direct = await RawSession.open(streamable.url());
    let id = 0;
    for (const [tool, args] of calls) {
      id++;
      const params = { name: tool, arguments: args };
      const line = cutObject(await piped.request(id, 'tools/call', params), 'result');
      const event = messagesOf(await direct.request(id, 'tools/call', params)).at(-1);
      assert.equal(cutObject(event, 'result'), line, `${tool} directly`);
      for (const name of ['streamable', 'sse', 'stdio']) {
        const relayed = { name: `${name}_${tool}`, arguments: args };
        const message = messagesOf(await session.request(`${name}-${id}`, 'tools/call', relayed)).at(-1);
        assert.equal(JSON.parse(message).id, `${name}-${id}`);
        assert.equal(cutObject(message, 'result'), line, `${name} ${tool}`);
      }
    }
    await piped.end();
    await direct.end();
    await session.end();
  });
});
