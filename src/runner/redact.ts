/** Shorter ones would black out ordinary words. */
const SHORTEST = 8;

/** The part of the base64 of a text around the secret that does not depend on the text: for each place it may begin at. */
const base64Forms = (secret: string): string[] =>
  [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)])
      .toString('base64')
      .replace(/=+$/, '');
    const bits = (offset + Buffer.byteLength(secret)) * 8;
    const inner = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(bits / 6));
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });

const hexForms = (secret: string): string[] => {
  const hex = Buffer.from(secret).toString('hex');
  return [hex, hex.toUpperCase()];
};

const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  JSON.stringify(secret).slice(1, -1),
  ...base64Forms(secret),
  ...hexForms(secret),
];

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/**
 * Takes secrets out of a text: as they are, in base64 (also inside of something larger), in hexadecimal, in URLs and in
 * JSON. Of a secret of several lines each line counts.
 */
export const createRedactor = (secrets: Iterable<string>): ((text: string) => string) => {
  const lines = [...secrets].flatMap((secret) => secret.split('\n').map((line) => line.trim()));
  const known = [...new Set(lines.filter((line) => line.length >= SHORTEST).flatMap(formsOf))];
  if (known.length === 0) return (text) => text;
  // Longest first, so that no form is cut by a shorter one inside of it.
  const forms = known.filter((form) => form.length >= SHORTEST).sort((a, b) => b.length - a.length);
  const pattern = new RegExp(forms.map(escape).join('|'), 'g');
  return (text) => text.replace(pattern, '[redacted]');
};

/** Whoever has a run's own token speaks as the run, while it lives: it is a secret as others are. */
export const withoutTicket = (redact: (text: string) => string, ticket: string | undefined) => {
  if (ticket === undefined) return redact;
  const own = createRedactor([ticket.slice(ticket.lastIndexOf('/') + 1)]);
  return (text: string): string => own(redact(text));
};
