// SPDX-License-Identifier: MIT
// kill_loop.test.mjs - trunkd killed at random moments and at the n-th operation of its store, and started again on it: who
// was given a session keeps it, with what its backends remember; nothing runs twice; what was ended stays ended; and once all
// is ended nothing is left.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpBackend, withBackends } from './support/backends.mjs';
import { fixture } from './support/paths.mjs';
import { eventually, processesWith } from './support/processes.mjs';
import { RawSession, initializeParams, messagesOf, post } from './support/raw.mjs';
import { withRestartable } from './support/restartable.mjs';
import { stores } from './support/stores.mjs';
import { withDirectory } from './support/trunkd.mjs';

const isLong = process.env.TRUNKD_TEST_SIZE === 'long';
const operations = isLong ? Array.from({ length: 60 }, (_, i) => i + 1) : [1, 2, 3, 4, 6, 9, 14, 22, 35, 60];
const clientsAtOnce = 4;
const keptSessions = 3; // go from one round into the next
const maxEnded = 20; // that are looked at again after each restart
const maxRandomMs = 400;
const ttlMs = 30000;

// trunkd went away in the middle of a request: what became of it is open.
class Lost extends Error {}

async function orLost(trunkd, promise) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof assert.AssertionError) {
      throw error;
    }
    const isGone = trunkd.exited.then(() => true);
    if (!(await Promise.race([isGone, sleep(10000, false, { ref: false })]))) {
      throw error; // trunkd is there: it has failed
    }
    throw new Lost(error.message);
  }
}

// One client's view of its session, and what may be true of it.
class Client {
  constructor(world, id) {
    this.world = world;
    this.raw = new RawSession(world.trunkd.url, id);
    this.isInitialized = false;
    this.values = new Set(['nothing']); // one of them is in the backend
    this.isOver = false; // DELETE was answered
    this.isEnding = false; // DELETE was sent
    this.calls = 0;
  }

  static async open(world) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams });
    const answer = await orLost(world.trunkd, post(world.trunkd.url, body));
    assert.equal(answer.status, 200, answer.text);
    const client = new Client(world, answer.headers['mcp-session-id']);
    world.clients.push(client); // from here on it must be kept
    await client.initialized();
    return client;
  }

  async initialized() {
    const answer = await orLost(this.world.trunkd, this.raw.notify('notifications/initialized'));
    assert.equal(answer.status, 202, answer.text);
    this.isInitialized = true;
  }

  async call(name, args = {}) {
    const answer = await orLost(
      this.world.trunkd,
      this.raw.request(++this.calls, 'tools/call', { name, arguments: args }),
    );
    assert.equal(answer.status, 200, answer.text);
    const last = JSON.parse(messagesOf(answer).at(-1) ?? 'null');
    if (last === null) {
      await this.world.trunkd.exited;
      throw new Lost('the stream was cut');
    }
    assert.ok(last.result, JSON.stringify(last));
    return last.result.content[0].text;
  }

  async set() {
    const value = randomBytes(8).toString('hex');
    this.values.add(value);
    assert.equal(await this.call('http_set', { value }), 'set');
    this.values = new Set([value]);
  }

  async get() {
    const value = await this.call('http_get');
    assert.ok(this.values.has(value), `${value} is none of ${[...this.values]}`);
    this.values = new Set([value]);
  }

  async run(backend) {
    const id = `${backend}-${randomBytes(8).toString('hex')}`;
    assert.equal(await this.call(`${backend}_run`, { id }), id);
    this.world.answered.push(id);
  }

  async end() {
    this.isEnding = true;
    const answer = await orLost(this.world.trunkd, this.raw.end());
    assert.equal(answer.status, 200, answer.text);
    this.isOver = true;
  }

  // What must hold after a restart.
  async verify() {
    if (this.isOver) {
      await verifyGone(this.raw);
      return;
    }
    const ping = await this.raw.request(++this.calls, 'ping', {});
    if (this.isEnding && ping.status === 404) {
      this.isOver = true;
      await verifyGone(this.raw);
      return;
    }
    assert.equal(ping.status, 200, `${this.raw.id} is lost: ${ping.text}`);
    if (!this.isInitialized) {
      await this.initialized();
    }
    await this.get();
    await this.run('http');
    await this.run('stdio');
  }
}

async function verifyGone(raw) {
  const stream = await raw.openStream();
  stream.drop();
  assert.equal(stream.status, 404);
  assert.equal((await raw.request(1, 'ping', {})).status, 404);
  assert.equal((await raw.end()).status, 404);
}

