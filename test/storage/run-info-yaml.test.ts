import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse, stringify } from 'yaml';
import { NOT_ENDED, type RunInfo } from '../../src/core/run.js';
import { decodeRunInfo, encodeRunInfo } from '../../src/storage/run-info-yaml.js';

const info: RunInfo = {
  version: 1,
  run_id: '20261121-0953472360-668-15',
  project_id: 'default',
  task_id: 'task-20261121-095347-1',
  agent: 'claude',
  process_ownership: 'managed',
  pid: 743,
  pgid: 743,
  start_time: '2026-11-21T09:53:47.232Z',
  end_time: NOT_ENDED,
  exit_code: -1,
  status: 'running',
  cwd: '/srv/app',
  prompt_path: '/srv/runs/default/t/r/prompt.md',
  output_path: '/srv/runs/default/t/r/output.md',
  stdout_path: '/srv/runs/default/t/r/agent-stdout.txt',
  stderr_path: '/srv/runs/default/t/r/agent-stderr.txt',
  commandline: 'claude -p',
  depth: 0,
  trust: 'full',
  attempt: 1,
  timeout_ms: 300_000,
};

test('every text is read back as it was, by the library too, one line a value', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.constantFrom(
      'true',
      'No',
      'null',
      '~',
      '0x1f',
      '1e3',
      '12-3',
      '20261121-09',
      '-1',
      '.5',
      '/a: b',
      'a #b',
      '- a',
      '',
    ),
    fc.constantFrom(
      '2026-11-21',
      '2026-11-21T09:53:47Z',
      '12345678-1',
      '/',
      'a.b',
      'y',
      'off',
      '"',
      "it's",
      'a\nb\n\nc',
    ),
  );
  fc.assert(
    fc.property(
      text,
      text,
      text,
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      (cwd, task_id, summary, cost) => {
        const given: RunInfo = {
          ...info,
          cwd,
          task_id,
          error_summary: summary,
          cost_usd: cost,
          usage: { input_tokens: 3 },
        };
        const written = encodeRunInfo(given);
        assert.equal(decodeRunInfo(written, 'f'), given);
        assert.equal(parse(written), given);
      },
    ),
    { numRuns: 500 },
  );
});

test('the file looks as the library would write it', () => {
  assert.is(encodeRunInfo(info), stringify(info, { lineWidth: 0, blockQuote: false }));
});

test.run();
