import { branch, cel, code, emit, event, handler, map, shell, text, z } from 'conductor-loop';

const findings = shell({
  id: 'findings',
  shell: `printf '[{"file":"a.ts","severity":3},{"file":"b.ts","severity":9}]'`,
  output: z.array(z.object({ file: z.string(), severity: z.number() })),
});

const looked = map(
  findings.data,
  (finding) => shell({ env: { FILE: finding.file }, shell: 'echo "looked at $FILE"' }),
  { id: 'looked', max_concurrent: 2 },
);

const worst = code(
  { id: 'worst', given: { all: findings.data } },
  ({ all }) =>
    [...all]
      .sort((a, b) => b.severity - a.severity)
      .slice(0, 1)
      .map(({ file, severity }) => ({ file, severity }))
      .at(0) ?? { file: '', severity: 0 },
);

export default handler({
  name: 'example-triage',
  description:
    'Written in TypeScript: the same tree, from typed functions, with a function of its own between the steps.',
  steps: [
    findings,
    looked,
    worst,
    branch(
      [
        {
          when: cel`${worst.data.severity} >= 8.0`,
          steps: [
            emit('TRIAGED', {
              body: text`first ${worst.data.file}, for ${event.type}`,
              data: { file: worst.data.file },
            }),
          ],
        },
      ],
      [emit('TRIAGED', { body: 'nothing urgent' })],
    ),
  ],
});
