// SPDX-License-Identifier: MIT
// suites.mjs - both versions of the conformance suite against one URL, each run of them a test. A warning fails too, since
// the runs are given a file of expected failures (which is empty).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const expectedFailures = fileURLToPath(new URL('expected-failures.yaml', import.meta.url));
const fixture = fileURLToPath(new URL('../fixture/conformance_backend.mjs', import.meta.url));

const revision = '2025-11-25';
// The second version runs what it does not score too, but its exit says nothing of that.
const runs = [
  ['0.1', '--suite', 'active'],
  ['0.1', '--suite', 'pending'],
  ['0.2', '--requirements', revision],
  ...['json-schema-2020-12', 'server-sse-polling', 'server-session-lifecycle'].map((scenario) => [
    '0.2',
    '--scenario',
    scenario,
    '--spec-version',
    revision,
  ]),
];

async function run(url, version, options) {
  const program = fileURLToPath(new URL(`../node_modules/conformance-${version}/dist/index.js`, import.meta.url));
  const args = [program, 'server', '--url', url, ...options, '--expected-failures', expectedFailures];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  assert.equal(code, 0, said);
  assert.match(said, /(Total: [1-9]\d*|Passed: ([1-9]\d*)\/\2).* 0 failed/, said);
}

// One test per run, each against the URL that body(use) gives to use(url).
export function conforms(what, body) {
  for (const [version, ...options] of runs) {
    test(`conformance ${version} ${options.join(' ')}: ${what}`, () => body((url) => run(url, version, options)));
  }
}

// Runs body(url) beside a fixture backend that has all that the scenarios ask for.
export async function withFixture(body) {
  const child = spawn(process.execPath, [fixture], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  try {
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    await body(line.match(/^ready (\S+)$/)[1]);
  } finally {
    child.kill('SIGKILL');
  }
}
