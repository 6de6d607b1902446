// SPDX-License-Identifier: MIT
// client.mjs - the SDK's client, connected to trunkd or to a backend itself; connect2: that of the second SDK.
import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';

function newClient() {
  return new Client({ name: 'trunkd-e2e', version: '1' });
}

export async function connect(url, headers = {}) {
  const client = newClient();
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  await client.connect(transport);
  return client;
}

export async function connect2(url) {
  const client = new Client2({ name: 'trunkd-e2e', version: '2' });
  await client.connect(new Transport2(new URL(url)));
  return client;
}

export async function connectDirectly({ command, args, env }) {
  const client = newClient();
  await client.connect(new StdioClientTransport({ command, args, env, stderr: 'ignore' }));
  return client;
}

export async function endSession(client) {
  await client.transport.terminateSession();
  await client.close();
}

// Runs body(client) in a session of its own.
export async function withClient(url, body) {
  const client = await connect(url);
  try {
    await body(client);
  } finally {
    await endSession(client);
  }
}

export async function callText(client, name, args = {}, options = undefined) {
  const result = await client.callTool({ name, arguments: args }, undefined, options);
  return result.content[0].text;
}

export async function toolNames(client) {
  const names = [];
  let cursor;
  do {
    const page = await client.listTools({ cursor });
    names.push(...page.tools.map((tool) => tool.name));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return names;
}

// A promise of the next notifications/tools/list_changed.
export function nextListChanged(client) {
  return new Promise((resolve) => {
    client.setNotificationHandler(ToolListChangedNotificationSchema, resolve);
  });
}

// fetch keeps connections open for the next request; without this their descriptors stay in trunkd for some seconds. Node has no
// public call for it.
export async function closeIdleConnections() {
  const key = Symbol.for('undici.globalDispatcher.1');
  const agent = globalThis[key];
  globalThis[key] = new agent.constructor();
  await agent.close();
}
