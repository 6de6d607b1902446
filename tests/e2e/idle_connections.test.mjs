// SPDX-License-Identifier: MIT
// idle_connections.test.mjs - 10,000 connections that say nothing: they cost little, others are served, and they are cut.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'node:test';
import { callText, connect as connectClient, endSession, withClient } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { countDescriptors, descriptorLimit, eventually, residentBytes } from './support/processes.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const count = 10000;
const maxBytesEach = 8192;

function openSilently(url) {
  const { port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {}); // reset is an end as well
  socket.resume();
  return { opened: once(socket, 'connect'), closed: once(socket, 'close') };
}

test('10,000 idle connections', async (t) => {
  const listen = { max_connections: count + 100, idle_timeout: '20s' };
  await withTrunkd({ listen, mcpServers: { one: demo() } }, async ({ url, pid }) => {
    if (Math.min(descriptorLimit(pid) * 0.75, descriptorLimit(process.pid)) < count + 200) {
      t.skip('this process, or trunkd, may not open so many descriptors');
      return;
    }
    const client = await connectClient(url);
    assert.equal(await callText(client, 'one_echo', { text: 'before' }), 'before');
    const descriptors = countDescriptors(pid);
    const bytes = residentBytes(pid);

    const sockets = [];
    while (sockets.length < count) {
      const batch = Array.from({ length: 500 }, () => openSilently(url));
      await Promise.all(batch.map((socket) => socket.opened));
      sockets.push(...batch);
    }
    await eventually('connections', () => countDescriptors(pid) >= count, true);
    const growth = residentBytes(pid) - bytes;
    assert.ok(growth < count * maxBytesEach, `${growth} bytes more`);

    assert.equal(await callText(client, 'one_echo', { text: 'beside' }), 'beside');
    await withClient(url, async (other) => {
      assert.equal(await callText(other, 'one_echo', { text: 'new' }), 'new');
    });

    await Promise.all(sockets.map((socket) => socket.closed));
    await eventually('descriptors beyond those before', () => Math.max(0, countDescriptors(pid) - descriptors), 0);
    assert.equal(await callText(client, 'one_echo', { text: 'after' }), 'after');
    await endSession(client);
  });
});
