import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanEnvironment, project, run, temporary, until, type Done } from '../support/service.js';

const env = cleanEnvironment();
const folder = realpathSync(temporary('package'));
const modules = join(folder, 'node_modules');
const installed = join(modules, 'conductor-loop');

/** What npm does with the package, without the registry: unpacked, its bins linked, the dependencies it names beside it. */
const install = async (): Promise<string[]> => {
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: project,
    env,
  });
  assert.is(packed.code, 0, packed.stderr);
  const [{ filename, files }] = JSON.parse(packed.stdout) as [{ filename: string; files: { path: string }[] }];
  mkdirSync(installed, { recursive: true });
  const tar = await run('tar', ['-xzf', join(folder, filename), '-C', installed, '--strip-components=1'], { env });
  assert.is(tar.code, 0, tar.stderr);
  const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { bin: Record<string, string> };
  mkdirSync(join(modules, '.bin'));
  for (const [name, path] of Object.entries(bin)) symlinkSync(join(installed, path), join(modules, '.bin', name));
  for (const name of readdirSync(join(project, 'node_modules')).filter((one) => !one.startsWith('.')))
    if (!existsSync(join(modules, name))) symlinkSync(join(project, 'node_modules', name), join(modules, name));
  return files.map(({ path }) => path);
};

const command = (name: string, ...args: string[]): Promise<Done> =>
  run(join(modules, '.bin', name), args, { cwd: folder, env });

let files: string[] = [];
test.before(async () => {
  files = await install();
});

test('the package holds what it needs and nothing of the workshop', () => {
  for (const needed of [
    'README.md',
    'LICENSE',
    'rules/conductor.yaml',
    'handlers/investigate.yaml',
    'dist/cli/conductor.js',
  ])
    assert.ok(files.includes(needed), needed);
  assert.equal(
    files.filter((path) => /\.map$|^test\/|^src\/|tsbuildinfo/.test(path)),
    [],
  );
});

test('each command is there and says its version, also under the name of the package', async () => {
  const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string };
  for (const name of ['conductor', 'conductor-loop', 'run-agent'])
    assert.equal(await command(name, '--version'), { code: 0, stdout: `${version}\n`, stderr: '' });
  assert.match((await command('messagebus-tool', '--help')).stdout, 'messagebus-tool write');
  assert.match((await command('run-agent.sh', '--help')).stdout, 'AGENT CWD PROMPT_FILE');
  for (const name of readdirSync(join(modules, '.bin')))
    assert.ok((statSync(join(modules, '.bin', name)).mode & 0o111) !== 0, `${name} can be started`);
});

test('a message, a run and the service with the shipped rules work from an empty folder', async () => {
  assert.match((await command('messagebus-tool', 'write', 'hello')).stdout, /^MSG-/);
  const ran = await command(
    'run-agent',
    'task',
    '--agent',
    'shell',
    '--prompt',
    'messagebus-tool read --type INFO | grep hello',
  );
  assert.match(ran.stdout, 'hello', ran.stderr);
  const asked = await command(
    'conductor',
    'task',
    'create',
    '--agent',
    'shell',
    '--prompt',
    'echo served',
    '--task',
    'one',
  );
  assert.is(asked.stdout, 'one\n', asked.stderr);
  const serving = run('sh', ['-c', 'echo $$ > pid; exec node_modules/.bin/conductor serve --port 0'], {
    cwd: folder,
    env,
  });
  await until('the task is done', async () =>
    (await command('conductor', 'task', 'list', '--status', 'completed')).stdout.includes('\tone\t'),
  );
  process.kill(Number(readFileSync(join(folder, 'pid'), 'utf8')), 'SIGTERM');
  const served = await serving;
  assert.is(served.code, 0, served.stderr);
  assert.match(served.stdout, join(installed, 'rules'));
});

test('a handler author has the types, and the compiler finds what is wrong with them', async () => {
  const compile = (text: string): Promise<Done> => {
    writeFileSync(join(folder, 'mine.ts'), text);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', 'node', 'mine.ts'];
    return run(process.execPath, [join(project, 'node_modules/typescript/bin/tsc'), ...options], { cwd: folder, env });
  };
  const good = await compile(
    "import { ConductorError, type Event } from 'conductor-loop';\nexport const typeOf = (event: Event): string => event.type;\nexport const error = new ConductorError('usage', 'no');\n",
  );
  assert.is(good.code, 0, good.stdout);
  const bad = await compile(
    "import type { Event } from 'conductor-loop';\nexport const no = (event: Event): number => event.type;\n",
  );
  assert.is(bad.code, 2);
  assert.match(bad.stdout, "Type 'string' is not assignable to type 'number'");
});

test.run();
