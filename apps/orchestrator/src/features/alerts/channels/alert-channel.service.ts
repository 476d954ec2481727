import type { ExpectedRevisions } from '../../../http/etag';
import { type DataSource, QueryFailedError } from 'typeorm';
import { ConflictError, NotFoundError, ValidationError } from '../../../http/app-error';
import { type Page, type PageQuery, pageWindow } from '../../../http/pagination';
import { type Actor, recordAudit } from '../../audit/audit-trail';
import { channelPlace, type SecretBox } from '../../secrets/secret-box';
import type { ChannelSender } from './channel-sender';
import { testMessage } from './test-message';
import type {
  AlertChannelView,
  ChannelTestView,
  CreateAlertChannelDto,
  UpdateAlertChannelDto,
} from './alert-channel.dto';
import { AlertChannelEntity } from '../model/alert-channel.entity';
import { channelDeliveries, type ChannelDeliveries, rulesOfChannel } from './alert-channel.store';
import { fieldsOf, movedSecrets, splitFields } from './channel-secrets';
import { labelFaults, requireRevision } from '../model/write-checks';
import { CHANNELS, channelFaults } from './types/channel-registry';
import type { ChannelFields } from './types/channel-type';

const COMMON = [
  'name',
  'type',
  'enabled',
  'severities',
  'product_ids',
  'labels',
  'send_resolved',
  'reminder_every_s',
  'escalate_after_s',
];

interface WriteOptions {
  actor: Actor;
  expected_revision: ExpectedRevisions | undefined;
}

export interface WrittenChannel {
  value: AlertChannelView;
  revision: number;
}

/** Who is told of incidents, and how. */
export class AlertChannelService {
  constructor(
    private readonly deps: { dataSource: DataSource; secretBox: SecretBox; sender: ChannelSender; console_url: string },
  ) {}

  async list(query: PageQuery): Promise<Page<AlertChannelView>> {
    const { manager } = this.deps.dataSource;
    const window = pageWindow(query);
    const [channels, total] = await manager.findAndCount(AlertChannelEntity, {
      order: { name: 'ASC' },
      skip: window.skip,
      take: window.take,
    });
    const deliveries = await channelDeliveries(
      manager,
      channels.map(({ id }) => id),
    );
    const items = channels.map((channel) => this.present(channel, deliveries.get(channel.id)));
    return { items, total, page: window.page, page_size: window.page_size };
  }

  async read(id: number): Promise<WrittenChannel> {
    const channel = await this.find(id);
    const deliveries = await channelDeliveries(this.deps.dataSource.manager, [id]);
    return { value: this.present(channel, deliveries.get(id)), revision: channel.revision };
  }

  create(dto: CreateAlertChannelDto, actor: Actor): Promise<WrittenChannel> {
    return this.write(null, dto, { actor, expected_revision: undefined });
  }

  update(id: number, dto: UpdateAlertChannelDto, options: WriteOptions): Promise<WrittenChannel> {
    return this.write(id, dto, options);
  }

