// SPDX-License-Identifier: MIT
// sqlite.test.mjs - sessions in a file: what a restart finds there, and files that cannot be used.
import assert from 'node:assert/strict';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { demo } from './support/paths.mjs';
import { RawSession } from './support/raw.mjs';
import { failToStart, withDirectory, withTrunkd } from './support/trunkd.mjs';

const mcpServers = { demo: demo('--name', 'demo') };

function storage(path, startWait = '10s') {
  return { driver: 'sqlite', params: { path }, start_wait: startWait };
}

test('a path at which no database can be is told, with what to do', async () => {
  await withDirectory(async (directory) => {
    const foreign = join(directory, 'foreign.json');
    writeFileSync(foreign, '{}\n');
    const newer = join(directory, 'newer.db');
    await withTrunkd({ storage: storage(newer), mcpServers }, async () => {});
    const db = new DatabaseSync(newer);
    db.exec('PRAGMA user_version = 9');
    db.close();
    mkdirSync(join(directory, 'folder'));
    for (const [path, told] of [
      [join(directory, 'folder'), 'is a directory; name a file'],
      [join(directory, 'absent', 'sessions.db'), 'its directory does not exist; make it'],
      [foreign, 'is no sqlite database; name another file'],
      [newer, 'is of schema version 9, this trunkd knows versions up to 1'],
    ]) {
      const { code, log } = await failToStart(directory, { storage: storage(path), mcpServers });
      assert.equal(code, 1, log);
      assert.ok(log.includes(`${path} ${told}`) || log.includes(`${path}: ${told}`), log);
    }
  });
});

test('a database that another program locks is waited for, and then named', async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, 'sessions.db');
    const other = new DatabaseSync(path);
    other.exec('BEGIN EXCLUSIVE');
    const { code, log } = await failToStart(directory, { storage: storage(path, '1s'), mcpServers });
    assert.equal(code, 1, log);
    assert.match(log, /the store sqlite does not answer: .*sessions\.db: the database is locked by another program/);
    const later = sleep(1000).then(() => {
      other.exec('COMMIT');
      other.close();
    });
    await withTrunkd({ storage: storage(path, '30s'), mcpServers }, async ({ url }) => {
      await later;
      const session = await RawSession.open(url);
      assert.equal((await session.end()).status, 200);
    });
  });
});

test('a session goes on after a restart; one whose record was spoiled is gone, with a line in the log', async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, 'sessions.db');
    const config = { storage: storage(path), mcpServers };
    const ids = await withSessions(config, 3);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const db = new DatabaseSync(path);
    const spoil = db.prepare('UPDATE records SET value = ? WHERE key = ?');
    assert.equal(spoil.run('{"format":', `s:${ids[0]}`).changes, 1);
    assert.equal(spoil.run(Buffer.from([0, 255, 0]), `s:${ids[1]}`).changes, 1);
    db.close();
    await withTrunkd(config, async ({ url, log }) => {
      for (const id of ids.slice(0, 2)) {
        assert.equal((await new RawSession(url, id).request(1, 'tools/list')).status, 404);
      }
      assert.match(log(), /record/);
      const session = new RawSession(url, ids[2]);
      assert.equal(await session.callText(1, 'demo_add', { a: 2, b: 3 }), '5');
      assert.equal((await session.end()).status, 200);
    });
  });
});

async function withSessions(config, count) {
  const ids = [];
  await withTrunkd(config, async ({ url }) => {
    for (let i = 0; i < count; i++) {
      const session = await RawSession.open(url);
      await session.callText(1, 'demo_add', { a: 1, b: i });
      ids.push(session.id);
    }
  });
  return ids;
}
