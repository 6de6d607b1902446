// SPDX-License-Identifier: MIT
// suites.mjs - both versions of the conformance suite against one URL, each run of them a test. A warning fails too. The
// file of expected failures is empty.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withDirectory } from '../support/trunkd.mjs';

const expectedFailures = fileURLToPath(new URL('expected-failures.yaml', import.meta.url));
const fixture = fileURLToPath(new URL('../fixture/conformance_backend.mjs', import.meta.url));

const revision = '2025-11-25';
// Those of the second version that it does not score are asked for by name, so that they stay when a release drops them.
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

// Summaries and exit codes leave out warnings, and what is not scored; what was written down of each scenario does not.
function problems(directory) {
  const files = readdirSync(directory, { recursive: true }).filter((file) => file.endsWith('checks.json'));
  assert.ok(files.length > 0, 'a scenario was run');
  return files.flatMap((file) =>
    JSON.parse(readFileSync(join(directory, file), 'utf8'))
      .filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO')
      .map(({ id, status, errorMessage }) => `${file}: ${status} ${id} ${errorMessage ?? ''}`),
  );
}

function run(url, version, options) {
  const program = fileURLToPath(new URL(`../node_modules/conformance-${version}/dist/index.js`, import.meta.url));
  return withDirectory(async (directory) => {
    const args = [program, 'server', '--url', url, ...options, '--expected-failures', expectedFailures, '-o', directory];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        said += text;
      });
    }
    const [code] = await once(child, 'close');
    assert.equal(code, 0, said);
    assert.deepEqual(problems(directory), []);
  });
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
