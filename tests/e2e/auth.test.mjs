// SPDX-License-Identifier: MIT
// auth.test.mjs - principals: bearer tokens, whose session is whose, and a tokens file that changes (protocol.md 2.1, 2.8, 7).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { callText, connect, endSession } from './support/client.mjs';
import { demo, trunkdBin } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession, post, send } from './support/raw.mjs';
import { withDirectory, withTrunkd } from './support/trunkd.mjs';

const initialize =
  '{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":"2025-11-25",' +
  '"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}';
const ping = '{"jsonrpc":"2.0","id":9,"method":"ping"}';

function tokenOf(name) {
  return `the-token-of-${name}`;
}

function bearer(name) {
  return { Authorization: `Bearer ${tokenOf(name)}` };
}

function entry(name, more = {}) {
  return { name, sha256: createHash('sha256').update(tokenOf(name)).digest('hex'), ...more };
}

function writeTokens(file, tokens) {
  writeFileSync(`${file}.new`, JSON.stringify({ tokens }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

// Runs body(trunkd, tokensFile) with alice and bob known, and checks that no token was logged.
function withPrincipals(auth, body) {
  return withDirectory(async (directory) => {
    const file = join(directory, 'tokens.json');
    writeTokens(file, [entry('alice'), entry('bob'), entry('carol', { expires: '2020-01-01T00:00:00Z' })]);
    const config = {
      auth: { tokens_file: file, ...auth },
      mcpServers: { one: demo() },
      log: { level: 'debug' },
    };
    await withTrunkd(config, async (trunkd) => {
      await body(trunkd, file);
      assert.doesNotMatch(trunkd.log(), /the-token-of/);
    });
  });
}

function assertUnauthorized(answer, challenge) {
  assert.equal(answer.status, 401, answer.text);
  assert.match(answer.headers['www-authenticate'], challenge);
  assert.match(answer.headers['content-type'], /^application\/json/);
  assert.ok(JSON.parse(answer.text).error);
}

async function assertNotFound(session) {
  const answer = await session.post(ping);
  assert.equal(answer.status, 404, answer.text);
  assert.equal(JSON.parse(answer.text).error.code, -32001);
  assert.equal((await session.notify('notifications/initialized')).status, 404);
  assert.equal((await session.openStream()).status, 404);
  assert.equal((await session.end()).status, 404);
}

test('a missing, wrong or expired token is 401 with a challenge, on every method', async () => {
  await withPrincipals({ anonymous: false }, async ({ url }) => {
    const missing = /^Bearer realm="[^"]+"$/;
    const invalid = /^Bearer realm="[^"]+", error="invalid_token"/;
    const cases = [
      [{}, missing],
      [{ Authorization: 'Basic YTpi' }, missing],
      [bearer('mallory'), invalid],
      [{ Authorization: `Bearer ${entry('alice').sha256}` }, invalid],
      [bearer('carol'), /error="invalid_token", error_description="the token has expired"/],
    ];
    for (const [headers, challenge] of cases) {
      assertUnauthorized(await post(url, initialize, headers), challenge);
      assertUnauthorized(await post(url, 'no JSON', headers), challenge);
      assertUnauthorized(await send(url, 'GET', { Accept: 'text/event-stream', ...headers }), challenge);
      assertUnauthorized(await send(url, 'DELETE', headers), challenge);
    }
    await assert.rejects(connect(url), (error) => error.code === 401);
    await assert.rejects(connect(url, bearer('carol')), (error) => error.code === 401);
  });
});

test('a session is 404 for every other principal, and its owner does not notice', async () => {
  await withPrincipals({ anonymous: true }, async ({ url }) => {
    const alice = await connect(url, bearer('alice'));
    const bob = await connect(url, bearer('bob'));
    const nobody = await connect(url);
    const owners = { alice, bob, nobody };
    assert.equal(await callText(alice, 'one_echo', { text: 'a' }), 'a');
    assert.equal(await callText(bob, 'one_echo', { text: 'b' }), 'b');
    for (const [owner, client] of Object.entries(owners)) {
      const id = client.transport.sessionId;
      for (const other of Object.keys(owners).filter((name) => name !== owner)) {
        const headers = other === 'nobody' ? {} : bearer(other);
        await assertNotFound(new RawSession(url, id, headers));
        // The id of another's session says nothing: a new one is opened.
        const fresh = await post(url, initialize, { 'Mcp-Session-Id': id, ...headers });
        assert.equal(fresh.status, 200);
        assert.notEqual(fresh.headers['mcp-session-id'], id);
      }
      const wrong = new RawSession(url, id, bearer('mallory'));
      assert.equal((await wrong.post(ping)).status, 401);
      assert.equal((await wrong.end()).status, 401);
      assert.equal(await callText(client, 'one_echo', { text: owner }), owner);
    }
    await Promise.all(Object.values(owners).map(endSession));
  });
});

test('a stream and a running call of the owner outlive the attempts of others', async () => {
  await withPrincipals({ anonymous: false }, async ({ url }) => {
    const session = await RawSession.open(url, bearer('alice'));
    const stream = await session.openStream();
    assert.equal(stream.status, 200);
    await session.callText(1, 'one_echo', { text: 'open' });
    const call = await session.openCall(2, 'one_sleep', { ms: 1000, steps: 2 }, { progressToken: 'p' });
    await assertNotFound(new RawSession(url, session.id, bearer('bob')));
    assert.equal((await call.nextMessage()).params.progressToken, 'p');
    assert.equal((await call.nextMessage()).params.progressToken, 'p');
    assert.equal((await call.nextMessage()).id, 2);
    const ended = await session.end();
    assert.equal(ended.status, 200);
    assert.equal(await stream.nextMessage(), undefined);
    await assertNotFound(session);
  });
});

test('a changed tokens file takes effect while trunkd runs; a bad one changes nothing', async () => {
  await withPrincipals({ anonymous: false }, async ({ url, log }, file) => {
    const alice = await RawSession.open(url, bearer('alice'));
    const statusOf = async (name) => (await post(url, initialize, bearer(name))).status;
    assert.equal(await statusOf('dave'), 401);

    writeTokens(file, [entry('alice'), entry('dave')]);
    await eventually('the status of dave', () => statusOf('dave'), 200);
    assert.equal(await statusOf('bob'), 401);
    assert.equal((await alice.post(ping)).status, 200);

    writeFileSync(file, '{"tokens": [');
    await eventually('the problem is logged', () => log().includes('not valid JSON'), true);
    assert.match(log(), /tokens stay as they were: \S+tokens\.json:1:\d+/);
    assert.equal(await statusOf('dave'), 200);

    chmodSync(file, 0o644);
    await eventually('the mode is logged', () => log().includes('others may read or write it'), true);
    assert.equal(await statusOf('dave'), 200);

    // Another token of the same principal: the session is hers as before, by the new one alone.
    writeTokens(file, [{ ...entry('alice-2'), name: 'alice' }]);
    await eventually('the status of dave', () => statusOf('dave'), 401);
    assert.equal((await alice.post(ping)).status, 401);
    const again = new RawSession(url, alice.id, bearer('alice-2'));
    assert.equal((await again.post(ping)).status, 200);
  });
});

test('check refuses a tokens file that others may read, and tells what is wrong in it', async () => {
  await withDirectory((directory) => {
    const file = join(directory, 'tokens.json');
    const config = join(directory, 'trunkd.json');
    const check = () => spawnSync(trunkdBin, ['check', '-c', config], { encoding: 'utf8' });
    writeFileSync(
      config,
      JSON.stringify({ storage: { driver: 'memory' }, auth: { anonymous: false, tokens_file: file } }),
    );
    writeTokens(file, [entry('alice')]);
    assert.equal(check().status, 0);
    chmodSync(file, 0o644);
    const readable = check();
    assert.equal(readable.status, 2);
    assert.match(readable.stderr, /tokens\.json: others may read or write it; .*chmod o-rwx/);
    writeTokens(file, [{ ...entry('alice'), expires: 'soon' }]);
    const wrong = check();
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /tokens\.json: tokens\[0\]\.expires: not a time; write/);
  });
});
