// SPDX-License-Identifier: MIT
// signals.test.mjs - how trunkd ends by signals: in order, and not by one that its parent has had it ignore.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { callText, connect, endSession } from './support/client.mjs';
import { demo, trunkdBin } from './support/paths.mjs';
import { processesWith } from './support/processes.mjs';
import { withDirectory, withTrunkd, writeConfig } from './support/trunkd.mjs';

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  test(`${signal} ends it in order, with the processes of its backends`, () =>
    withDirectory(async (directory) => {
      const mcpServers = { demo: demo('--name', `of-${directory}`) };
      const file = writeConfig(directory, { mcpServers });
      const child = spawn(trunkdBin, ['serve', '-c', file], { stdio: ['ignore', 'pipe', 'ignore'] });
      const exited = once(child, 'exit');
      const [ready] = await once(createInterface({ input: child.stdout }), 'line');
      const client = await connect(/mcp=(\S+)/.exec(ready)[1]);
      assert.equal(await callText(client, 'demo_add', { a: 2, b: 3 }), '5');
      assert.equal(processesWith(`of-${directory}`).length, 1);
      child.kill(signal);
      assert.deepEqual(await exited, [0, null]);
      assert.equal(processesWith(`of-${directory}`).length, 0);
      await client.close();
    }));
}

test('under nohup it goes on after SIGHUP', () =>
  withTrunkd(
    { mcpServers: { demo: demo() } },
    async ({ url, pid }) => {
      const client = await connect(url);
      process.kill(pid, 'SIGHUP');
      assert.equal(await callText(client, 'demo_add', { a: 2, b: 3 }), '5');
      await endSession(client);
    },
    {},
    ['nohup'],
  ));
