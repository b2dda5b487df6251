import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project, temporary } from '../support/service.js';

const GOOD = `
import { agent, approve, branch, cel, code, compare, emit, handler, map, parallel, refine, review, rollout, saga, shell, text, z } from 'conductor-loop';

const finding = z.object({ file: z.string(), severity: z.number() });
const findings = agent({ id: 'findings', agent: 'codex', prompt: 'Look.', output: z.array(finding) });
const looked = map(findings.data, (one) => shell({ shell: 'true', env: { FILE: one.file }, output: z.object({ ok: z.boolean() }) }), { id: 'looked' });
const both = parallel([findings, shell({ id: 'lines', shell: 'ls', output: 'lines' })], { id: 'both' });
const best = refine({ agent: 'claude', evaluate: shell({ shell: 'echo 9' }), threshold: 9, max_iterations: 3 }, { id: 'best' });
const judged = review({ primary: 'claude', reviewers: ['codex', agent({ agent: 'gemini', prompt: 'x' })], quorum: 2 }, { id: 'judged' });
const voted = compare({ agents: ['claude', 'codex'], consensus: 'vote' }, { id: 'voted' });
const scored = compare({ agents: ['claude', 'codex'], consensus: { score: 'wc -c' } }, { id: 'scored' });
const read = compare({ agents: ['claude', 'codex'], consensus: 'gemini' }, { id: 'read' });
const ok = approve({ question: 'Go on?', default: 'reject' }, { timeout: '1h', on_error: [shell({ shell: 'echo no' })] });
const sum = code(
  { given: { looked: looked.data, both: both.data, best: best.data, judged: judged.data, voted: voted.data, scored: scored.data, read: read.data, ok: ok.data } },
  (all) => {
    const file: string = all.looked.items[0]!.item.file;
    const fine: boolean = all.looked.items[0]!.data.ok;
    const severity: number = all.both.lanes[0].data[0]!.severity;
    const line: string = all.both.lanes[1].data[0]!;
    const score: number = all.best.score + all.scored.score + all.voted.votes;
    const verdict: 'approve' | 'request_changes' = all.judged.reviews[0]!.data.verdict;
    const consensus: string = all.read.consensus;
    const by: string = all.ok.by;
    return { file, fine, severity, line, score, verdict, consensus, by };
  },
);
export default handler({
  name: 'typed',
  steps: [
    findings, looked, both, best, judged, voted, scored, read, ok, sum,
    saga({ transactions: [{ action: shell({ shell: 'true' }), compensate: shell({ shell: 'true' }) }] }),
    rollout({ instances: ['one'], deploy: 'claude', health: { check: shell({ shell: 'true' }), attempts: 3, every: '1s' }, bake: 0 }),
    branch([{ when: cel\`\${sum.data.score} > 8.0\`, steps: [emit('DONE', { body: text\`\${sum.data.file}\` })] }]),
  ],
});
`;

/** Each is wrong in its last line. */
const BAD: Record<string, string> = {
  'an option that there is not': `refine({ agent: 'claude', treshold: 9 });`,
  'an option of another type': `refine({ agent: 'claude', threshold: 'nine' });`,
  'an option that is missing': `rollout({ instances: ['one'] });`,
  'a worker that is neither a name nor a step': `supervise({ agent: 7, workers: ['claude'] });`,
  'a word that is none of those': `rollout({ instances: ['one'], deploy: 'claude', roll_back: 'some' });`,
  'a field that a score does not have': `cel\`\${refine({ agent: 'claude' }).data.points} > 1.0\`;`,
  'votes where nobody voted': `cel\`\${compare({ agents: ['a'], consensus: { score: 'wc' } }).data.votes} > 1\`;`,
  'a field that an answer does not have': `cel\`\${agent({ agent: 'a', prompt: 'p', output: z.object({ n: z.number() }) }).data.m} > 1\`;`,
  'a number that is told as a text': `code({ given: { n: review({ primary: 'a', reviewers: ['b'] }).data.rounds } }, ({ n }) => n.trim());`,
};

test('patterns and steps have the types of what they read and give, as a program that imports the package sees them', () => {
  const folder = temporary('types');
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(project, join(folder, 'node_modules', 'conductor-loop'));
  const compilerOptions = {
    ...{ strict: true, noEmit: true, skipLibCheck: true, noUncheckedIndexedAccess: true },
    ...{ target: 'es2022', module: 'nodenext', moduleResolution: 'nodenext', types: [] },
  };
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  writeFileSync(join(folder, 'good.ts'), GOOD);
  Object.values(BAD).forEach((line, index) =>
    writeFileSync(
      join(folder, `bad${index}.ts`),
      `import { agent, cel, code, compare, refine, review, rollout, supervise, z } from 'conductor-loop';\nexport const used = [agent, cel, code, compare, refine, review, rollout, supervise, z];\n${line}\n`,
    ),
  );
  const { stdout } = spawnSync(join(project, 'node_modules', '.bin', 'tsc'), ['-p', folder], { encoding: 'utf8' });
  const errors = stdout.split('\n').filter((line) => /\.ts\(\d+,\d+\): error/.test(line));
  assert.equal(
    errors.filter((line) => line.includes('good.ts')),
    [],
  );
  Object.keys(BAD).forEach((what, index) =>
    assert.ok(
      errors.some((line) => line.includes(`bad${index}.ts(3,`)),
      `${what} was let through: ${stdout}`,
    ),
  );
});

test.run();
