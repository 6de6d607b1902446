// SPDX-License-Identifier: MIT
// many_clients.test.mjs - many sessions at once: each answer comes from the session's own backends, and nothing is left.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { callText, connect, endSession } from './support/client.mjs';
import { demo, everything, filesystem, memory } from './support/paths.mjs';
import { descendants } from './support/processes.mjs';
import { leavesNothing, withDirectory, withTrunkd } from './support/trunkd.mjs';

const isLong = process.env.TRUNKD_TEST_SIZE === 'long';

async function times(count, body) {
  return Promise.all(Array.from({ length: count }, (_, i) => body(i)));
}

async function useDemoSession(client, rounds) {
  const secrets = { one: await callText(client, 'one_secret'), two: await callText(client, 'two_secret') };
  for (let round = 0; round < rounds; round++) {
    await times(20, async (i) => {
      const backend = i % 2 === 0 ? 'one' : 'two';
      if (i % 5 === 0) {
        await callText(client, `${backend}_sleep`, { ms: i });
      }
      assert.equal(await callText(client, `${backend}_secret`), secrets[backend]);
    });
  }
  const counts = await times(10, () => callText(client, 'one_counter'));
  assert.deepEqual(counts.map(Number).toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  return Object.values(secrets);
}

test('50 clients at once each talk to their own backends', async () => {
  const config = { mcpServers: { one: demo(), two: demo() } };
  await withTrunkd(config, async ({ url, pid }) => {
    await leavesNothing(pid, async () => {
      const clients = await times(50, () => connect(url));
      const secrets = await Promise.all(clients.map((client) => useDemoSession(client, isLong ? 50 : 5)));
      assert.equal(new Set(secrets.flat()).size, 100);
      assert.equal(descendants(pid).length, 100);
      await Promise.all(clients.map(endSession));
    });
  });
});

// What one client sees of the npm servers, by a marker of its own that its answers must carry.
async function useNpmSession(client, marker, files, rounds) {
  const secret = await callText(client, 'demo_secret');
  for (let round = 0; round < rounds; round++) {
    await times(12, async (i) => {
      const own = `${marker}/${round}/${i}`;
      assert.equal(await callText(client, 'everything_echo', { message: own }), `Echo: ${own}`);
      const path = join(files, marker);
      assert.equal(await callText(client, 'files_read_text_file', { path }), marker);
      const graph = JSON.parse(await callText(client, 'memory_search_nodes', { query: marker }));
      assert.deepEqual(graph.entities.map((entity) => entity.name), [marker]);
      assert.equal(await callText(client, 'demo_secret'), secret);
    });
  }
  return secret;
}

test('4 clients at once over the npm servers get their own answers', async () => {
  await withDirectory(async (directory) => {
    const markers = Array.from({ length: 4 }, () => randomUUID());
    const files = join(directory, 'files');
    const graph = join(directory, 'graph.jsonl');
    mkdirSync(files);
    markers.forEach((marker) => writeFileSync(join(files, marker), marker));
    const entity = (name) => ({ type: 'entity', name, entityType: 'client', observations: [] });
    writeFileSync(graph, markers.map((marker) => JSON.stringify(entity(marker))).join('\n'));
    const config = {
      mcpServers: {
        everything: everything(),
        files: filesystem(files),
        memory: memory(graph),
        demo: demo(),
      },
      session: { leg_timeout: '60s', list_wait: '60s' },
    };
    await withTrunkd(config, async ({ url, pid }) => {
      await leavesNothing(pid, async () => {
        const clients = await times(4, () => connect(url));
        const secrets = await times(4, (i) => useNpmSession(clients[i], markers[i], files, isLong ? 50 : 5));
        assert.equal(new Set(secrets).size, 4);
        await Promise.all(clients.map(endSession));
      });
    });
  });
});

test('sessions that come and go leave nothing behind', async () => {
  await withDirectory(async (directory) => {
    const config = { mcpServers: { one: demo('--count-file', join(directory, 'count')) } };
    await withTrunkd(config, async ({ url, pid }) => {
      await leavesNothing(pid, async () => {
        for (let i = 0; i < (isLong ? 200 : 20); i++) {
          const client = await connect(url);
          assert.equal(await callText(client, 'one_counter'), '1');
          await endSession(client);
        }
      });
    });
  });
});
