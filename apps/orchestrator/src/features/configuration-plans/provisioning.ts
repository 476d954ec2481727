import { createHash } from 'node:crypto';
import { FileFault, type PlainDocument, readDocumentFiles } from '@cortex-mqtt/configuration-files';
import { type FieldFault, validateShape } from '@cortex-mqtt/contracts';
import { describeEnvironment } from '@cortex-mqtt/environment';
import type { Logger } from '@cortex-mqtt/observability';
import { OrchestratorConfig } from '../../config';
import { AppError, UnavailableError } from '../../http/app-error';
import { systemActor } from '../audit/audit-trail';
import { PlanRequestDto } from './configuration-plan.dto';
import type { ConfigurationPlanService, PlanScope } from './configuration-plan.service';
import type { AppliedProductView, PlannedProductView } from './configuration-plan.view';

const ACTOR = systemActor('configuration files');
const EVERYTHING: PlanScope = { mayRead: () => true, mayChange: () => true };
/** Tries of a plan that is overtaken each time, until the next turn. */
const TRIES = 3;

export interface ProvisioningDeps {
  plans: Pick<ConfigurationPlanService, 'plan' | 'apply'>;
  directory: string;
  prune: boolean;
  env: Readonly<Record<string, string | undefined>>;
  /** Whether this orchestrator, of several, is the one that applies files. */
  isMine(): Promise<boolean>;
  logger: Logger;
}

/**
 * Applies a folder of configuration files, at start and whenever what they say changes. By looking again and not by watching:
 * mounted folders, such as a ConfigMap, are swapped by a link that no watch sees.
 */
export class Provisioning {
  /** What was looked at last, applied or refused: neither is done twice. */
  private last = '';

  constructor(private readonly deps: ProvisioningDeps) {}

  async turn(): Promise<void> {
    if (!(await this.deps.isMine())) return;
    const read = this.read();
    if (read.fingerprint === this.last) return;
    if ('fault' in read) this.refuse([read.fault]);
    else if (!(await this.apply(read.documents))) return;
    this.last = read.fingerprint;
  }

  private read(): { fingerprint: string } & ({ documents: PlainDocument[] } | { fault: string }) {
    const { directory, env } = this.deps;
    try {
      const documents = readDocumentFiles([directory], { env });
      return { documents, fingerprint: createHash('sha256').update(JSON.stringify(documents)).digest('hex') };
    } catch (error) {
      if (!(error instanceof FileFault)) throw error;
      return { fault: error.message, fingerprint: `fault: ${error.message}` };
    }
  }

  /** false = to be retried: something was away, or somebody was faster. */
  private async apply(documents: PlainDocument[]): Promise<boolean> {
    const { plans, prune, logger } = this.deps;
    if (documents.length === 0) {
      logger.warn('there are no configuration files to apply', { directory: this.deps.directory });
      return true;
    }
    const request = validateShape(PlanRequestDto, { documents, prune });
    if (!request.ok) {
      this.refuse(request.faults.map((fault) => told(fault, documents)));
      return true;
    }
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        const plan = await plans.plan(request.value, ACTOR, EVERYTHING);
        if (!plan.has_changes) {
          logger.info('configuration files match what is stored', { products: plan.products.length });
          return true;
        }
        const applied = await plans.apply({ plan_id: plan.plan_id, wait_s: 0 }, ACTOR, EVERYTHING);
        return this.tell(applied.products, plan.products);
      } catch (error) {
        if (!(error instanceof AppError) || error instanceof UnavailableError) throw error;
        if (error.status === 412) continue;
        this.refuse(error.errors.length > 0 ? error.errors.map((fault) => told(fault, documents)) : [error.message]);
        return true;
      }
    }
    return false;
  }

  private tell(products: readonly AppliedProductView[], planned: readonly PlannedProductView[]): boolean {
    const { logger } = this.deps;
    for (const { slug, outcome, revision, error, missing_secrets } of products) {
      if (outcome === 'failed') logger.error('a configuration file could not be applied', { slug, reason: error });
      else if (outcome === 'refused') logger.warn('a product was changed meanwhile; trying again', { slug });
      else logger.info('configuration file applied', { slug, outcome, revision });
      if (missing_secrets.length > 0) {
        logger.warn('secrets of a configuration file have no value here', { slug, secrets: missing_secrets });
      }
    }
    const left_over = planned.filter((product) => product.left_over.length > 0).map(({ slug }) => slug);
    if (left_over.length > 0) logger.info('products have parts that are in no file', { products: left_over });
    return products.every(({ outcome }) => outcome !== 'refused');
  }

  private refuse(faults: readonly string[]): void {
    this.deps.logger.error('configuration files have errors and are not applied', {
      directory: this.deps.directory,
      faults: faults.slice(0, 20),
    });
  }
}

/** `documents[3].broker.port` → `shop: broker.port …`. */
function told({ field, message }: FieldFault, documents: readonly PlainDocument[]): string {
  const match = /^documents\[(\d+)\]\.?(.*)$/.exec(field);
  return match ? `${String(documents[Number(match[1])]?.slug)}: ${match[2]} ${message}` : `${field} ${message}`;
}

/** A file may name any variable but those of the orchestrator: its keys and passwords are no business of a product. */
export function variablesForFiles(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const own = new Set(describeEnvironment(OrchestratorConfig).map(({ variable }) => variable));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !own.has(name.replace(/_FILE$/, ''))));
}