async function verifyAll(world) {
  await Promise.all(world.clients.map((client) => client.verify()));
  await verifyGone(new RawSession(world.trunkd.url, randomBytes(16).toString('hex')));
}

function openClients(world) {
  return world.clients.filter(({ isOver }) => !isOver);
}

// Uses an old session, or a new one; ends some of them.
async function work(world, client) {
  try {
    const mine = client ?? (await Client.open(world));
    for (let i = 0; i < 3; i++) {
      await mine.set();
      await mine.run('http');
      await mine.run('stdio');
      await mine.get();
    }
    if (client !== undefined || openClients(world).length > keptSessions) {
      await mine.end();
    }
  } catch (error) {
    if (!(error instanceof Lost)) {
      throw error;
    }
    world.lost++;
  }
}

async function load(world) {
  const old = world.clients.filter(({ isOver, isEnding }) => !isOver && !isEnding);
  const fresh = Array.from({ length: clientsAtOnce }, () => undefined);
  await Promise.all([...old.slice(0, 2), ...fresh].map((client) => work(world, client)));
}

// Waits for the end of trunkd, and of its processes.
async function awaitEnd(world) {
  assert.equal((await world.trunkd.exited).signal, 'SIGKILL');
  await eventually('processes after the end of trunkd', () => processesWith(world.stdioFile).length, 0);
}

async function dieAtOperation(world, count) {
  const isReady = await world.trunkd.start(world.store.crashingAt(count, count % 2 === 0 ? 'after' : 'before'));
  while (isReady && !world.trunkd.isOver) {
    await load(world);
  }
  await awaitEnd(world);
}

async function dieAtRandom(world) {
  const working = load(world);
  await sleep(Math.random() * maxRandomMs);
  await world.trunkd.kill();
  await working;
  await awaitEnd(world);
}

function verifyRuns(world) {
  const runs = new Map();
  for (const file of [world.httpFile, world.stdioFile]) {
    for (const id of readFileSync(file, 'utf8').split('\n').filter((line) => line !== '')) {
      runs.set(id, (runs.get(id) ?? 0) + 1);
    }
  }
  assert.deepEqual([...runs].filter(([, count]) => count > 1), [], 'run twice');
  assert.deepEqual(world.answered.filter((id) => !runs.has(id)), [], 'answered but not run');
}

async function countInitialized(backend) {
  return (await backend.state()).sessions.filter(({ isInitialized }) => isInitialized).length;
}

function withWorld(withStore, body) {
  return withDirectory((directory) =>
    withStore(directory, (store) => {
      const world = { store, clients: [], answered: [], lost: 0 };
      world.httpFile = join(directory, 'http-runs');
      world.stdioFile = join(directory, 'stdio-runs');
      writeFileSync(world.httpFile, '');
      writeFileSync(world.stdioFile, '');
      const start = () => HttpBackend.start((port) => [fixture('session_backend.mjs'), port, world.httpFile]);
      return withBackends([start], (backend) => {
        world.backend = backend;
        const stdio = { command: process.execPath, args: [fixture('run_backend.mjs'), world.stdioFile] };
        const mcpServers = { http: { url: backend.url() }, stdio };
        const session = { ttl: `${ttlMs}ms` };
        return withRestartable(directory, { mcpServers, session }, (trunkd) => {
          world.trunkd = trunkd;
          return body(world);
        });
      });
    }),
  );
}

for (const [name, withStore] of Object.entries(stores)) {
  test(`sessions survive kill -9, over ${name}`, async () => {
    await withWorld(withStore, async (world) => {
      for (const count of operations) {
        await dieAtOperation(world, count);
        assert.ok(await world.trunkd.start(world.store.plain()));
        await verifyAll(world);
        await dieAtRandom(world);
        assert.ok(await world.trunkd.start(world.store.plain()));
        await verifyAll(world);
        await Promise.all(openClients(world).slice(keptSessions).map((client) => client.end()));
        await world.trunkd.kill();
        await awaitEnd(world);
        const ended = world.clients.filter(({ isOver }) => isOver);
        world.clients = [...openClients(world), ...ended.slice(-maxEnded)];
      }
      verifyRuns(world);
      assert.ok(world.lost > operations.length, `${world.lost} requests were cut off`);

      assert.ok(await world.trunkd.start(world.store.plain()));
      assert.ok(openClients(world).length > 0);
      await Promise.all(openClients(world).map((client) => client.end()));
      // Sessions whose id was never received end by their ttl.
      await eventually('backend sessions', () => countInitialized(world.backend), 0, ttlMs * 3);
      await eventually('processes', () => processesWith(world.stdioFile).length, 0);
      await verifyAll(world);
      await world.trunkd.stop();
    });
  });
}
