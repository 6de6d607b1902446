// SPDX-License-Identifier: MIT
// bad_wire.test.mjs - messages as no good client or backend sends them: nobody but who sent them is worse off.
import assert from 'node:assert/strict';
import test from 'node:test';
import { textResult, withScripted } from './fixture/scripted_backend.mjs';
import { eventually } from './support/processes.mjs';
import { RawSession, initializeParams, messagesOf, send } from './support/raw.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const jsonrpc = (message) => JSON.stringify({ jsonrpc: '2.0', ...message });
const echo = ({ params }) => textResult(params.arguments.text);
const never = () => new Promise(() => {});
const capabilities = { sampling: {}, elicitation: {} };
const able = { ...initializeParams, capabilities };
const elicitation = { message: '?', requestedSchema: { type: 'object', properties: {} } };

// Runs body(session, backend, url) with a session of a client that can be asked things.
function withSession(script, body, more = {}) {
  const tools = { echo, ...script.tools };
  return withScripted({ ...script, tools }, (backend) =>
    withTrunkd({ mcpServers: { one: { url: backend.url } }, ...more }, async ({ url }) => {
      const session = await RawSession.open(url, {}, able);
      await body(session, backend, url);
      await assertGood(session);
      await session.end();
    }),
  );
}

async function assertGood(session) {
  assert.equal(await session.callText('good', 'one_echo', { text: 'still here' }), 'still here');
}

const onlySession = (backend) => [...backend.sessions.values()].at(-1);
const callOf = (id, name, args) => `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"${name}","arguments":${JSON.stringify(args)}}}`;

test('ids that are used again at once, huge, or strings that look like numbers come back as they were written', async () => {
  const seen = [];
  const slow = async ({ id, params }) => {
    seen.push(id);
    await eventually('calls at the backend', () => seen.length, 9);
    return textResult(params.arguments.text);
  };
  await withSession({ tools: { slow } }, async (session) => {
    const ids = ['1', '1', '"1"', '"1"', '0', '-1', '9223372036854775808', '123456789012345678901234567890', '"\\u0031"'];
    const answers = await Promise.all(ids.map((id, n) => session.post(callOf(id, 'one_slow', { text: `text ${n}` }))));
    answers.forEach((answer, n) => {
      const message = messagesOf(answer).at(-1);
      assert.ok(message.includes(`"id":${ids[n]},`), message);
      assert.equal(JSON.parse(message).result.content[0].text, `text ${n}`);
    });
    assert.equal(new Set(seen).size, ids.length);
    assert.ok(seen.every((id) => Number.isSafeInteger(id) && id > 0));
  });
});

test('fractional and other ids are refused', async () => {
  await withSession({}, async (session) => {
    for (const id of ['1.5', '1e400', '-0.1', 'true', '{}', '[]', 'null']) {
      const answer = await session.post(callOf(id, 'one_echo', { text: '' }));
      assert.equal(answer.status, 400, id);
      assert.equal(JSON.parse(answer.text).error.code, -32600, id);
    }
  });
});

test('answers that nobody asked for, and progress of nothing, are accepted and go nowhere', async () => {
  await withSession({}, async (session, backend) => {
    await assertGood(session);
    for (const id of ['0', '1', '"1"', '-7', '1048577', '99999999999999999999', '"x"']) {
      for (const outcome of ['"result":{}', '"error":{"code":1,"message":"no"}']) {
        assert.equal((await session.post(`{"jsonrpc":"2.0","id":${id},${outcome}}`)).status, 202);
      }
      const progress = `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${id},"progress":1}}`;
      assert.equal((await session.post(progress)).status, 202);
    }
    await assertGood(session);
    assert.deepEqual(onlySession(backend).answers, []);
    const methods = onlySession(backend).notifications.map(({ method }) => method);
    assert.deepEqual(methods, ['notifications/initialized']);
  });
});

test('an answer that comes twice is taken once, and one of another session not at all', async () => {
  const ask = async ({ session, events }) => {
    const { result } = await session.ask(events(), 5, 'elicitation/create', elicitation);
    return textResult(result.action);
  };
  await withSession({ tools: { ask } }, async (session, backend, url) => {
    const stranger = await RawSession.open(url, {}, able);
    const stream = await session.openCall(1, 'one_ask');
    const { id } = await stream.nextMessage();
    const [asked] = [...backend.sessions.values()].filter(({ waiting }) => waiting.size > 0);
    assert.equal((await stranger.post(jsonrpc({ id, result: { action: 'cancel' } }))).status, 202);
    await assertGood(stranger);
    for (const action of ['accept', 'decline', 'decline']) {
      assert.equal((await session.post(jsonrpc({ id, result: { action } }))).status, 202);
    }
    assert.equal((await stream.nextMessage()).result.content[0].text, 'accept');
    await assertGood(session);
    assert.deepEqual(asked.answers, []);
    await stranger.end();
  });
});

