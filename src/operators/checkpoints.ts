import type { Bus, CheckpointFile, Cursor } from '../core/ports.js';

/** How far a fold has come. */
interface Place {
  /** Just after `last`. */
  cursor: Cursor;
  /** The last sealed message that is folded in. */
  last: string;
}

/** So many events and so long (ms) between two checkpoints at the least. */
const APART = { events: 2_000, ms: 60_000 };

/** What was saved, if the bus is still the one it was made of. */
export const loadCheckpoint = async <Saved extends Place>(
  bus: Pick<Bus, 'read'>,
  file: CheckpointFile | undefined,
  unpack: (content: Uint8Array, version: string) => Saved | undefined,
): Promise<Saved | undefined> => {
  const content = await file?.load();
  const checkpoint = content && unpack(content, file!.version);
  if (!checkpoint) return undefined;
  try {
    for await (const _event of bus.read({ since_id: checkpoint.last, tail: 1 })) break;
    return checkpoint;
  } catch {
    return undefined;
  }
};

/** Saves a fold when it has caught up, then now and then, and at the end. `pack`: undefined where there is nothing yet. */
export const checkpointing = (file: CheckpointFile | undefined, pack: (version: string) => Uint8Array | undefined) => {
  let saved = { at: 0, events: 0 };
  let saving: Promise<void> | undefined;

  const save = async (): Promise<void> => {
    if (!file?.save || saved.events === 0) return;
    const content = pack(file.version);
    if (content === undefined) return;
    saved = { at: Date.now(), events: 0 };
    // It is only a cache: the bus has everything.
    await file.save(content).catch(() => undefined);
  };

  return {
    folded(events: number, isCaughtUp: boolean): void {
      saved.events += events;
      if (saved.events >= APART.events && isCaughtUp && Date.now() - saved.at >= APART.ms) saving = save();
    },
    async close(): Promise<void> {
      await saving;
      await save();
    },
  };
};
