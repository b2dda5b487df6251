import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';

export const project = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { bin } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { bin: Record<string, string> };
/** The file that a user starts by this name. */
export const command = (name: string): string => {
  const file = bin[name];
  if (file === undefined) throw new Error(`there is no command ${name}`);
  return join(project, file);
};
export const temporary = (name: string): string => mkdtempSync(join(tmpdir(), `conductor-${name}-`));
/** The kernel takes some hundred bytes of a socket's name, and the folder for temporary files may have a long one. */
export const temporaryForSockets = (): string =>
  mkdtempSync(join(tmpdir().length < 60 ? tmpdir() : '/tmp', 'conductor-'));

/** An environment as empty as a new user's, with a HOME of its own and what the test adds. */
export const cleanEnvironment = (added: Record<string, string> = {}): Record<string, string> => ({
  PATH: `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`,
  HOME: temporary('home'),
  GIT_CONFIG_GLOBAL: '/dev/null',
  ...added,
});

export interface Done {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end. */
export const run = (
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; stdin?: string } = {},
): Promise<Done> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env ?? cleanEnvironment() });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    // A program that reads nothing may be gone before this is written.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin ?? '');
  });

export const tool = (name: string, args: readonly string[], options: Parameters<typeof run>[2] = {}): Promise<Done> =>
  run(process.execPath, [command(name), ...args], options);

/** Waits until the condition gives something; the test's own limit ends it when it never does. */
export const until = async <Value>(
  what: string,
  condition: () => Promise<Value | undefined> | Value | undefined,
  limit_ms = 60_000,
): Promise<Value> => {
  const end = Date.now() + limit_ms;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** One that no socket of the machine gets by itself, so that a service has it again after a restart. */
export const steadyPort = async (): Promise<string> => {
  for (let port = 20_000 + (process.pid % 10_000); ; port += 1) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (isFree) return String(port);
  }
};

const DAY_MS = 86_400_000;
/** For tests of what counts by the day (UTC): near its end they wait for the next one. */
export const withinOneDay = async (): Promise<void> => {
  await until('a day begins', () => DAY_MS - (Date.now() % DAY_MS) > 60_000 || undefined, 120_000);
};

/** A process that nobody collected yet is not alive. */
export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

/** There was a process, as it noted itself in `text`, and it is no longer there. */
export const isGone = (text: string): boolean => Number(text) > 1 && !isAlive(Number(text));

export interface Service {
  url: string;
  /** The root's token, as our commands find it. */
  token: string;
  process: ChildProcess;
  output(): string;
  /** SIGTERM, then its exit code. */
  stop(): Promise<number | null>;
}

const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as {
  scripts: { start: string };
};
/** What `npm start` tells Node itself. */
export const NODE_OPTIONS = scripts.start.split(' ').filter((word) => word.startsWith('--'));

/** The real service, as `npm start` starts it, on a free port. */
export const startService = async (
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<Service> => {
  const child = spawn(
    process.execPath,
    [...NODE_OPTIONS, command('conductor'), 'serve', '--port', '0', ...args],
    options,
  );
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const url = await Promise.race([
    until('the service listens', () => /listens on (http:\S+)/.exec(output)?.[1]),
    exited.then((code) => {
      throw new Error(`the service ended with ${code}: ${output}`);
    }),
  ]);
  const root = args.includes('--root') ? (args[args.indexOf('--root') + 1] ?? '') : 'runs';
  const { token } = JSON.parse(readFileSync(resolvePath(options.cwd, root, '.conductor', 'service.json'), 'utf8')) as {
    token: string;
  };
  return {
    url,
    token,
    process: child,
    output: () => output,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
};
