import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { execa } from 'execa';
import { ConductorError } from '../core/errors.js';
import { layout } from '../storage/layout.js';
import { findService, openRoot } from '../storage/root.js';
import { clock } from './system.js';

/** Belongs to processes, or can be made anew. */
const LEFT_OUT = ['raw', 'slots', 'cache', 'service.lock', 'service.json', '*.lock'];

/**
 * Archives the root while others write to it: the bus is only ever added to, a cut record at its end is found and
 * skipped by every reader, and the other files are replaced in one step.
 */
export const createBackup = async (root: string, file: string | undefined): Promise<void> => {
  const { path } = await openRoot(root);
  const time = new Date(clock.now()).toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
  const target = resolve(file ?? `conductor-${time}.tar.gz`);
  if (existsSync(target)) throw new ConductorError('conflict', `${target} is there already`);
  const part = `${target}.${process.pid}.part`;
  try {
    // The root's key is in it.
    await (await open(part, 'wx', 0o600)).close();
    const { exitCode, stderr } = await execa(
      'tar',
      [
        ...['--create', '--gzip', '--file', part, '--directory', dirname(path)],
        ...LEFT_OUT.map((name) => `--exclude=${basename(path)}/.conductor/${name}`),
        ...['--warning=no-file-changed', '--warning=no-file-removed', basename(path)],
      ],
      { reject: false },
    );
    // 1: a file grew while it was read, which is how a bus is.
    if (exitCode !== 0 && exitCode !== 1) throw new ConductorError('storage', `tar: ${stderr || 'it is not there'}`);
    await rename(part, target);
    process.stdout.write(`${target}\n`);
  } finally {
    await rm(part, { force: true });
  }
};

export const restoreBackup = async (root: string, file: string): Promise<void> => {
  const path = resolve(root);
  if (findService(path)) throw new ConductorError('root_in_use', `a service serves ${path}`);
  if (existsSync(path) && readdirSync(path).some((name) => name !== 'README.md'))
    throw new ConductorError('conflict', `${path} is not empty: restore into another --root`);
  if (!existsSync(file)) throw new ConductorError('not_found', `there is no file ${file}`);
  await mkdir(path, { recursive: true });
  const { exitCode, stderr } = await execa(
    'tar',
    ['--extract', '--gzip', '--file', resolve(file), '--directory', path, '--strip-components=1', '--no-same-owner'],
    { reject: false },
  );
  if (exitCode !== 0) throw new ConductorError('storage', `tar: ${stderr}`);
  await chmod(layout(path).own, 0o700);
  // Says so when the archive held no root.
  await openRoot(path);
  process.stdout.write(`${path}\n`);
};
