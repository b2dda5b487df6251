interface Waiter {
  msg_id: string;
  resolve(): void;
  reject(error: Error): void;
}

/** Those who wait for a message to be folded in, by its id: an event looks at no more of them than it wakes. */
export class Waiters {
  /** By id. Nearly always the newest is the last. */
  readonly #waiting: Waiter[] = [];
  #failed: Error | undefined;

  wait(msg_id: string): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed) {
        reject(this.#failed);
        return;
      }
      let at = this.#waiting.length;
      while (at > 0 && this.#waiting[at - 1]!.msg_id > msg_id) at--;
      this.#waiting.splice(at, 0, { msg_id, resolve, reject });
    });
  }

  /** All up to this one are folded in. */
  reached(msg_id: string): void {
    let count = 0;
    while (count < this.#waiting.length && this.#waiting[count]!.msg_id <= msg_id) count++;
    if (count > 0) for (const waiter of this.#waiting.splice(0, count)) waiter.resolve();
  }

  fail(error: Error): void {
    this.#failed = error;
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
