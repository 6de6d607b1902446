// SPDX-License-Identifier: MIT
// trunkd.test.mjs - the conformance suite against trunkd before the fixture backend: alone, and with two further backends
// beside it.
import { demo, everything } from '../support/paths.mjs';
import { withTrunkd } from '../support/trunkd.mjs';
import { conforms, withFixture } from './suites.mjs';

const aggregation = { strategy: 'conflict' };

function through(others) {
  return (use) =>
    withFixture((url) =>
      withTrunkd({ aggregation, mcpServers: { fixture: { type: 'http', url }, ...others } }, ({ url: ours }) => use(ours)),
    );
}

conforms('trunkd before the fixture alone', through({}));
conforms('trunkd before the fixture and two others', through({ demo: demo(), everything: everything() }));
