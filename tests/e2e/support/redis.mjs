// SPDX-License-Identifier: MIT
// redis.mjs - a redis-server of one's own, on a unix socket and on a port, with its data in a directory that is there already.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { freePort } from './backends.mjs';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export class RedisServer {
  // Nothing runs before start. What is written is in a file before it is answered, so that no SIGKILL loses it.
  static async in(directory) {
    const server = new RedisServer();
    server.socket = join(directory, 'redis.sock');
    server.port = await freePort();
    server.args = [
      ...['--port', server.port, '--bind', '127.0.0.1', '--unixsocket', server.socket],
      ...['--dir', directory, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'],
    ];
    return server;
  }

  async start() {
    this.child = spawn('redis-server', this.args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.exited = once(this.child, 'exit');
    running.add(this.child);
    for await (const line of createInterface({ input: this.child.stdout })) {
      if (line.includes('eady to accept connections')) {
        this.child.stdout.resume();
        return;
      }
    }
    throw new Error('redis-server ended before it served');
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
    running.delete(this.child);
  }

  standStill() {
    this.child.kill('SIGSTOP');
  }

  goOn() {
    this.child.kill('SIGCONT');
  }

  // The lines that redis-cli answers with.
  async ask(...words) {
    const { stdout } = await promisify(execFile)('redis-cli', ['-s', this.socket, ...words]);
    return stdout.split('\n').filter((line) => line !== '');
  }
}
