import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, startService, temporary, tool } from '../support/service.js';

/** An agent as claude is called, that hands out work by the tools that it was given, and tells what it got. */
const SUPERVISOR = `#!${process.execPath}
const { mcpServers: { conductor } } = JSON.parse(process.argv[process.argv.indexOf('--mcp-config') + 1]);
const authorization = conductor.headers.Authorization.replace('\${CONDUCTOR_TICKET}', process.env.CONDUCTOR_TICKET);
const headers = { authorization, 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
const call = async (name, given) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: given } });
  const text = await (await fetch(conductor.url, { method: 'POST', headers, body })).text();
  const { result } = JSON.parse(text.startsWith('{') ? text : text.match(/^data: (.*)$/m)[1]);
  if (result.isError) throw new Error(result.content[0].text);
  return JSON.parse(result.content[0].text);
};
let prompt = '';
for await (const chunk of process.stdin) prompt += chunk;
const words = prompt.includes('tests are missing') ? ['a design', 'some tests'] : ['a design'];
const tasks = [];
for (const word of words) tasks.push((await call('spawn_run', { agent: 'worker', prompt: 'echo ' + word })).task_id);
const { runs } = await call('wait_runs', { task_ids: tasks, timeout_seconds: 40 });
const result = runs.map(({ status, output }) => status + ': ' + output.trim()).join('\\n');
console.log(JSON.stringify({ type: 'result', subtype: 'success', is_error: false, result }));
`;

test('a supervisor hands out work by the tools of the service; its workers are its children, and need no slot but its own', async () => {
  const cwd = temporary('supervise');
  mkdirSync(join(cwd, 'rules'));
  writeFileSync(join(cwd, 'rules', 'none.yaml'), 'rules: [{ id: build, on: BUILD_WANTED, do: build }]\n');
  mkdirSync(join(cwd, 'handlers'));
  writeFileSync(join(cwd, 'claude'), SUPERVISOR);
  chmodSync(join(cwd, 'claude'), 0o755);
  writeFileSync(
    join(cwd, 'config.yaml'),
    'timers: {}\ndefaults: { max_concurrent: 1 }\nagents: { worker: { backend: shell } }\n',
  );
  writeFileSync(
    join(cwd, 'handlers', 'build.yaml'),
    `name: build
supervise:
  agent: claude
  prompt: Build it.
  workers: [worker]
  criteria: [there are tests]
  accept: { shell: 'case "$WORK_OUTPUT" in *tests*) ;; *) echo "tests are missing"; exit 2 ;; esac' }
`,
  );
  const env = cleanEnvironment();
  env['PATH'] = `${cwd}:${env['PATH']}`;
  const service = await startService([], { cwd, env });
  try {
    const done = await tool('conductor', ['handlers', 'run', 'build'], { cwd, env });
    assert.is(done.code, 0, done.stderr);
    assert.is(done.stdout.trim(), 'completed: a design\ncompleted: some tests');
    const read = await tool('messagebus-tool', ['read', '--type', 'RUN_START', '--json'], { cwd, env });
    const runs = read.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { data: Record<string, unknown> }).data);
    const supervisors = runs.filter(({ agent }) => agent === 'claude').map(({ run_id }) => run_id);
    const workers = runs.filter(({ agent }) => agent === 'worker');
    assert.is(supervisors.length, 2, 'the first round was not accepted');
    assert.equal(
      workers.map(({ parent_run_id }) => supervisors.indexOf(parent_run_id)),
      [0, 1, 1],
    );
    assert.equal([...new Set(workers.map(({ depth }) => depth))], [1]);
  } finally {
    await service.stop();
  }
});

test.run();
