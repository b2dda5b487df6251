import { concatMap, lastValueFrom } from 'rxjs';
import { toCursor } from '../../bus/cursor.js';
import { endOf } from '../../bus/end.js';
import { matcher } from '../../bus/query.js';
import { follow } from '../../bus/tail.js';
import type { BusQuery } from '../../core/ports.js';
import { printThere, warnOf, type Print } from './print.js';

/** What is there, then what comes. */
export const printOn = async (root: string, key: Buffer, query: BusQuery, print: Print): Promise<void> => {
  const end = await endOf(root);
  await printThere(root, key, { ...query, until: end }, print);
  const matches = matcher(query);
  await lastValueFrom(
    follow({ root, key, cursor: toCursor(end) }).pipe(
      concatMap(async ({ events, damaged }) => {
        damaged.forEach(warnOf);
        await print(events.filter(matches));
      }),
    ),
    { defaultValue: undefined },
  );
};
