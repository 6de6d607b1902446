// SPDX-License-Identifier: MIT
// wire.test.mjs - the MCP endpoint in raw HTTP (protocol.md sections 1, 2, 5 and 9).
import assert from 'node:assert/strict';
import test from 'node:test';
import { demo } from './support/paths.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession, messagesOf, post, send } from './support/raw.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const initialize =
  '{"jsonrpc":"2.0","id":"first","method":"initialize","params":{"protocolVersion":"2025-06-18",' +
  '"capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}';

// Runs body(session, url) with two demo backends.
function withSession(body) {
  const config = {
    mcpServers: { one: demo(), two: demo() },
    listen: { stream_keepalive: '1s', max_body: '64KiB' },
  };
  return withTrunkd(config, async ({ url }) => {
    const session = await RawSession.open(url);
    await session.callText(1, 'one_echo', { text: 'open' });
    await session.callText(2, 'two_echo', { text: 'open' });
    await body(session, url);
  });
}

function assertRefused(answer, status, code, id = undefined) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/json/);
  const message = JSON.parse(answer.text);
  assert.equal(message.error.code, code, answer.text);
  assert.equal(message.id, id);
  assert.equal('id' in message, id !== undefined);
}

test('initialize answers JSON with the session id', async () => {
  await withSession(async (session, url) => {
    const answer = await post(url, initialize);
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^application\/json/);
    assert.match(answer.headers['mcp-session-id'], /^[0-9a-f]{32}$/);
    assert.notEqual(answer.headers['mcp-session-id'], session.id);
    const { id, result } = JSON.parse(answer.text);
    assert.equal(id, 'first');
    assert.equal(result.protocolVersion, '2025-06-18');
    assert.equal(result.capabilities.tools.listChanged, true);
    assert.equal(result.serverInfo.name, 'trunkd');
    const unknown = await post(url, initialize.replace('2025-06-18', '1999-01-01'));
    assert.equal(JSON.parse(unknown.text).result.protocolVersion, '2025-11-25');
    assertRefused(await session.post(initialize), 400, -32600, 'first');
    assertRefused(await post(url, initialize.replace('"clientInfo"', '"x"')), 200, -32602, 'first');
  });
});

test('notifications are accepted without a body', async () => {
  await withSession(async (session) => {
    for (const method of ['notifications/initialized', 'notifications/unknown']) {
      const answer = await session.notify(method);
      assert.equal(answer.status, 202);
      assert.equal(answer.text, '');
    }
    const late = await session.post('{"jsonrpc":"2.0","id":77,"result":{}}');
    assert.equal(late.status, 202);
  });
});

test('ping, unknown methods and unknown tools are answered with the id as written', async () => {
  await withSession(async (session) => {
    for (const id of ['0', '-5', '9007199254740993', '"text"', '"1"', '"\\u00e9"']) {
      const answer = await session.post(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.text, `{"jsonrpc":"2.0","id":${id},"result":{}}`);
    }
    assertRefused(await session.request(5, 'no/such/method'), 200, -32601, 5);
    assertRefused(await session.request(6, 'tools/call', { name: 'nothing' }), 200, -32602, 6);
    assertRefused(await session.request(7, 'tools/call', { name: 'one_nothing' }), 200, -32602, 7);
    assertRefused(await session.request(8, 'tools/call', {}), 200, -32602, 8);
    assertRefused(await session.request(9, 'tools/list', { cursor: 'x' }), 200, -32602, 9);
  });
});

