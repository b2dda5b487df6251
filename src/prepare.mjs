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
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
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
const isChunk = (name) => name.startsWith('chunk-');
const isSource = (path) => /\.(m|c)?ts$/.test(path);

export const install = () => installed() || run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);

/** Loaded by every start of a command; what else there is stays outside and is loaded where it is needed. */
const BUNDLED = ['commander', 'execa', 'rxjs', 'yaml', 'zod'];
/** What the one file of `run-agent` loads as a module, once it is told to do more than say its version. */
const RUN_AGENT = 'run-agent/commands';

/** The commands again, each with what it loads first in few files: a start costs milliseconds, not a tenth of a second. */
const bundle = () => {
  const { dependencies, bin } = readJson(at('package.json'));
  const esbuild = createRequire(import.meta.url)('esbuild');
  const common = {
    metafile: true,
    absWorkingDir: root,
    outbase: 'src',
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    external: Object.keys(dependencies).filter((name) => !BUNDLED.includes(name)),
    legalComments: 'none',
    logLevel: 'error',
  };
  const sourcesOf = (extension) =>
    Object.values(bin)
      .filter((file) => file.endsWith(extension))
      .map((file) => file.replace(/^dist/, 'src').replace(extension, '.ts'));
  const { metafile } = esbuild.buildSync({
    ...common,
    entryPoints: [...sourcesOf('.js'), `src/cli/${RUN_AGENT}.ts`],
    outdir: 'dist',
    // As it is for browsers, of modules and classes: the one for Node is written for engines that have neither.
    alias: { rxjs: './node_modules/rxjs/dist/esm/index.js' },
    // Beside the commands, so that paths from import.meta are the same as in the sources.
    chunkNames: 'cli/chunk-[hash]',
    splitting: true,
    format: 'esm',
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module';const require=requireFrom(import.meta.url);",
    },
  });
  // What is started most is one CommonJS file: the loader of ES modules takes longer than all the rest of it.
  for (const source of sourcesOf('.cjs'))
    esbuild.buildSync({
      ...common,
      entryPoints: [source],
      outfile: source.replace(/^src/, 'dist').replace(/ts$/, 'cjs'),
      format: 'cjs',
      define: { 'import.meta.url': '__filename', 'import.meta.dirname': '__dirname' },
      // Only who follows the bus needs any. An asterisk keeps esbuild from looking for the file.
      external: [...Object.keys(dependencies), `./${RUN_AGENT}*`],
    });
  // The old ones last: a service that runs may still load them.
  const outputs = Object.keys(metafile.outputs);
  for (const name of readdirSync(at('dist', 'cli')).filter(isChunk))
    if (!outputs.includes(`dist/cli/${name}`)) rmSync(at('dist', 'cli', name));
};

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
    if (output && !sources.has(output[1]) && !files.includes(path) && !isChunk(basename(path)))
      rmSync(at('dist', path), { force: true });
  }
  if (compiled) {
    bundle();
    for (const bin of bins()) chmodSync(bin, 0o755);
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
