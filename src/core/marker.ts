/**
 * A line that Markdown does not show: what our agents write outside is recognised by it when a webhook brings it back.
 * The id is a run's or an activation's; it proves nothing, so only one that the ledger knows counts.
 */
export const markerOf = (id: string): string => `<!-- conductor: ${id} -->`;

/** At the end of a commit's message. */
export const trailerOf = (id: string): string => `Conductor-Run: ${id}`;

// On a line of its own: a quotation of it is somebody else's text.
const MARK = /^(?:<!-- conductor: ([\w./-]{1,200}) -->|Conductor-Run: ([\w./-]{1,200}))[ \t\r]*$/gm;

/** The id of the last mark in a text. */
export const markIn = (text: string): string | undefined => {
  // Nearly no text has one.
  if (!text.includes('onductor')) return undefined;
  const last = [...text.matchAll(MARK)].at(-1);
  return last?.[1] ?? last?.[2];
};
