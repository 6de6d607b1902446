// SPDX-License-Identifier: MIT
// limits.test.mjs - limits that answer: of sessions, of their lives, of descriptors. What runs goes on.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { withBackends, everythingOver } from './support/backends.mjs';
import { demo } from './support/paths.mjs';
import { descendants, eventually } from './support/processes.mjs';
import { RawSession, post } from './support/raw.mjs';
import { withDirectory, withTrunkd } from './support/trunkd.mjs';

const initialize =
  '{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":"2025-11-25",' +
  '"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}';
const ping = '{"jsonrpc":"2.0","id":3,"method":"ping"}';

function assertBusy(answer, reason) {
  assert.equal(answer.status, 503, answer.text);
  assert.match(answer.headers['retry-after'], /^[1-9]\d*$/);
  const { error, id } = JSON.parse(answer.text);
  assert.equal(error.code, -32000);
  assert.match(error.message, reason);
  assert.equal(id, 9);
}

test('a session more than max_sessions is refused with an answer until one has ended', async () => {
  const config = { session: { max_sessions: 3 }, mcpServers: { one: demo() } };
  await withTrunkd(config, async ({ url }) => {
    const sessions = [];
    for (let i = 0; i < 3; i++) {
      sessions.push(await RawSession.open(url));
    }
    assertBusy(await post(url, initialize), /session\.max_sessions/);
    for (const session of sessions) {
      assert.equal(await session.callText(1, 'one_echo', { text: 'on' }), 'on');
    }
    assert.equal((await sessions[0].end()).status, 200);
    const next = await RawSession.open(url);
    assertBusy(await post(url, initialize), /session\.max_sessions/);
    assert.equal((await next.post(ping)).status, 200);
  });
});

test('max_per_principal is of each principal', async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, 'tokens.json');
    const tokens = ['alice', 'bob'].map((name) => ({
      name,
      sha256: createHash('sha256').update(name).digest('hex'),
    }));
    writeFileSync(file, JSON.stringify({ tokens }), { mode: 0o600 });
    const config = { auth: { tokens_file: file }, session: { max_per_principal: 2 } };
    await withTrunkd(config, async ({ url }) => {
      for (const headers of [{ Authorization: 'Bearer alice' }, { Authorization: 'Bearer bob' }, {}]) {
        const first = await RawSession.open(url, headers);
        await RawSession.open(url, headers);
        assertBusy(await post(url, initialize, headers), /session\.max_per_principal/);
        assert.equal((await first.end()).status, 200);
        await RawSession.open(url, headers);
      }
    });
  });
});

test('a session older than max_lifetime is 404, with its stream and backends closed', async () => {
  const config = { session: { max_lifetime: '2s', drain: '100ms' }, mcpServers: { one: demo() } };
  await withTrunkd(config, async ({ url, pid }) => {
    const session = await RawSession.open(url);
    await session.callText(1, 'one_echo', { text: 'open' });
    const stream = await session.openStream();
    assert.equal((await session.post(ping)).status, 200);
    await eventually('the status of a ping', async () => (await session.post(ping)).status, 404);
    assert.equal(await stream.nextMessage(), undefined);
    assert.equal((await session.openStream()).status, 404);
    assert.equal((await session.end()).status, 404);
    await eventually('child processes', () => descendants(pid).length, 0);
    await RawSession.open(url);
  });
});

function descriptorLimit(pid) {
  const [, soft, hard] = readFileSync(`/proc/${pid}/limits`, 'utf8').match(/^Max open files +(\d+) +(\d+)/m);
  return { soft: Number(soft), hard: Number(hard) };
}

test('the descriptor limit is raised as far as it goes, and children get the old one', async () => {
  const before = ['prlimit', '--nofile=200:300'];
  const run = async ({ url, pid }) => {
    assert.deepEqual(descriptorLimit(pid), { soft: 300, hard: 300 });
    const session = await RawSession.open(url);
    await session.callText(1, 'one_echo', { text: 'open' });
    const [child] = descendants(pid);
    assert.deepEqual(descriptorLimit(child), { soft: 200, hard: 300 });
  };
  await withTrunkd({ mcpServers: { one: demo() } }, run, {}, before);
});

test('without descriptors new sessions are refused by name, and what runs goes on', async () => {
  await withBackends([everythingOver('streamableHttp')], async (http) => {
    const config = {
      mcpServers: { one: demo(), web: { type: 'http', url: http.url() } },
      listen: { max_connections: 20 },
    };
    const run = async ({ url, log }) => {
      const first = await RawSession.open(url);
      await first.callText(1, 'one_echo', { text: 'open' });
      await first.callText(2, 'web_echo', { message: 'open' });
      const stream = await first.openStream();
      const running = await first.openCall(3, 'one_sleep', { ms: 3000, steps: 1 }, { progressToken: 1 });
      const others = [];
      let refused = await post(url, initialize);
      while (refused.status === 200) {
        assert.ok(others.length < 100, 'they never run out');
        const other = new RawSession(url, refused.headers['mcp-session-id']);
        others.push(other);
        for (const [name, args] of [['one_echo', { text: 'x' }], ['web_echo', { message: 'x' }]]) {
          const { result, error } = await other.call(4, name, args);
          assert.ok(result !== undefined || /no descriptors are left/.test(error.message), error?.message);
        }
        refused = await post(url, initialize);
      }
      assertBusy(refused, /no descriptors are left/);
      assert.ok(others.length > 3, `${others.length} sessions`);
      await eventually('it is logged', () => log().includes('new sessions are refused: no descriptors are left'), true);
      assert.equal(await first.callText(5, 'one_echo', { text: 'still' }), 'still');
      assert.match(await first.callText(6, 'web_echo', { message: 'still' }), /still/);
      let message = await running.nextMessage();
      while (message.id === undefined) {
        message = await running.nextMessage();
      }
      assert.equal(message.id, 3);
      assert.ok(message.result);
      for (const other of others) {
        assert.equal((await other.end()).status, 200);
      }
      await eventually('the status of initialize', async () => (await post(url, initialize)).status, 200);
      assert.equal((await first.end()).status, 200);
      assert.equal(await stream.next('data: {"jsonrpc":"2.0","id"'), undefined);
    };
    await withTrunkd(config, run, {}, ['prlimit', '--nofile=96']);
  });
});
