// SPDX-License-Identifier: MIT
// lost_connection.test.mjs - clients whose connections are cut in the middle of a call: after they came back they have each event
// once, in order, and the result.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { textResult, withScripted } from './fixture/scripted_backend.mjs';
import { eventually } from './support/processes.mjs';
import { withRelay } from './support/relay.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const steps = 20;
const cutAfter = [7, 14];

// A backend whose call tells its steps; before those after a cut it waits for cue(step).
function stepping(cue) {
  return async ({ params, events }) => {
    for (let progress = 1; progress <= steps; progress++) {
      await cue(progress);
      const { progressToken } = params._meta;
      events().send({ method: 'notifications/progress', params: { progressToken, progress, total: steps } });
    }
    return textResult('all steps');
  };
}

const sdks = {
  '1.x': [Client, StreamableHTTPClientTransport],
  '2.x': [Client2, Transport2],
};

for (const [version, [ClientOf, TransportOf]] of Object.entries(sdks)) {
  test(`a call whose client (SDK ${version}) loses its connection twice has every event once, in order, and the result`, async () => {
    const seen = [];
    let cut;
    // What is told after a cut begins while the client is away.
    const cue = async (step) => {
      if (cutAfter.includes(step - 1)) {
        await eventually('events before the cut', () => seen.length, step - 1);
        cut();
      }
    };
    await withScripted({ tools: { step: stepping(cue) } }, (backend) =>
      withTrunkd({ mcpServers: { one: { url: backend.url } } }, ({ url }) =>
        withRelay(url, async (relayed, relay) => {
          cut = relay.cut;
          const client = new ClientOf({ name: 'lost', version: '1' });
          await client.connect(new TransportOf(new URL(relayed)));
          const onprogress = ({ progress }) => seen.push(progress);
          const result = await client.callTool(...callArguments(version, { onprogress }));
          assert.equal(result.content[0].text, 'all steps');
          assert.deepEqual(seen, Array.from({ length: steps }, (_, i) => i + 1));
          await client.close();
        }),
      ),
    );
  });
}

// The first version takes a schema of the result before the options.
function callArguments(version, options) {
  const params = { name: 'one_step', arguments: {} };
  return version === '1.x' ? [params, undefined, options] : [params, options];
}
