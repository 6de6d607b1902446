// SPDX-License-Identifier: MIT
// stores.mjs - stores that outlive trunkd, as the "storage" of a config: plain, and around a driver that kills its process at
// one of its operations.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { driverFile, testPluginFile } from './paths.mjs';
import { eventually } from './processes.mjs';

class Store {
  constructor(driver, crashDriver, params) {
    this.driver = driver;
    this.crashDriver = crashDriver;
    this.params = params;
  }

  plain() {
    return { driver: this.driver, params: this.params };
  }

  // when: "before" or "after".
  crashingAt(count, when) {
    const driver = driverFile(`storage-${this.driver}.so`);
    const params = { driver, params: this.params, count, when };
    return { driver: testPluginFile(this.crashDriver), params };
  }
}

function withSqlite(directory, body) {
  return body(new Store('sqlite', 'storage-crash.so', { path: join(directory, 'sessions.db') }));
}

async function withRedis(directory, body) {
  const socket = join(directory, 'redis.sock');
  const args = ['--port', '0', '--unixsocket', socket, '--save', '', '--appendonly', 'no', '--dir', directory];
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (said += text));
  try {
    await eventually('a redis that serves', () => said.includes('accept connections'), true);
    await body(new Store('redis', 'storage-crash-async.so', { socket }));
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
}

// By name: run body(store) beside it, with its files in the directory.
export const stores = { sqlite: withSqlite, redis: withRedis };
