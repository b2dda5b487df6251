/** A way to reach people, with its secrets in place. Times in ms. */
export type Action =
  | { kind: 'command'; command: readonly string[]; timeout_ms: number }
  | {
      kind: 'webhook';
      url: string;
      /** `slack`: what its incoming webhooks take, and those that speak like it. */
      form: 'json' | 'slack';
      headers: Readonly<Record<string, string>>;
      timeout_ms: number;
    };
