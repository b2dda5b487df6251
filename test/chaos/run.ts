// Long runs of faults, each with a seed and a count: `npm run chaos bus`, or `npm run chaos` for all.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { useScratch } from '../support/scratch.js';

/** Resolves with what was counted, throws when a promise of the design was broken. */
export type Chaos = (options: { seed: number; log: (line: string) => void }) => Promise<void>;

const folder = import.meta.dirname;
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.chaos.ts'))
  .map((file) => file.slice(0, -'.chaos.ts'.length))
  .sort();
const [seedText] = process.argv.filter((word) => word.startsWith('--seed=')).map((word) => word.slice(7));
const seed = Number(seedText ?? 1);
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`there is no chaos ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}
const removeScratch = useScratch('chaos');
for (const name of names.filter((one) => wanted.length === 0 || wanted.includes(one))) {
  console.log(`${name}, seed ${seed}`);
  const chaos = (await import(join(folder, `${name}.chaos.ts`))) as { default: Chaos };
  await chaos.default({ seed, log: (line) => console.log(`  ${line}`) });
}
// Where a promise was broken, what there is to be seen of it stays.
removeScratch();
