// SPDX-License-Identifier: MIT
// big_lists.test.mjs - what many backends have, as one list: complete, distinct, page by page; a bad entry hides no other; how names
// that several backends have are told apart.
import assert from 'node:assert/strict';
import test from 'node:test';
import { textResult, withScripted } from './fixture/scripted_backend.mjs';
import { callText, toolNames, withClient } from './support/client.mjs';
import { demo } from './support/paths.mjs';
import { withTrunkd } from './support/trunkd.mjs';

const builtin = 15; // tools that a demo backend has without --tools
const inputSchema = { type: 'object' };
const badTools = [
  { name: 'first', inputSchema },
  { name: 'no_schema' },
  { name: 'wrong_type', inputSchema: { type: 'array' } },
  { name: 'schema_is_null', inputSchema: null },
  { name: 7, inputSchema },
  { name: '', inputSchema },
  'no object',
  null,
  { name: 'null_description', description: null, inputSchema },
  { name: 'first', description: 'the same again', inputSchema },
  { name: 'last', inputSchema },
];

// Runs body(backend) beside one whose list has these tools among bad ones.
function withBadTools(body) {
  const tools = { first: () => textResult('first'), last: () => textResult('last') };
  return withScripted({ tools, answers: { 'tools/list': () => ({ tools: badTools }) } }, body);
}

test('5,000 tools of 20 backends are complete and distinct by pages, and a bad tool among them hides no other', async () => {
  await withBadTools(async (bad) => {
    const names = Array.from({ length: 20 }, (_, i) => `b${i}`);
    const entries = names.map((name) => [name, demo('--tools', String(250 - builtin), '--page', '100')]);
    const mcpServers = { ...Object.fromEntries(entries), bad: { url: bad.url } };
    await withTrunkd({ mcpServers, session: { list_wait: '30s' } }, async ({ url }) => {
      await withClient(url, async (client) => {
        const pages = [];
        let cursor;
        do {
          const { tools, nextCursor } = await client.listTools({ cursor });
          pages.push(tools.map(({ name }) => name));
          cursor = nextCursor;
        } while (cursor !== undefined);
        assert.ok(pages.every((page) => page.length <= 1000));
        const all = pages.flat();
        assert.equal(new Set(all).size, all.length);
        const good = all.filter((name) => name.startsWith('b') && !name.startsWith('bad_'));
        assert.equal(good.length, 5000);
        for (const name of names) {
          assert.ok(good.includes(`${name}_tool_0`) && good.includes(`${name}_tool_${249 - builtin}`), name);
        }
        assert.deepEqual(all.filter((name) => name.startsWith('bad_')), ['bad_first', 'bad_last']);
        assert.deepEqual(await toolNames(client), all, 'the same again');
        assert.equal(await callText(client, 'b19_tool_7'), 'tool_7');
        assert.equal(await callText(client, 'bad_last'), 'last');
        await assert.rejects(client.listTools({ cursor: 'no cursor' }), { code: -32602 });
      });
    });
  });
});

// Runs body(names of tools and prompts, client): two backends that share `same`, and each with one of its own.
async function withStrategy(aggregation, body) {
  const says = (text) => () => textResult(text);
  const prompt = (text) => ({ messages: [{ role: 'user', content: { type: 'text', text } }] });
  const script = (who) => ({
    tools: { same: says(who), [`only_${who}`]: says(who) },
    capabilities: { tools: {}, prompts: {} },
    answers: {
      'prompts/list': () => ({ prompts: [{ name: 'same' }, { name: `only_${who}` }] }),
      'prompts/get': () => prompt(who),
    },
  });
  await withScripted(script('a'), (a) =>
    withScripted(script('b'), (b) =>
      withTrunkd({ aggregation, mcpServers: { a: { url: a.url }, b: { url: b.url } } }, ({ url }) =>
        withClient(url, async (client) => {
          const { prompts } = await client.listPrompts();
          const names = await toolNames(client);
          assert.deepEqual(prompts.map(({ name }) => name), names);
          for (const name of names) {
            const { messages } = await client.getPrompt({ name });
            assert.equal(messages[0].content.text, await callText(client, name), name);
          }
          await body(names.toSorted(), client);
        }),
      ),
    ),
  );
}

test('prefix: each name carries its backend', async () => {
  await withStrategy({ strategy: 'prefix' }, async (names, client) => {
    assert.deepEqual(names, ['a_only_a', 'a_same', 'b_only_b', 'b_same']);
    assert.equal(await callText(client, 'b_same'), 'b');
    await assert.rejects(callText(client, 'same'), { code: -32602 });
  });
});

test('conflict: only what several have carries its backend', async () => {
  await withStrategy({ strategy: 'conflict' }, async (names, client) => {
    assert.deepEqual(names, ['a_same', 'b_same', 'only_a', 'only_b']);
    assert.equal(await callText(client, 'a_same'), 'a');
  });
});

test('priority: the first in the order keeps the name', async () => {
  await withStrategy({ strategy: 'priority', priority: ['b', 'a'] }, async (names, client) => {
    assert.deepEqual(names, ['only_a', 'only_b', 'same']);
    assert.equal(await callText(client, 'same'), 'b');
  });
});
