import { WebSocket } from 'ws';
import type { Service } from './service.js';

/** A message as a watcher hears it. */
export interface Said {
  type: string;
  msg_id: string;
  body: string;
  data: Record<string, unknown>;
  depth: number;
  parents: { msg_id: string; kind: string }[];
}

export interface Watcher {
  /** In the order in which it was told. */
  heard: Said[];
  /** The first of this type, if any. */
  find(type: string, fits?: (said: Said) => boolean): Said | undefined;
  close(): void;
}

/** Hears everything that is said from now on. */
export const watch = async (service: Service): Promise<Watcher> => {
  const heard: Said[] = [];
  const socket = new WebSocket(`${service.url.replace('http', 'ws')}/ws`, {
    headers: { authorization: `Bearer ${service.token}` },
  });
  socket.on('message', (frame: Buffer) => heard.push((JSON.parse(frame.toString()) as { data: Said }).data));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    heard,
    find: (type, fits = () => true) => heard.find((said) => said.type === type && fits(said)),
    close: () => socket.close(),
  };
};
