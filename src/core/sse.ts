/** One event of an event stream (WHATWG). JSON has no line ends of its own, so the data is one line. */
export const sseEvent = (name: string, data: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