test('a session is needed, must be known, and is gone after DELETE', async () => {
  await withSession(async (session, url) => {
    const ping = '{"jsonrpc":"2.0","id":3,"method":"ping"}';
    assertRefused(await post(url, ping), 400, -32600, 3);
    for (const id of ['0'.repeat(32), 'x', 'f'.repeat(31)]) {
      const stranger = new RawSession(url, id);
      assertRefused(await stranger.post(ping), 404, -32001, 3);
      assertRefused(await stranger.end(), 404, -32001);
      assert.equal((await stranger.openStream()).status, 404);
    }
    const stream = await session.openStream();
    const ended = await session.end();
    assert.equal(ended.status, 200);
    assert.equal(await stream.nextMessage(), undefined);
    assertRefused(await session.post(ping), 404, -32001, 3);
    assertRefused(await session.end(), 404, -32001);
    assert.equal((await session.openStream()).status, 404);
    // An initialize that still carries the old id starts afresh.
    const again = await session.post(initialize);
    assert.equal(again.status, 200);
    assert.notEqual(again.headers['mcp-session-id'], session.id);
  });
});

test('an unknown protocol version in the header is refused, another known one is not', async () => {
  await withSession(async (session) => {
    session.headers['MCP-Protocol-Version'] = '2025-03-26';
    assert.equal((await session.request(1, 'ping')).status, 200);
    session.headers['MCP-Protocol-Version'] = '1999-01-01';
    assertRefused(await session.request(1, 'ping'), 400, -32600, 1);
  });
});

test('what is no message is refused', async () => {
  await withSession(async (session) => {
    const deep = (n) => `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":${'['.repeat(n)}${']'.repeat(n)}}}`;
    const notJson = [
      '',
      '{',
      'nonsense',
      '{"jsonrpc":"2.0","id":1,"method":"ping"} x',
      "{'jsonrpc':'2.0'}",
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"a\nb"}}',
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\xff"}}', 'latin1'),
      Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\xc0\x80"}}', 'latin1'),
    ];
    for (const body of notJson) {
      const answer = await session.post(body);
      assert.equal(answer.status, 400, `${body}`);
      assert.equal(JSON.parse(answer.text).error.code, -32700, `${body}: ${answer.text}`);
    }
    assert.equal((await session.post(deep(100))).status, 200);
    const notRpc = [
      deep(1000),
      '[]',
      '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
      '"text"',
      '{}',
      '{"jsonrpc":"1.0","id":1,"method":"ping"}',
      '{"jsonrpc":"2.0","id":null,"method":"ping"}',
      '{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}',
      '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"tools/list"}',
      '{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one_echo","name":"one_crash"}}',
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"one_echo","n\\u0061me":"one_crash"}}',
    ];
    for (const body of notRpc) {
      const answer = await session.post(body);
      assert.equal(answer.status, 400, body);
      assert.equal(JSON.parse(answer.text).error.code, -32600, `${body}: ${answer.text}`);
    }
    assert.equal(await session.callText(9, 'one_echo', { text: 'still here' }), 'still here');
  });
});

test('what HTTP forbids is refused', async () => {
  await withSession(async (session, url) => {
    const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const big = `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"${'x'.repeat(70000)}"}}`;
    assert.equal((await session.post(big)).status, 413);
    const status = async (headers) => (await post(url, ping, { ...session.headers, ...headers })).status;
    assert.equal(await status({}), 200);
    assert.equal(await status({ Accept: '*/*' }), 200);
    assert.equal(await status({ Accept: 'text/html' }), 406);
    assert.equal(await status({ 'Content-Type': 'text/plain' }), 415);
    assert.equal(await status({ Host: 'evil.example.com' }), 403);
    assert.equal(await status({ Origin: 'http://evil.example.com' }), 403);
    assert.equal(await status({ Origin: new URL(url).origin }), 200);
    assert.equal((await send(url, 'PUT', session.headers, ping)).status, 405);
    assert.equal((await send(new URL('/other', url), 'GET', session.headers)).status, 404);
    assert.equal((await send(url, 'GET', { ...session.headers, Accept: 'application/json' })).status, 406);
  });
});

