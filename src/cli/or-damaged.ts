import { open } from 'node:fs/promises';
import { endOf } from '../bus/end.js';
import { surveyBus } from '../bus/survey.js';
import { ConductorError } from '../core/errors.js';
import type { DamagedRange } from '../core/ports.js';
import type { Root } from '../storage/root.js';

/** Of a damaged range; the record that it was begins it, or stands soon after. */
const MOST_READ = 4 * 1024 * 1024;

const isOf = async ({ file, from, to }: DamagedRange, msg_id: string): Promise<boolean> => {
  const handle = await open(file, 'r');
  try {
    const bytes = Buffer.alloc(Math.min(to - from, MOST_READ));
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, from);
    return bytes.subarray(0, bytesRead).includes(`msg_id: ${msg_id}\n`);
  } finally {
    await handle.close();
  }
};

/** Of a message that is not there because its record is damaged, it is said where that stands. */
export const orDamaged = async <Result>(root: Root, msg_id: string, work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ConductorError) || error.details?.['msg_id'] !== msg_id) throw error;
    const { damaged } = await surveyBus(root.path, root.key, await endOf(root.path));
    for (const range of damaged) {
      if (!(await isOf(range, msg_id))) continue;
      const { file, from, to, reason } = range;
      throw new ConductorError(
        'not_found',
        `the record of ${msg_id} is damaged: ${file}: bytes ${from} to ${to}: ${reason}`,
        { cause: error, details: { msg_id, ...range } },
      );
    }
    throw error;
  }
};
