import type { Measurement } from './figure';
import { configApplied } from './figures/config-applied.measurement';
import { endurance } from './figures/endurance.measurement';
import { fleet } from './figures/fleet.measurement';
import { footprint } from './figures/footprint.measurement';
import { isolation } from './figures/isolation.measurement';
import { manySubscriptions } from './figures/many-subscriptions.measurement';
import { recording } from './figures/archive.measurement';
import { noOpMosquitto, noOpStub } from './figures/no-op.measurement';
import { nodeRed4, nodeRed5 } from './figures/node-red.measurement';
import { webhookBurst } from './figures/webhook.measurement';
import { brokerWindow } from './figures/window.measurement';

/** In the order of the table. */
export const MEASUREMENTS: readonly Measurement[] = [
  noOpMosquitto,
  noOpStub,
  recording,
  webhookBurst,
  nodeRed4,
  nodeRed5,
  brokerWindow,
  isolation,
  manySubscriptions,
  configApplied,
  fleet,
  footprint,
  endurance,
];
