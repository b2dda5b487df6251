import type NodeCrypto from 'node:crypto';

let loaded: typeof NodeCrypto | undefined;

/** node:crypto, loaded when it is first needed: most short-lived writers never need it, and it costs them some ms. */
export const crypto = (): typeof NodeCrypto => (loaded ??= process.getBuiltinModule('node:crypto'));

/** The end of a file name that nobody else has. */
export const uniqueSuffix = (): string => crypto().randomBytes(4).toString('hex');
