// SPDX-License-Identifier: MIT
// example.test.mjs - SDK clients use an installed trunkd that keeps its sessions in the driver TRUNKD_EXAMPLE_DRIVER, which was
// built out of tree; they go on after kill -9. Run by ../example.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { callText, connect, connect2, endSession } from '../support/client.mjs';
import { demo } from '../support/paths.mjs';
import { withRestartable } from '../support/restartable.mjs';
import { withDirectory } from '../support/trunkd.mjs';

for (const [version, connectClient] of Object.entries({ '1.x': connect, '2.x': connect2 })) {
  test(`a client of the SDK ${version} on a trunkd with the example of a driver`, () =>
    withDirectory((directory) =>
      withRestartable(directory, { mcpServers: { demo: demo() } }, async (trunkd) => {
        const storage = { driver: process.env.TRUNKD_EXAMPLE_DRIVER, params: { path: join(directory, 'records') } };
        assert.ok(await trunkd.start(storage));
        const client = await connectClient(trunkd.url);
        assert.equal(await callText(client, 'demo_add', { a: 2, b: 3 }), '5');
        await trunkd.kill();
        assert.ok(await trunkd.start(storage));
        assert.equal(await callText(client, 'demo_add', { a: 20, b: 3 }), '23');
        await endSession(client);
        await trunkd.stop();
      }),
    ));
}