test('progress and log messages come before the response, with the token as written', async () => {
  await withSession(async (session) => {
    for (const token of ['"t-1"', '"7"', '7', '9007199254740993']) {
      const body =
        '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"_meta":{"progressToken":' +
        `${token}},"name":"one_progress","arguments":{"steps":3}}}`;
      const answer = await session.post(body);
      assert.match(answer.headers['content-type'], /^text\/event-stream/);
      const messages = messagesOf(answer);
      const methods = messages.map((message) => JSON.parse(message).method);
      const [progress, log] = ['notifications/progress', 'notifications/message'];
      assert.deepEqual(methods, [progress, log, progress, log, progress, log, undefined]);
      const told = messages.filter((_, i) => methods[i] === progress);
      assert.ok(told.every((message) => message.includes(`"progressToken":${token},`)), told[0]);
      assert.deepEqual(told.map((message) => JSON.parse(message).params.progress), [1, 2, 3]);
      assert.equal(JSON.parse(messages.at(-1)).id, 4);
    }
  });
});

test('a call without a token gets no progress', async () => {
  await withSession(async (session) => {
    const answer = await session.request(4, 'tools/call', { name: 'one_sleep', arguments: { ms: 5, steps: 3 } });
    assert.deepEqual(messagesOf(answer).map((message) => JSON.parse(message).id), [4]);
  });
});

test('two calls at once each get their own progress', async () => {
  await withSession(async (session) => {
    const ask = (id, token) =>
      session.request(id, 'tools/call', {
        name: 'one_sleep',
        arguments: { ms: 60, steps: 3 },
        _meta: { progressToken: token },
      });
    for (const answer of await Promise.all([ask(1, 'a'), ask(1, 'b'), ask(2, 'c')])) {
      const messages = messagesOf(answer).map((message) => JSON.parse(message));
      const tokens = messages.slice(0, -1).map((message) => message.params.progressToken);
      assert.equal(tokens.length, 3);
      assert.equal(new Set(tokens).size, 1);
    }
  });
});

