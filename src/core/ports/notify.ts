/** What is told to people. */
export interface Notification {
  /** The name of an action of the configuration. */
  action: string;
  message: string;
  /** The same for each try: who gets it twice knows it by this. */
  key: string;
  /** For machines: project, task, activation, event. */
  data: Readonly<Record<string, unknown>>;
}

/** `final`: trying again cannot help. */
export type Delivery = { ok: true; said: string } | { ok: false; final: boolean; error: string };

export interface Notifier {
  knows(action: string): boolean;
  /** One try. Never rejects. */
  deliver(notification: Notification, signal: AbortSignal): Promise<Delivery>;
}
