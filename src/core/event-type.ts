/** `file_changed`, `fileChanged`, `file-changed` → `FILE_CHANGED`. */
export const normaliseType = (type: string): string =>
  /^[A-Z_]+$/.test(type)
    ? type
    : type
        .trim()
        .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
        .replace(/[\s.-]+/g, '_')
        .toUpperCase();

const RESERVED = new Set(['ROUTED', 'SNAPSHOT', 'TIMER_FIRED', 'SUPPRESSED', 'CHAIN_LIMIT']);
const RESERVED_PREFIXES = ['TASK_', 'HANDLER_', 'STEP_', 'RUN_', 'APPROVAL_', 'RULE_', 'CONDUCTOR_'];

const isPrefixed = (type: string): boolean => RESERVED_PREFIXES.some((prefix) => type.startsWith(prefix));

/** A glob for reserved types alone, which globs never fit. */
export const isReservedGlob = (glob: string): boolean =>
  glob.includes('*') && isPrefixed(glob.slice(0, glob.indexOf('*')));

/** Types that only our own service and commands may say, with the MAC of the root's key. */
export const isReserved = (type: string): boolean => RESERVED.has(type) || (type.includes('_') && isPrefixed(type));
