// SPDX-License-Identifier: MIT
// slow_backend.test.mjs - a backend that does not answer initialize delays nobody, and is there when it wakes.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { callText, connect, endSession, nextListChanged, toolNames, withClient } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { withDirectory, withTrunkd } from './support/trunkd.mjs';

function withSlow(session, body) {
  return withDirectory((directory) => {
    const cue = join(directory, 'cue');
    const mcpServers = { one: demo(), slow: demo('--init-cue', cue), two: demo() };
    return withTrunkd({ mcpServers, session }, ({ url }) => body(url, cue));
  });
}

test('initialize and calls to the others do not wait for it; its tools come with list_changed', async () => {
  await withSlow({ list_wait: '100ms', leg_timeout: '5m' }, async (url, cue) => {
    const client = await connect(url);
    // All of this is over before the cue is given.
    assert.equal(await callText(client, 'one_add', { a: 1, b: 2 }), '3');
    assert.equal(await callText(client, 'two_add', { a: 3, b: 4 }), '7');
    const before = await toolNames(client);
    assert.ok(before.includes('one_echo') && before.includes('two_echo'));
    assert.ok(!before.some((name) => name.startsWith('slow_')));
    assert.ok(!existsSync(cue));

    const changed = nextListChanged(client);
    writeFileSync(cue, '');
    await changed;
    const after = await toolNames(client);
    assert.deepEqual(
      after.filter((name) => name.startsWith('slow_')).map((name) => name.slice('slow_'.length)),
      after.filter((name) => name.startsWith('one_')).map((name) => name.slice('one_'.length)),
    );
    assert.equal(await callText(client, 'slow_echo', { text: 'awake' }), 'awake');
    await endSession(client);
  });
});

test('a call to it waits for it, while others go on', async () => {
  await withSlow({ list_wait: '100ms', leg_timeout: '5m' }, async (url, cue) => {
    await withClient(url, async (client) => {
      const answers = [];
      const slow = callText(client, 'slow_echo', { text: 'slow' }).then((text) => answers.push(text));
      answers.push(await callText(client, 'one_echo', { text: 'one' }));
      answers.push(await callText(client, 'two_echo', { text: 'two' }));
      writeFileSync(cue, '');
      await slow;
      assert.deepEqual(answers, ['one', 'two', 'slow']);
    });
  });
});

test('sessions can be ended while it is silent', async () => {
  await withSlow({ list_wait: '100ms', leg_timeout: '5m' }, async (url) => {
    for (let i = 0; i < 3; i++) {
      const client = await connect(url);
      await callText(client, 'one_echo', { text: 'x' });
      await endSession(client);
    }
  });
});

test('a required backend is waited for', async () => {
  await withDirectory(async (directory) => {
    const cue = join(directory, 'cue');
    const slow = { ...demo('--init-cue', cue), required: true };
    await withTrunkd({ mcpServers: { one: demo(), slow } }, async ({ url }) => {
      let isCued = false;
      const connected = withClient(url, async (client) => {
        assert.ok(isCued);
        assert.equal(await callText(client, 'slow_echo', { text: 'x' }), 'x');
      });
      await fetch(url); // trunkd goes on serving others
      isCued = true;
      writeFileSync(cue, '');
      await connected;
    });
  });
});

test('a required backend that cannot be had fails initialize with an error that names it', async () => {
  const bad = { ...demo('--exit-at-once'), required: true };
  await withTrunkd({ mcpServers: { one: demo(), bad } }, async ({ url }) => {
    await assert.rejects(connect(url), { message: /"?bad"?/ });
  });
});
