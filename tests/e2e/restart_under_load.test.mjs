// SPDX-License-Identifier: MIT
// restart_under_load.test.mjs - a backend killed and started again under load: one outcome per call, and none run twice.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { counting, withBackends } from './support/backends.mjs';
import { callText, connect, endSession } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { withDirectory, withTrunkd } from './support/trunkd.mjs';

const isLong = process.env.TRUNKD_TEST_SIZE === 'long';
const restarts = isLong ? 40 : 5;
const clientCount = 8;
const callsAtOnce = 4;

// How often each id was run, by the backend's own count.
function readRuns(file) {
  const runs = new Map();
  for (const id of readFileSync(file, 'utf8').split('\n').filter((line) => line !== '')) {
    runs.set(id, (runs.get(id) ?? 0) + 1);
  }
  return runs;
}

// Calls one after another until it is told to stop; outcomes gets one entry per call.
async function callOn(client, prefix, load, outcomes) {
  for (let i = 0; !load.isOver; i++) {
    const id = `${prefix}-${i}`;
    try {
      const text = await callText(client, 'counted_count', { id, ms: i % 20 });
      outcomes.push({ id, isAnswered: true, text });
    } catch (error) {
      outcomes.push({ id, isAnswered: false, error });
    }
  }
}

test('each call has one outcome, none runs twice, and the sessions go on', async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, 'runs');
    writeFileSync(file, '');
    await withBackends([counting(file)], async (backend) => {
      const mcpServers = { counted: { url: backend.url() }, beside: demo() };
      await withTrunkd({ mcpServers }, async ({ url }) => {
        const clients = await Promise.all(Array.from({ length: clientCount }, () => connect(url)));
        const load = { isOver: false };
        const outcomes = [];
        const callers = clients.flatMap((client, i) =>
          Array.from({ length: callsAtOnce }, (_, j) => callOn(client, `${i}-${j}`, load, outcomes)),
        );
        for (let i = 0; i < restarts; i++) {
          await sleep(300); // of load, between two restarts
          await backend.kill();
          await backend.restart();
        }
        await sleep(300);
        load.isOver = true;
        await Promise.all(callers);

        const runs = readRuns(file);
        const answered = outcomes.filter(({ isAnswered }) => isAnswered);
        const failed = outcomes.filter(({ isAnswered }) => !isAnswered);
        assert.equal(new Set(outcomes.map(({ id }) => id)).size, outcomes.length);
        assert.ok(answered.length > 100, `${answered.length} answered`);
        assert.ok(failed.length > 0, 'no restart has hit a call');
        assert.deepEqual([...runs].filter(([, count]) => count > 1), [], 'run twice');
        for (const { id, text } of answered) {
          assert.equal(text, id);
          assert.equal(runs.get(id), 1, id);
        }
        for (const { id, error } of failed) {
          assert.match(error.message, /backend "?counted"?[: ]/, id);
        }

        for (const [i, client] of clients.entries()) {
          assert.equal(await callText(client, 'counted_count', { id: `after-${i}` }), `after-${i}`);
          assert.equal(await callText(client, 'beside_echo', { text: 'unharmed' }), 'unharmed');
        }
        await Promise.all(clients.map(endSession));
        assert.deepEqual(await backend.state(), { opened: clientCount, ended: clientCount });
      });
    });
  });
});
