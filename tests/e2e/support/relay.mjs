// SPDX-License-Identifier: MIT
// relay.mjs - a TCP relay before a server, which can be cut.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

// Runs body(url, relay) with a relay before the server at this url. relay.cut() resets all its connections; relay.setDown(true)
// does so with those to come as well, until relay.setDown(false). relay.refused: how many those were.
export async function withRelay(url, body) {
  const target = new URL(url);
  const sockets = new Set();
  const keep = (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  let isDown = false;
  const relay = {
    refused: 0,
    cut: () => [...sockets].forEach((socket) => socket.resetAndDestroy()),
    setDown: (value) => {
      isDown = value;
      if (isDown) {
        relay.cut();
      }
    },
  };
  const server = createServer((near) => {
    keep(near);
    if (isDown) {
      relay.refused++;
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    keep(far);
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await body(`http://127.0.0.1:${server.address().port}/mcp`, relay);
  } finally {
    server.close();
    relay.cut();
  }
}
