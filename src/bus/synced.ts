import { closeSync, constants, fsync, openSync } from 'node:fs';

/** One thread-pool turn and no more: the promises of node:fs take several. */
export const synced = (sync: typeof fsync, fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    sync(fd, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });

/** The names in it are durable. */
export const syncedFolder = async (path: string): Promise<void> => {
  const folder = openSync(path, constants.O_RDONLY);
  try {
    await synced(fsync, folder);
  } finally {
    closeSync(folder);
  }
};
