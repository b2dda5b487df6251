/// <reference path="./fs-native-extensions.d.ts" />
import { closeSync, fstatSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { tryLock } from 'fs-native-extensions';
import type { LoopClaims } from '../core/ports.js';
import { layout } from './layout.js';

/** One lock a task: the kernel drops it with the process that has it. */
export const openLoopClaims = (rootPath: string): LoopClaims => {
  const paths = layout(resolve(rootPath));
  return {
    take({ project_id, task_id }) {
      const path = paths.loop(project_id, task_id);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      for (;;) {
        const fd = openSync(path, 'a', 0o600);
        if (!tryLock(fd)) {
          closeSync(fd);
          return undefined;
        }
        // Whoever had it before may have removed the file between the two.
        if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino)
          return () => {
            rmSync(path, { force: true });
            closeSync(fd);
          };
        closeSync(fd);
      }
    },
  };
};
