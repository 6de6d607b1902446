// SPDX-License-Identifier: MIT
// paths.mjs - where the programs under test and the npm servers are, as entries of "mcpServers".
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '../../..');
const modules = resolve(here, '../node_modules/@modelcontextprotocol');
const build = process.env.TRUNKD_BUILD ?? join(root, 'build/release');

export const trunkdBin = process.env.TRUNKD_BIN ?? join(build, 'bin/trunkd');
const demoBin = join(dirname(trunkdBin), 'trunkd-demo-backend');

// By how much trunkd may grow while a backend is held up. The sanitizer of addresses keeps what is freed.
export const maxGrowthBytes = build.endsWith('asan') ? 512 << 20 : 16 << 20;

export function driverFile(file) {
  return join(build, 'plugins', file);
}

// A driver that is built for the tests only.
export function testPluginFile(file) {
  return join(build, 'test_plugins', file);
}

export function demo(...args) {
  return { command: demoBin, args };
}

// A program of the directory fixture.
export function fixture(file) {
  return resolve(here, '../fixture', file);
}

function npmServer(file, args, env = {}) {
  return { command: process.execPath, args: [join(modules, file), ...args], env };
}

export function everything() {
  return npmServer('server-everything/dist/index.js', ['stdio']);
}

export function filesystem(directory) {
  return npmServer('server-filesystem/dist/index.js', [directory]);
}

export function memory(file) {
  return npmServer('server-memory/dist/index.js', [], { MEMORY_FILE_PATH: file });
}
