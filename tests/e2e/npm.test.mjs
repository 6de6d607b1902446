// SPDX-License-Identifier: MIT
// npm.test.mjs - three npm servers and a demo backend behind one URL: the union of their tools, and results byte for byte.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { callText, toolNames, withClient } from './support/client.mjs';
import { demo, everything, filesystem, memory } from './support/paths.mjs';
import { RawBackend, RawSession, cutObject, messagesOf } from './support/raw.mjs';
import { withDirectory, withTrunkd } from './support/trunkd.mjs';

// The servers, each run with a memory file of this name, so that two runs say the same.
function backends(directory, memoryFile) {
  const files = join(directory, 'files');
  return {
    everything: everything(),
    files: filesystem(files),
    memory: memory(join(directory, memoryFile)),
    demo: demo(),
  };
}

// trunkd offers no tasks, so what runs only as one is left out (protocol.md 5.4).
const isOffered = ({ execution }) => execution?.taskSupport !== 'required';

function makeFiles(directory) {
  mkdirSync(join(directory, 'files/inner'), { recursive: true });
  writeFileSync(join(directory, 'files/a.txt'), 'first line\nr\u00e9sum\u00e9 \u{1f4c4} "quoted" \\ \u0001\n');
}

function calls(directory) {
  const files = join(directory, 'files');
  const entities = [
    { name: 'trunk', entityType: 'line', observations: ['one line in', 'many on it: \u00e9 / 1e400'] },
  ];
  return [
    ['everything', 'echo', { message: 'a "quoted" \u{1f600} text' }],
    ['everything', 'get-sum', { a: 0.1, b: 95.5 }],
    ['everything', 'get-sum', { a: 'not a number' }],
    ['everything', 'get-structured-content', { location: 'New York' }],
    ['everything', 'get-tiny-image', {}],
    ['files', 'list_directory', { path: files }],
    ['files', 'read_text_file', { path: join(files, 'a.txt') }],
    ['files', 'read_text_file', { path: '/nowhere' }],
    ['memory', 'create_entities', { entities }],
    ['memory', 'read_graph', {}],
    ['demo', 'add', { a: 2, b: 40 }],
    ['demo', 'big', { bytes: 200000 }],
    ['demo', 'fail', {}],
  ];
}

function withAll(body) {
  return withDirectory((directory) => {
    makeFiles(directory);
    const config = { mcpServers: backends(directory, 'relayed.jsonl') };
    return withTrunkd(config, ({ url }) => body(url, directory));
  });
}

test('the SDK client lists the union of the tools and calls some of each backend', async () => {
  await withAll(async (url, directory) => {
    await withClient(url, async (client) => {
      const names = await toolNames(client);
      const wanted = [];
      for (const [name, backend] of Object.entries(backends(directory, 'direct.jsonl'))) {
        const direct = await RawBackend.open(backend);
        const { tools } = JSON.parse(await direct.request(1, 'tools/list', {})).result;
        wanted.push(...tools.filter(isOffered).map((tool) => `${name}_${tool.name}`));
        await direct.end();
      }
      assert.deepEqual(names.toSorted(), wanted.toSorted());
      for (const [backend, tool, args] of calls(directory)) {
        const result = await client.callTool({ name: `${backend}_${tool}`, arguments: args });
        assert.ok(result.content.length > 0, tool);
      }
      assert.equal(await callText(client, 'demo_add', { a: 2, b: 3 }), '5');
      assert.match(await callText(client, 'everything_echo', { message: 'hello' }), /hello/);
    });
  });
});

test('a result has the bytes of the one got directly', async () => {
  await withAll(async (url, directory) => {
    const session = await RawSession.open(url);
    const direct = {};
    for (const [name, backend] of Object.entries(backends(directory, 'direct.jsonl'))) {
      direct[name] = await RawBackend.open(backend);
    }
    let id = 0;
    for (const [backend, tool, args] of calls(directory)) {
      id++;
      const params = { name: tool, arguments: args };
      const line = await direct[backend].request(id, 'tools/call', params);
      const relayed = { name: `${backend}_${tool}`, arguments: args };
      const answer = await session.request(id, 'tools/call', relayed);
      assert.equal(answer.status, 200);
      const message = messagesOf(answer).at(-1);
      assert.equal(JSON.parse(message).id, id);
      assert.equal(cutObject(message, 'result'), cutObject(line, 'result'), `${backend} ${tool}`);
    }
    for (const backend of Object.values(direct)) {
      await backend.end();
    }
    await session.end();
  });
});

test('a tool has the bytes of the one listed directly, but for its name', async () => {
  await withAll(async (url, directory) => {
    const session = await RawSession.open(url);
    const listed = messagesOf(await session.request(1, 'tools/list')).at(-1);
    for (const [name, backend] of Object.entries(backends(directory, 'direct.jsonl'))) {
      const direct = await RawBackend.open(backend);
      const line = await direct.request(1, 'tools/list', {});
      for (const tool of JSON.parse(line).result.tools.filter(isOffered)) {
        // The elements of the list stand one after another; this one starts at its name in both servers' spelling.
        const start = line.indexOf(`{"name":"${tool.name}"`);
        assert.ok(start > 0, tool.name);
        const element = cutObject(`"x":${line.slice(start)}`, 'x');
        const renamed = element.replace(`{"name":"`, `{"name":"${name}_`);
        assert.ok(listed.includes(renamed), `${name} ${tool.name}`);
      }
      await direct.end();
    }
    await session.end();
  });
});
