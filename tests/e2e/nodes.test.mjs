// SPDX-License-Identifier: MIT
// nodes.test.mjs - one owner of a store (design.md section 5): another node is refused, a newer process of the same node takes over.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { HttpBackend, withBackends } from './support/backends.mjs';
import { fixture } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession } from './support/raw.mjs';
import { withRestartable } from './support/restartable.mjs';
import { stores } from './support/stores.mjs';
import { withDirectory } from './support/trunkd.mjs';

// Runs body(first, second, store, backend): two trunkd of these node names with the same HTTP backend, not started yet.
function withTwo(withStore, names, body) {
  return withDirectory((directory) =>
    withStore(directory, (store) => {
      const runs = join(directory, 'runs');
      writeFileSync(runs, '');
      const start = () => HttpBackend.start((port) => [fixture('session_backend.mjs'), port, runs]);
      return withBackends([start], (backend) => {
        const [first, second] = names.map((name, i) => {
          const own = join(directory, String(i));
          mkdirSync(own);
          return [own, { node: { name }, mcpServers: { http: { url: backend.url() } } }];
        });
        return withRestartable(...first, (one) =>
          withRestartable(...second, (two) => body(one, two, store, backend)),
        );
      });
    }),
  );
}

// Starts a trunkd that must be refused; gives what it said.
async function startRefused(trunkd, store) {
  await assert.rejects(trunkd.start(store.plain()), /a trunkd that did not start/);
  assert.deepEqual(await trunkd.exited, { code: 1, signal: null });
  return trunkd.log;
}

for (const [storeName, withStore] of Object.entries(stores)) {
  test(`a node of another name is refused while the lease of the first lasts, over ${storeName}`, async () => {
    await withTwo(withStore, ['alpha', 'beta'], async (alpha, beta, store) => {
      assert.ok(await alpha.start(store.plain()));
      const session = await RawSession.open(alpha.url);
      const refusal = /in use by another node, \\?"alpha\\?", whose lease ends in \d+ s/;
      assert.match(await startRefused(beta, store), refusal);
      assert.equal((await session.request(1, 'ping')).status, 200);
      await alpha.kill();
      assert.match(await startRefused(beta, store), refusal);
      assert.ok(await alpha.start(store.plain())); // the same node, at once
      assert.equal((await session.request(2, 'ping')).status, 200);
      await alpha.stop();
      assert.ok(await beta.start(store.plain())); // a clean end leaves no lease
      const there = new RawSession(beta.url, session.id);
      assert.equal((await there.request(3, 'ping')).status, 200);
      await beta.stop();
    });
  });

  test(`a newer process of a node takes over at once, and the older one stops, over ${storeName}`, async () => {
    await withTwo(withStore, ['alpha', 'alpha'], async (older, newer, store, backend) => {
      assert.ok(await older.start(store.plain()));
      const session = await RawSession.open(older.url);
      assert.equal(await session.callText(1, 'http_set', { value: 'kept' }), 'set');
      assert.ok(await newer.start(store.plain()));
      assert.deepEqual(await older.exited, { code: 1, signal: null });
      assert.match(older.log, /this node stops: another process with the same node\.name has taken over the store/);
      const there = new RawSession(newer.url, session.id);
      assert.equal(await there.callText(2, 'http_get'), 'kept');
      assert.equal((await backend.state()).sessions.length, 1);
      assert.equal((await there.end()).status, 200);
      await eventually('sessions of the backend', async () => (await backend.state()).sessions.length, 0);
      await newer.stop();
    });
  });
}
