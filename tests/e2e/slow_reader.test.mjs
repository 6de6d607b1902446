// SPDX-License-Identifier: MIT
// slow_reader.test.mjs - a client that does not read holds up the backend that sends to it: trunkd's memory stays bounded,
// and nothing is lost once it reads on.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { HttpBackend, withBackends } from './support/backends.mjs';
import { demo, fixture, maxGrowthBytes } from './support/paths.mjs';
import { eventually, residentBytes } from './support/processes.mjs';
import { RawSession } from './support/raw.mjs';
import { leavesNothing, withDirectory, withTrunkd } from './support/trunkd.mjs';

const pouringFile = fixture('pouring_backend.mjs');

// Runs body({ url, pid, sent }) beside a trunkd with the backend over stdio or HTTP; sent() is how many messages it has sent.
function withPouring(transport, body) {
  return withDirectory((directory) => {
    const file = join(directory, 'sent');
    writeFileSync(file, '0');
    const sent = () => Number(readFileSync(file, 'utf8'));
    const start = () => HttpBackend.start((port) => [pouringFile, file, port]);
    return withBackends(transport === 'http' ? [start] : [], (backend) => {
      const stdio = { command: process.execPath, args: [pouringFile, file] };
      const mcpServers = { pouring: backend ? { url: backend.url() } : stdio, beside: demo() };
      return withTrunkd({ mcpServers, session: { drain: '1s' } }, (trunkd) => body({ ...trunkd, sent }));
    });
  });
}

// Waits until the backend has sent something and then nothing more for a second.
async function awaitHeldUp(sent) {
  let before = 0;
  let since = Date.now();
  await eventually(
    'a backend that is held up',
    () => {
      const now = sent();
      since = now === before ? since : Date.now();
      before = now;
      return now > 0 && Date.now() - since > 1000;
    },
    true,
  );
  return before;
}

// Reads events until the n-th message; all must be there, in order.
async function readThrough(stream, n) {
  for (let expected = 0; expected <= n; expected++) {
    const message = await stream.nextMessage();
    assert.ok(message, `the stream ended before message ${expected}`);
    assert.equal(message.params.data.n, expected);
  }
}

for (const transport of ['http', 'stdio']) {
  for (const [what, tool] of [['a call', 'pour'], ['the GET stream', 'pour_unasked']]) {
    test(`the stream of ${what}, from a backend over ${transport}`, async () => {
      await withPouring(transport, async ({ url, pid, sent }) => {
        await leavesNothing(pid, async () => {
          const session = await RawSession.open(url);
          const other = await RawSession.open(url);
          assert.equal(await session.callText(1, 'beside_echo', { text: 'a' }), 'a');
          await session.request(2, 'tools/list', {});
          const before = residentBytes(pid);
          const stream = await (tool === 'pour' ? session.openCall(3, 'pouring_pour') : session.openStream());
          if (tool !== 'pour') {
            await session.callText(3, `pouring_${tool}`);
          }

          const count = await awaitHeldUp(sent);
          const growth = residentBytes(pid) - before;
          assert.ok(growth < maxGrowthBytes, `trunkd has grown by ${growth} bytes`);
          assert.equal(await session.callText(4, 'beside_echo', { text: 'b' }), 'b', 'other legs go on');
          assert.equal(await other.callText(1, 'beside_echo', { text: 'c' }), 'c', 'other sessions go on');

          await readThrough(stream, count + 1000);
          const grown = residentBytes(pid) - before;
          assert.ok(grown < maxGrowthBytes, `trunkd has grown by ${grown} bytes`);
          stream.drop();
          await session.end();
          await other.end();
        });
      });
    });
  }
}

test('one that never reads on is cut off, and its backend goes on with the next call', async () => {
  await withDirectory((directory) => {
    const file = join(directory, 'sent');
    writeFileSync(file, '0');
    const mcpServers = { pouring: { command: process.execPath, args: [pouringFile, file] } };
    return withTrunkd({ mcpServers, listen: { body_timeout: '3s' } }, async ({ url }) => {
      const session = await RawSession.open(url);
      await session.request(1, 'tools/list', {});
      const stream = await session.openStream();
      await session.callText(2, 'pouring_pour_unasked');
      const held = await awaitHeldUp(() => Number(readFileSync(file, 'utf8')));
      await eventually('a backend that goes on', () => Number(readFileSync(file, 'utf8')) > held, true);
      assert.equal(await session.callText(3, 'pouring_pour_unasked'), 'pouring');
      stream.drop();
      await session.end();
    });
  });
});
