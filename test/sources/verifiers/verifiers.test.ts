import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bitbucket } from '../../../src/sources/verifiers/bitbucket.js';
import { generic } from '../../../src/sources/verifiers/generic.js';
import { gitea } from '../../../src/sources/verifiers/gitea.js';
import { github } from '../../../src/sources/verifiers/github.js';
import { hmac, isDigest } from '../../../src/sources/verifiers/hmac.js';
import { gitlab } from '../../../src/sources/verifiers/gitlab.js';
import { slack } from '../../../src/sources/verifiers/slack.js';
import { standardWebhooks } from '../../../src/sources/verifiers/standard-webhooks.js';
import { stripe } from '../../../src/sources/verifiers/stripe.js';
import { verifyWithAny, type Verdict, type Verifier } from '../../../src/sources/verifiers/verifier.js';
import { BODY, SIGNED_AT, VECTORS } from './vectors.js';

const VERIFIERS: Record<string, Verifier> = {
  github,
  bitbucket,
  gitea,
  stripe,
  slack,
  generic: generic(),
  'generic, base64 of SHA-1': generic({ header: 'X-Acme-Hmac', algorithm: 'sha1', encoding: 'base64' }),
  'standard-webhooks': standardWebhooks,
  'gitlab with a signing token': gitlab,
  'gitlab with a secret token': gitlab,
};

const NOW = SIGNED_AT * 1_000;
const STANDARD_SECRET = 'whsec_Zmlyc3Qgc2VjcmV0IG9mIDI0IGJ5dGVz';
const body = Buffer.from(BODY);

for (const { provider, first, second, signed, time, withTime, coversBody = true } of VECTORS) {
  const verifier = VERIFIERS[provider]!;
  const verdict = (
    headers: Record<string, string>,
    { secrets = [first], now = NOW, rawBody = body }: { secrets?: string[]; now?: number; rawBody?: Buffer } = {},
  ): Verdict => verifyWithAny(verifier, { headers, rawBody }, secrets, now);

  test(`${provider}: what the provider signed is good, emoji and escapes byte for byte`, () => {
    assert.is(verdict(signed.first), 'good');
    // The same value written by another JSON writer is another body.
    const rewritten = Buffer.from(JSON.stringify(JSON.parse(BODY)));
    assert.is(verdict(signed.first, { rawBody: rewritten }), coversBody ? 'wrong' : 'good');
  });

  test(`${provider}: a body with one bit changed, cut or made longer is refused`, () => {
    const flipped = Buffer.from(body);
    flipped[10]! ^= 1;
    for (const rawBody of [flipped, body.subarray(1), Buffer.concat([body, Buffer.from('\n')]), Buffer.alloc(0)]) {
      assert.is(verdict(signed.first, { rawBody }), coversBody ? 'wrong' : 'good');
    }
  });

  test(`${provider}: another key is refused, and nothing signed is missing`, () => {
    assert.is(verdict(signed.wrong), 'wrong');
    assert.is(verdict({}), 'missing');
    for (const name of Object.keys(signed.first)) {
      assert.is(verdict({ ...signed.first, [name]: '' }), 'missing');
      assert.is(verdict({ ...signed.first, [name]: ' ' }), 'wrong');
    }
  });

  test(`${provider}: while the key is exchanged both are good, afterwards one`, () => {
    assert.is(verdict(signed.first, { secrets: [second, first] }), 'good');
    assert.is(verdict(signed.second, { secrets: [second, first] }), 'good');
    assert.is(verdict(signed.wrong, { secrets: [second, first] }), 'wrong');
    assert.is(verdict(signed.first, { secrets: [second] }), 'wrong');
  });

  test(`${provider}: no shortened, lengthened, doubled or respelt proof passes`, () => {
    for (const [name, value] of Object.entries(signed.first)) {
      // A list of signatures may hold one twice; every other header is one proof.
      const doubled = name === 'webhook-signature' ? [] : [`${value}, ${value}`];
      const forms = [...doubled, value.slice(0, -1), value.slice(1), `${value}0`, `${value}\u0000`, '=', ','];
      for (const form of forms) {
        assert.is.not(verdict({ ...signed.first, [name]: form }), 'good', `${name}: ${form}`);
      }
    }
  });

  test(`${provider}: what we sign ourselves is good for both ends of the window`, () => {
    const headers = verifier.sign(body, first, { now: NOW, id: 'msg_1' });
    assert.equal(headers, signed.first);
    assert.is(verdict(headers), 'good');
  });

  if (time === undefined) continue;

  test(`${provider}: a changed time is refused`, () => {
    assert.is(verdict(withTime!(signed.first, SIGNED_AT + 1)), 'wrong');
    assert.is(verdict(withTime!(signed.first, 0)), 'wrong');
    for (const text of ['1e9', '-1', ' 1700000000', '0x65', 'NaN', '']) {
      const headers = { ...signed.first, [time]: signed.first[time]!.replace(String(SIGNED_AT), text) };
      assert.is.not(verdict(headers), 'good', text);
    }
  });

  test(`${provider}: five minutes off is good either way, a second more is stale`, () => {
    for (const sign of [1, -1]) {
      assert.is(verdict(signed.first, { now: NOW + sign * 300_000 }), 'good');
      assert.is(verdict(signed.first, { now: NOW + sign * 301_000 }), 'stale');
    }
    // A forged proof is not told that it is late.
    assert.is(verdict(signed.wrong, { now: NOW + 301_000 }), 'wrong');
  });
}

