import type { z } from 'zod';
import type { approve as approvePattern } from '../patterns/approve.js';
import type { compare as comparePattern } from '../patterns/compare.js';
import type { decompose as decomposePattern } from '../patterns/decompose.js';
import type { phases as phasesPattern } from '../patterns/phases.js';
import type { ralph as ralphPattern } from '../patterns/ralph.js';
import type { refine as refinePattern } from '../patterns/refine.js';
import type { reviewSchema } from '../patterns/review.js';
import type { rollout as rolloutPattern } from '../patterns/rollout.js';
import type { saga as sagaPattern } from '../patterns/saga.js';
import type { supervise as supervisePattern } from '../patterns/supervise.js';
import type { sync as syncPattern } from '../patterns/sync.js';
import { step, type AnyStep, type Built, type Common, type Given } from './steps.js';

/** The name of an agent, or a step. */
export type Worker = string | AnyStep;

type Written<Schema extends (step: never) => z.ZodType> = z.input<ReturnType<Schema>>;

/** What each pattern takes: what its schema reads. */
export interface PatternOptions {
  refine: Written<typeof refinePattern.schema>['refine'];
  supervise: Written<typeof supervisePattern.schema>['supervise'];
  saga: Written<typeof sagaPattern.schema>['saga'];
  compare: Written<typeof comparePattern.schema>['compare'];
  review: Written<typeof reviewSchema>['review'];
  decompose: Written<typeof decomposePattern.schema>['decompose'];
  rollout: Written<typeof rolloutPattern.schema>['rollout'];
  ralph: Written<typeof ralphPattern.schema>['ralph'];
  sync: Written<typeof syncPattern.schema>['sync'];
  approve: Written<typeof approvePattern.schema>['approve'];
  phases: Written<typeof phasesPattern.schema>['phases'];
}

/** What a lane or worker gave, by its name. */
export type Lane<Data = Record<string, unknown>> = { name: string } & Given<Data>;
interface Verdict {
  verdict: 'approve' | 'request_changes';
  findings: string[];
}
interface Answers {
  answers: Lane[];
}
type Consensus<Options> = Options extends { consensus: infer By }
  ? By extends 'vote'
    ? Answers & { winner: string; votes: number }
    : By extends { score: string }
      ? Answers & { winner: string; score: number; output: string }
      : Answers & { consensus: string }
  : Answers;

/** What a pattern gives as `data`. */
interface PatternData<Options> {
  refine: Options extends { until: 'passes' }
    ? { iterations: number; met: boolean }
    : { iterations: number; met: boolean; score: number; best: number };
  supervise: { rounds: number };
  saga: Record<string, unknown>;
  compare: Consensus<Options>;
  review: { approvals: number; rounds: number; reviews: Lane<Verdict>[] };
  decompose: Record<string, unknown>;
  rollout: Record<string, unknown>;
  ralph: { iterations: number };
  sync: { lanes: Lane[] };
  approve: { approved: boolean; decision: 'approve' | 'reject'; by: string; comment: string };
  phases: Record<string, unknown>;
}

type KeyIn<Allowed> = Allowed extends unknown ? keyof Allowed : never;
/** No key but those: what was inferred from the options alone would let any through. */
type Exact<Options, Allowed> = Options extends string | readonly unknown[]
  ? unknown
  : { [Key in Exclude<keyof Options, KeyIn<Allowed>>]: never };

const pattern =
  <Name extends keyof PatternOptions>(name: Name) =>
  <const Options extends PatternOptions[Name]>(
    options: Options & Exact<Options, PatternOptions[Name]>,
    common: Common = {},
  ): Built<PatternData<Options>[Name]> =>
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
