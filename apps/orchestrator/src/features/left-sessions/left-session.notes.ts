import type { BrokerConnection, LeftSession, ReportedSession } from '@cortex-mqtt/contracts';
import { type EntityManager, IsNull } from 'typeorm';
import type { SessionWatch } from '../../configuration/change-configuration';
import { BROKER_SECRET_NAMES } from '../../model/broker-field-table';
import { ConnectionStatusEntity } from '../../model/connection-status.entity';
import { MqttBrokerEntity } from '../../model/mqtt-broker.entity';
import { MqttConfigEntity } from '../../model/mqtt-config.entity';
import { ProductEntity } from '../../model/product.entity';
import { SubscriptionEntity } from '../../model/subscription.entity';
import { listenerSubscription, openBrokers } from '../listener-config/listener-config.service';
import { leftSessionPlace, type SecretBox } from '../secrets/secret-box';
import { sharedGroupOf } from '../subscriptions/subscription-topic';
import { LeftSessionEntity } from './left-session.entity';
import { isInUse, reasonOf, type SessionSettings } from './sessions-in-use';

/** A session without an expiry is given up after this. */
const LONGEST_KEPT_MS = 90 * 86_400_000;
/** Until a listener that hears of the deletion has left by itself. */
const LEAVES_BY_ITSELF_MS = 5_000;

interface Settings extends SessionSettings {
  product_name: string;
  subscriptions: LeftSession['subscriptions'];
}

/** Writes down the sessions that a change leaves at brokers: of those that listeners have reported, the ones nobody will use. */
export class LeftSessionNotes implements SessionWatch {
  constructor(private readonly deps: { secretBox: SecretBox }) {}

  async begin(manager: EntityManager, product_id: number): Promise<() => Promise<void>> {
    const known = await knownSessions(manager, product_id);
    if (known.length === 0) return async () => undefined;
    const before = await this.settings(manager, product_id);
    return async () => {
      const after = await this.settings(manager, product_id);
      await this.note(manager, { known, before, after });
      await forgetUsed(manager, after);
    };
  }

  /** All of a product that is disabled permanently: nobody will run what waits in them. Their number. */
  async leaveDisabled(manager: EntityManager, product_id: number): Promise<number> {
    const known = await knownSessions(manager, product_id);
    const before = await this.settings(manager, product_id);
    return this.note(manager, { known, before, after: null, reason: 'product_disabled' });
  }

  /** Before a product is deleted. */
  async leaveAll(manager: EntityManager, product_id: number): Promise<void> {
    const known = await knownSessions(manager, product_id);
    const hashes = await manager.query<{ token_hash: string }[]>(
      'SELECT token_hash FROM listener_tokens WHERE product_id = $1 AND revoked_at IS NULL',
      [product_id],
    );
    await this.note(manager, {
      known,
      before: await this.settings(manager, product_id),
      after: null,
      listener_token_hashes: hashes.map(({ token_hash }) => token_hash),
    });
  }

  private async note(
    manager: EntityManager,
    input: {
      known: readonly ReportedSession[];
      before: Settings;
      after: Settings | null;
      reason?: LeftSession['reason'];
      listener_token_hashes?: string[];
    },
  ): Promise<number> {
    const { known, before, after, listener_token_hashes = [] } = input;
    const { product_id, product_name, shared_group, subscriptions } = before;
    const pending = await pendingOf(manager, product_id);
    let noted = 0;
    for (const session of known) {
      const { host, port, client_id, expiry_s } = session;
      if (!isInUse(before, session) || (after !== null && isInUse(after, session))) continue;
      if (pending.some((left) => left.host === host && left.port === port && left.client_id === client_id)) continue;
      noted += 1;
      const broker = before.brokers.find((one) => one.host === host && one.port === port);
      const kept_ms = expiry_s === null ? LONGEST_KEPT_MS : expiry_s * 1_000;
      await manager.insert(LeftSessionEntity, {
        ...{ product_id, product_name, host, port, client_id, shared_group, subscriptions, listener_token_hashes },
        reason: input.reason ?? reasonOf(before, after, session),
        connection: this.deps.secretBox.seal(JSON.stringify(broker), leftSessionPlace(product_id)),
        expires_at: new Date(Date.now() + kept_ms),
        next_attempt_at: new Date(Date.now() + (after === null ? LEAVES_BY_ITSELF_MS : 0)),
      });
    }
    if (listener_token_hashes.length > 0)
      await manager.update(LeftSessionEntity, { product_id }, { listener_token_hashes });
    return noted;
  }

  private async settings(manager: EntityManager, product_id: number): Promise<Settings> {
    const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
    const config = await manager.findOneByOrFail(MqttConfigEntity, { product_id });
    const further = await manager.find(MqttBrokerEntity, { where: { product_id } });
    const subscriptions = await manager.find(SubscriptionEntity, {
      where: { mqtt_config_id: config.id, enabled: true },
      order: { id: 'ASC' },
    });
    return {
      product_id,
      product_name: product.name,
      session_key: `${product_id}-${product.created_at.getTime()}`,
      brokers: brokersOf(config, further, this.deps.secretBox),
      shared_group: sharedGroupOf(product, config),
      subscriptions: subscriptions.flatMap((subscription) =>
        listenerSubscription(product, config, subscription).map(({ id, topic_filter, qos }) => ({
          id,
          topic_filter,
          qos,
        })),
      ),
    };
  }
}

/** Without their secrets where no key opens these: a lost key must not refuse the change that heals it. */
function brokersOf(config: MqttConfigEntity, further: MqttBrokerEntity[], secretBox: SecretBox): BrokerConnection[] {
  try {
    return openBrokers(config, further, secretBox);
  } catch {
    const nothing = Object.fromEntries(BROKER_SECRET_NAMES.map((name) => [name, null]));
    const bare = <T extends object>(broker: T): T => ({ ...broker, ...nothing });
    return openBrokers(bare(config), further.map(bare), secretBox);
  }
}

async function knownSessions(manager: EntityManager, product_id: number): Promise<ReportedSession[]> {
  const status = await manager.findOneBy(ConnectionStatusEntity, { product_id });
  return status?.known_sessions ?? [];
}

function pendingOf(manager: EntityManager, product_id: number): Promise<LeftSessionEntity[]> {
  return manager.findBy(LeftSessionEntity, { product_id, ended_at: IsNull() });
}

/** A session that was left and is used again is nobody's to end. */
async function forgetUsed(manager: EntityManager, settings: Settings): Promise<void> {
  const pending = await pendingOf(manager, settings.product_id);
  const used = pending.filter((left) => isInUse(settings, left)).map(({ id }) => id);
  if (used.length > 0) await manager.delete(LeftSessionEntity, used);
}
