import { cloudEventMode, cloudEventOf, envelopeOf, type CloudEvent } from '../core/cloud-event.js';
import type { Delivery } from './providers/provider.js';
import { cut } from './text.js';

/** An extension from outside has no bound of its own. */
const MOST_TEXT = 1_000;

/**
 * A CloudEvent as a sender that says our types would tell it: its payload, for rows, is the event in the form of structured
 * mode. Everything else as it came.
 */
export const unwrapCloudEvent = (delivery: Delivery): Delivery & { cloudEvent?: CloudEvent } => {
  const mode = cloudEventMode(delivery.headers);
  if (mode === undefined) return delivery;
  const payload = mode === 'structured' ? delivery.payload : envelopeOf(delivery.headers, delivery.payload);
  const cloudEvent = cloudEventOf(payload, mode);
  for (const [name, text] of Object.entries(cloudEvent.attributes)) cloudEvent.attributes[name] = cut(text, MOST_TEXT);
  return { ...delivery, payload, cloudEvent };
};
