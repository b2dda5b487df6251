declare module 'fs-native-extensions' {
  /** False when another open file description holds the range; a length of 0 is everything. */
  export function tryLock(fd: number, options?: { shared?: boolean }): boolean;
  export function tryLock(fd: number, offset: number, length: number, options?: { shared?: boolean }): boolean;
  export function waitForLock(fd: number, options?: { shared?: boolean }): Promise<void>;
  export function unlock(fd: number): void;
}
