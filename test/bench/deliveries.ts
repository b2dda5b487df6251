/** A sender that costs little, so that what is measured is the receiver: prepared bytes over sockets that stay open. */
import { connect, type Socket } from 'node:net';

export interface Target {
  port: number;
  /** Everything of a request, given the id of its delivery. */
  request: (delivery: string) => Buffer;
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** The status of the first whole answer in the bytes, and how long it is; undefined while it is not whole. */
const answerIn = (bytes: Buffer): { status: number; length: number } | undefined => {
  const head = bytes.indexOf(END_OF_HEAD);
  if (head < 0) return undefined;
  const text = bytes.toString('latin1', 0, head);
  const length = head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
  return bytes.length < length ? undefined : { status: Number(text.slice(9, 12)), length };
};

export interface Sender {
  /** Sends so many, each connection the next when it has its answer. Returns the time of each, in ms. Throws when one is no 202. */
  send(count: number): Promise<number[]>;
  close(): void;
}

export const openSender = async ({ port, request }: Target, connections: number): Promise<Sender> => {
  const sockets = await Promise.all(
    Array.from(
      { length: connections },
      () =>
        new Promise<Socket>((resolve, reject) => {
          const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
          socket.once('error', reject);
        }),
    ),
  );
  let number = 0;
  const overOne = (socket: Socket, take: () => boolean, times: number[]): Promise<void> =>
    new Promise((resolve, reject) => {
      let begun = 0;
      let pending: Buffer = Buffer.alloc(0);
      const next = (): void => {
        if (!take()) {
          socket.off('data', heard);
          resolve();
          return;
        }
        begun = performance.now();
        socket.write(request(`${process.pid}-${++number}`));
      };
      const heard = (chunk: Buffer): void => {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
        const answer = answerIn(pending);
        if (answer === undefined) return;
        if (answer.status !== 202) {
          reject(new Error(`not accepted: ${pending.toString()}`));
          return;
        }
        pending = pending.subarray(answer.length);
        times.push(performance.now() - begun);
        next();
      };
      socket.on('data', heard);
      next();
    });
  return {
    async send(count) {
      let left = count;
      const times: number[] = [];
      await Promise.all(sockets.map((socket) => overOne(socket, () => left-- > 0, times)));
      return times;
    },
    close: () => sockets.forEach((socket) => socket.destroy()),
  };
};
