import { request } from 'node:http';
import { signedIn } from './world.js';

export interface Heard {
  event: string;
  id: string | undefined;
  data: Record<string, unknown>;
}

const parse = (block: string): Heard | undefined => {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  const data = fields.get('data');
  return data === undefined
    ? undefined
    : { event: fields.get('event') ?? 'message', id: fields.get('id'), data: JSON.parse(data) as Heard['data'] };
};

/** A client of an event stream that keeps what it gets. It must be closed, or wait for `ended`. */
export const openEvents = async (url: string, headers: Record<string, string> = {}) => {
  const list: Heard[] = [];
  const looking = new Set<() => void>();
  let rest = '';
  const { asked, ended } = await new Promise<{ asked: ReturnType<typeof request>; ended: Promise<void> }>(
    (resolve, reject) => {
      const call = request(url, { headers: { ...signedIn(), ...headers } }, (answer) => {
        if (answer.statusCode !== 200) {
          reject(new Error(`the stream answered ${answer.statusCode}`));
          return;
        }
        answer.setEncoding('utf8').on('data', (part: string) => {
          const blocks = (rest + part).split('\n\n');
          rest = blocks.pop() ?? '';
          for (const block of blocks) {
            const heard = parse(block);
            if (heard) list.push(heard);
          }
          for (const look of looking) look();
        });
        answer.on('error', () => undefined);
        resolve({ asked: call, ended: new Promise((done) => answer.on('close', () => done())) });
      });
      call.on('error', reject);
      call.end();
    },
  );
  return {
    list,
    ended,
    close: () => void asked.destroy(),
    until: (condition: (heard: readonly Heard[]) => boolean) =>
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (!condition(list)) return;
          looking.delete(look);
          resolve();
        };
        looking.add(look);
        look();
      }),
  };
};
