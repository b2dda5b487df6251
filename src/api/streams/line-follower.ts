import { StringDecoder } from 'node:string_decoder';
import { openRunFile, type RunFile } from '../run-files.js';

const CHUNK = 64 * 1024;
const LINE_FEED = 0x0a;

export interface Line {
  text: string;
  /** Just after it, in bytes: where to go on. */
  end: number;
}

/** Reads a file that grows, line by line, from a byte on. */
export const createLineFollower = (folder: string, name: RunFile, from: number) => {
  let position = from;
  let rest: Buffer = Buffer.alloc(0);

  const decode = (bytes: Buffer): string => {
    const decoder = new StringDecoder('utf8');
    return decoder.write(bytes) + decoder.end();
  };

  return {
    get position() {
      return position;
    },
    /** To the end of what is there without telling it. */
    async skip(): Promise<void> {
      const handle = await openRunFile(folder, name);
      if (!handle) return;
      position = (await handle.stat()).size;
      await handle.close();
    },
    /**
     * What has come since, in pieces of whole lines; with `last`, a last line without an end, too. `restarted` is
     * true when the file became shorter: it was written anew, and is told from its beginning.
     */
    async *read(last: boolean): AsyncGenerator<{ lines: Line[]; restarted: boolean }> {
      const handle = await openRunFile(folder, name);
      if (!handle) return;
      try {
        const { size } = await handle.stat();
        const restarted = size < position;
        if (restarted) {
          position = 0;
          rest = Buffer.alloc(0);
          yield { lines: [], restarted };
        }
        const buffer = Buffer.allocUnsafe(CHUNK);
        for (;;) {
          const { bytesRead } = await handle.read(buffer, 0, CHUNK, position + rest.length);
          if (bytesRead === 0) break;
          rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
          const lines: Line[] = [];
          let start = 0;
          for (let end = rest.indexOf(LINE_FEED); end >= 0; end = rest.indexOf(LINE_FEED, start)) {
            lines.push({ text: decode(rest.subarray(start, end)), end: position + end + 1 });
            start = end + 1;
          }
          rest = rest.subarray(start);
          position += start;
          if (lines.length > 0) yield { lines, restarted: false };
        }
        if (last && rest.length > 0) {
          position += rest.length;
          const lines = [{ text: decode(rest), end: position }];
          rest = Buffer.alloc(0);
          yield { lines, restarted: false };
        }
      } finally {
        await handle.close();
      }
    },
  };
};

export type LineFollower = ReturnType<typeof createLineFollower>;
