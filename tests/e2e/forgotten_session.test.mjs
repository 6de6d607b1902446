// SPDX-License-Identifier: MIT
// forgotten_session.test.mjs - a backend over HTTP that forgets its sessions, as by a restart: no call fails by that, and one new
// session is opened for all of them.
import assert from 'node:assert/strict';
import test from 'node:test';
import { textResult, withScripted } from './fixture/scripted_backend.mjs';
import { RawSession } from './support/raw.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const atOnce = 8;

test('calls at once to a backend that has forgotten the session', async () => {
  const runs = [];
  const run = ({ params, session }) => {
    runs.push([session.id, params.arguments.n]);
    return textResult(String(params.arguments.n));
  };
  await withScripted({ tools: { run } }, (backend) =>
    withTrunkd({ mcpServers: { one: { url: backend.url } } }, async ({ url }) => {
      const session = await RawSession.open(url);
      assert.equal(await session.callText(100, 'one_run', { n: 100 }), '100');
      for (let round = 0; round < 3; round++) {
        backend.sessions.clear();
        runs.length = 0;
        const numbers = Array.from({ length: atOnce }, (_, i) => i + 1);
        const texts = await Promise.all(numbers.map((n) => session.callText(n, 'one_run', { n })));
        assert.deepEqual(texts, numbers.map(String));
        assert.equal(runs.length, atOnce);
        assert.deepEqual([...backend.sessions.keys()], [...new Set(runs.map(([id]) => id))]);
      }
      await session.end();
    }),
  );
});
