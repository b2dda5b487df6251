import { userInfo } from 'node:os';

/** Of whoever runs this process; in a container it may be a number that no name belongs to. */
export const userName = (): string => {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`;
  }
};
