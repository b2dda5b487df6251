export interface Column<Row> {
  title: string;
  of: (row: Row) => string | number | undefined;
}

const GAP = '  ';

/** A cell is one line, whatever is in it; control characters would steer the terminal. */
const flat = (value: string | number | undefined): string =>
  String(value ?? '').replace(/[\u0000-\u001F\u007F-\u009F]+/g, ' ');

const cut = (text: string, width: number): string =>
  text.length <= width ? text : width <= 1 ? text.slice(0, width) : `${text.slice(0, width - 1)}…`;

/** The widest columns give first, until the table fits. */
const fit = (widths: number[], available: number): number[] => {
  const fitted = [...widths];
  const total = (): number => fitted.reduce((sum, width) => sum + width, 0) + GAP.length * (fitted.length - 1);
  while (total() > available) {
    const widest = fitted.indexOf(Math.max(...fitted));
    if (fitted[widest]! <= 4) break;
    fitted[widest]! -= 1;
  }
  return fitted;
};

/** One row a line. For people a header and aligned columns no wider than `width`; else tabs and no header. */
export const formatTable = <Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number | undefined,
): string => {
  const cells = rows.map((row) => columns.map((column) => flat(column.of(row))));
  if (width === undefined) return cells.map((line) => `${line.join('\t')}\n`).join('');
  if (rows.length === 0) return '';
  const all = [columns.map((column) => column.title.toUpperCase()), ...cells];
  const widths = fit(
    columns.map((_, index) => Math.max(...all.map((line) => line[index]!.length))),
    width,
  );
  return all
    .map((line) => `${line.map((cell, index) => cut(cell, widths[index]!).padEnd(widths[index]!)).join(GAP)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
};

/** The terminal's width; undefined where nobody looks. */
export const terminalWidth = (): number | undefined =>
  process.stdout.isTTY ? process.stdout.columns || 80 : undefined;

export const printTable = <Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  options: { json?: boolean | undefined; name: string },
): void => {
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ [options.name]: rows }, null, 2)}\n`
      : formatTable(rows, columns, terminalWidth()),
  );
};
