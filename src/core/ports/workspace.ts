export interface Workspaces {
  /** Changes whenever anything in the folder does. */
  digest(folder: string): Promise<string>;
  /** For people and agents: what is uncommitted there, and the last commits; empty where there is no git. */
  summary(folder: string): Promise<string>;
  /** A worktree of the repository, at the commit (default: its HEAD), on no branch. One that is there already is given again. */
  open(worktree: { repository: string; name: string; commit?: string }): Promise<string>;
  /** The folders of all worktrees that are there. */
  list(): Promise<string[]>;
  /** What would be lost with a worktree; undefined: nothing. */
  holds(folder: string): Promise<string | undefined>;
  /** Removes a worktree in which nothing would be lost; else says why it was kept. */
  close(folder: string): Promise<{ removed: true } | { removed: false; reason: string }>;
}
