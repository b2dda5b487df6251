import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownerOf, type Owner } from './owner.js';
import { rawFolder } from './raw-folder.js';

/** A run lives from its claim, before it waits for a slot, until its end was reported: as long as its raw folder. */
export const isLivingRun = (rootPath: string, run_id: string): boolean =>
  /^[\w.-]+$/.test(run_id) && rawFolder(rootPath, run_id).exists();

export const livingRuns = (rootPath: string): string[] => {
  try {
    return readdirSync(join(rootPath, '.conductor', 'raw'));
  } catch {
    return [];
  }
};

/** The processes that report living runs. */
export const livingOwners = (rootPath: string): (Owner & { run_id: string })[] =>
  livingRuns(rootPath).flatMap((run_id) => {
    const owner = ownerOf(rawFolder(rootPath, run_id).owner);
    return owner === undefined ? [] : [{ ...owner, run_id }];
  });