  async delete(id: number, { actor, expected_revision }: WriteOptions): Promise<void> {
    await this.deps.dataSource.transaction(async (manager) => {
      const channel = await manager.findOne(AlertChannelEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
      if (!channel) throw missing(id);
      requireRevision(channel, expected_revision);
      const rules = await rulesOfChannel(manager, id);
      if (rules.length > 0) {
        const names = rules.map((name) => `"${name}"`).join(', ');
        throw new ConflictError(`The channel is named by ${names}. Take it out of these rules first.`);
      }
      await manager.delete(AlertChannelEntity, { id });
      await recordAudit(manager, {
        actor,
        action: 'alert_channel.delete',
        entity_type: 'alert_channel',
        entity_id: id,
        product_id: null,
        before: auditOf(channel),
      });
    });
  }

  /** Sends a test message and answers what the other side said. */
  async test(id: number): Promise<ChannelTestView> {
    const channel = await this.find(id);
    const began_ms = performance.now();
    const duration_ms = () => Math.round((performance.now() - began_ms) * 10) / 10;
    const outcome = await this.deps.sender.send(channel, testMessage(this.deps.console_url), { ignore_breaker: true });
    return outcome.ok
      ? {
          delivered: true,
          status: outcome.answer.status,
          answer: outcome.answer.excerpt,
          error: null,
          duration_ms: duration_ms(),
        }
      : {
          delivered: false,
          status: outcome.status,
          answer: outcome.excerpt,
          error: outcome.reason,
          duration_ms: duration_ms(),
        };
  }

  private async find(id: number): Promise<AlertChannelEntity> {
    const channel = await this.deps.dataSource.manager.findOneBy(AlertChannelEntity, { id });
    if (!channel) throw missing(id);
    return channel;
  }

  private async write(
    id: number | null,
    dto: Partial<CreateAlertChannelDto>,
    { actor, expected_revision }: WriteOptions,
  ): Promise<WrittenChannel> {
    const { secretBox } = this.deps;
    try {
      return await this.deps.dataSource.transaction(async (manager) => {
        const existing =
          id === null
            ? null
            : await manager.findOne(AlertChannelEntity, { where: { id }, lock: { mode: 'pessimistic_write' } });
        if (id !== null && !existing) throw missing(id);
        if (existing) requireRevision(existing, expected_revision);
        const before = existing && auditOf(existing);
        const channel =
          existing ??
          manager.create(AlertChannelEntity, {
            settings: {},
            secrets: null,
            severities: [],
            product_ids: [],
            labels: {},
            enabled: true,
            send_resolved: true,
            reminder_every_s: null,
            escalate_after_s: 0,
            revision: 0,
          });
        const stored = existing ? fieldsOf(existing, secretBox) : {};
        const common = Object.fromEntries(
          Object.entries(dto).filter(([name, value]) => COMMON.includes(name) && value !== undefined),
        );
        Object.assign(channel, common);
        const given = Object.entries(dto).filter(([name, value]) => !COMMON.includes(name) && value !== undefined);
        const fields = Object.fromEntries(
          Object.entries({ ...stored, ...Object.fromEntries(given) }).filter(([, value]) => value !== null),
        ) as ChannelFields;
        const faults = [
          ...channelFaults(channel.type, fields),
          ...labelFaults(channel.labels),
          ...movedSecrets(channel, stored, fields, new Set(given.map(([name]) => name))),
        ];
        if (faults.length > 0) throw new ValidationError(faults);
        const { settings, secrets } = splitFields(channel, fields);
        channel.settings = { ...settings };
        channel.revision += 1;
        await manager.save(channel);
        // Bound to the id, which a new one has only now.
        channel.secrets =
          Object.keys(secrets).length === 0 ? null : secretBox.seal(JSON.stringify(secrets), channelPlace(channel.id));
        await manager.update(AlertChannelEntity, { id: channel.id }, { secrets: channel.secrets });
        await recordAudit(manager, {
          actor,
          action: existing ? 'alert_channel.update' : 'alert_channel.create',
          entity_type: 'alert_channel',
          entity_id: channel.id,
          product_id: null,
          before,
          after: auditOf(channel),
        });
        return { value: this.present(channel, undefined), revision: channel.revision };
      });
    } catch (error) {
      if (error instanceof QueryFailedError && error.driverError?.constraint === 'uq_alert_channels_name') {
        throw new ConflictError(`There is a channel named ${dto.name} already.`, [
          { field: 'name', message: 'is taken by another channel' },
        ]);
      }
      throw error;
    }
  }

  private present(channel: AlertChannelEntity, deliveries: ChannelDeliveries | undefined): AlertChannelView {
    const fields = fieldsOf(channel, this.deps.secretBox);
    const { secrets } = splitFields(channel, fields);
    const {
      id,
      name,
      type,
      enabled,
      settings,
      severities,
      product_ids,
      labels,
      send_resolved,
      reminder_every_s,
      escalate_after_s,
    } = channel;
    return {
      id,
      name,
      type,
      enabled,
      settings,
      secrets_set: Object.keys(secrets),
      destination: CHANNELS[type].destination(fields),
      severities,
      product_ids,
      labels,
      send_resolved,
      reminder_every_s,
      escalate_after_s,
      last_sent_at: deliveries?.last_sent_at?.toISOString() ?? null,
      last_error: deliveries?.last_error ?? null,
      waiting: deliveries?.waiting ?? 0,
      created_at: channel.created_at.toISOString(),
      updated_at: channel.updated_at.toISOString(),
    };
  }
}

const missing = (id: number): NotFoundError => new NotFoundError(`There is no alert channel ${id}.`);

/** The audit log redacts `value`: that a secret has changed shows, and nothing of it. */
function auditOf({
  name,
  type,
  enabled,
  settings,
  secrets,
  severities,
  product_ids,
  labels,
  send_resolved,
  reminder_every_s,
  escalate_after_s,
}: AlertChannelEntity): Record<string, unknown> {
  return {
    name,
    type,
    enabled,
    ...settings,
    value: secrets,
    severities,
    product_ids,
    labels,
    send_resolved,
    reminder_every_s,
    escalate_after_s,
  };
}
