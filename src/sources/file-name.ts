import { isUtf8 } from 'node:buffer';

/** Of a byte that belongs to no character; no text that is one holds half a pair. */
const BYTE = 0xdc00;

/**
 * A name as the disk has it: bytes. What is no UTF-8 in it stands in our paths as half of a surrogate pair, a byte each (as
 * in Python), so the name is found again.
 */
export const nameOf = (bytes: Buffer): string => {
  let name = '';
  for (let at = 0; at < bytes.length;) {
    const from = at;
    const size = [1, 2, 3, 4].find((n) => from + n <= bytes.length && isUtf8(bytes.subarray(from, from + n)));
    name += size === undefined ? String.fromCharCode(BYTE + bytes[at]!) : bytes.toString('utf8', at, at + size);
    at += size ?? 1;
  }
  return name;
};

const byteOf = (half: string): number => half.charCodeAt(0) - BYTE;
const HALF = /([\udc80-\udcff])/u;

/** What the file system is asked for. */
export const diskPath = (path: string): string | Buffer =>
  HALF.test(path)
    ? Buffer.concat(path.split(HALF).map((part, n) => (n % 2 === 0 ? Buffer.from(part) : Buffer.of(byteOf(part)))))
    : path;

/** For people and for JSON: `caf\xE9.txt`. */
export const shownPath = (path: string): string =>
  HALF.test(path) ? path.replace(/[\udc80-\udcff]/gu, (half) => `\\x${byteOf(half).toString(16).toUpperCase()}`) : path;

/** Whether a name that was read as text may have lost bytes. */
export const isDoubtful = (name: string): boolean => name.includes('\ufffd');
