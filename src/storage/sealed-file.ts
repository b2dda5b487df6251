import { createHmac, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomically } from './atomic-write.js';

export interface SealedFile {
  /** Undefined where there is none, or it is not ours. */
  load(): Promise<Buffer | undefined>;
  save(content: Uint8Array): Promise<void>;
}

const MAC_BYTES = 32;

/** A file that is believed only with the MAC of the root's key. `purpose`: a seal for one thing is none for another. */
export const sealedFile = (path: string, key: Buffer, purpose: string): SealedFile => {
  const macOf = (content: Uint8Array): Buffer =>
    createHmac('sha256', key).update(`sealed file\n${purpose}\n`).update(content).digest();
  return {
    async load() {
      let bytes: Buffer;
      try {
        bytes = await readFile(path);
      } catch {
        return undefined;
      }
      const content = bytes.subarray(MAC_BYTES);
      const mac = bytes.subarray(0, MAC_BYTES);
      return mac.length === MAC_BYTES && timingSafeEqual(mac, macOf(content)) ? content : undefined;
    },
    async save(content) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeAtomically(path, Buffer.concat([macOf(content), content]), 0o600);
    },
  };
};
