import { openLedger, type OpenLedger } from '../ledger/ledger.js';
import { checkpointFile } from './checkpoint-file.js';
import { openLocal, type Local } from './local.js';

export interface Opened extends Local {
  ledger: OpenLedger;
}

/** Opens the root and its ledger for one command, and closes both when it is done. */
export const withLedger = async <Result>(
  options: { root: string; config?: string | undefined },
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> => {
  const local = await openLocal(options);
  const ledger = await openLedger(local.bus, checkpointFile(local.root, 'ledger', { save: false }), {
    blobs: local.blobs,
  });
  try {
    return await work({ ...local, ledger });
  } finally {
    await ledger.close();
    await local.bus.close();
  }
};
