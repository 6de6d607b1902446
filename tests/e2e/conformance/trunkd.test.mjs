// SPDX-License-Identifier: MIT
// trunkd.test.mjs - the conformance suite against trunkd before the fixture backend: alone, and with two further backends
// beside it.
import { everythingOver, withBackends } from '../support/backends.mjs';
import { demo } from '../support/paths.mjs';
import { withTrunkd } from '../support/trunkd.mjs';
import { conforms, withFixture } from './suites.mjs';

const aggregation = { strategy: 'conflict' };

function through(use, others) {
  return withFixture((url) =>
    withTrunkd({ aggregation, mcpServers: { fixture: { type: 'http', url }, ...others } }, ({ url: ours }) => use(ours)),
  );
}

conforms('trunkd before the fixture alone', (use) => through(use, {}));
conforms('trunkd before the fixture and two others', (use) =>
  withBackends([everythingOver('streamableHttp')], (everything) =>
    through(use, { demo: demo(), everything: { url: everything.url() } }),
  ),
);
