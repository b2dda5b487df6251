/** The rule for ids of projects and tasks, in words: they become folder names. */
export const ID_RULE =
  'an id begins with a letter or digit and holds only letters, digits, ".", "_" and "-" (128 at most), and never ".."';

export const isId = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(text) && !text.includes('..');
