// SPDX-License-Identifier: MIT
// bad_http_backends.test.mjs - backends that misbehave over HTTP: one clear error per call, and the good one beside unharmed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { withBadBackend } from './fixture/bad_http_backend.mjs';
import { callText, toolNames, withClient } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { leavesNothing, withTrunkd } from './support/trunkd.mjs';

// Runs body(client, bad) with the bad backend at path beside a good one, which is asked before and after.
function besideGood(path, body) {
  return withBadBackend((bad) => {
    const mcpServers = { good: demo(), bad: { url: bad.url(path) } };
    return withTrunkd({ mcpServers }, ({ url, pid }) =>
      leavesNothing(pid, () =>
        withClient(url, async (client) => {
          assert.equal(await callText(client, 'good_counter'), '1');
          await body(client, bad);
          assert.equal(await callText(client, 'good_counter'), '2');
        }),
      ),
    );
  });
}

async function assertFails(promise, text) {
  const started = Date.now();
  await assert.rejects(promise, (error) => {
    assert.equal(error.code, -32603, error.message);
    assert.match(error.message, /backend "?bad"?[: ]/);
    assert.match(error.message, text);
    return true;
  });
  assert.ok(Date.now() - started < 20000, 'the error came by a timeout');
}

// None is sent again: a 429 asks for patience, and the others may have run.
const sends = () => 1;

const ways = [
  ['html', 'HTML', /text\/html/],
  ['garbage', 'half a JSON text', /JSON|answer/],
  ['short', 'fewer bytes than it says', /./],
  ['chunks', 'broken chunks', /./],
  ['headers', 'endless headers', /./],
  ['redirect', 'a redirect to elsewhere', /redirects to another origin, which is not followed/],
  ['denied', '401', /401.*Bearer realm="bad"/],
  ['busy', '429 with Retry-After', /429.*Retry-After: 7/],
  ['broken', '500', /500.*it broke/],
  ['ends', 'a stream that ends before the answer', /ended the stream/],
  ['vanishes', 'nothing, and closes', /./],
];

for (const [name, what, text] of ways) {
  test(`one that answers a call with ${what}`, async () => {
    await besideGood('/mcp', async (client, bad) => {
      await assertFails(callText(client, `bad_${name}`), text);
      assert.equal(bad.counts[name], sends(name), 'how often it was sent');
      assert.equal(bad.otherOrigin, 0, 'connections of the other origin');
      assert.equal(await callText(client, 'bad_good'), 'good', 'the next call works');
    });
  });

  test(`one that answers initialize with ${what}`, async () => {
    await besideGood(`/init/${name}`, async (client, bad) => {
      assert.ok((await toolNames(client)).every((tool) => tool.startsWith('good_')));
      await assertFails(callText(client, 'bad_good'), text);
      assert.deepEqual(bad.counts, {});
      assert.equal(bad.otherOrigin, 0, 'connections of the other origin');
    });
  });
}

test('one that answers one id twice: the first counts', async () => {
  await besideGood('/mcp', async (client, bad) => {
    assert.equal(await callText(client, 'bad_twice'), 'first');
    assert.equal(await callText(client, 'bad_good'), 'good');
    assert.equal(bad.counts.twice, 1);
  });
});

test('one that answers with a batch, as 2025-03-26 allows', async () => {
  await besideGood('/mcp', async (client, bad) => {
    assert.equal(await callText(client, 'bad_batch'), 'in a batch');
    assert.equal(bad.counts.batch, 1);
  });
});

test('one that never answers GET is ready all the same', async () => {
  await besideGood('/mcp', async (client, bad) => {
    const started = Date.now();
    assert.equal(await callText(client, 'bad_good'), 'good');
    await eventually('GETs that hang', () => bad.gets, 1);
    assert.ok((await toolNames(client)).includes('bad_good'));
    assert.ok(Date.now() - started < 5000);
  });
});

test('all of them at once, each with its own error', async () => {
  await besideGood('/mcp', async (client, bad) => {
    const failing = ways.map(([name, , text]) => assertFails(callText(client, `bad_${name}`), text));
    assert.equal(await callText(client, 'bad_good'), 'good');
    await Promise.all(failing);
    for (const [name] of ways) {
      assert.equal(bad.counts[name], sends(name), name);
    }
    assert.equal(await callText(client, 'bad_good'), 'good');
  });
});
