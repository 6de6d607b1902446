// SPDX-License-Identifier: MIT
// redis.test.mjs - sessions in redis: what a redis that is not there, dies or stands still means for those who use trunkd.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './support/backends.mjs';
import { demo } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession, post } from './support/raw.mjs';
import { RedisServer } from './support/redis.mjs';
import { failToStart, withDirectory, withTrunkd } from './support/trunkd.mjs';

const isLong = process.env.TRUNKD_TEST_SIZE === 'long';
const outages = isLong ? 20 : 1; // of each kind
const outageMs = 5000;
const mcpServers = { beside: demo() };
const retryLater = { status: 503, hasRetryAfter: true };

function storage(params, startWait = '10s') {
  return { driver: 'redis', params, start_wait: startWait };
}

function withRedis(body) {
  return withDirectory(async (directory) => {
    const redis = await RedisServer.in(directory);
    try {
      await body(redis, directory);
    } finally {
      if (redis.child !== undefined) {
        await redis.kill();
      }
    }
  });
}

function shapeOf({ status, headers }) {
  return { status, hasRetryAfter: Number(headers['retry-after']) > 0 };
}

const initializeMessage = JSON.stringify({
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } },
});

// A load on the url until it is told to stop. given: sessions that clients were given; calls: on sessions that were open before;
// refused and strangers: the answers to initialize that were not 200, and to requests with ids that never were.
class Load {
  constructor(url, sessions) {
    this.url = url;
    this.isOver = false;
    this.given = [];
    this.refused = [];
    this.strangers = [];
    this.calls = 0;
    this.parts = [...sessions.map((session, i) => this.call(session, i)), this.initialize(), this.ask()];
  }

  async call(session, i) {
    for (let n = 1; !this.isOver; n++) {
      const text = `${i}-${n}`;
      assert.equal(await session.callText(n, 'beside_echo', { text }), text);
      this.calls++;
      await sleep(5);
    }
  }

  async initialize() {
    while (!this.isOver) {
      const answer = await post(this.url, initializeMessage);
      if (answer.status === 200) {
        const session = new RawSession(this.url, answer.headers['mcp-session-id']);
        this.given.push(session.id);
        assert.equal((await session.notify('notifications/initialized')).status, 202);
      } else {
        this.refused.push(shapeOf(answer));
      }
      await sleep(20);
    }
  }

  async ask() {
    for (let n = 0; !this.isOver; n++) {
      const stranger = new RawSession(this.url, n.toString(16).padStart(32, '0'));
      this.strangers.push(shapeOf(await stranger.request(1, 'tools/list')));
      await sleep(20);
    }
  }

  async end() {
    this.isOver = true;
    await Promise.all(this.parts);
  }
}

async function outage(url, sessions, begin, end) {
  const load = new Load(url, sessions);
  await sleep(300); // of load, before
  await begin();
  const callsBefore = load.calls;
  await sleep(outageMs);
  const callsMeanwhile = load.calls - callsBefore;
  const givenBefore = load.given.length;
  await end();
  await eventually('new sessions after the outage', () => load.given.length > givenBefore, true);
  await load.end();
  assert.ok(callsMeanwhile > 100, `${callsMeanwhile} calls while there was no store`);
  assert.ok(load.refused.length > 0, 'no initialize has met the outage');
  for (const answer of load.refused) {
    assert.deepEqual(answer, retryLater);
  }
  const unsure = load.strangers.filter(({ status }) => status !== 404);
  assert.ok(unsure.length > 0, 'no unknown session has met the outage');
  assert.ok(unsure.length < load.strangers.length, 'no unknown session was found to be none');
  for (const answer of unsure) {
    assert.deepEqual(answer, retryLater);
  }
  return load.given;
}

