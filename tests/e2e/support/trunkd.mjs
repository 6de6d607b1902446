// SPDX-License-Identifier: MIT
// trunkd.mjs - a trunkd of one's own, with a config in a directory of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { trunkdBin } from './paths.mjs';
import { closeIdleConnections } from './client.mjs';
import { countDescriptors, descendants, eventually, isRunning } from './processes.mjs';

// So that a test that hangs fails by its name, with the log of its trunkd; the runner's own limit is one of whole files.
const deadlineMs = process.env.TRUNKD_TEST_SIZE === 'long' ? 600000 : 60000;

// A test file that is stopped takes its trunkd with it.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => process.exit(130));

export function withDirectory(body) {
  const directory = mkdtempSync(join(tmpdir(), 'trunkd-e2e-'));
  return Promise.resolve(body(directory)).finally(() => rmSync(directory, { recursive: true }));
}

export function writeConfig(directory, config) {
  const file = join(directory, 'trunkd.json');
  const listen = { address: '127.0.0.1', port: 0, ...config.listen };
  writeFileSync(file, JSON.stringify({ storage: { driver: 'memory' }, ...config, listen }));
  return file;
}

// The first line of its output, which is the event that it serves.
async function waitReady(child) {
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code, signal]) => assert.fail(`trunkd ended: ${code ?? signal}`)),
  ]);
  assert.match(line, /^ready mcp=http:\/\/127\.0\.0\.1:\d+\/\S+/);
  return line.match(/mcp=(\S+)/)[1];
}

async function stop(child, exited) {
  const family = descendants(child.pid);
  child.kill('SIGTERM');
  const [code, signal] = await exited;
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, 'the end of trunkd');
  for (const pid of family) {
    await eventually(`process ${pid} after the end of trunkd`, () => isRunning(pid), false);
  }
}

// Runs body({ url, pid, log }) beside a trunkd that must end well, with env added to its environment, by the command before it if
// there is one. What it logged (at last: log()) is shown when something was wrong.
export function withTrunkd(config, body, env = {}, before = []) {
  return withDirectory(async (directory) => {
    const [program, ...args] = [...before, trunkdBin, 'serve', '-c', writeConfig(directory, config)];
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit');
    running.add(child);
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      log = (log + text).slice(-20000);
    });
    try {
      const url = await waitReady(child);
      const late = sleep(deadlineMs, undefined, { ref: false }).then(() => assert.fail('took too long'));
      await Promise.race([body({ url, pid: child.pid, log: () => log }), late]);
      await stop(child, exited);
    } catch (error) {
      console.error(`--- log of trunkd\n${log}---`);
      throw error;
    } finally {
      child.kill('SIGKILL');
      running.delete(child);
    }
  });
}

// Runs a trunkd that must not come to serve; gives its exit code and log.
export async function failToStart(directory, config) {
  const args = ['serve', '-c', writeConfig(directory, config)];
  const child = spawn(trunkdBin, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  const [code] = await once(child, 'close');
  return { code, log };
}

// Runs body, then waits until trunkd has no child and no more descriptors than before.
export async function leavesNothing(pid, body) {
  const before = countDescriptors(pid);
  await body();
  await closeIdleConnections();
  await eventually('child processes', () => descendants(pid).length, 0);
  await eventually('descriptors beyond those before', () => Math.max(0, countDescriptors(pid) - before), 0);
}
