#!/usr/bin/env node
// What the test run did, as data for TEST_PASSED or TEST_FAILED.
import { readFileSync } from 'node:fs';

const { event, steps } = JSON.parse(readFileSync(0, 'utf8'));
const carried = Object.fromEntries(
  ['path', 'repository', 'branch', 'sha', 'before', 'actor']
    .filter((key) => event.data[key] !== undefined)
    .map((key) => [key, event.data[key]]),
);
console.log(
  JSON.stringify({
    ...carried,
    exit_code: steps.test.exit,
    run_id: steps.test.run_id,
    output: [steps.test.output, steps.test.stderr]
      .filter((text) => text.trim() !== '')
      .join('\n')
      .slice(-16_000),
  }),
);