test('progress of a call that has ended reaches nobody', async () => {
  const tell = ({ session, params, events }) => {
    const { progressToken } = params._meta;
    const progress = { method: 'notifications/progress', params: { progressToken, progress: 2 } };
    session.late = () => session.stream.send(progress);
    events().send({ ...progress, params: { progressToken, progress: 1 } });
    return textResult('told');
  };
  const log = { method: 'notifications/message', params: { level: 'error', data: 'after it' } };
  await withSession({ tools: { tell }, capabilities: { tools: {}, logging: {} } }, async (session, backend) => {
    const stream = await session.openStream();
    const answer = await session.request(1, 'tools/call', { name: 'one_tell', _meta: { progressToken: 'p' } });
    assert.deepEqual(messagesOf(answer).map((message) => JSON.parse(message).params?.progress), [1, undefined]);
    const own = onlySession(backend);
    await eventually('GET of trunkd', () => own.stream !== undefined, true);
    own.late();
    own.stream.send(log);
    assert.deepEqual((await stream.nextMessage()).params, log.params);
    stream.drop();
  });
});

// The status of a GET that resumes after this event.
async function statusAfter(url, session, eventId) {
  const headers = { Accept: 'text/event-stream', ...session.headers, 'Last-Event-ID': eventId };
  return (await send(url, 'GET', headers)).status;
}

function eventIds(answer) {
  return answer.text
    .split('\n')
    .filter((line) => line.startsWith('id: '))
    .map((line) => line.slice('id: '.length));
}

test('a Last-Event-ID that is foreign, of another session, in the future or evicted is refused', async () => {
  const tell = ({ params, events }) => {
    for (let progress = 1; progress <= 10; progress++) {
      const { progressToken } = params._meta;
      events().send({ method: 'notifications/progress', params: { progressToken, progress } });
    }
    return textResult('told');
  };
  const options = { session: { replay_events: 4 } };
  const body = async (session, backend, url) => {
    const call = () => session.request(1, 'tools/call', { name: 'one_tell', _meta: { progressToken: 'p' } });
    const ids = eventIds(await call());
    assert.equal(new Set(ids).size, 12);
    assert.equal(await statusAfter(url, session, ids.at(-1)), 405, 'nothing more to come');
    assert.equal(await statusAfter(url, session, ids.at(-2)), 200, 'the result');
    const stranger = await RawSession.open(url, {}, able);
    const [stem, number] = ids.at(-1).split('-');
    const refused = {
      foreign: 'not-ours-5',
      huge: `${stem}-99999999999999999999999`,
      long: 'x'.repeat(4000),
      'in the future': `${stem}-${Number(number) + 100}`,
    };
    for (const [what, eventId] of Object.entries(refused)) {
      assert.equal(await statusAfter(url, session, eventId), 400, what);
    }
    assert.equal(await statusAfter(url, stranger, ids.at(-2)), 400, 'of another session');
    for (let i = 0; i < 100; i++) {
      await call();
    }
    assert.equal(await statusAfter(url, session, ids[0]), 400, 'evicted');
    await stranger.end();
  };
  await withSession({ tools: { tell } }, body, options);
});

test('of ten GET streams the newest is the one, and a message goes out once', async () => {
  const script = { capabilities: { tools: {}, logging: {} } };
  await withSession(script, async (session, backend) => {
    await assertGood(session);
    const streams = [];
    for (let i = 0; i < 10; i++) {
      streams.push(await session.openStream());
      assert.equal(streams[i].status, 200);
    }
    const own = onlySession(backend);
    await eventually('GET of trunkd', () => own.stream !== undefined, true);
    for (const data of ['one', 'two']) {
      own.stream.send({ method: 'notifications/message', params: { level: 'error', data } });
    }
    const newest = streams.pop();
    assert.equal((await newest.nextMessage()).params.data, 'one');
    assert.equal((await newest.nextMessage()).params.data, 'two');
    for (const stream of streams) {
      assert.equal(await stream.nextMessage(), undefined);
    }
    newest.drop();
  });
});

