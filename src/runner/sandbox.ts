/** `none`; a PID namespace; a bubblewrap box; or a wrapper's words, before the agent's own. */
export type Sandbox = 'none' | 'pidns' | 'bwrap' | readonly string[];

export interface Box {
  cwd: string;
  /** Folders that it may write to. */
  writable: readonly string[];
  asRoot: boolean;
}

/** As another user than root it needs a namespace of its own; the user stays the same, for some agents refuse root. */
const pidNamespaceWords = (asRoot: boolean): string[] => [
  'unshare',
  ...(asRoot ? [] : ['--user', '--map-current-user']),
  ...['--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', '--'],
];

const bwrapWords = ({ cwd, writable }: Box): string[] => [
  'bwrap',
  ...['--die-with-parent', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
  ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--tmpfs', '/tmp'],
  ...[...new Set([cwd, ...writable])].flatMap((folder) => ['--bind', folder, folder]),
  ...['--chdir', cwd, '--'],
];

/** The agent's words inside of its box. */
export const boxed = (sandbox: Sandbox | undefined, box: Box, argv: readonly string[]): readonly string[] => {
  switch (sandbox) {
    case undefined:
    case 'none':
      return argv;
    case 'pidns':
      return [...pidNamespaceWords(box.asRoot), ...argv];
    case 'bwrap':
      return [...bwrapWords(box), ...argv];
    default:
      return [...sandbox, ...argv];
  }
};
