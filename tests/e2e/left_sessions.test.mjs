// SPDX-License-Identifier: MIT
// left_sessions.test.mjs - nothing is left of sessions, neither here, nor at the backend, nor in the store: of those whose
// clients leave without a word, and of those that end while the backend cannot be reached.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { counting, withBackends } from './support/backends.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession } from './support/raw.mjs';
import { withRelay } from './support/relay.mjs';
import { leavesNothing, withDirectory, withTrunkd } from './support/trunkd.mjs';

const count = process.env.TRUNKD_TEST_SIZE === 'long' ? 10000 : 500;
const atOnce = 20;

function countRecords(file) {
  const query = "select count(*) from records where key like 's:%'";
  return Number(execFileSync('sqlite3', ['-readonly', file, query], { encoding: 'utf8' }));
}

test(`${count} sessions that are opened and left`, async () => {
  await withDirectory(async (directory) => {
    const calls = join(directory, 'calls');
    const file = join(directory, 'sessions.db');
    writeFileSync(calls, '');
    await withBackends([counting(calls)], async (backend) => {
      const config = {
        storage: { driver: 'sqlite', params: { path: file } },
        session: { ttl: '2s' },
        mcpServers: { one: { url: backend.url() } },
      };
      await withTrunkd(config, async ({ url, pid }) => {
        await (await RawSession.open(url)).end(); // what is made once
        await leavesNothing(pid, async () => {
          let left = count;
          const client = async () => {
            while (left-- > 0) {
              await RawSession.open(url);
            }
          };
          await Promise.all(Array.from({ length: atOnce }, client));
          const open = async () => {
            const { opened, ended } = await backend.state();
            assert.ok(opened > count / 2);
            return opened - ended;
          };
          await eventually('open sessions of the backend', open, 0);
          await eventually('records', () => countRecords(file), 0);
        });
      });
    });
  });
});

// Runs body(backend, config, file, relay): of a trunkd with one backend behind a relay.
async function withRelayedBackend(body) {
  await withDirectory(async (directory) => {
    const calls = join(directory, 'calls');
    const file = join(directory, 'sessions.db');
    writeFileSync(calls, '');
    await withBackends([counting(calls)], (backend) =>
      withRelay(backend.url(), async (relayed, relay) => {
        const storage = { driver: 'sqlite', params: { path: file } };
        await body(backend, { storage, mcpServers: { one: { url: relayed } } }, file, relay);
      }),
    );
  });
}

async function nothingIsLeft(backend, file) {
  const open = async () => {
    const { opened, ended } = await backend.state();
    return opened - ended;
  };
  await eventually('open sessions of the backend', open, 0);
  await eventually('records', () => countRecords(file), 0);
}

test('a session that ends while its backend cannot be reached', async () => {
  await withRelayedBackend((backend, config, file, relay) =>
    withTrunkd(config, async ({ url }) => {
      const session = await RawSession.open(url);
      await session.callText(1, 'one_count', { id: 1 });
      relay.setDown(true);
      const before = relay.refused;
      await session.end();
      await eventually('the DELETE was tried', () => relay.refused > before, true);
      assert.equal(countRecords(file), 1);
      relay.setDown(false);
      await nothingIsLeft(backend, file);
    }),
  );
});

test('a session that ends while its backend cannot be reached, before a stop', async () => {
  await withRelayedBackend(async (backend, config, file, relay) => {
    await withTrunkd(config, async ({ url }) => {
      const session = await RawSession.open(url);
      await session.callText(1, 'one_count', { id: 1 });
      relay.setDown(true);
      await session.end();
    });
    assert.equal(countRecords(file), 1);
    relay.setDown(false);
    await withTrunkd(config, () => nothingIsLeft(backend, file));
  });
});
