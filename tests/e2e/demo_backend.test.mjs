// SPDX-License-Identifier: MIT
// demo_backend.test.mjs - trunkd-demo-backend itself, asked by the SDK's client over stdio.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { callText, connectDirectly, nextListChanged, toolNames } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { RawBackend } from './support/raw.mjs';
import { withDirectory } from './support/trunkd.mjs';

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

test('calls run side by side, tell their progress, and can be cancelled', async () => {
  await withBackend(demo(), async (client) => {
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
