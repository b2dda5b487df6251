// Installs and builds when that is needed, and is quick when it is not. Plain Node: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const stamp = at('dist', '.built');

const modified = (path) => (existsSync(path) ? statSync(path).mtimeMs : -Infinity);
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));
/** Every file and folder below `folder`, relative to it. A folder's own time tells of deleted files. */
const walk = (folder) => (existsSync(folder) ? readdirSync(folder, { recursive: true }) : []);

const run = (command, args) => {
  // Standard output belongs to whoever called us.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) console.error(`${command}: ${error.message}`);
  return status === 0;
};

/** A lock file newer than the installation may still say the same, as after a checkout. */
const installed = () => {
  const have = at('node_modules', '.package-lock.json');
  const want = at('package-lock.json');
  if (!existsSync(have)) return false;
  if (modified(have) >= modified(want)) return true;
  const packages = readJson(have).packages;
  return Object.entries(readJson(want).packages).every(
    ([path, { version, optional }]) => path === '' || optional || packages[path]?.version === version,
  );
};

const built = () => {
  const newest = Math.max(
    ...['tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'src'].map((path) => modified(at(path))),
    ...walk(at('src')).map((path) => modified(at('src', path))),
  );
  return modified(stamp) >= newest && bins().every((bin) => existsSync(bin));
};

const bins = () => Object.values(readJson(at('package.json')).bin).map((bin) => at(bin));
const isSource = (path) => /\.(m|c)?ts$/.test(path);

export const install = () => installed() || run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);

export const build = () => {
  const started = new Date();
  const lost = walk(at('src'))
    .filter((path) => isSource(path) && !path.endsWith('.d.ts'))
    .some((path) => !existsSync(at('dist', path.replace(/\.ts$/, '.js'))));
  // The compiler writes only what it believes has changed, and does not look.
  if (lost) rmSync(at('dist', '.tsbuildinfo'), { force: true });
  const compiled = run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  if (!existsSync(at('dist'))) return false;

  const files = walk(at('src')).filter((path) => statSync(at('src', path), { throwIfNoEntry: false })?.isFile());
  for (const path of files.filter((path) => !isSource(path) && path !== 'prepare.mjs')) {
    mkdirSync(dirname(at('dist', path)), { recursive: true });
    copyFileSync(at('src', path), at('dist', path));
    chmodSync(at('dist', path), statSync(at('src', path)).mode);
  }
  const sources = new Set(files.filter(isSource).map((path) => path.replace(/\.ts$/, '')));
  for (const path of walk(at('dist'))) {
    const output = /^(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(path);
    if (output && !sources.has(output[1]) && !files.includes(path)) rmSync(at('dist', path), { force: true });
  }
  for (const bin of bins().filter((bin) => existsSync(bin))) chmodSync(bin, 0o755);

  if (compiled) {
    writeFileSync(stamp, '');
    // The time of the start: what was saved meanwhile is newer.
    utimesSync(stamp, started, started);
  }
  return compiled;
};

export const prepare = () => install() && (built() || build());

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const done = process.argv.includes('--build') ? install() && build() : prepare();
  if (!done) process.exitCode = 1;
}
