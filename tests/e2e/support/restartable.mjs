// SPDX-License-Identifier: MIT
// restartable.mjs - a trunkd that is stopped or killed and started again, at one address and on one store.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './backends.mjs';
import { trunkdBin } from './paths.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class Restartable {
  // config: without storage, which each start gives. Its files are in the directory.
  static async prepare(directory, config) {
    const trunkd = new Restartable();
    const port = await freePort();
    trunkd.file = join(directory, 'trunkd.json');
    trunkd.config = { node: { name: 'restartable' }, ...config, listen: { address: '127.0.0.1', port, ...config.listen } };
    trunkd.url = `http://127.0.0.1:${port}/mcp`;
    trunkd.log = '';
    return trunkd;
  }

  // Gives true when it serves, false when it was killed before that.
  async start(storage) {
    writeFileSync(this.file, JSON.stringify({ ...this.config, storage }));
    const child = spawn(trunkdBin, ['serve', '-c', this.file], { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    this.child = child;
    this.pid = child.pid;
    this.isOver = false;
    this.exited = once(child, 'exit').then(([code, signal]) => {
      running.delete(child);
      this.isOver = true;
      return { code, signal };
    });
    this.log += `--- start, storage ${JSON.stringify(storage)}\n`;
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.log = (this.log + text).slice(-50000);
    });
    const isReady = once(createInterface({ input: child.stdout }), 'line').then(() => true);
    const hasEnded = this.exited.then(({ code, signal }) => {
      assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' }, 'a trunkd that did not start');
      return false;
    });
    return Promise.race([isReady, hasEnded]);
  }

  async kill() {
    this.child.kill('SIGKILL');
    assert.equal((await this.exited).signal, 'SIGKILL');
  }

  async stop() {
    this.child.kill('SIGTERM');
    assert.deepEqual(await this.exited, { code: 0, signal: null }, 'the end of trunkd');
  }
}

// Runs body(trunkd), and leaves none running. What it logged is shown when something was wrong.
export async function withRestartable(directory, config, body) {
  const trunkd = await Restartable.prepare(directory, config);
  try {
    await body(trunkd);
  } catch (error) {
    console.error(`--- log of trunkd\n${trunkd.log}---`);
    throw error;
  } finally {
    trunkd.child?.kill('SIGKILL');
  }
}
