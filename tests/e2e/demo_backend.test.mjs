// SPDX-License-Identifier: MIT
// demo_backend.test.mjs - trunkd-demo-backend itself, asked by the SDK's client over stdio, and over HTTP.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import test from 'node:test';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import {
  callText,
  connect,
  connectDirectly,
  endSession,
  nextListChanged,
  toolNames,
  withClient,
} from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { RawBackend, RawSession, initializeParams, messagesOf, post, send } from './support/raw.mjs';
import { withDirectory, withTrunkd } from './support/trunkd.mjs';

async function withBackend(backend, body) {
  const client = await connectDirectly(backend);
  try {
    await body(client);
  } finally {
    await client.close();
  }
}

test('its simple tools answer', async () => {
  await withBackend(demo('--name', 'other'), async (client) => {
    assert.equal(client.getServerVersion().name, 'other');
    assert.deepEqual(client.getServerCapabilities(), { tools: { listChanged: true }, logging: {} });
    await client.ping();
    assert.equal(await callText(client, 'echo', { text: 'a "quoted" \u00fc' }), 'a "quoted" \u00fc');
    assert.equal(await callText(client, 'add', { a: 2, b: 3 }), '5');
    assert.equal(await callText(client, 'add', { a: 0.5, b: 2 }), '2.5');
    assert.match(await callText(client, 'time'), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(await callText(client, 'counter'), '1');
    assert.equal(await callText(client, 'counter'), '2');
    assert.equal((await callText(client, 'big', { bytes: 100000 })).length, 100000);
  });
});

test('each process has a secret of its own', async () => {
  const secrets = new Set();
  for (let i = 0; i < 2; i++) {
    await withBackend(demo(), async (client) => {
      secrets.add(await callText(client, 'secret'));
      secrets.add(await callText(client, 'secret'));
    });
  }
  assert.equal(secrets.size, 2);
});

test('bad arguments are results, unknown tools are errors', async () => {
  await withBackend(demo(), async (client) => {
    const bad = [
      ['echo', {}],
      ['add', { a: '1', b: 2 }],
      ['sleep', { ms: -1 }],
      ['big', { bytes: 1e12 }],
      ['fail', {}],
      ['add_tool', { name: 'echo' }],
    ];
    for (const [name, args] of bad) {
      const result = await client.callTool({ name, arguments: args });
      assert.equal(result.isError, true, name);
    }
    await assert.rejects(client.callTool({ name: 'nothing' }), { code: -32602 });
    await assert.rejects(client.callTool({ name: 'error' }), {
      code: -32050,
      data: { reason: 'asked for' },
    });
  });
});

test('tools come in pages, and added ones are announced', async () => {
  await withBackend(demo('--tools', '20', '--page', '7'), async (client) => {
    const first = await client.listTools();
    assert.equal(first.tools.length, 7);
    const names = await toolNames(client);
    assert.ok(names.includes('tool_19'));
    assert.equal(new Set(names).size, names.length);
    const changed = nextListChanged(client);
    await callText(client, 'add_tool', { name: 'late' });
    await changed;
    assert.ok((await toolNames(client)).includes('late'));
    assert.equal(await callText(client, 'late'), 'late');
    await assert.rejects(client.listTools({ cursor: 'x' }), { code: -32602 });
  });
});

// Three calls at a time: one that is cancelled in the end, one that tells its progress, one that is done at once.
async function runSideBySide(client) {
  const controller = new AbortController();
  const options = { signal: controller.signal };
  const cancelled = assert.rejects(callText(client, 'sleep', { ms: 3600000 }, options));
  const steps = [];
  const onprogress = (progress) => steps.push(progress.progress);
  const slept = callText(client, 'sleep', { ms: 50, steps: 4 }, { onprogress });
  assert.equal(await callText(client, 'echo', { text: 'meanwhile' }), 'meanwhile');
  assert.equal(await slept, 'slept');
  assert.deepEqual(steps, [1, 2, 3, 4]);
  controller.abort();
  await cancelled;
}

test('calls run side by side, tell their progress, and can be cancelled', async () => {
  await withBackend(demo(), async (client) => {
    await runSideBySide(client);
    const calls = JSON.parse(await callText(client, 'calls'));
    assert.deepEqual(calls, { calls: 3, running: 0, cancelled: 1 });
  });
});

test('log messages come with each step, until their level is not wanted', async () => {
  await withBackend(demo(), async (client) => {
    let messages = 0;
    client.setNotificationHandler(LoggingMessageNotificationSchema, () => {
      messages++;
    });
    await callText(client, 'progress', { steps: 3 });
    await callText(client, 'flood', { count: 500 });
    await client.ping();
    assert.equal(messages, 503);
    await client.setLoggingLevel('warning');
    await callText(client, 'progress', { steps: 3 });
    await client.ping();
    assert.equal(messages, 503);
  });
});

test('garbage does not keep it from answering', async () => {
  const backend = demo('--garbage-at-start', '--flood-at-start', '100', '--delay', '20');
  await withBackend(backend, async (client) => {
    assert.equal(await callText(client, 'garbage'), 'after garbage');
  });
});

test('a backend told to answer errors does so for each call', async () => {
  await withBackend(demo('--errors'), async (client) => {
    await assert.rejects(client.callTool({ name: 'echo', arguments: { text: '' } }), { code: -32050 });
  });
});

test('initialize waits for its cue', async () => {
  await withDirectory(async (directory) => {
    const cue = join(directory, 'cue');
    let isCued = false;
    const connected = withBackend(demo('--init-cue', cue), async () => assert.ok(isCued));
    // A second one that needs no cue goes all the way meanwhile.
    await withBackend(demo('--init-delay', '10'), (client) => client.ping());
    isCued = true;
    writeFileSync(cue, '');
    await connected;
    await withBackend(demo('--init-cue', cue), (client) => client.ping());
  });
});

test('each revision that it knows is accepted, and the newest is offered for another', async () => {
  const { command, args } = demo();
  for (const [asked, given] of [
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2024-11-05'],
    ['1999-01-01', '2025-11-25'],
  ]) {
    const backend = await RawBackend.open({ command, args });
    const answer = await backend.request(1, 'initialize', { protocolVersion: asked });
    assert.equal(JSON.parse(answer).result.protocolVersion, given);
    await backend.end();
  }
});

async function exitOf(args, input) {
  const { command } = demo();
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  const exited = once(child, 'exit');
  child.stdin.on('error', () => {}); // it may be gone before it reads
  child.stdin.end(input);
  const [code, signal] = await exited;
  return code ?? signal;
}

test('it exits as it is told, and counts its sessions', async () => {
  const crash = (args) =>
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"crash","arguments":${args}}}\n`;
  await withDirectory(async (directory) => {
    const file = join(directory, 'count');
    assert.equal(await exitOf(['--count-file', file], ''), 0);
    assert.equal(await exitOf(['--count-file', file], crash('{"exit":7}')), 7);
    assert.equal(await exitOf([], crash('{}')), 'SIGABRT');
    assert.equal(await exitOf(['--exit-at-once'], ''), 1);
    assert.equal(await exitOf(['--tools', 'many'], ''), 2);
    assert.equal(await exitOf(['operand'], ''), 2);
    const words = readFileSync(file, 'utf8').split('\n').map((line) => line.split(' ')[0]);
    assert.deepEqual(words, ['open', 'close', 'open', '']);
  });
});

// Runs body(url) with a backend that serves HTTP; gives its exit code.
async function withHttp(args, body) {
  const { command } = demo();
  const child = spawn(command, ['--http', '0', ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit');
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    const [, url] = line.match(/^ready (http:\/\/127\.0\.0\.1:\d+\/mcp)$/);
    await body(url);
  } finally {
    child.kill('SIGTERM');
  }
  const [code, signal] = await exited;
  return code ?? signal;
}

test('over HTTP each session has a state of its own, until it ends', async () => {
  const code = await withHttp(['--name', 'web', '--tools', '2'], async (url) => {
    const other = await connect(url);
    await withClient(url, async (client) => {
      assert.equal(client.getServerVersion().name, 'web');
      assert.ok((await toolNames(client)).includes('tool_1'));
      assert.equal(await callText(client, 'counter'), '1');
      assert.equal(await callText(client, 'counter'), '2');
      assert.equal(await callText(other, 'counter'), '1');
      assert.notEqual(await callText(client, 'secret'), await callText(other, 'secret'));
      const changed = nextListChanged(client);
      await callText(client, 'add_tool', { name: 'late' });
      await changed;
      assert.equal(await callText(client, 'late'), 'late');
      assert.equal((await toolNames(other)).includes('late'), false);
      assert.equal((await callText(client, 'big', { bytes: 1000000 })).length, 1000000);
    });
    await endSession(other);
    await assert.rejects(callText(other, 'counter'));
  });
  assert.equal(code, 0);
});

test('over HTTP calls run side by side, tell their progress and logs, and can be cancelled', async () => {
  await withHttp([], async (url) => {
    await withClient(url, async (client) => {
      let messages = 0;
      client.setNotificationHandler(LoggingMessageNotificationSchema, () => {
        messages++;
      });
      await runSideBySide(client);
      await callText(client, 'progress', { steps: 3 });
      await callText(client, 'flood', { count: 500 });
      assert.equal(messages, 503);
      // The notification of it goes by a request of its own.
      const countCancelled = async () => JSON.parse(await callText(client, 'calls')).cancelled;
      await eventually('a call is cancelled', countCancelled, 1);
    });
  });
});

test('an answer is JSON, or events when more is said about the call', async () => {
  await withHttp([], async (url) => {
    const session = await RawSession.open(url);
    const plain = await session.request(1, 'tools/call', { name: 'sleep', arguments: { ms: 0, steps: 2 } });
    assert.equal(plain.headers['content-type'], 'application/json');
    const params = { name: 'sleep', arguments: { ms: 0, steps: 2 }, _meta: { progressToken: 7 } };
    const told = await session.request(2, 'tools/call', params);
    assert.equal(told.headers['content-type'], 'text/event-stream');
    assert.equal(messagesOf(told).length, 3);
    const garbage = await session.request(3, 'tools/call', { name: 'garbage' });
    assert.equal(JSON.parse(messagesOf(garbage).at(-1)).result.content[0].text, 'after garbage');
    const stream = await session.openStream();
    assert.equal(stream.status, 200);
    const added = await session.request(4, 'tools/call', { name: 'add_tool', arguments: { name: 'x' } });
    assert.equal(added.headers['content-type'], 'application/json');
    assert.equal((await stream.nextMessage()).method, 'notifications/tools/list_changed');
    assert.equal((await session.end()).status, 204);
    assert.equal(await stream.nextMessage(), undefined);
  });
});

// MCP 2025-11-25, Transports: Streamable HTTP.
test('what is no request of a session is refused as the transport asks', async () => {
  await withHttp([], async (url) => {
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const json = { 'Content-Type': 'application/json' };
    const session = await RawSession.open(url);
    assert.equal((await post(url, ping)).status, 400);
    assert.equal((await post(url, ping, { 'Mcp-Session-Id': 'unknown' })).status, 404);
    assert.equal((await session.post('[1,2]')).status, 400);
    assert.equal((await session.post('no JSON')).status, 400);
    assert.equal((await post(url, ping, { ...session.headers, Origin: 'http://other.example' })).status, 403);
    assert.equal((await post(url, ping, { ...session.headers, 'MCP-Protocol-Version': '1999-01-01' })).status, 400);
    assert.equal((await send(url, 'POST', { ...json, ...session.headers }, ping)).status, 406);
    assert.equal((await send(url, 'PUT', session.headers, ping)).status, 405);
    assert.equal((await send(url.replace('/mcp', '/other'), 'GET', session.headers)).status, 404);
    assert.equal((await session.end()).status, 204);
    assert.equal((await session.end()).status, 404);
    assert.equal((await session.post(ping)).status, 404);
  });
});

test('behind trunkd it is the same over stdio and over HTTP', async () => {
  await withHttp([], async (url) => {
    await withTrunkd({ mcpServers: { pipe: demo(), web: { url } } }, async (trunkd) => {
      await withClient(trunkd.url, async (client) => {
        const names = await toolNames(client);
        for (const name of ['pipe', 'web']) {
          const call = (tool, ...rest) => callText(client, `${name}_${tool}`, ...rest);
          assert.ok(names.includes(`${name}_echo`));
          assert.equal(await call('counter'), '1');
          assert.equal(await call('counter'), '2');
          const steps = [];
          const onprogress = ({ progress }) => steps.push(progress);
          assert.equal(await call('sleep', { ms: 20, steps: 3 }, { onprogress }), 'slept');
          assert.deepEqual(steps, [1, 2, 3]);
          assert.equal(await call('garbage'), 'after garbage');
          assert.equal(await call('flood', { count: 2000 }), 'after the flood');
          assert.equal((await call('big', { bytes: 1000000 })).length, 1000000);
          const changed = nextListChanged(client);
          await call('add_tool', { name: 'late' });
          await changed;
          assert.equal(await call('late'), 'late');
        }
      });
    });
  });
});

test('over HTTP initialize waits for its cue, and each session is counted', async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, 'count');
    const cue = join(directory, 'cue');
    await withHttp(['--init-cue', cue, '--count-file', file], async (url) => {
      let isCued = false;
      const message = { jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams };
      const opened = post(url, JSON.stringify(message)).then((answer) => {
        assert.ok(isCued);
        return answer;
      });
      // A second request that needs no cue goes all the way meanwhile.
      assert.equal((await send(url, 'PUT', {})).status, 405);
      isCued = true;
      writeFileSync(cue, '');
      const { headers } = await opened;
      await withClient(url, (client) => client.ping());
      await new RawSession(url, headers['mcp-session-id']).end();
      await RawSession.open(url); // ends with the process
    });
    const words = readFileSync(file, 'utf8').split('\n').map((line) => line.split(' ')[0]);
    assert.deepEqual(words, ['open', 'open', 'close', 'close', 'open', 'close', '']);
    assert.equal(await exitOf(['--http', '0', '--garbage-at-start'], ''), 2);
    assert.equal(await exitOf(['--http', '0', '--flood-at-start', '1'], ''), 2);
    assert.equal(await exitOf(['--http', '65536'], ''), 2);
    assert.equal(await exitOf(['--http', '0', '--exit-at-once'], ''), 1);
  });
});
