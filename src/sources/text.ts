const isFirstHalf = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;

/** At most so many characters, the last of them whole. */
export const cut = (text: string, most: number): string => {
  if (text.length <= most) return text;
  return text.slice(0, isFirstHalf(text.charCodeAt(most - 1)) ? most - 1 : most);
};

/**
 * Text as it stands in the bus file, which people read with `less`, `tail` and `grep`: what steers a terminal, and what makes
 * `grep` take the file for a binary one, is a � there. Line breaks and tabs stay.
 */
export const legible = (text: string): string =>
  // Nearly every text is printable ASCII, which is told sooner.
  /[^ -~]/.test(text) ? text.replace(/(?!\t|\n|\r\n)\p{Cc}/gu, '\ufffd') : text;