test('examples that providers publish', () => {
  const hello = Buffer.from('Hello, World!');
  const digest = '757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  const key = "It's a Secret to Everybody";
  const signed = { headers: { 'x-hub-signature-256': `sha256=${digest}` }, rawBody: hello };
  assert.is(github.verify(signed, key, 0), 'good');
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature':
      'v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v2,x',
  };
  const rawBody = Buffer.from('{"test": 2432232314}');
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const now = 1_614_265_330_000;
  assert.is(standardWebhooks.verify({ headers, rawBody }, secret, now), 'good');
  const svix = Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.replace('webhook', 'svix'), value]),
  );
  assert.is(standardWebhooks.verify({ headers: svix, rawBody }, secret, now), 'good');
  const stripeSigned = {
    'stripe-signature': 't=1700000000,v0=x,v1=00,v1=b3438763ab46d9634b9844c8722818eaf523f803db1327484c6067462a5fd6d1',
  };
  const charge = { headers: stripeSigned, rawBody: Buffer.from('{"a":1}') };
  assert.is(stripe.verify(charge, 'whsec_x', NOW), 'good');
});

test('a proof of another version is none, though it is over the same bytes', () => {
  const vectors = VECTORS.find(({ provider }) => provider === 'slack')!;
  const headers = { ...vectors.signed.first };
  headers['x-slack-signature'] = headers['x-slack-signature']!.replace('v0=', 'v1=');
  assert.is(slack.verify({ headers, rawBody: body }, vectors.first, NOW), 'wrong');
});

test('a signed time that is no whole number of seconds is wrong, whoever signed it', () => {
  for (const text of ['1.7e9', '1700000000.0', '0x6553f100', ' 1700000000', '+1700000000']) {
    const key = Buffer.from(STANDARD_SECRET.slice('whsec_'.length), 'base64');
    const digest = hmac('sha256', key, `msg_1.${text}.`, body).toString('base64');
    const standard = { 'webhook-id': 'msg_1', 'webhook-timestamp': text, 'webhook-signature': `v1,${digest}` };
    assert.is(standardWebhooks.verify({ headers: standard, rawBody: body }, STANDARD_SECRET, NOW), 'wrong', text);
    const signature = `v0=${hmac('sha256', 'key', `v0:${text}:`, body).toString('hex')}`;
    const said = { 'x-slack-request-timestamp': text, 'x-slack-signature': signature };
    assert.is(slack.verify({ headers: said, rawBody: body }, 'key', NOW), 'wrong', text);
    const header = `t=${text},v1=${hmac('sha256', 'key', `${text}.`, body).toString('hex')}`;
    assert.is(stripe.verify({ headers: { 'stripe-signature': header }, rawBody: body }, 'key', NOW), 'wrong', text);
  }
});

test('of a list of proofs the first twenty are looked at', () => {
  const id = { now: NOW, id: 'msg_1' };
  const good = standardWebhooks.sign(body, STANDARD_SECRET, id)['webhook-signature']!;
  const proof = stripe.sign(body, 'key', id)['stripe-signature']!.split(',')[1]!;
  for (const [before, verdict] of [
    [18, 'good'],
    [20, 'wrong'],
  ] as const) {
    const signatures = [...Array<string>(before).fill('v1,AAAA'), good].join(' ');
    const headers = { ...standardWebhooks.sign(body, STANDARD_SECRET, id), 'webhook-signature': signatures };
    assert.is(standardWebhooks.verify({ headers, rawBody: body }, STANDARD_SECRET, NOW), verdict);
    const header = [`t=${SIGNED_AT}`, ...Array<string>(before).fill('v1=00'), proof].join(',');
    assert.is(stripe.verify({ headers: { 'stripe-signature': header }, rawBody: body }, 'key', NOW), verdict);
  }
});

test("GitLab's signing token is never satisfied by a token header", () => {
  const secret = 'whsec_Zmlyc3Qgc2VjcmV0IG9mIDI0IGJ5dGVz';
  assert.is(gitlab.verify({ headers: { 'x-gitlab-token': secret }, rawBody: body }, secret, NOW), 'missing');
});

test('a digest has one spelling', () => {
  const digest = hmac('sha256', 'key', body);
  const spelt = { hex: digest.toString('hex'), base64: digest.toString('base64') };
  for (const encoding of ['hex', 'base64'] as const) {
    const is = (text: string): boolean => isDigest(text, encoding, 'sha256', digest);
    assert.ok(is(spelt[encoding]));
    const wide = [...spelt[encoding]].map((one, at) =>
      at === 3 ? String.fromCodePoint(one.codePointAt(0)! + 0x100) : one,
    );
    for (const other of [wide.join(''), ` ${spelt[encoding]}`, `${spelt[encoding]}\n`, `-${spelt[encoding].slice(1)}`])
      assert.not.ok(is(other), JSON.stringify(other));
  }
  assert.not.ok(isDigest(spelt.base64.replaceAll('=', ''), 'base64', 'sha256', digest));
  assert.ok(isDigest(spelt.hex.toUpperCase(), 'hex', 'sha256', digest));
});

test('a secret that cannot be one is named', () => {
  assert.is(standardWebhooks.faultOf?.('whsec_Zmlyc3Qgc2VjcmV0IG9mIDI0IGJ5dGVz'), undefined);
  assert.match(standardWebhooks.faultOf?.('not base64!') ?? '', /base64/);
  assert.match(standardWebhooks.faultOf?.('whsec_c2hvcnQ=') ?? '', /16 bytes/);
  assert.is(standardWebhooks.faultOf?.(`whsec_${Buffer.alloc(16).toString('base64')}`), undefined);
  assert.match(standardWebhooks.faultOf?.(`whsec_${Buffer.alloc(15).toString('base64')}`) ?? '', /16 bytes/);
  assert.match(gitlab.faultOf?.('whsec_???') ?? '', /base64/);
  assert.is(gitlab.faultOf?.('any words'), undefined);
});

test.run();
