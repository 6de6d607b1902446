// SPDX-License-Identifier: MIT
// restarted.test.mjs - the conformance suite while trunkd is killed and started again before each session that a scenario
// opens. Three sessions of SDK clients, opened before the first scenario, are used again after the last: what the backend
// remembers of them is still there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { callText, toolNames } from '../support/client.mjs';
import { withRestartable } from '../support/restartable.mjs';
import { stores } from '../support/stores.mjs';
import { withDirectory } from '../support/trunkd.mjs';
import { conforms, withFixture } from './suites.mjs';

// Streams of theirs are cut by each restart, so they try again for as long as it takes.
const reconnectionOptions = {
  initialReconnectionDelay: 100,
  maxReconnectionDelay: 1000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 1000,
};

const sdks = [
  [Client, StreamableHTTPClientTransport],
  [Client2, Transport2],
  [Client, StreamableHTTPClientTransport],
];

async function connectAll(url) {
  return Promise.all(
    sdks.map(async ([ClientOf, TransportOf]) => {
      const client = new ClientOf({ name: 'trunkd-e2e', version: '1' });
      await client.connect(new TransportOf(new URL(url), { reconnectionOptions }));
      return client;
    }),
  );
}

// What each has the backend remember, and how it looks whether it does.
async function setState([first, second, third]) {
  assert.equal(await callText(first, 'test_trigger_tool_change'), 'added');
  assert.equal(await callText(second, 'test_trigger_prompt_change'), 'added');
  assert.equal(await callText(third, 'test_trigger_resource_change'), 'added');
}

async function assertState([first, second, third]) {
  const prompts = async (client) => (await client.listPrompts()).prompts.map(({ name }) => name);
  const resources = async (client) => (await client.listResources()).resources.map(({ uri }) => uri);
  for (const client of [first, second, third]) {
    assert.equal((await toolNames(client)).includes('test_changing_tool'), client === first);
    assert.equal((await prompts(client)).includes('test_changing_prompt'), client === second);
    assert.equal((await resources(client)).includes('test://changing-resource'), client === third);
  }
  assert.equal(await callText(first, 'test_changing_tool'), 'I am here.');
  assert.equal((await second.getPrompt({ name: 'test_changing_prompt' })).messages.length, 1);
  assert.equal((await third.readResource({ uri: 'test://changing-resource' })).contents[0].text, 'I am here.');
}

// Hands requests on as they are. Before an initialize is, restart has been run.
async function forward(request, response, target, restart) {
  const body = Buffer.concat(await request.toArray());
  if (body.includes('"method":"initialize"')) {
    await restart();
  }
  const { method, headers } = request;
  const onward = httpRequest(target, { method, headers, setHost: false, agent: false });
  onward.end(body);
  response.on('close', () => onward.destroy());
  const [answer] = await once(onward, 'response');
  response.writeHead(answer.statusCode, answer.headers);
  await pipeline(answer, response);
}

async function withProxy(target, restart, body) {
  const server = createServer((request, response) => {
    forward(request, response, target, restart).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body(`http://127.0.0.1:${server.address().port}/mcp`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function whileRestarted(use) {
  return withFixture((url) =>
    withDirectory((directory) =>
      stores.sqlite(directory, (store) => {
        const mcpServers = { fixture: { type: 'http', url } };
        return withRestartable(directory, { aggregation: { strategy: 'conflict' }, mcpServers }, async (trunkd) => {
          let restarts = 0;
          const restart = async () => {
            restarts++;
            await trunkd.kill();
            assert.ok(await trunkd.start(store.plain()));
          };
          assert.ok(await trunkd.start(store.plain()));
          const clients = await connectAll(trunkd.url);
          await setState(clients);
          await withProxy(trunkd.url, restart, use);
          assert.ok(restarts > 0);
          await assertState(clients);
          await Promise.all(clients.map((client) => client.close()));
          await trunkd.stop();
        });
      }),
    ),
  );
}

conforms('trunkd restarted between scenarios', whileRestarted);
