import { spawnSync } from 'node:child_process';
import { cleanEnvironment, command, temporary } from '../support/service.js';
import { inTurns, quantile, type Bench, type Report } from './measure.js';

const ROUNDS = 40;

/** The start of a whole process, beside the start of a Node that does nothing. */
const start = async (
  report: Report,
  name: string,
  args: readonly string[],
  plus: number | undefined,
): Promise<void> => {
  const cwd = temporary('bench');
  // Without NODE_EXTRA_CA_CERTS, which costs every Node tens of milliseconds.
  const env = cleanEnvironment();
  const run = (argv: readonly string[]): void => {
    const { status, stderr } = spawnSync(process.execPath, argv, { cwd, env, encoding: 'utf8' });
    if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`);
  };
  run([command(name), ...args]);
  const { ours, reference } = await inTurns(
    ROUNDS,
    () => run([command(name), ...args]),
    () => run(['-e', '0']),
  );
  report({
    name: `${name} ${args.join(' ')}, whole process, p50`,
    kind: 'time',
    ours: quantile(ours, 0.5),
    reference: quantile(reference, 0.5),
    against: 'node -e 0',
    ...(plus === undefined ? {} : { bar: 1, plus }),
  });
};

const bench: Bench = async (report) => {
  await start(report, 'messagebus-tool', ['--help'], 15);
  await start(report, 'run-agent', ['--version'], 15);
  await start(report, 'conductor', ['--version'], undefined);
  await start(report, 'conductor', ['task', 'create', '--agent', 'shell', '--prompt', 'true'], undefined);
  await start(report, 'run-agent', ['task', '--agent', 'shell', '--prompt', 'true'], undefined);
};
export default bench;
