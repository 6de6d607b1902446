// SPDX-License-Identifier: MIT
// restart.test.mjs - SDK clients that were connected before trunkd was restarted go on after it without having noticed: their
// sessions, what HTTP backends remember of them, their streams. Processes of backends are started anew.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { HttpBackend, withBackends } from './support/backends.mjs';
import { callText, connect, connect2, endSession, toolNames } from './support/client.mjs';
import { fixture } from './support/paths.mjs';
import { eventually, processesWith } from './support/processes.mjs';
import { withRestartable } from './support/restartable.mjs';
import { stores } from './support/stores.mjs';
import { withDirectory } from './support/trunkd.mjs';

const sdks = {
  '1.x': { connect, onLog: (client, take) => client.setNotificationHandler(LoggingMessageNotificationSchema, take) },
  '2.x': { connect: connect2, onLog: (client, take) => client.setNotificationHandler('notifications/message', take) },
};

const ends = { 'a planned restart': (trunkd) => trunkd.stop(), 'kill -9': (trunkd) => trunkd.kill() };

// Has the backend say something on its GET stream until the client has heard it: while the stream is being opened again,
// log messages have nowhere to go.
async function hear(client, heard, text) {
  await eventually(
    `"${text}" on the client's stream`,
    async () => {
      await callText(client, 'http_tell', { text });
      return heard.includes(text);
    },
    true,
  );
}

async function openIds(backend) {
  return (await backend.state()).sessions.map(({ id }) => id).toSorted();
}

// Runs body(trunkd, backend, store, stdioFile): trunkd has an HTTP and a stdio backend, and is not started yet.
function withBoth(withStore, body) {
  return withDirectory((directory) =>
    withStore(directory, (store) => {
      const file = join(directory, 'runs');
      const stdioFile = join(directory, 'stdio-runs');
      writeFileSync(file, '');
      writeFileSync(stdioFile, '');
      const start = () => HttpBackend.start((port) => [fixture('session_backend.mjs'), port, file]);
      return withBackends([start], (backend) => {
        const stdio = { command: process.execPath, args: [fixture('run_backend.mjs'), stdioFile] };
        const mcpServers = { http: { url: backend.url() }, stdio };
        return withRestartable(directory, { mcpServers }, (trunkd) => body(trunkd, backend, store, stdioFile));
      });
    }),
  );
}

for (const [storeName, withStore] of Object.entries(stores)) {
  for (const [endName, end] of Object.entries(ends)) {
    for (const [version, sdk] of Object.entries(sdks)) {
      test(`a client of the SDK ${version} does not notice ${endName}, over ${storeName}`, async () => {
        await withBoth(withStore, async (trunkd, backend, store, stdioFile) => {
          assert.ok(await trunkd.start(store.plain()));
          const client = await sdk.connect(trunkd.url);
          const heard = [];
          sdk.onLog(client, ({ params }) => heard.push(params.data));
          const names = await toolNames(client);
          assert.equal(await callText(client, 'http_set', { value: 'kept' }), 'set');
          assert.equal(await callText(client, 'stdio_run', { id: 'before' }), 'before');
          await client.setLoggingLevel('info');
          await hear(client, heard, 'before');
          const ids = await openIds(backend);
          const processes = processesWith(stdioFile);
          assert.equal(ids.length, 1);
          assert.equal(processes.length, 1);

          for (const turn of ['once', 'twice']) {
            await end(trunkd);
            await eventually('processes after the end of trunkd', () => processesWith(stdioFile).length, 0);
            assert.deepEqual(await openIds(backend), ids, 'sessions of the backend after the end of trunkd');
            assert.ok(await trunkd.start(store.plain()));

            assert.equal(await callText(client, 'http_get'), 'kept');
            assert.equal(await callText(client, 'stdio_run', { id: turn }), turn);
            assert.equal(await callText(client, 'stdio_level'), 'info');
            assert.deepEqual(await toolNames(client), names);
            await hear(client, heard, turn);
            assert.deepEqual(await openIds(backend), ids, 'sessions of the backend after the restart');
            assert.equal(processesWith(stdioFile).length, 1);
          }

          await endSession(client);
          await eventually('sessions of the backend', async () => (await openIds(backend)).length, 0);
          await eventually('processes', () => processesWith(stdioFile).length, 0);
          await trunkd.stop();
        });
      });
    }
  }
}
