import { spawn } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createProgram } from '../../src/cli/program.js';
import { cleanEnvironment, command as fileOf, run, temporary, tool, until } from '../support/service.js';

interface Found {
  path: string[];
  command: Command;
}
const below = (command: Command, path: string[] = []): Found[] => [
  { path, command },
  ...command.commands.flatMap((one) => below(one, [...path, one.name()])),
];

const helpOf = (command: Command): string => {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
};

/** As a shell would take it apart; what follows a comment, a pipe or a redirection is no word of ours. */
const wordsOf = (line: string): string[] =>
  [...(line.split(/\s[#|>]\s?/)[0] ?? '').matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );
const examplesOf = (help: string): string[] =>
  (help.split('\nExamples:\n')[1] ?? '')
    .split('\n\n')[0]!
    .split('\n')
    .filter((line) => line.startsWith('  '));

/** The command that the words lead to, with what is left of them. */
const resolve = (program: Command, words: readonly string[]): { command: Command; rest: string[] } => {
  let command = program;
  const rest = [...words];
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (!next) break;
    command = next;
    rest.shift();
  }
  const isDefault = (one: Command): boolean =>
    (command as unknown as { _defaultCommandName?: string })._defaultCommandName === one.name();
  return { command: command.commands.find(isDefault) ?? command, rest };
};

test('every noun and command of conductor has examples, and each of them is one of its own that can be typed', () => {
  const program = createProgram();
  const all = below(program);
  assert.ok(all.length > 60);
  for (const { path, command } of all) {
    const examples = examplesOf(helpOf(command));
    assert.ok(examples.length > 0, path.join(' '));
    for (const line of examples) {
      const [name, ...words] = wordsOf(line.trim());
      assert.is(name, 'conductor', line);
      const { command: meant, rest } = resolve(program, words);
      const isOwn = meant === command || path.every((word, n) => words[n] === word) || path.length === 0;
      assert.ok(isOwn, `${line} stands below ${path.join(' ')}`);
      const { operands, unknown } = meant.parseOptions(rest);
      assert.equal(unknown, [], line);
      const wanted = meant.registeredArguments.filter(({ required }) => required).length;
      assert.ok(operands.length >= wanted, `${line} lacks ${meant.usage()}`);
      assert.ok(
        operands.length <= meant.registeredArguments.length || meant.registeredArguments.at(-1)?.variadic,
        line,
      );
    }
  }
});

const env = cleanEnvironment();
const COMMANDS = 'task job batch wrap stop resume sh output list status watch gc validate'.split(' ');

test('every command of run-agent says what it does, and shows it', async () => {
  const { stdout } = await tool('run-agent', ['--help'], { env });
  for (const name of COMMANDS) {
    assert.match(stdout, new RegExp(`\\b${name}\\b`));
    const help = await tool('run-agent', [name, '--help'], { env });
    assert.is(help.code, 0, name);
    assert.is(help.stderr, '');
    const examples = examplesOf(help.stdout);
    assert.ok(examples.length > 0, name);
    for (const line of examples) assert.match(line, /run-agent/, line);
  }
});

test('a word that is no command of a noun is named, and nothing is done', async () => {
  for (const noun of ['task', 'events', 'dlq', 'queue']) {
    const { code, stdout, stderr } = await tool('conductor', [noun, 'lst'], { cwd: temporary('words'), env });
    assert.equal([code, stdout], [2, '']);
    assert.match(stderr, `error: unknown command 'lst' (see conductor ${noun} --help)`);
  }
});

test('messagebus-tool shows each of its commands', async () => {
  const { stdout } = await tool('messagebus-tool', ['--help'], { env });
  const shown = new Set(examplesOf(stdout).map((line) => wordsOf(line.trim())[1]));
  assert.equal([...shown], ['write', 'read', 'follow', 'check', 'stats']);
});

test('a reader that leaves is no failure', async () => {
  for (const name of ['run-agent', 'messagebus-tool', 'conductor']) {
    const child = spawn(process.execPath, [fileOf(name), '--help'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
    assert.is(await new Promise((resolve) => child.on('close', resolve)), 0, stderr);
    assert.is(stderr, '');
  }
});

/** Whether the process has asked the kernel to be told of the file. */
const waitsFor = (pid: number, file: number): boolean => {
  const told = new RegExp(`^tfd:\\s+${file}\\s`, 'm');
  try {
    const folder = `/proc/${pid}/fdinfo`;
    return readdirSync(folder).some((name) => told.test(readFileSync(join(folder, name), 'utf8')));
  } catch {
    return false; // a file was closed while we looked
  }
};

test('a pipe that is full and does not block gets the whole text all the same', async () => {
  const path = join(temporary('pipe'), 'full');
  await run('mkfifo', [path]);
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const fill = (): number => {
    try {
      return writeSync(pipe, Buffer.alloc(4096, '.')) + fill();
    } catch {
      return 0;
    }
  };
  const drain = (): string => {
    const bytes = Buffer.alloc(1 << 20);
    try {
      return bytes.toString('utf8', 0, readSync(pipe, bytes)) + drain();
    } catch {
      return '';
    }
  };
  try {
    const filled = fill();
    const words = ['-c', 'exec "$0" "$@" >&3', process.execPath, fileOf('run-agent'), '--help'];
    const child = spawn('sh', words, { env, stdio: ['ignore', 'ignore', 'inherit', pipe] });
    const ended = new Promise((resolve) => child.on('close', resolve));
    await until('it waits until the pipe takes more', () => child.exitCode !== null || waitsFor(child.pid!, 1));
    const text = drain();
    assert.is(await ended, 0);
    assert.is((text + drain()).slice(filled), (await tool('run-agent', ['--help'], { env })).stdout);
  } finally {
    closeSync(pipe);
  }
});

test.run();
