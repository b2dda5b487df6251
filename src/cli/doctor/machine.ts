import { readFileSync } from 'node:fs';
import { open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cgroupBase } from '../../runner/cgroup.js';
import { boxed, type Sandbox } from '../../runner/sandbox.js';
import type { LoadedConfig } from '../load-config.js';
import { finding, type Finding } from './finding.js';

const number = (path: string): number => {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return Number.NaN;
  }
};

const killLevel = (): Finding =>
  cgroupBase() === undefined
    ? finding(
        'stopping runs',
        'warn',
        'by environment mark, ancestry, session and open files: a daemon that hides from all four stays',
        'a writable cgroup (systemd: Delegate=yes), or agents.<name>.sandbox: pidns',
      )
    : finding('stopping runs', 'ok', 'by control group; root, who may leave it, is looked for by the marks of the run');

const canBox = async (sandbox: Exclude<Sandbox, readonly string[]>): Promise<boolean> => {
  const asRoot = process.getuid?.() === 0;
  const [program = '', ...args] = boxed(sandbox, { cwd: process.cwd(), writable: [], asRoot }, ['true']);
  return (await execa(program, args, { reject: false, timeout: 10_000, stdio: 'ignore' })).exitCode === 0;
};

const sandboxes = async ({ config }: LoadedConfig): Promise<Finding[]> => {
  const can = { pidns: await canBox('pidns'), bwrap: await canBox('bwrap') };
  const names = (Object.keys(can) as (keyof typeof can)[]).filter((name) => can[name]);
  const wanted = Object.entries(config.agents).filter(
    ([, { sandbox }]) => (sandbox === 'pidns' || sandbox === 'bwrap') && !can[sandbox],
  );
  return [
    finding('sandboxes', names.length > 0 ? 'ok' : 'warn', names.join(', ') || 'none', 'install bubblewrap'),
    ...wanted.map(([name, { sandbox }]) =>
      finding(`sandbox of ${name}`, 'fail', `${String(sandbox)} is not possible here`, `change agents.${name}.sandbox`),
    ),
  ];
};

const watches = ({ config }: LoadedConfig): Finding => {
  const limit = number('/proc/sys/fs/inotify/max_user_watches');
  const message = Number.isNaN(limit) ? 'not said by this system' : `${limit} folders and files`;
  return finding(
    'watch limit',
    limit < 65_536 && config.watch.length > 0 ? 'warn' : 'ok',
    message,
    'sysctl fs.inotify.max_user_watches=524288',
  );
};

const disk = async (root: string): Promise<Finding> => {
  const { blocks, bfree, bavail, bsize } = await statfs(root);
  const taken = blocks - bfree;
  // As df says it: what is kept for root counts for neither side.
  const used = taken === 0 ? 0 : Math.ceil((taken * 100) / (taken + bavail));
  const free = `${used} % used, ${((bavail * bsize) / 1e9).toFixed(1)} GB free`;
  return finding('disk', used > 95 ? 'fail' : used > 85 ? 'warn' : 'ok', free, 'conductor gc, or a larger disk');
};

const NOT_DURABLE = ['tmpfs', 'ramfs'];
const REMOTE = ['nfs', 'nfs4', 'cifs', 'smb3', '9p', 'fuse.sshfs', 'ceph', 'glusterfs'];

const typeOf = (path: string): string | undefined =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter((fields) => fields[4] !== undefined && `${path}/`.startsWith(fields[4] === '/' ? '/' : `${fields[4]}/`))
    .sort((a, b) => a[4]!.length - b[4]!.length)
    .map((fields) => fields[fields.indexOf('-') + 1])
    .at(-1);

/** Milliseconds of one durable write, the middle of nine. */
const durableWrite = async (root: string): Promise<number> => {
  const file = join(root, `.doctor-${process.pid}`);
  const handle = await open(file, 'w', 0o600);
  try {
    const times: number[] = [];
    for (let round = 0; round < 9; round++) {
      const began = performance.now();
      await handle.write('x'.repeat(512));
      await handle.datasync();
      times.push(performance.now() - began);
    }
    return times.sort((a, b) => a - b)[4]!;
  } finally {
    await handle.close();
    await rm(file, { force: true });
  }
};

const durability = async (root: string): Promise<Finding> => {
  const type = typeOf(root) ?? 'unknown';
  const took = `${type}, ${(await durableWrite(root)).toFixed(2)} ms a durable write`;
  if (NOT_DURABLE.includes(type))
    return finding('durability', 'warn', `${took}: what is on it is gone with the power`, 'a --root on a disk');
  if (REMOTE.includes(type))
    return finding(
      'durability',
      'warn',
      `${took}: locks of other machines are not seen by all of these`,
      'a local disk',
    );
  return finding('durability', 'ok', took);
};

const time = (now: number): Finding =>
  finding(
    'clock',
    now > Date.UTC(2025, 0, 1) ? 'ok' : 'fail',
    new Date(now).toISOString(),
    'set the clock, and run a time service',
  );

export const checkMachine = async (loaded: LoadedConfig, root: string, now: number): Promise<Finding[]> => [
  finding('node', 'ok', process.version),
  killLevel(),
  ...(await sandboxes(loaded)),
  watches(loaded),
  await disk(root),
  await durability(root),
  time(now),
];
