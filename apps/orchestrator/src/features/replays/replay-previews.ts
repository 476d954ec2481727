import { type DryRunAction, type DryRunResult, dryRun } from '@cortex-mqtt/actions';
import type { ListenerSubscription } from '@cortex-mqtt/contracts';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import { previewOf } from '../messages/message.presenter';
import type { StoredMessage } from '../messages/stored-message';
import type { ReplayDryRunView, ReplayPreviewView } from './replay.dto';
import type { ReplayEntity } from './replay.entity';
import { wantedSubscriptions } from './replay-pairs';
import type { ReplayReader } from './replay-reader';
import { fitting, sampleOf } from './replay-sample';

const PREVIEWS = 20;
/** Dry runs of one message. */
const DRY_RUNS = 3;
const LIMIT_MS = 1_500;
const MAX_TEXT = 2_000;

/** What the first messages of a replay would do. They hold payloads, so they are made when they are asked for and kept nowhere. */
export async function previewsOf(
  replay: ReplayEntity,
  subscriptions: readonly ListenerSubscription[],
  { reader, engine }: { reader: ReplayReader; engine: ExpressionEngine },
): Promise<ReplayPreviewView[]> {
  const until_ms = Date.now() + LIMIT_MS;
  const previews: ReplayPreviewView[] = [];
  for await (const message of reader.after(replay, replay.position_id)) {
    const wanted = wantedSubscriptions(message, replay, subscriptions);
    if (wanted.length > 0) {
      previews.push({
        message_id: message.id,
        topic: message.topic,
        received_at: message.received_at.toISOString(),
        preview: previewOf(message.payload),
        subscriptions: wanted.map(({ id }) => id),
        dry_runs: await Promise.all(
          wanted.slice(0, DRY_RUNS).map((subscription) => dryRunView(replay, subscription, message, engine)),
        ),
      });
    }
    if (previews.length >= PREVIEWS || Date.now() > until_ms) break;
  }
  return previews;
}

async function dryRunView(
  { product_id, target }: ReplayEntity,
  subscription: ListenerSubscription,
  message: StoredMessage,
  engine: ExpressionEngine,
): Promise<ReplayDryRunView> {
  const result = await dryRun(fitting(subscription, message), sampleOf(message), {
    product_id: target.product_id ?? product_id,
    engine,
    secretsKnown: null,
  });
  return {
    subscription_id: subscription.id,
    would_run: result.actions.some(({ would_run }) => would_run),
    filtered: result.filter?.ok === true && !result.filter.value,
    error: faultOf(result),
    requests: result.actions.filter(({ would_run }) => would_run).map(requestView),
  };
}

/** Why it would fail; null = it would not. */
export function faultOf({ decode, filter, actions }: DryRunResult): string | null {
  const fault = [decode, filter, ...actions.map(({ request }) => request)].find((step) => step?.ok === false);
  return fault?.ok === false ? fault.fault.message : null;
}

function requestView({ action_id, type, request }: DryRunAction): ReplayDryRunView['requests'][number] {
  const value = request?.ok ? request.value : {};
  const cut = (text: unknown) =>
    typeof text === 'string' && text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
  return {
    action_id,
    type,
    request: Object.fromEntries(Object.entries(value).map(([name, field]) => [name, cut(field)])),
  };
}
