// SPDX-License-Identifier: MIT
// http_backends_secure.test.mjs - backends over TLS, by HTTP/2 and HTTP/1.1, and behind a proxy (tinyproxy).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import test from 'node:test';
import { HttpBackend, counting, freePort, isListening, withBackends } from './support/backends.mjs';
import { callText, withClient } from './support/client.mjs';
import { demo, fixture, maxGrowthBytes } from './support/paths.mjs';
import { eventually, residentBytes } from './support/processes.mjs';
import { RawSession } from './support/raw.mjs';
import { leavesNothing, withDirectory, withTrunkd } from './support/trunkd.mjs';

function makeCertificate(directory, name) {
  const certificate = { key: join(directory, 'key.pem'), file: join(directory, 'cert.pem') };
  execFileSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=test', '-addext', `subjectAltName=${name}`],
    ...['-keyout', certificate.key, '-out', certificate.file],
  ], { stdio: 'ignore' });
  return certificate;
}

// Runs body(backend, certificate) beside the backend; backend.state() is what it tells of itself. name: of the certificate.
function withSecure(directory, body, name = 'IP:127.0.0.1') {
  const certificate = makeCertificate(directory, name);
  const args = (port) => [fixture('secure_backend.mjs'), port, certificate.key, certificate.file];
  return withBackends([() => HttpBackend.start(args)], (backend) => {
    backend.secureUrl = `https://127.0.0.1:${backend.port}/mcp`;
    backend.state = async () => {
      const options = { ca: readFileSync(certificate.file), checkServerIdentity: () => undefined, agent: false, path: '/state' };
      const request = httpsRequest(new URL('/state', backend.secureUrl), options).end();
      const [response] = await once(request, 'response');
      return JSON.parse(Buffer.concat(await response.toArray()).toString());
    };
    return body(backend, certificate);
  });
}

