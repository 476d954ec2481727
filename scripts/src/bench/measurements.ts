import type { Measurement } from './figure';
import { noOpMosquitto, noOpStub } from './figures/no-op.measurement';
import { webhookBurst } from './figures/webhook.measurement';

/** In the order of the table. */
export const MEASUREMENTS: readonly Measurement[] = [noOpMosquitto, noOpStub, webhookBurst];
