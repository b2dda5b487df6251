// Sends deliveries made to be slow, one after the other, each with its signature: large-sender.mjs <url> <secret>.
import { createHmac } from 'node:crypto';

const [, , url, secret] = process.argv;
const MOST = 25 * 1024 * 1024;
/** The largest that the main loop reads by itself. */
const SMALL = 64 * 1024;
const start = '{"ref":"refs/heads/main","after":"abc","more":';

/** As many as fit into that many bytes. */
const list = (bytes, entry, most = Infinity) => {
  let text = entry(0);
  for (let n = 1; n < most && text.length < bytes - 120; n++) text += `,${entry(n)}`;
  return text;
};
const object = (n) => `{"${n.toString(36)}":1}`;
const filled = (more) => `${start}${more}${' '.repeat(MOST - 100 - more.length)}}`;

const HOSTILE = [
  () => `${start}${'['.repeat(12.4e6)}${']'.repeat(12.4e6)}}`,
  () => `${start}[${list(MOST, object)}]}`,
  () => filled('['.repeat(2.9e6) + ']'.repeat(2.9e6)),
  () => filled(`[${list(MOST, object, 950_000)}]`),
  () => filled(`{${list(MOST, (n) => `"${n.toString(36)}":1`, 1_400_000)}}`),
  () => filled(`"${'\\u00e9'.repeat(4e6)}"`),
  () => `${start}[${list(SMALL, object)}]}`,
  () => `${start}[${list(SMALL, (n) => `{"${n.toString(36)}":[]}`)}]}`,
];

for (const [id, make] of HOSTILE.entries()) {
  const body = Buffer.from(make());
  const digest = createHmac('sha256', secret).update(body).digest('hex');
  const headers = {
    'x-github-event': 'push',
    'x-github-delivery': String(id),
    'x-hub-signature-256': `sha256=${digest}`,
  };
  const { status } = await fetch(url, { method: 'POST', body, headers });
  if (status !== 202 && status !== 413) throw new Error(`the delivery ${id} was answered with ${status}`);
}