// Runs body({ port, log() }) beside a tinyproxy.
async function withProxy(directory, body) {
  const port = await freePort();
  const log = join(directory, 'proxy.log');
  const config = join(directory, 'proxy.conf');
  const lines = [`Port ${port}`, 'Listen 127.0.0.1', `LogFile "${log}"`, 'LogLevel Connect', 'MaxClients 50'];
  writeFileSync(config, lines.join('\n'));
  const child = spawn('tinyproxy', ['-d', '-c', config], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  try {
    await eventually('a proxy that listens', () => child.exitCode === null && isListening(port), true);
    await body({ url: `http://127.0.0.1:${port}`, log: () => readFileSync(log, 'utf8') });
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
}

const factories = (params) => ({ http: { driver: 'http', params } });

test('a backend that speaks HTTP/2 is spoken to by it: calls, progress, large answers, its end', async () => {
  await withDirectory((directory) =>
    withSecure(directory, async (backend, certificate) => {
      const config = {
        factories: factories({ ca_file: certificate.file }),
        mcpServers: { secure: { url: backend.secureUrl }, beside: demo() },
      };
      await withTrunkd(config, async ({ url, pid }) => {
        await leavesNothing(pid, () =>
          withClient(url, async (client) => {
            assert.equal(await callText(client, 'secure_http'), '2.0');
            const told = [];
            const onprogress = ({ progress }) => told.push(progress);
            assert.equal(await callText(client, 'secure_progress', { steps: 50 }, { onprogress }), 'done');
            assert.deepEqual(told, Array.from({ length: 50 }, (_, i) => i + 1));
            assert.equal((await callText(client, 'secure_big', { bytes: 5000000 })).length, 5000000);
            const many = await Promise.all(Array.from({ length: 32 }, () => callText(client, 'secure_http')));
            assert.ok(many.every((version) => version === '2.0'));
            assert.equal(await callText(client, 'beside_echo', { text: 'a' }), 'a');
          }),
        );
        await eventually('backend sessions', async () => (await backend.state()).sessions, 0);
      });
    }),
  );
});

test('over HTTP/2 a client that does not read holds up its own stream only', async () => {
  await withDirectory((directory) =>
    withSecure(directory, async (backend, certificate) => {
      const config = {
        factories: factories({ ca_file: certificate.file }),
        mcpServers: { secure: { url: backend.secureUrl } },
      };
      await withTrunkd(config, async ({ url, pid }) => {
        const slow = await RawSession.open(url);
        const other = await RawSession.open(url);
        assert.equal(await other.callText(1, 'secure_http'), '2.0');
        const before = residentBytes(pid);
        const stream = await slow.openCall(1, 'secure_pour');
        let seen = 0;
        let since = Date.now();
        await eventually('trunkd at rest', () => {
          const now = residentBytes(pid);
          since = now === seen ? since : Date.now();
          seen = now;
          return Date.now() - since > 1000;
        }, true);
        assert.ok(seen - before < maxGrowthBytes, `trunkd has grown by ${seen - before} bytes`);
        for (let id = 2; id < 10; id++) {
          assert.equal(await other.callText(id, 'secure_http'), '2.0', 'another session goes on');
          assert.equal(await slow.callText(id, 'secure_http'), '2.0', 'another call goes on');
        }
        for (let n = 0; n < 5000; n++) {
          assert.equal((await stream.nextMessage()).params.data.n, n);
        }
        stream.drop();
        await slow.end();
        await other.end();
        await eventually('backend sessions', async () => (await backend.state()).sessions, 0);
      });
    }),
  );
});

for (const [what, name, trusts] of [
  ['of another name', 'DNS:other.example,IP:127.0.0.2', true],
  ['that nobody vouches for', 'IP:127.0.0.1', false],
]) {
  test(`a backend with a certificate ${what} is told nothing, and the one beside it is unharmed`, async () => {
    await withDirectory((directory) =>
      withSecure(
        directory,
        async (backend, certificate) => {
          const config = {
            factories: factories(trusts ? { ca_file: certificate.file } : {}),
            mcpServers: { secure: { url: backend.secureUrl }, beside: demo() },
          };
          await withTrunkd(config, ({ url }) => withClient(url, async (client) => {
            await assert.rejects(callText(client, 'secure_http'), /backend "?secure"?.*SSL.*(certificate|name)/i);
            assert.equal(await callText(client, 'beside_echo', { text: 'a' }), 'a');
          }));
          assert.equal((await backend.state()).requests, 0);
        },
        name,
      ),
    );
  });
}

async function callThrough(config, env, tool, wanted) {
  await withTrunkd(config, ({ url }) => withClient(url, async (client) => {
    assert.equal(await callText(client, tool, { id: 7, steps: 1 }), wanted);
  }), env);
}

test('a backend behind a proxy is asked through it, named by the param or the environment', async () => {
  await withDirectory(async (directory) => {
    const runs = join(directory, 'runs');
    writeFileSync(runs, '');
    await withBackends([counting(runs)], (backend) =>
      withProxy(directory, async (proxy) => {
        const mcpServers = { counted: { url: backend.url() } };
        const asked = () => proxy.log().split(`Request (file descriptor`).filter((line) =>
          line.includes(`POST ${backend.url()} HTTP/1.1`)).length;
        await callThrough({ mcpServers, factories: factories({ proxy: proxy.url }) }, {}, 'counted_count', '7');
        const byParam = asked();
        assert.ok(byParam >= 4, proxy.log()); // initialize, initialized, tools/list, the call
        await callThrough({ mcpServers }, { http_proxy: proxy.url }, 'counted_count', '7');
        const byEnvironment = asked();
        assert.ok(byEnvironment >= byParam + 4, proxy.log());
        await callThrough({ mcpServers }, { http_proxy: proxy.url, no_proxy: '127.0.0.1' }, 'counted_count', '7');
        await callThrough({ mcpServers, factories: factories({ proxy: '' }) }, { http_proxy: proxy.url }, 'counted_count', '7');
        assert.equal(asked(), byEnvironment, 'neither no_proxy nor an empty proxy param lets it be asked');
        assert.equal(readFileSync(runs, 'utf8'), '7\n7\n7\n7\n');
        assert.deepEqual(await backend.state(), { opened: 4, ended: 4 });
      }),
    );
  });
});

test('a backend over TLS behind a proxy is asked through a tunnel', async () => {
  await withDirectory((directory) =>
    withSecure(directory, (backend, certificate) =>
      withProxy(directory, async (proxy) => {
        const mcpServers = { secure: { url: backend.secureUrl } };
        const params = { ca_file: certificate.file };
        const tunnels = () => proxy.log().split(`CONNECT 127.0.0.1:${backend.port} HTTP/1.1`).length - 1;
        await callThrough({ mcpServers, factories: factories({ ...params, proxy: proxy.url }) }, {}, 'secure_http', '2.0');
        const byParam = tunnels();
        assert.ok(byParam > 0, proxy.log());
        await callThrough({ mcpServers, factories: factories(params) }, { https_proxy: proxy.url }, 'secure_http', '2.0');
        assert.ok(tunnels() > byParam, proxy.log());
        await eventually('backend sessions', async () => (await backend.state()).sessions, 0);
      }),
    ),
  );
});

test('a proxy that is not there fails the calls with an error that says so', async () => {
  await withDirectory(async (directory) => {
    const runs = join(directory, 'runs');
    writeFileSync(runs, '');
    await withBackends([counting(runs)], async (backend) => {
      const config = {
        mcpServers: { counted: { url: backend.url() }, beside: demo() },
        factories: factories({ proxy: `http://127.0.0.1:${await freePort()}` }),
      };
      await withTrunkd(config, ({ url }) => withClient(url, async (client) => {
        await assert.rejects(callText(client, 'counted_count', { id: 1 }), /backend "?counted"?.*(connect|proxy)/i);
        assert.equal(await callText(client, 'beside_echo', { text: 'a' }), 'a');
      }));
      assert.equal((await backend.state()).opened, 0);
    });
  });
});
