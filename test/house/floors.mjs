// The floors of the house, by dependency-cruiser. It says "no violations" of a tree that it could not read, too: so we count.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const AT_LEAST = 10;

const tool = join('node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
const args = [tool, 'src', 'handlers', '--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
if (!stdout) throw new Error(`dependency-cruiser said nothing: ${stderr}`);

const { modules, summary } = JSON.parse(stdout);
const ours = modules.filter(({ source }) => /^(src|handlers)\/.*\.ts$/.test(source));
const edges = ours.flatMap(({ dependencies }) => dependencies).filter(({ resolved }) => resolved.startsWith('src/'));
for (const { rule, from, to, cycle } of summary.violations) {
  console.log(`${rule.name}: ${from} → ${cycle ? cycle.map(({ name }) => name).join(' → ') : to}`);
}
console.log(`${ours.length} modules, ${edges.length} imports between them, ${summary.violations.length} violations`);
if (ours.length <= AT_LEAST || edges.length <= AT_LEAST) console.log(`more than ${AT_LEAST} were expected`);
process.exitCode = summary.violations.length > 0 || ours.length <= AT_LEAST || edges.length <= AT_LEAST ? 1 : 0;