test('a redis that is not there is waited for, and then named', async () => {
  await withRedis(async (redis, directory) => {
    for (const [params, name] of [
      [{ socket: redis.socket }, redis.socket],
      [{ host: '127.0.0.1', port: redis.port }, `127.0.0.1:${redis.port}`],
    ]) {
      const begin = Date.now();
      const { code, log } = await failToStart(directory, { storage: storage(params, '700ms'), mcpServers });
      assert.equal(code, 1, log);
      assert.ok(log.includes(`redis at ${name}`), log);
      assert.ok(Date.now() - begin >= 700, 'it was not waited for');
    }
  });
});

test('a redis that comes while it is waited for is used', async () => {
  await withRedis(async (redis) => {
    const later = sleep(1000).then(() => redis.start());
    await withTrunkd({ storage: storage({ socket: redis.socket }, '30s'), mcpServers }, async ({ url }) => {
      await later;
      const session = await RawSession.open(url);
      assert.equal(await session.callText(1, 'beside_echo', { text: 'hello' }), 'hello');
      assert.match((await redis.ask('get', `trunkd:value:s:${session.id}`))[0], /^[0-9a-f]{16} \{.*"state":"active"/);
      assert.equal((await session.end()).status, 200);
    });
  });
});

test('a password comes from the environment, and a wrong one is told without it', async () => {
  await withRedis(async (redis, directory) => {
    redis.args.push('--requirepass', 'right-one');
    await redis.start();
    const params = { socket: redis.socket, password: '${REDIS_PASSWORD}' };
    const config = { storage: storage(params, '300ms'), mcpServers };
    process.env.REDIS_PASSWORD = 'wrong-one';
    const { code, log } = await failToStart(directory, config);
    delete process.env.REDIS_PASSWORD;
    assert.equal(code, 1);
    assert.match(log, /WRONGPASS/);
    assert.doesNotMatch(log, /wrong-one/);
    await withTrunkd(config, async ({ url }) => RawSession.open(url), { REDIS_PASSWORD: 'right-one' });
  });
});

test('an initialize whose store goes away while it waits for a backend is to be tried again', async () => {
  await withRedis(async (redis, directory) => {
    await redis.start();
    const cue = join(directory, 'cue');
    const started = join(directory, 'started');
    const slow = { ...demo('--init-cue', cue, '--count-file', started), required: true };
    const config = { storage: storage({ socket: redis.socket }), mcpServers: { slow } };
    await withTrunkd(config, async ({ url }) => {
      const refused = post(url, initializeMessage);
      await eventually('the backend', () => existsSync(started), true);
      await redis.kill();
      writeFileSync(cue, '');
      assert.deepEqual(shapeOf(await refused), retryLater);
      await redis.start();
      await eventually('a new session', async () => (await post(url, initializeMessage)).status, 200);
    });
  });
});

test('redis killed or standing still under load: sessions go on, others come back later, nothing is lost', async () => {
  await withRedis(async (redis) => {
    await redis.start();
    const listen = { port: await freePort() };
    const config = { listen, storage: storage({ host: 'localhost', port: redis.port }), mcpServers };
    const given = [];
    let sessions = [];
    await withTrunkd(config, async ({ url }) => {
      sessions = await Promise.all(Array.from({ length: 4 }, () => RawSession.open(url)));
      for (let i = 0; i < outages; i++) {
        given.push(...(await outage(url, sessions, () => redis.kill(), () => redis.start())));
        given.push(...(await outage(url, sessions, () => redis.standStill(), () => redis.goOn())));
      }
    });
    await redis.kill();
    await redis.start();
    // This one knows of the sessions by redis only.
    await withTrunkd(config, async ({ url }) => {
      const all = [...sessions, ...given.map((id) => new RawSession(url, id))];
      for (const session of all) {
        assert.equal((await session.request(1, 'tools/list')).status, 200, session.id);
        assert.equal((await session.end()).status, 200);
        assert.equal((await session.request(1, 'tools/list')).status, 404);
      }
      // What was written for an initialize that was refused, its outcome being uncertain, stays for the sweep.
      const keys = all.map(({ id }) => `trunkd:value:s:${id}`);
      await eventually('records of ended sessions', async () => Number((await redis.ask('exists', ...keys))[0]), 0);
    });
  });
});
