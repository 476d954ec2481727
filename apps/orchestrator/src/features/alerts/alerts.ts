import { createHttpSender } from '@cortex-mqtt/actions';
import type { EgressPolicy } from '@cortex-mqtt/egress';
import type { Logger } from '@cortex-mqtt/observability';
import type { DataSource } from 'typeorm';
import type { Route } from '../../http/route';
import { Duty } from '../../jobs/duty';
import { periodic } from '../../jobs/periodic';
import type { Part } from '../../lifecycle';
import type { SecretBox } from '../secrets/secret-box';
import { alertChannelRoutes } from './channels/alert-channel.routes';
import { AlertChannelService } from './channels/alert-channel.service';
import { createChannelHttp } from './channels/types/channel-http';
import { AlertEvaluator } from './evaluation/alert-evaluator';
import { incidentRoutes } from './incidents/incident.routes';
import { IncidentService } from './incidents/incident.service';
import { AlertOutbox } from './outbox/alert-outbox';
import { createChannelSender } from './channels/channel-sender';
import { createLinkSigner } from './outbox/link-signer';
import { alertRuleRoutes } from './rules/alert-rule.routes';
import { AlertRuleService } from './rules/alert-rule.service';
import { ensureDefaultRules } from './rules/alert-rule.store';
import { RulePreviewService } from './rules/rule-preview.service';
import { AlertHeartbeat } from './settings/alert-heartbeat';
import { AlertSettingsService, alertSettingsRoutes } from './settings/alert-settings.routes';
import { maintenanceWindowRoutes } from './windows/maintenance-window.routes';
import { MaintenanceWindowService } from './windows/maintenance-window.service';

/** A silence is told within five seconds of its limit; this is half of them. */
const EVALUATE_EVERY_MS = 2_500;
const SEND_EVERY_MS = 500;
const PRUNE_EVERY_MS = 3_600_000;

export interface AlertsDeps {
  dataSource: DataSource;
  secretBox: SecretBox;
  egress: EgressPolicy;
  logger: Logger;
  /** Signs the links in messages. */
  link_key: Buffer;
  /** Where people reach the console. */
  console_url: string;
  stale_after_ms: number;
  deadLetters(product_ids: number[]): Promise<Map<number, number>>;
  /** Where recorded messages are. */
  archive: DataSource;
}

export interface Alerts {
  routes: Route[];
  evaluator: AlertEvaluator;
  outbox: AlertOutbox;
  heartbeat: AlertHeartbeat;
  /** What runs again and again, in every orchestrator. */
  parts(): Part[];
  close(): Promise<void>;
}

/** Alerts, wired: rules → evaluation → incidents → outbox → channels. */
export function buildAlerts(deps: AlertsDeps): Alerts {
  const { dataSource, secretBox, egress, logger, stale_after_ms } = deps;
  const console_url = deps.console_url.replace(/\/+$/, '');
  const sender = createHttpSender({ egress, connections: 4 });
  const http = createChannelHttp(sender);
  const channelSender = createChannelSender({ secretBox, runtime: { http, egress } });
  const links = createLinkSigner({ dataSource, key: deps.link_key, console_url });
  const incidents = new IncidentService({ dataSource, links });
  const alertRules = new AlertRuleService({ dataSource });
  const duty = new Duty({ name: 'evaluate alerts', dataSource, logger });
  const evaluator = new AlertEvaluator({
    ...{ dataSource, duty, stale_after_ms, logger },
    deadLetters: deps.deadLetters,
    archive: deps.archive,
  });
  const outbox = new AlertOutbox({ dataSource, sender: channelSender, links, console_url, logger });
  const heartbeat = new AlertHeartbeat({ dataSource, http });
  const close = async (): Promise<void> => {
    await duty.release();
    await sender.close();
  };
  return {
    evaluator,
    outbox,
    heartbeat,
    close,
    routes: [
      ...alertChannelRoutes({
        alertChannels: new AlertChannelService({ dataSource, secretBox, sender: channelSender, console_url }),
      }),
      ...alertRuleRoutes({ alertRules, rulePreviews: new RulePreviewService({ dataSource, alertRules }) }),
      ...incidentRoutes({ incidents }),
      ...maintenanceWindowRoutes({ windows: new MaintenanceWindowService({ dataSource }) }),
      ...alertSettingsRoutes({ alertSettings: new AlertSettingsService({ dataSource }) }),
    ],
    parts: () => [
      { name: 'alerts', start: () => ensureDefaultRules(dataSource), stop: close },
      periodic({
        name: 'alert evaluation',
        // What runs anyway says after a start how it is; until then nothing is known.
        first_after_ms: Math.min(stale_after_ms, 15_000),
        interval_ms: EVALUATE_EVERY_MS,
        work: async () => {
          if (await evaluator.turn()) await heartbeat.beat();
        },
        logger,
      }),
      periodic({ name: 'alert messages', interval_ms: SEND_EVERY_MS, work: () => outbox.turn(), logger }),
      periodic({ name: 'old incidents', interval_ms: PRUNE_EVERY_MS, work: () => incidents.prune(), logger }),
    ],
  };
}
