// Speed, as ratios against a reference measured in the same run: `npm run bench`, or `npm run bench bus runner`.
import { readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { useScratch } from '../support/scratch.js';
import { describe, meetsBar, type Bench, type Row } from './measure.js';

const folder = import.meta.dirname;
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
  .sort();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`there is no benchmark ${unknown.join(', ')}; there are ${names.join(', ')}`);
  process.exit(2);
}

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`);
process.once('exit', useScratch('bench'));
const missed: Row[] = [];
for (const name of names.filter((one) => wanted.length === 0 || wanted.includes(one))) {
  console.log(`\n${name}`);
  const bench = (await import(join(folder, `${name}.bench.ts`))) as { default: Bench };
  await bench.default((row) => {
    console.log(`  ${describe(row)}`);
    if (meetsBar(row) === false) missed.push(row);
  });
}
console.log(`\n${missed.length === 0 ? 'every bar was met' : `${missed.length} bars were missed`}`);
process.exitCode = missed.length === 0 ? 0 : 1;
