export const PROGRAMS: readonly string[];
export const programPath: (name: string) => string | undefined;
export const installPrograms: () => void;
