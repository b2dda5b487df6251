/** Vectors made with Python's hmac, apart from this code. The body holds escapes, an emoji, and characters of two bytes. */
export const BODY = String.raw`{"text":"Gr\u00fc\u00dfe \ud83c\udf89 <b>&\/","emoji":"🎉 Grüße"}`;
export const SIGNED_AT = 1_700_000_000;

type Headers = Record<string, string>;

export interface Vectors {
  provider: string;
  first: string;
  second: string;
  /** BODY signed with the first secret, the second, and a wrong one. */
  signed: { first: Headers; second: Headers; wrong: Headers };
  /** The header that holds the signed time, where there is one. */
  time?: string;
  /** Writes another time into that header, and leaves the signature. */
  withTime?: (headers: Headers, seconds: number) => Headers;
  /** False where the proof says nothing about the body. */
  coversBody?: boolean;
}

const sha256 = {
  first: 'f8eb1578a9eecfdae8f47fa6857e203a80ced74099619ee1afb9dadd18e37c24',
  second: '489c1b61037aa56539e346609f6a627c8ebfbf279330fe31880afa19f12fbae6',
  wrong: '81e2dba7f0c4ac56271a2772aa721becc4ff3742e6b52a3522b2ed2bb41d07e5',
};
const overBody = (header: string, digests: typeof sha256, prefix = ''): Vectors['signed'] => ({
  first: { [header]: prefix + digests.first },
  second: { [header]: prefix + digests.second },
  wrong: { [header]: prefix + digests.wrong },
});
const secrets = { first: 'first secret', second: 'second secret' };

const standardSecrets = {
  first: 'whsec_Zmlyc3Qgc2VjcmV0IG9mIDI0IGJ5dGVz',
  second: 'whsec_c2Vjb25kIHNlY3JldCBvZiAyNCBieXRl',
};
const standard = (digest: string): Headers => ({
  'webhook-id': 'msg_1',
  'webhook-timestamp': String(SIGNED_AT),
  'webhook-signature': `v1,${digest}`,
});
const standardSigned = {
  first: standard('ZX897SNw45hHwsMfyxTnLYGRtdXZ/8yfOOJO6Eqhzy0='),
  second: standard('j18tuLYi73nzwAHraVIYRoXFPcpO2nUmf1v/BlYRnck='),
  wrong: standard('0ewSqWZ3DfMD/2yOr16d+8oIgHGqQcKn+PkiJBSq8g4='),
};
const stripe = (digest: string): Headers => ({ 'stripe-signature': `t=${SIGNED_AT},v1=${digest}` });
const slack = (digest: string): Headers => ({
  'x-slack-request-timestamp': String(SIGNED_AT),
  'x-slack-signature': `v0=${digest}`,
});

export const VECTORS: readonly Vectors[] = [
  { provider: 'github', ...secrets, signed: overBody('x-hub-signature-256', sha256, 'sha256=') },
  { provider: 'bitbucket', ...secrets, signed: overBody('x-hub-signature', sha256, 'sha256=') },
  { provider: 'gitea', ...secrets, signed: overBody('x-gitea-signature', sha256) },
  { provider: 'generic', ...secrets, signed: overBody('x-signature-256', sha256, 'sha256=') },
  {
    provider: 'generic, base64 of SHA-1',
    ...secrets,
    signed: overBody('x-acme-hmac', {
      first: 'y91PRC2RH2UkxJTfuQUE0MfVmmc=',
      second: 'nl0yf4MsKodq9HNsQsPLZdtak+U=',
      wrong: 'xGtnfyG/Kz4tJGYIgx4M3xIvxcw=',
    }),
  },
  {
    provider: 'stripe',
    ...secrets,
    signed: {
      first: stripe('2c43b1e90363eb965858dba44dc9930dc9e1aca078936185f72cd6dd67713e66'),
      second: stripe('635c76b7e73c359e7dd18d0e8a80d53f9715ddf9034e7bdcf8be1a1cd6517b9e'),
      wrong: stripe('894dec35d2ea17a766cba3565cfccc7d785f0842dd53e8a07eea6e092a0c85b8'),
    },
    time: 'stripe-signature',
    withTime: (headers, seconds) => ({
      'stripe-signature': headers['stripe-signature']!.replace(/t=\d+/, `t=${seconds}`),
    }),
  },
  {
    provider: 'slack',
    ...secrets,
    signed: {
      first: slack('c4861b42719163ff427f58a4a4aee6b4ddc8ff4c1374c05fe2e1eb5dad8b4478'),
      second: slack('5049c305211b37b80ccf58616cdc37f32c1dadde07d45eac2deb479ef9c205e5'),
      wrong: slack('13056c927b6e3e67f5e852091490064bb7f9f490ae94945e743a366388e365b1'),
    },
    time: 'x-slack-request-timestamp',
    withTime: (headers, seconds) => ({ ...headers, 'x-slack-request-timestamp': String(seconds) }),
  },
  {
    provider: 'standard-webhooks',
    ...standardSecrets,
    signed: standardSigned,
    time: 'webhook-timestamp',
    withTime: (headers, seconds) => ({ ...headers, 'webhook-timestamp': String(seconds) }),
  },
  {
    provider: 'gitlab with a signing token',
    ...standardSecrets,
    signed: standardSigned,
    time: 'webhook-timestamp',
    withTime: (headers, seconds) => ({ ...headers, 'webhook-timestamp': String(seconds) }),
  },
  {
    provider: 'gitlab with a secret token',
    ...secrets,
    signed: {
      first: { 'x-gitlab-token': 'first secret' },
      second: { 'x-gitlab-token': 'second secret' },
      wrong: { 'x-gitlab-token': 'wrong secret' },
    },
    coversBody: false,
  },
];
