/** `ask`: no program can know; a person has to. */
export type Verdict = 'ok' | 'warn' | 'fail' | 'ask';

export interface Finding {
  check: string;
  verdict: Verdict;
  message: string;
  /** What to do about it. */
  fix?: string;
}

export const finding = (check: string, verdict: Verdict, message: string, fix?: string): Finding => ({
  check,
  verdict,
  message,
  ...(fix === undefined || verdict === 'ok' ? {} : { fix }),
});
