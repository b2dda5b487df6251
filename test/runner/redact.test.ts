import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createRedactor } from '../../src/runner/redact.js';
import { createTickets } from '../../src/storage/tickets.js';
import { openWorld, script } from './world.js';

const SECRET = 'sk-live/+"ä 0123456789?&=';
const redact = createRedactor([SECRET]);

test('a secret is taken out as it is, in base64, hexadecimal, URLs and JSON', () => {
  const forms = [
    SECRET,
    Buffer.from(SECRET).toString('base64'),
    Buffer.from(SECRET).toString('base64url'),
    Buffer.from(SECRET).toString('hex'),
    encodeURIComponent(SECRET),
    JSON.stringify({ key: SECRET }),
  ];
  for (const form of forms) assert.match(redact(`before ${form} after`), /before .*\[redacted\].* after/);
  assert.is(redact(`before ${SECRET} after ${SECRET}`), 'before [redacted] after [redacted]');
});

test('inside of other base64, as in an Authorization header, nothing of it can be read', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (before, after) => {
      const text = Buffer.from(`${before}${SECRET}${after}`).toString('base64');
      const clean = redact(text);
      assert.match(clean, '[redacted]');
      const readable = Buffer.from(clean.replace('[redacted]', ''), 'base64').toString();
      assert.not.ok(readable.includes(SECRET.slice(4, -4)));
    }),
  );
});

test('each line of a secret of several lines counts, and a short word is left alone', () => {
  const key = createRedactor(['-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----', 'abc']);
  assert.is(key('MIIEvQIBADANBgkq abc'), '[redacted] abc');
});

test('a secret that an agent says, writes and is told is in no file of its run', async () => {
  const world = await openWorld({ redact });
  const { end, spec, read } = await world.run(
    'claude',
    `the key is ${SECRET}\n${script({ write: ['$OUTPUT', `it is ${SECRET}`] }, { say: `say ${SECRET}` }, { stderr: SECRET }, { half: `${'x'.repeat(5_000_000)}${SECRET}` }, { exit: 1 })}`,
  );
  assert.is(end.status, 'failed');
  assert.not.match(JSON.stringify(end), SECRET);
  for (const name of ['prompt.md', 'output.md', 'agent-stdout.txt', 'agent-stderr.txt', 'run-info.yaml']) {
    const text = read(name);
    assert.not.ok(text.includes(SECRET) || text.includes(JSON.stringify(SECRET).slice(1, -1)), name);
    assert.ok(readFileSync(join(world.runs.folder(spec), name)).length > 0, name);
  }
  assert.match(read('output.md'), 'it is [redacted]');
});

test("a run's own token is in none of its files", async () => {
  const ticketOf = createTickets(Buffer.from('key')).issue;
  const world = await openWorld({ ticketOf });
  const tell =
    'echo "$CONDUCTOR_TICKET" "$(printf %s "$CONDUCTOR_TICKET" | base64 -w0)" | tee /dev/stderr "$CONDUCTOR_OUTPUT"';
  const { spec, read } = await world.run('claude', script({ tool: tell }, { result: true }));
  const token = ticketOf(spec).split('/').at(-1)!;
  for (const file of ['agent-stdout.txt', 'agent-stderr.txt', 'output.md']) {
    assert.not.match(read(file), token);
    assert.not.match(read(file), Buffer.from(token).toString('base64').slice(4, -4));
  }
  assert.match(read('agent-stdout.txt'), `${spec.run_id}/[redacted]`);
});

test.run();
