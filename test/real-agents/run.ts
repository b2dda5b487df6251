// The real claude, codex and gemini against a model server of our own: `npm run test:real-agents`, or with names of
// agents. They are installed from npm (860 MB) below node_modules/.cache; then, where we may, all is done without a
// network but the machine's own.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { installAgents } from './install.js';

const AGENTS = ['claude', 'codex', 'gemini'];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !AGENTS.includes(name));
if (unknown.length > 0) {
  console.error(`there is no agent ${unknown.join(', ')}; there are ${AGENTS.join(', ')}`);
  process.exit(2);
}

const bin = installAgents();
const alone = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
const works = spawnSync(alone[0]!, [...alone.slice(1), 'true']).status === 0;
console.log(works ? 'without a network: only lo' : 'WITH the network: "unshare --net" is not allowed here');

let failed = 0;
for (const agent of wanted.length > 0 ? wanted : AGENTS) {
  const words = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'agent.ts'), agent, bin];
  const [program, ...args] = works ? [...alone, ...words] : words;
  const { status } = spawnSync(program!, args, { stdio: 'inherit' });
  if (status !== 0) failed += 1;
}
process.exitCode = failed === 0 ? 0 : 1;