test('a cancelled call ends at the backend and is not answered', async () => {
  await withSession(async (session) => {
    for (const id of [40, '"forty"']) {
      const body =
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"one_sleep",` +
        '"arguments":{"ms":3600000,"steps":3600},"_meta":{"progressToken":"x"}}}';
      const answered = session.post(body);
      await eventually('running calls', async () => (await calls(session)).running, 1);
      const cancel = `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`;
      assert.equal((await session.post(cancel)).status, 202);
      const answer = await answered;
      assert.ok(!answer.text.includes('"result"') && !answer.text.includes('"error"'), answer.text);
    }
    const { running, cancelled } = await calls(session);
    assert.deepEqual({ running, cancelled }, { running: 0, cancelled: 2 });
    const unknown = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}';
    assert.equal((await session.post(unknown)).status, 202);
  });
});

async function calls(session) {
  return JSON.parse(await session.callText('calls', 'one_calls'));
}

test('a quiet stream gets comments, and the news when the list of tools changes', async () => {
  await withSession(async (session) => {
    const stream = await session.openStream();
    assert.equal(stream.status, 200);
    assert.match(stream.response.headers['content-type'], /^text\/event-stream/);
    assert.notEqual(await stream.next(':'), undefined);
    assert.notEqual(await stream.next(':'), undefined);
    assert.equal(await session.callText(1, 'one_add_tool', { name: 'late' }), 'added');
    const { method } = await stream.nextMessage();
    assert.equal(method, 'notifications/tools/list_changed');
    const list = JSON.parse(messagesOf(await session.request(2, 'tools/list')).at(-1));
    assert.ok(list.result.tools.some((tool) => tool.name === 'one_late'));
    assert.equal(await session.callText(3, 'one_late'), 'late');
    stream.drop();
  });
});

test('a long call gets comments too', async () => {
  await withSession(async (session) => {
    const stream = await session.openCall(1, 'one_sleep', { ms: 2500 });
    assert.notEqual(await stream.next(':'), undefined);
    assert.equal((await stream.nextMessage()).id, 1);
    assert.equal(await stream.nextMessage(), undefined);
  });
});

test('a second GET takes the place of the first', async () => {
  await withSession(async (session) => {
    const first = await session.openStream();
    const second = await session.openStream();
    assert.equal(await first.nextMessage(), undefined);
    await session.callText(1, 'two_add_tool', { name: 'late' });
    assert.equal((await second.nextMessage()).method, 'notifications/tools/list_changed');
    second.drop();
    const third = await session.openStream();
    await session.callText(2, 'two_add_tool', { name: 'later' });
    assert.equal((await third.nextMessage()).method, 'notifications/tools/list_changed');
    third.drop();
  });
});

test('a change while no stream is open is told to the next one', async () => {
  await withSession(async (session) => {
    const listed = async () => {
      const list = JSON.parse(messagesOf(await session.request(2, 'tools/list')).at(-1));
      return list.result.tools.some((tool) => tool.name === 'one_late');
    };
    await session.callText(1, 'one_add_tool', { name: 'late' });
    await eventually('the new tool in the list', listed, true);
    const stream = await session.openStream();
    assert.equal((await stream.nextMessage()).method, 'notifications/tools/list_changed');
    stream.drop();
  });
});

test('a client that leaves in mid-call harms nothing', async () => {
  await withSession(async (session, url) => {
    const stayed = session.callText(1, 'one_sleep', { ms: 700 });
    const streaming = await session.openCall(2, 'one_sleep', { ms: 200, steps: 2 }, { progressToken: 1 });
    await streaming.nextMessage();
    streaming.drop();
    const controller = new AbortController();
    const body = '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"one_sleep","arguments":{"ms":300}}}';
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json, text/event-stream' };
    const left = fetch(url, {
      method: 'POST',
      headers: { ...headers, ...session.headers },
      body,
      signal: controller.signal,
    });
    await eventually('running calls', async () => (await calls(session)).running, 3);
    controller.abort();
    await assert.rejects(left, { name: 'AbortError' });
    assert.equal(await stayed, 'slept');
    assert.equal(await session.callText(4, 'two_echo', { text: 'well' }), 'well');
    await eventually('running calls', async () => (await calls(session)).running, 0);
    assert.equal((await session.end()).status, 200);
  });
});

test('more calls at once than session.max_inflight are told to come back', async () => {
  const config = { mcpServers: { one: demo() }, session: { max_inflight: 2 } };
  await withTrunkd(config, async ({ url }) => {
    const session = await RawSession.open(url);
    assert.equal(await session.callText(0, 'one_echo', { text: 'open' }), 'open');
    const first = await session.openCall(1, 'one_sleep', { ms: 60000, steps: 59999 }, { progressToken: 1 });
    await first.nextMessage();
    const second = await session.openCall(2, 'one_sleep', { ms: 60000, steps: 59999 }, { progressToken: 2 });
    await second.nextMessage();
    const answer = await session.request(3, 'tools/call', { name: 'one_echo', arguments: { text: '' } });
    assertRefused(answer, 503, -32000, 3);
    assert.ok(Number(answer.headers['retry-after']) > 0);
    await session.notify('notifications/cancelled', { requestId: 1 });
    assert.equal(await session.callText(4, 'one_echo', { text: 'room' }), 'room');
    await session.notify('notifications/cancelled', { requestId: 2 });
    first.drop();
    second.drop();
  });
});

test('what runs when its session ends gets session.drain, then an error', async () => {
  const config = { mcpServers: { one: demo() }, session: { drain: '500ms' } };
  await withTrunkd(config, async ({ url }) => {
    const session = await RawSession.open(url);
    await session.callText(0, 'one_echo', { text: 'open' });
    const quick = session.call(1, 'one_sleep', { ms: 200 });
    const slow = session.call(2, 'one_sleep', { ms: 3600000 });
    await eventually('running calls', async () => (await calls(session)).running, 2);
    assert.equal((await session.end()).status, 200);
    assert.equal((await quick).result.content[0].text, 'slept');
    assert.equal(typeof (await slow).error.code, 'number');
  });
});
