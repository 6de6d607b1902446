// SPDX-License-Identifier: MIT
// bad_backends.test.mjs - backends that misbehave: a clear answer for what they fail, and the good one beside them unharmed.
import assert from 'node:assert/strict';
import test from 'node:test';
import { callText, toolNames, withClient } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { descendants } from './support/processes.mjs';
import { leavesNothing, withTrunkd } from './support/trunkd.mjs';

// Runs body(client, pid) with this backend as "bad" beside a good one, which is asked before and after.
function besideGood(bad, session, body) {
  const mcpServers = { good: demo(), bad };
  return withTrunkd({ mcpServers, session }, ({ url, pid }) =>
    leavesNothing(pid, () =>
      withClient(url, async (client) => {
        assert.equal(await callText(client, 'good_counter'), '1');
        await body(client, pid);
        assert.equal(await callText(client, 'good_counter'), '2');
      }),
    ),
  );
}

async function assertOnlyGoodTools(client) {
  const names = await toolNames(client);
  assert.ok(names.includes('good_echo'));
  assert.ok(names.every((name) => name.startsWith('good_')));
}

async function assertFailsWithName(promise) {
  await assert.rejects(promise, { code: -32603, message: /backend "?bad"?[: ]/ });
}

async function assertBadAnswers(client) {
  assert.ok((await toolNames(client)).includes('bad_echo'));
  assert.equal(await callText(client, 'bad_echo', { text: 'here' }), 'here');
}

test('one that exits at once', async () => {
  await besideGood(demo('--exit-at-once'), {}, async (client) => {
    await assertOnlyGoodTools(client);
    await assertFailsWithName(callText(client, 'bad_echo', { text: '' }));
  });
});

test('a command that does not exist', async () => {
  await besideGood({ command: 'no-such-command-anywhere' }, {}, async (client) => {
    await assertOnlyGoodTools(client);
    await assertFailsWithName(callText(client, 'bad_echo', { text: '' }));
    await assert.rejects(callText(client, 'bad_echo', { text: '' }), {
      message: /no-such-command-anywhere/,
    });
  });
});

test('a command that talks of other things', async () => {
  await besideGood({ command: 'sh', args: ['-c', 'yes'] }, { leg_timeout: '1s' }, async (client) => {
    await assertOnlyGoodTools(client);
    await assertFailsWithName(callText(client, 'bad_echo', { text: '' }));
  });
});

test('one that prints garbage at start and in mid-call', async () => {
  await besideGood(demo('--garbage-at-start'), {}, async (client) => {
    await assertBadAnswers(client);
    assert.equal(await callText(client, 'bad_garbage'), 'after garbage');
  });
});

test('one that floods at start and in mid-call', async () => {
  await besideGood(demo('--flood-at-start', '20000'), {}, async (client) => {
    await assertBadAnswers(client);
    const flood = callText(client, 'bad_flood', { count: 20000 });
    assert.equal(await callText(client, 'good_echo', { text: 'meanwhile' }), 'meanwhile');
    assert.equal(await flood, 'after the flood');
  });
});

test('one that never answers initialize', async () => {
  await besideGood(demo('--never-init'), { leg_timeout: '1s' }, async (client) => {
    await assertFailsWithName(callText(client, 'bad_echo', { text: '' }));
    await assertOnlyGoodTools(client);
  });
});

test('one that answers a call too late', async () => {
  await besideGood({ ...demo(), timeout: '300ms' }, {}, async (client) => {
    await assertFailsWithName(callText(client, 'bad_sleep', { ms: 3600000 }));
    const calls = JSON.parse(await callText(client, 'bad_calls'));
    assert.deepEqual(calls, { calls: 1, running: 0, cancelled: 1 });
  });
});

for (const [how, args] of [['aborts', {}], ['exits with 0', { exit: 0 }], ['exits with 3', { exit: 3 }]]) {
  test(`one that ${how} in mid-call fails its own calls only, and is built again`, async () => {
    await besideGood(demo(), {}, async (client) => {
      const secret = await callText(client, 'bad_secret');
      const flying = callText(client, 'good_sleep', { ms: 300 });
      const doomed = assertFailsWithName(callText(client, 'bad_sleep', { ms: 3600000 }));
      await callText(client, 'bad_echo', { text: 'the sleep has begun' });
      await assertFailsWithName(callText(client, 'bad_crash', args));
      await doomed;
      const again = await callText(client, 'bad_secret');
      assert.notEqual(again, secret);
      assert.equal(JSON.parse(await callText(client, 'bad_calls')).calls, 1, 'nothing was sent twice');
      assert.equal(await flying, 'slept');
    });
  });
}

test('many calls that find it dead share one rebuild', async () => {
  await besideGood(demo(), {}, async (client, pid) => {
    await callText(client, 'bad_echo', { text: '' });
    await assertFailsWithName(callText(client, 'bad_crash'));
    const secrets = await Promise.all(Array.from({ length: 20 }, () => callText(client, 'bad_secret')));
    assert.equal(new Set(secrets).size, 1);
    assert.equal(descendants(pid).length, 2);
  });
});

test('one that sends more than max_message', async () => {
  await besideGood(demo(), { max_message: '64KiB' }, async (client) => {
    await assertBadAnswers(client);
    assert.equal((await callText(client, 'bad_big', { bytes: 60000 })).length, 60000);
    await assertFailsWithName(callText(client, 'bad_big', { bytes: 100000 }));
    assert.equal(await callText(client, 'bad_echo', { text: 'again' }), 'again');
  });
});

test('one that answers JSON-RPC errors: they are relayed as they are', async () => {
  await besideGood(demo('--errors'), {}, async (client) => {
    await assert.rejects(callText(client, 'bad_echo', { text: '' }), {
      code: -32050,
      message: /the demo error/,
      data: { reason: 'asked for' },
    });
  });
});

test('one with many tools in many pages', async () => {
  await besideGood(demo('--tools', '300', '--page', '7'), {}, async (client) => {
    const names = (await toolNames(client)).filter((name) => name.startsWith('bad_tool_'));
    assert.equal(new Set(names).size, 300);
    assert.equal(await callText(client, 'bad_tool_299'), 'tool_299');
  });
});
