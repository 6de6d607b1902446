// SPDX-License-Identifier: MIT
// fixture.test.mjs - the conformance suite against the fixture backend itself: what fails elsewhere is not its fault.
import { conforms, withFixture } from './suites.mjs';

conforms('the fixture alone', withFixture);
