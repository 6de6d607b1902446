// SPDX-License-Identifier: MIT
// processes.mjs - what /proc tells of a process: its children and descriptors.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

// A process that ends while it is looked at has none.
function ifThere(read, otherwise) {
  try {
    return read();
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') {
      return otherwise;
    }
    throw error;
  }
}

function children(pid) {
  const tasks = ifThere(() => readdirSync(`/proc/${pid}/task`), []);
  return tasks
    .map((task) => ifThere(() => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8'), ''))
    .flatMap((text) => text.split(' ').filter((word) => word !== ''))
    .map(Number);
}

export function descendants(pid) {
  return children(pid).flatMap((child) => [child, ...descendants(child)]);
}

export function countDescriptors(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

export function descriptorLimit(pid) {
  return Number(readFileSync(`/proc/${pid}/limits`, 'utf8').match(/^Max open files\s+(\d+)/m)[1]);
}

export function residentBytes(pid) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m)[1]) * 1024;
}

export function isRunning(pid) {
  const stat = ifThere(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}

// The processes that have this among their arguments.
export function processesWith(argument) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => ifThere(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'), '').split('\0').includes(argument));
}

// For what no event tells, such as the end of another process's child: looks again until read() gives what is wanted.
export async function eventually(what, read, wanted, deadlineMs = 30000) {
  const end = Date.now() + deadlineMs;
  let value = await read();
  while (value !== wanted && Date.now() < end) {
    await sleep(20);
    value = await read();
  }
  assert.equal(value, wanted, what);
}
