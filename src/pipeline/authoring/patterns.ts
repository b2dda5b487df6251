import { step, type AnyStep, type Built, type Common } from './steps.js';

/** The name of an agent, or a step. */
export type Worker = string | AnyStep;

export interface PatternOptions {
  refine: {
    agent: Worker;
    prompt?: string;
    evaluate?: Worker;
    threshold?: number;
    max_iterations?: number;
    stop_on_no_improvement?: boolean;
    on_max?: 'fail' | 'continue';
  };
  supervise: {
    agent: Worker;
    prompt?: string;
    workers: string[] | Record<string, string>;
    criteria?: string[];
    accept?: Worker;
    max_rounds?: number;
  };
  saga: { agent?: string; transactions: { id?: string; action: Worker; compensate?: Worker }[] };
  compare: {
    agents: Worker[];
    prompt?: string;
    at_least?: number; /** `vote`, `{ score: command }`, or a worker. */
    consensus?: { score: string } | Worker;
  };
  review: {
    primary: Worker;
    reviewers: Worker[];
    prompt?: string;
    quorum?: number;
    rounds?: number;
    parallel?: boolean;
  };
  decompose: { agent: Worker; prompt?: string; worker?: Worker; combine?: Worker; depth?: number; max_parts?: number };
  rollout: {
    instances: string[] | string;
    batch?: number;
    deploy: Worker;
    health?: Worker | { check: Worker; attempts?: number; every?: string | number };
    smoke_test?: Worker;
    rollback?: Worker;
    roll_back?: 'failed' | 'all';
    bake?: string | number;
  };
  ralph: { agent: Worker; prompt?: string; check?: Worker; max?: number; pause?: string | number };
  sync: { lanes: Record<string, AnyStep[]> };
  approve: string | { question: string; default?: 'approve' | 'reject' };
  phases: { name: string; agent: Worker; prompt?: string; validator?: Worker; rollback?: Worker; attempts?: number }[];
}

/** What a pattern gives as `data`. */
export interface PatternData {
  refine: { iterations: number; met: boolean; score: number; best: number };
  supervise: { rounds: number };
  saga: Record<string, unknown>;
  compare: { winner: string; answers: unknown[]; consensus: string };
  review: { approvals: number; rounds: number; reviews: unknown[] };
  decompose: Record<string, unknown>;
  rollout: Record<string, unknown>;
  ralph: { iterations: number };
  sync: { lanes: unknown[] };
  approve: { approved: boolean; by: string; comment: string };
  phases: Record<string, unknown>;
}

const pattern =
  <Name extends keyof PatternOptions>(name: Name) =>
  (options: PatternOptions[Name], common: Common = {}): Built<PatternData[Name]> =>
    step({ ...common, [name]: options });

export const refine = pattern('refine');
export const supervise = pattern('supervise');
export const saga = pattern('saga');
export const compare = pattern('compare');
export const review = pattern('review');
export const decompose = pattern('decompose');
export const rollout = pattern('rollout');
export const ralph = pattern('ralph');
export const sync = pattern('sync');
export const approve = pattern('approve');
export const phases = pattern('phases');
/** A place in a lane of `sync` where it waits for the others. */
export const syncPoint = (name: string): Built => step({ sync_point: name });