// What backends send in place of the one right answer to a call, as { texts before it, is it still answered }.
const strays = {
  'another id first': ({ id, events }) => events().send({ id: id + 100000, result: textResult('not yours') }),
  'its id as a string first': ({ id, events }) => events().send({ id: String(id), result: textResult('not yours') }),
  'no object first': ({ events }) => events().send('[]'),
  'null first': ({ events }) => events().send('null'),
  'a null id first': ({ events }) => events().send({ id: null, result: textResult('not yours') }),
  'a null result first': ({ id, events }) => events().send(`{"jsonrpc":"2.0","id":${id},"result":null}`),
  'result and error first': ({ id, events }) =>
    events().send(`{"jsonrpc":"2.0","id":${id},"result":{},"error":{"code":1,"message":"x"}}`),
  'no JSON first': ({ events }) => events().send('{"jsonrpc":'),
  'the answer of a call to come first': ({ id, events }) => events().send({ id: id + 1, result: textResult('not yours') }),
  'the result twice': ({ id, events }) => {
    events().send({ id, result: textResult('right') });
    events().send({ id, result: textResult('not yours') });
  },
};

test('a backend that says what it must not before its answer: the answer counts, or its call alone fails', async () => {
  const tools = Object.fromEntries(
    Object.values(strays).map((stray, i) => [
      `stray_${i}`,
      (call) => {
        stray(call);
        return textResult('right');
      },
    ]),
  );
  await withSession({ tools }, async (session) => {
    for (const [i, what] of Object.keys(strays).entries()) {
      const { id, result, error } = await session.call(i, `one_stray_${i}`);
      assert.equal(id, i, what);
      if (error === undefined) {
        assert.equal(result.content[0].text, 'right', what);
      } else {
        assert.equal(error.code, -32603, what);
        assert.match(error.message, /backend "?one"?[: ]/, what);
      }
      await assertGood(session);
    }
  });
});

const page = (cursor, nextCursor) => ({ tools: [{ name: `tool_${cursor ?? 0}`, inputSchema: { type: 'object' } }], nextCursor });

test('lists without end and cursors that come again end, and hide no other backend', async () => {
  const asked = { endless: 0, repeating: 0 };
  const endless = { 'tools/list': ({ cursor }) => page(cursor, String(++asked.endless)) };
  const repeating = {
    'tools/list': ({ cursor }) => {
      asked.repeating++;
      return page(cursor, 'again');
    },
  };
  await withScripted({ answers: endless }, (first) =>
    withScripted({ answers: repeating }, (second) =>
      withScripted({ tools: { echo } }, async (third) => {
        const mcpServers = { endless: { url: first.url }, repeating: { url: second.url }, one: { url: third.url } };
        await withTrunkd({ mcpServers }, async ({ url }) => {
          const session = await RawSession.open(url);
          const { result } = JSON.parse(messagesOf(await session.request(1, 'tools/list')).at(-1));
          const names = result.tools.map(({ name }) => name);
          assert.equal(new Set(names).size, names.length);
          assert.ok(names.includes('one_echo'));
          assert.ok(asked.endless <= 2000 && asked.repeating <= 4, JSON.stringify(asked));
          await assertGood(session);
          await session.end();
        });
      }),
    ),
  );
});

test('a backend that asks for what the client has not declared is refused, and the client hears nothing', async () => {
  const methods = ['sampling/createMessage', 'elicitation/create', 'roots/list', 'no/such/method'];
  const ask = async ({ session, events }) => {
    const answers = await Promise.all(methods.map((method, i) => session.ask(events(), i, method, {})));
    return textResult(JSON.stringify(answers.map(({ error }) => error.code)));
  };
  await withSession({ tools: { ask } }, async (session, backend, url) => {
    const unable = await RawSession.open(url);
    const answer = await unable.request(1, 'tools/call', { name: 'one_ask' });
    const messages = messagesOf(answer).map((message) => JSON.parse(message));
    assert.deepEqual(messages.map(({ id }) => id), [1]);
    assert.deepEqual(JSON.parse(messages[0].result.content[0].text), Array(4).fill(-32601));
    assert.ok([...backend.sessions.values()].every(({ client }) => client.capabilities.roots === undefined));
    await unable.end();
  });
});

test('a client that never answers an elicitation blocks nobody', async () => {
  const ask = ({ id, session, events }) => session.ask(events(), id, 'elicitation/create', elicitation).then(never);
  await withSession({ tools: { ask } }, async (session, backend, url) => {
    const other = await RawSession.open(url, {}, able);
    const streams = [];
    for (let i = 0; i < 20; i++) {
      streams.push(await session.openCall(i, 'one_ask'));
      assert.equal((await streams[i].nextMessage()).method, 'elicitation/create');
      await assertGood(session);
      await assertGood(other);
    }
    for (let i = 0; i < 20; i++) {
      assert.equal((await session.notify('notifications/cancelled', { requestId: i })).status, 202);
    }
    // Each stream tells that the question is withdrawn, then ends without an answer.
    for (const stream of streams) {
      assert.equal((await stream.nextMessage()).method, 'notifications/cancelled');
      assert.equal(await stream.nextMessage(), undefined);
    }
    await assertGood(session);
    await other.end();
  });
});
