// SPDX-License-Identifier: MIT
// soak.test.mjs - sessions over HTTP backends that are opened, used, cut off and closed: nothing is left, here or there.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { counting, withBackends } from './support/backends.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession } from './support/raw.mjs';
import { leavesNothing, withDirectory, withTrunkd } from './support/trunkd.mjs';

const isLong = process.env.TRUNKD_TEST_SIZE === 'long';
const sessionsAtOnce = isLong ? 200 : 20;
const soakMs = isLong ? 120000 : 5000;
const names = ['one', 'two', 'three'];

const pick = (values) => values[Math.floor(Math.random() * values.length)];

// The ways of a client in mid-session; each leaves the session in its own state.
const uses = {
  async call(session, id) {
    const text = await session.callText(id, `${pick(names)}_count`, { id: `${session.id}-${id}` });
    assert.equal(text, `${session.id}-${id}`);
  },
  async dropCall(session, id) {
    const call = session.openCall(id, `${pick(names)}_count`, { id: `${session.id}-${id}`, ms: 50 });
    (await call).drop();
  },
  async dropStream(session) {
    (await session.openStream()).drop();
  },
};

async function useSession(url, tally) {
  const session = await RawSession.open(url);
  const count = 1 + Math.floor(Math.random() * 8);
  for (let id = 1; id <= count; id++) {
    const use = pick(Object.keys(uses));
    await uses[use](session, id);
    tally[use]++;
  }
  // At times with a call on its way.
  const last = Math.random() < 0.5 ? session.request(count + 1, 'tools/list') : undefined;
  assert.ok((await session.end()).status < 300);
  await last;
  tally.sessions++;
}

test('sessions over three HTTP backends come and go, with clients cut off, and leave nothing', async () => {
  await withDirectory(async (directory) => {
    const files = names.map((name) => join(directory, name));
    files.forEach((file) => writeFileSync(file, ''));
    await withBackends(files.map(counting), async (...backends) => {
      const urls = backends.map((backend, i) => [names[i], { url: backend.url() }]);
      await withTrunkd({ mcpServers: Object.fromEntries(urls) }, async ({ url, pid }) => {
        const tally = { sessions: 0, call: 0, dropCall: 0, dropStream: 0 };
        await (await RawSession.open(url)).end(); // what is made once, such as the resolver's
        await leavesNothing(pid, async () => {
          const end = Date.now() + soakMs;
          const client = async () => {
            while (Date.now() < end) {
              await useSession(url, tally);
            }
          };
          await Promise.all(Array.from({ length: sessionsAtOnce }, client));
          for (const backend of backends) {
            const open = async () => {
              const { opened, ended } = await backend.state();
              return opened - ended;
            };
            await eventually('open sessions of a backend', open, 0);
            assert.ok((await backend.state()).opened >= tally.sessions / 2, JSON.stringify(tally));
          }
        });
        assert.ok(Object.values(tally).every((count) => count >= sessionsAtOnce), JSON.stringify(tally));
        console.log(JSON.stringify(tally));
      });
    });
  });
});
