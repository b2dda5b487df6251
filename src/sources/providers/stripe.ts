import { textAt } from '../json.js';
import { stripe as verifier } from '../verifiers/stripe.js';
import { table, type Provider, type Row } from './provider.js';

const data: NonNullable<Row['data']> = {
  event: 'type',
  id: 'data.object.id',
  object: 'data.object.object',
  customer: ['data.object.customer', 'data.object.customer_details.email'],
  amount: ['data.object.amount', 'data.object.amount_due', 'data.object.amount_total'],
  currency: 'data.object.currency',
  status: 'data.object.status',
  reason: ['data.object.last_payment_error.message', 'data.object.failure_message', 'data.object.reason'],
  live: 'livemode',
  account: 'account',
};

/** An event without a row of its own is told under its own name: `invoice.paid` is STRIPE_INVOICE_PAID. */
export const stripe: Provider = {
  verifier,
  eventOf: ({ payload }) => textAt(payload, 'type') ?? '',
  deliveryOf: ({ payload }) => textAt(payload, 'id', 200),
  rows: table([
    {
      on: ['payment_intent.payment_failed', 'invoice.payment_failed', 'charge.failed'],
      type: 'PAYMENT_FAILED',
      body: '{event}: {amount} {currency} of {customer}: {reason}',
      data,
    },
    {
      on: ['payment_intent.succeeded', 'invoice.payment_succeeded', 'charge.succeeded', 'checkout.session.completed'],
      type: 'PAYMENT_SUCCEEDED',
      body: '{event}: {amount} {currency} of {customer}',
      data,
    },
    { on: 'charge.dispute.created', type: 'PAYMENT_DISPUTED', body: '{event}: {amount} {currency}, {reason}', data },
    { on: '*', type: { from: 'type', prefix: 'STRIPE_' }, body: '{event} {id}', data },
  ]),
  actor: ['account'],
};
