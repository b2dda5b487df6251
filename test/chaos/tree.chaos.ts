/** A tree of runs that start each other, to the depth where nothing starts any more, with 16 slots for all. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnvironment, temporary, tool } from '../support/service.js';
import type { Chaos } from './run.js';

const DEPTH = 16;
const LEAVES = 2;

interface Said {
  run_id: string;
  ts: string;
  data: { depth?: number; status?: string; parent_run_id?: string; run_id: string };
}

const chaos: Chaos = async ({ log }) => {
  const folder = temporary('tree');
  const root = join(folder, 'runs');
  const env = cleanEnvironment();
  const config = join(folder, 'config.yaml');
  writeFileSync(config, 'timers: {}\ndefaults: { timeout: 20 }\n');
  writeFileSync(join(folder, 'leaf.sh'), 'echo leaf\n');
  const start = (name: string, prompt: string): string =>
    `run-agent task --agent shell --config '${config}' --task-id ${name} --prompt-file '${folder}/${prompt}'`;
  // One that goes deeper and two leaves beside each other: at the bottom going deeper is refused.
  writeFileSync(
    join(folder, 'branch.sh'),
    `next=$((CURRENT_DEPTH + 1))
${Array.from({ length: LEAVES }, (_, leaf) => `${start(`leaf-$next-${leaf}`, 'leaf.sh')} & leaf${leaf}=$!`).join('\n')}
${start('branch-$next', 'branch.sh')}; code=$?
${Array.from({ length: LEAVES }, (_, leaf) => `wait $leaf${leaf}; leaf${leaf}=$?`).join('\n')}
wanted=0; [ $next -ge ${DEPTH} ] && wanted=2
[ $code -eq $wanted ] ${Array.from({ length: LEAVES }, (_, leaf) => `&& [ $leaf${leaf} -eq $wanted ]`).join(' ')}
`,
  );
  const began = performance.now();
  const task = ['task', '--agent', 'shell', '--task-id', 'branch-0', '--prompt-file', join(folder, 'branch.sh')];
  const done = await tool('run-agent', [...task, '--root', root, '--config', config], { env });
  const seconds = (performance.now() - began) / 1_000;
  const read = async (type: string): Promise<Said[]> =>
    (await tool('messagebus-tool', ['read', '--root', root, '--type', type, '--json'], { env })).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Said);
  const [starts, stops] = [await read('RUN_START'), await read('RUN_STOP')];
  const deepest = Math.max(...starts.map(({ data }) => data.depth ?? 0));
  log(`${starts.length} runs to depth ${deepest}, ${stops.length} ended, in ${seconds.toFixed(1)} s`);
  if (done.code !== 0) throw new Error(`the tree failed: ${done.stderr}`);
  const expected = DEPTH + (DEPTH - 1) * LEAVES;
  if (starts.length !== expected) throw new Error(`${expected} runs were expected`);
  if (deepest !== DEPTH - 1) throw new Error(`depth ${DEPTH - 1} was expected`);
  if (stops.some(({ data }) => data.status !== 'completed') || stops.length !== starts.length)
    throw new Error('not every run was completed');
};
export default chaos;
