import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Parameters } from '../../src/core/parameters.js';
import { loadYamlHandler } from '../../src/pipeline/load.js';
import { loadTypeScriptHandler } from '../../src/pipeline/load-typescript.js';
import { signatureOf } from '../../src/pipeline/parameters.js';
import { temporary } from '../support/service.js';

const of = (text: string): Parameters => signatureOf(loadYamlHandler('h.yaml', `name: h\n${text}\n`)).parameters!;

test('what the texts of a handler speak of are its parameters', () => {
  assert.equal(of("steps: [{ agent: claude, prompt: 'on {{ with.branch }} {% if with.deep %}x{% endif %}' }]"), {
    names: ['branch', 'deep'],
    closed: true,
  });
  assert.equal(
    of("steps: [{ emit: { type: X, data: { a: ['{{ with.depth | default: 3 }}'] } }, when: 'with.on == true' }]"),
    {
      names: ['on', 'depth'],
      closed: true,
    },
  );
  assert.equal(of(`steps: [{ map: { items: 'with.files', steps: [{ agent: codex, prompt: '{{ item }}' }] } }]`), {
    names: ['files'],
    closed: true,
  });
  assert.equal(of(`steps: [{ emit: { type: X } }]`), { names: [], closed: true });
});

test('a script may read any, and so may what takes all of them or one that is not known before', () => {
  for (const text of [
    `steps: [{ shell: 'jq .with.branch', env: { B: '{{ with.branch }}' } }]`,
    `steps: [{ agent: claude, prompt: '{{ with.branch }} {{ with | json }}' }]`,
    `steps: [{ agent: claude, prompt: '{{ with.branch }} {{ with[event.data.which] }}' }]`,
    `steps: [{ emit: { type: X, body: '{{ with.branch }}' }, when: '"deep" in with' }]`,
  ])
    assert.equal(of(text), { names: ['branch'], closed: false }, text);
});

test('a handler may name its parameters; then it has no others but those that it speaks of', async () => {
  assert.equal(of(`parameters: [branch]\nsteps: [{ shell: 'jq .with.branch', env: { D: '{{ with.depth }}' } }]`), {
    names: ['branch', 'depth'],
    closed: true,
  });
  assert.throws(() => of(`parameters: [a b]\nsteps: [{ shell: x }]`), /h\.yaml:2:14: .*a parameter is letters/);
  const file = join(temporary('parameters'), 'h.ts');
  writeFileSync(
    file,
    `import { handler, shell } from 'conductor-loop';
export default handler({ name: 'h', parameters: ['branch'], steps: [shell({ shell: 'true' })] });\n`,
  );
  assert.equal(signatureOf(await loadTypeScriptHandler(file)).parameters, { names: ['branch'], closed: true });
});

test.run();
