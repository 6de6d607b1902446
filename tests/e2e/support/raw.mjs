// SPDX-License-Identifier: MIT
// raw.mjs - MCP without an SDK: bytes over HTTP and over a backend's pipes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createInterface } from 'node:readline';

export const initializeParams = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'raw', version: '1' },
};

// Starts a request on a connection of its own; gives the response as soon as its head is there.
export async function open(url, method, headers, body) {
  const request = httpRequest(url, { method, headers, agent: false });
  request.end(body);
  const [response] = await once(request, 'response');
  return { request, response };
}

export async function send(url, method, headers, body) {
  const { response } = await open(url, method, headers, body);
  const chunks = await response.toArray();
  const text = Buffer.concat(chunks).toString('latin1');
  return { status: response.statusCode, headers: response.headers, text };
}

const postHeaders = {
  'Content-Type': 'application/json',
  Accept: 'application/json, text/event-stream',
};

export function post(url, body, headers = {}) {
  return send(url, 'POST', { ...postHeaders, ...headers }, body);
}

// The JSON texts of an answer, whichever form it has: one body, or the data of events. Latin-1, so a character is a byte.
export function messagesOf(answer) {
  if (!answer.headers['content-type']?.startsWith('text/event-stream')) {
    return [answer.text];
  }
  return answer.text
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => line.slice('data: '.length));
}

// The end of the object or array of JSON that starts at this place.
function findEnd(text, start) {
  let depth = 0;
  let isInString = false;
  for (let i = start; i < text.length; i++) {
    if (isInString) {
      i += text[i] === '\\' ? 1 : 0;
      isInString = text[i] !== '"';
    } else if (text[i] === '"') {
      isInString = true;
    } else if (text[i] === '{' || text[i] === '[') {
      depth++;
    } else if (text[i] === '}' || text[i] === ']') {
      depth--;
      if (depth === 0) {
        return i + 1;
      }
    }
  }
  return assert.fail(`no end in ${text.slice(start)}`);
}

function findMember(text, member, opening) {
  const key = `"${member}":`;
  const start = text.indexOf(key) + key.length;
  assert.ok(start >= key.length && text[start] === opening, `no "${member}" with ${opening} in ${text}`);
  return start;
}

// The bytes of a top-level member's object, cut out of the text of a message.
export function cutObject(text, member) {
  const start = findMember(text, member, '{');
  return text.slice(start, findEnd(text, start));
}

// The bytes of each of the objects in a member's array.
export function cutElements(text, member) {
  const elements = [];
  let at = findMember(text, member, '[') + 1;
  while (text[at] === '{') {
    const end = findEnd(text, at);
    elements.push(text.slice(at, end));
    at = text[end] === ',' ? end + 1 : end;
  }
  assert.equal(text[at], ']');
  return elements;
}

// The events and comments of a response that stays open. Nothing is read of it before next is called.
export class Stream {
  constructor({ request, response }) {
    this.request = request;
    this.response = response;
    this.status = response.statusCode;
    this.lines = undefined;
  }

  // The next line that starts so, without its start; undefined: the stream has ended.
  async next(start) {
    this.lines ??= createInterface({ input: this.response })[Symbol.asyncIterator]();
    for (;;) {
      const { value, done } = await this.lines.next();
      if (done) {
        return undefined;
      }
      if (value.startsWith(start)) {
        return value.slice(start.length);
      }
    }
  }

  // Events without a message, which only carry an id, are passed over.
  async nextMessage() {
    const text = await this.next('data: {');
    return text === undefined ? undefined : JSON.parse(`{${text}`);
  }

  // Goes away without a word.
  drop() {
    this.response.on('error', () => {});
    this.request.on('error', () => {});
    this.request.destroy();
  }
}

export class RawSession {
  constructor(url, id, headers = {}) {
    this.url = url;
    this.id = id;
    this.headers = {
      'Mcp-Session-Id': id,
      'MCP-Protocol-Version': initializeParams.protocolVersion,
      ...headers,
    };
  }

  static async open(url, headers = {}, params = initializeParams) {
    const message = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
    const answer = await post(url, JSON.stringify(message), headers);
    assert.equal(answer.status, 200, answer.text);
    const version = { 'MCP-Protocol-Version': params.protocolVersion };
    const session = new RawSession(url, answer.headers['mcp-session-id'], { ...version, ...headers });
    session.initializeAnswer = answer;
    const accepted = await session.notify('notifications/initialized');
    assert.equal(accepted.status, 202);
    return session;
  }

  post(body) {
    return post(this.url, body, this.headers);
  }

  notify(method, params) {
    return this.post(JSON.stringify({ jsonrpc: '2.0', method, params }));
  }

  request(id, method, params) {
    return this.post(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  }

  // The last message of the answer to tools/call, parsed.
  async call(id, name, args = {}, meta = undefined) {
    const answer = await this.request(id, 'tools/call', { name, arguments: args, _meta: meta });
    assert.equal(answer.status, 200, answer.text);
    return JSON.parse(messagesOf(answer).at(-1));
  }

  async callText(id, name, args = {}) {
    const { result } = await this.call(id, name, args);
    return result.content[0].text;
  }

  async openCall(id, name, args = {}, meta = undefined) {
    const params = { name, arguments: args, _meta: meta };
    const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
    return new Stream(await open(this.url, 'POST', { ...postHeaders, ...this.headers }, body));
  }

  async openStream() {
    const headers = { Accept: 'text/event-stream', ...this.headers };
    return new Stream(await open(this.url, 'GET', headers));
  }

  end() {
    return send(this.url, 'DELETE', this.headers);
  }
}

// A backend by its pipes: the lines that it prints, as Latin-1 text.
export class RawBackend {
  static async open({ command, args, env }) {
    const backend = new RawBackend();
    backend.child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    backend.child.stdout.setEncoding('latin1');
    backend.lines = createInterface({ input: backend.child.stdout })[Symbol.asyncIterator]();
    await backend.request(0, 'initialize', initializeParams);
    backend.write({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return backend;
  }

  write(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  // The line that answers; what else is said before it is passed over.
  async request(id, method, params) {
    this.write({ jsonrpc: '2.0', id, method, params });
    for (;;) {
      const { value, done } = await this.lines.next();
      assert.ok(!done, `the backend ended before it answered ${method}`);
      const message = JSON.parse(value);
      if (message.id === id && message.method === undefined) {
        return value;
      }
    }
  }

  async end() {
    const exited = once(this.child, 'exit');
    this.child.stdin.end();
    this.child.kill('SIGTERM');
    await exited;
  }
}
