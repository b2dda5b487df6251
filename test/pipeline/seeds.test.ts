import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { handler, openWorld } from './world.js';

/** The configurations of the pattern document, letter for letter; what they leave out is put beside them. */
const SEEDS: Record<string, { written: string; completed: string; agents?: readonly string[] }> = {
  'parallel-independent': {
    written: `parallel_execution: true
max_concurrent: 2
`,
    completed: `steps:
  - { agent: fastapi-backend-expert, prompt: Create the endpoints. }
  - { agent: react-frontend-architect, prompt: Create the editor. }
`,
  },
  'sequential-handoff': {
    written: `parallel_execution: false
handoff_artifacts:
  - "migration_script"
  - "updated_schema"
  - "api_contract"
`,
    completed: `steps:
  - { shell: 'touch "$ARTIFACTS/migration_script.py"' }
  - { shell: 'touch updated_schema' }
  - { agent: fastapi-backend-expert, prompt: Leave nothing., on_error: continue }
`,
  },
  'sync-points': {
    written: `parallel_execution: true
sync_points:
  - "API contract definition"
  - "Type synchronization"
  - "Integration testing"
`,
    completed: `steps:
  - { name: API contract definition, agent: architect, prompt: Define it. }
  - { agent: fastapi-backend-expert, prompt: Serve it. }
  - { agent: react-frontend-architect, prompt: Call it. }
  - { name: Type synchronization, shell: 'true' }
  - { name: Integration testing, agent: pytest-test-master, prompt: Test it. }
`,
  },
  'primary-with-reviewers': {
    written: `primary_agent: "fastapi-backend-expert"
reviewer_agents:
  - "architecture-guardian"
  - "pytest-test-master"
parallel_execution: true  # Reviews happen in parallel
`,
    completed: '',
  },
  'incremental-with-validation': {
    written: `phases:
  - name: "users_module"
    agent: "fastapi-backend-expert"
    validator: "pytest-test-master"
  - name: "tasks_module"
    agent: "fastapi-backend-expert"
    validator: "pytest-test-master"
sequential: true  # Only proceed if validation passes
`,
    completed: '',
  },
  'fan-out-fan-in': {
    written: `fan_out:
  agent: "fastapi-backend-expert"
  tasks:
    - "api_gateway"
    - "user_service"
    - "task_service"
  parallel: true
fan_in:
  agent: "pytest-test-master"
  task: "integration_testing"
`,
    completed: '',
  },
  'conditional-branching': {
    written: `conditional_logic:
  analyzer: "architecture-guardian"
  branches:
    - condition: "high_complexity"
      agent: "codebase-cleaner"
    - condition: "simple_cleanup"
      agent: "comment-cleaner"
`,
    completed: '',
  },
};

/** Answers as its role is asked to: a program that reads the prompt and says a verdict, a check or a condition. */
const ANSWER = `#!${process.execPath}
const prompt = require('node:fs').readFileSync(0, 'utf8');
require('node:fs').appendFileSync(process.env.WORK + '/asked', process.env.AGENT + '\\n');
const answer = prompt.includes('"verdict"') ? { verdict: 'approve', findings: [] }
  : prompt.includes('"passed"') ? { passed: true, problems: [] }
  : prompt.includes('"condition"') ? { condition: 'high_complexity', reason: 'long functions' }
  : undefined;
console.log(answer ? JSON.stringify(answer) : 'done by ' + process.env.AGENT);
`;
const ROLES = [
  'fastapi-backend-expert',
  'react-frontend-architect',
  'architect',
  'pytest-test-master',
  'architecture-guardian',
  'codebase-cleaner',
  'comment-cleaner',
];

const world = async () => {
  const { chmodSync, writeFileSync } = await import('node:fs');
  const { join } = await import('node:path');
  const { temporary } = await import('../support/service.js');
  const program = join(temporary('agent'), 'agent');
  writeFileSync(program, ANSWER);
  chmodSync(program, 0o755);
  return openWorld({
    files: Object.fromEntries(
      Object.entries(SEEDS).map(([name, { written, completed }]) => [
        `${name}.yaml`,
        `name: ${name}\n${written}${completed}`,
      ]),
    ),
    agents: Object.fromEntries(ROLES.map((role) => [role, { command: [program] }])),
  });
};

test('the keys of the pattern document are accepted as written, and do what it draws', async () => {
  const opened = await world();
  try {
    const asked = async (name: string): Promise<string[]> => {
      const before = opened.file('asked').length;
      const end = await opened.go(name, {}, 'Implement the feature.');
      if (name !== 'sequential-handoff') assert.is(end['status'], 'completed', `${name}: ${String(end['error'])}`);
      else assert.match(String(end['error']), 'the artifact api_contract was not handed over');
      return opened.file('asked').slice(before).trim().split('\n');
    };
    assert.equal((await asked('parallel-independent')).sort(), ['fastapi-backend-expert', 'react-frontend-architect']);
    assert.equal(await asked('sequential-handoff'), ['fastapi-backend-expert']);
    const sync = await asked('sync-points');
    assert.is(sync[0], 'architect');
    assert.equal(sync.slice(1, 3).sort(), ['fastapi-backend-expert', 'react-frontend-architect']);
    assert.is(sync[3], 'pytest-test-master');
    const review = await asked('primary-with-reviewers');
    assert.is(review[0], 'fastapi-backend-expert');
    assert.equal(review.slice(1).sort(), ['architecture-guardian', 'pytest-test-master']);
    assert.equal(await asked('incremental-with-validation'), [
      'fastapi-backend-expert',
      'pytest-test-master',
      'fastapi-backend-expert',
      'pytest-test-master',
    ]);
    assert.equal(await asked('fan-out-fan-in'), [
      'fastapi-backend-expert',
      'fastapi-backend-expert',
      'fastapi-backend-expert',
      'pytest-test-master',
    ]);
    assert.equal(await asked('conditional-branching'), ['architecture-guardian', 'codebase-cleaner']);
  } finally {
    await opened.close();
  }
});

test('a point that no step is named after is an error with its place', async () => {
  await openWorld({
    files: { 'x.yaml': 'name: x\nparallel_execution: true\nsync_points: [nowhere]\nsteps: [{ shell: "true" }]\n' },
  }).then(
    () => assert.unreachable('it was accepted'),
    (error: Error) => assert.match(error.message, /x\.yaml:3:15: sync_points\[0\]: no step is named "nowhere"/),
  );
});

test('retry is five attempts from one second on, doubling; a review wants two, a refinement eight of ten in five', async () => {
  const opened = await openWorld({
    files: {
      'h.yaml': handler(
        'h',
        `
- { retry: true, shell: 'true' }
- refine: { agent: { shell: 'true' }, evaluate: { shell: 'true', output: json } }
- review: { primary: { shell: 'true' }, reviewers: [{ shell: a }, { shell: b }, { shell: c }] }
- rollout: { instances: [a], deploy: { shell: 'true' }, health: { shell: 'true' } }
`,
      ),
    },
  });
  try {
    const text = JSON.stringify(opened.running.handlers.find('h')!.steps);
    assert.match(text, '"retry":{"attempts":5,"base":1000,"cap":30000,"on":["transient"]}');
    assert.match(text, '"until":"steps.progress.data.score >= 8.000000"');
    assert.match(text, '"max":5');
    assert.match(text, '.size() >= 2"');
    assert.match(text, '"max":30,"on_max":"fail","delay":2000');
    assert.match(text, '{"kind":"timer","ms":30000}');
  } finally {
    await opened.close();
  }
});

test.run();
