// SPDX-License-Identifier: MIT
// backends.mjs - programs that serve MCP over HTTP on a port of this host.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { everything } from './paths.mjs';

// A test file that ends takes its backends with it.
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

export async function isListening(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return socket.localPort !== port; // a free port may be given to the connection itself
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export class HttpBackend {
  // args(port): those of the program. stderr: what becomes of what it says there.
  static async start(args, stderr = 'inherit') {
    const backend = new HttpBackend();
    backend.stdio = ['ignore', 'ignore', stderr];
    backend.port = await freePort();
    backend.args = args(backend.port);
    await backend.restart();
    return backend;
  }

  url(path = '/mcp') {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  async restart() {
    const env = { ...process.env, PORT: String(this.port) };
    this.child = spawn(process.execPath, this.args, { env, stdio: this.stdio });
    this.exited = once(this.child, 'exit');
    running.add(this.child);
    while (!(await isListening(this.port))) {
      if (this.child.exitCode !== null) {
        throw new Error(`the backend ended: ${this.args.join(' ')}`);
      }
      await sleep(10);
    }
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
    running.delete(this.child);
  }

  async state() {
    return (await fetch(this.url('/state'))).json();
  }
}

// Runs body(...backends) beside them.
export async function withBackends(starts, body) {
  const backends = await Promise.all(starts.map((start) => start()));
  try {
    await body(...backends);
  } finally {
    await Promise.all(backends.map((backend) => backend.kill()));
  }
}

const countingFile = fileURLToPath(new URL('../fixture/counting_backend.mjs', import.meta.url));

export function counting(file) {
  return () => HttpBackend.start((port) => [countingFile, port, file]);
}

// how: "streamableHttp" or "sse".
export function everythingOver(how) {
  return () => HttpBackend.start(() => [everything().args[0], how], 'ignore');
}
