import { randomUUID } from 'node:crypto';
import { credentialsIn } from '@cortex-mqtt/actions';
import { type FieldFault, validateShape } from '@cortex-mqtt/contracts';
import type { ExpressionEngine } from '@cortex-mqtt/expressions';
import { type DataSource, In, LessThan } from 'typeorm';
import { changeConfiguration, type SessionWatch } from '../../configuration/change-configuration';
import type { ChangeNotifier } from '../../configuration/change-notifier';
import { lockConfig } from '../../configuration/revision';
import {
  AppError,
  ConflictError,
  ForbiddenError,
  NotFoundError,
  PreconditionFailedError,
  UnavailableError,
  ValidationError,
} from '../../http/app-error';
import { ProductEntity } from '../../model/product.entity';
import type { Actor } from '../audit/audit-trail';
import type { SecretBox } from '../secrets/secret-box';
import { sourcesOf } from '../subscriptions/subscription-check';
import { configurationPlanPlace } from './plan-place';
import type { ApplyRequestDto } from './configuration-plan.dto';
import { PlanRequestDto } from './configuration-plan.dto';
import { ConfigurationPlanEntity, ManagedDocumentEntity } from './configuration-plan.entity';
import type {
  AppliedPlanView,
  AppliedProductView,
  ConfigurationPlanView,
  ManagedProductDriftView,
  PlannedProductView,
} from './configuration-plan.view';
import { type ChangedProduct, changeProduct } from './change-product';
import { documentDiff } from './document-diff';
import { documentOf, type PlainDocument } from './document-of';
import { type ListenerProgress, waitForListeners } from './listener-progress';
import type { ProductDocumentDto } from './product-document.dto';
import { byCodePoints, loadSnapshots, type ProductSnapshot } from './product-snapshot';
import { deleteProduct, saveProduct, withUniqueNames } from './save-product';

const PLAN_TTL_MS = 3_600_000;
/** Faults that are told at once; the rest comes when these are fixed. */
const MAX_FAULTS = 200;

export interface ConfigurationPlanDeps {
  dataSource: DataSource;
  /** Vets what documents want parsed. */
  engine: Pick<ExpressionEngine, 'vet'>;
  secretBox: SecretBox;
  notifier: ChangeNotifier;
  sessions?: SessionWatch;
  progressOf(product_id: number): Promise<ListenerProgress>;
  /** Told after commit that products appeared, vanished, or were enabled or disabled. */
  onProductsChanged(): void;
}

/** Which products a caller sees and may change; a product that is null does not exist yet. */
export interface PlanScope {
  mayRead(product_id: number): boolean;
  mayChange(product_id: number | null): boolean;
}

interface Planned {
  stored: ProductSnapshot | null;
  /** null = the product goes. */
  document: ProductDocumentDto | null;
  changed: ChangedProduct | null;
  view: PlannedProductView;
}

/** Configuration as code: documents out, plans of documents in, plans applied. */
export class ConfigurationPlanService {
  constructor(private readonly deps: ConfigurationPlanDeps) {}

  async export(slug: string | undefined, scope: PlanScope): Promise<PlainDocument[]> {
    const { dataSource } = this.deps;
    return dataSource.transaction('REPEATABLE READ', async (manager) => {
      const ids = slug === undefined ? undefined : (await manager.findBy(ProductEntity, { slug })).map(({ id }) => id);
      const snapshots = (await loadSnapshots(manager, ids)).filter(({ product }) => scope.mayRead(product.id));
      if (slug !== undefined && snapshots.length === 0) throw new NotFoundError(`There is no product "${slug}".`);
      const documents = snapshots.map(documentOf);
      refuseWrittenCredentials(documents);
      return documents;
    });
  }

  async plan(request: PlanRequestDto, actor: Actor, scope: PlanScope): Promise<ConfigurationPlanView> {
    const { dataSource, secretBox } = this.deps;
    await this.vet(request);
    const all = await dataSource.transaction('REPEATABLE READ', (manager) => loadSnapshots(manager));
    // What is not granted is not there: neither shown nor pruned.
    const planned = this.planAll(
      request,
      all.filter(({ product }) => scope.mayRead(product.id)),
    );
    const products = planned.map(({ view }) => view).sort((a, b) => byCodePoints(a.slug, b.slug));
    const id = randomUUID();
    const created_at = new Date();
    const expires_at = new Date(created_at.getTime() + PLAN_TTL_MS);
    // Not by TypeORM: it copies every object of a plan of a thousand products.
    await dataSource.query(
      'INSERT INTO configuration_plans (id, request, products, created_by, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)',
      [
        id,
        secretBox.seal(JSON.stringify(request), configurationPlanPlace(id)),
        JSON.stringify(products),
        actor.name,
        created_at,
        expires_at,
      ],
    );
    return presentPlan({ id, products, created_at, expires_at });
  }

  /** Writes a plan, one transaction a product. Refused as a whole when a product was changed since the plan was made. */
  async apply({ plan_id, wait_s = 15 }: ApplyRequestDto, actor: Actor, scope: PlanScope): Promise<AppliedPlanView> {
    const plan = await this.find(plan_id);
    const todo = plan.products.filter(({ action }) => action !== 'unchanged');
    const refused = todo.filter(({ action, product_id }) => !scope.mayChange(action === 'update' ? product_id : null));
    if (refused.length > 0) {
      const names = refused.map(({ action, slug }) => `${action} ${slug}`).join(', ');
      throw new ForbiddenError(`You may not ${names}. Creating and deleting products takes an administrator.`);
    }
    await this.take(plan_id);
    const request = this.requestOf(plan);
    await this.refuseMoved(plan, todo);
    const applied: AppliedProductView[] = [];
    for (const product of todo) applied.push(await this.applyOne(product, request, actor));
    await this.rememberManaged(request);
    if (applied.length > 0) this.deps.onProductsChanged();
    const written = applied.filter(({ outcome }) => outcome === 'created' || outcome === 'updated');
    if (written.length === 0 && applied.some(({ outcome }) => outcome === 'refused')) {
      throw new PreconditionFailedError(
        applied.find(({ outcome }) => outcome === 'refused')?.error ?? 'It was changed.',
      );
    }
    await waitForListeners(written, { limit_ms: wait_s * 1_000, progressOf: this.deps.progressOf });
    const complete = applied.every(({ outcome }) => outcome !== 'refused' && outcome !== 'failed');
    return { plan_id, complete, products: applied };
  }

  /** What has changed in managed products since their documents were applied. */
  async drift(scope: PlanScope): Promise<ManagedProductDriftView[]> {
    const { dataSource } = this.deps;
    return dataSource.transaction('REPEATABLE READ', async (manager) => {
      const documents = await manager.find(ManagedDocumentEntity);
      const of = new Map(documents.map((managed) => [managed.product_id, managed.document as PlainDocument]));
      const snapshots = await loadSnapshots(manager, [...of.keys()]);
      return snapshots.flatMap((snapshot) => {
        const { id, slug, managed_by } = snapshot.product;
        if (managed_by === null || !scope.mayRead(id)) return [];
        const changes = documentDiff(of.get(id) ?? null, documentOf(snapshot));
        return changes.length === 0 ? [] : [{ product_id: id, slug, managed_by, changes }];
      });
    });
  }

  /** Leaves a product to people again; its files keep being applied by whoever does so, and take it back. */
  async release(product_id: number, actor: Actor): Promise<void> {
    await changeConfiguration(
      this.deps,
      product_id,
      { actor, expected_revision: undefined, is_managing: true },
      async (manager) => {
        const product = await manager.findOneByOrFail(ProductEntity, { id: product_id });
        const before = { name: product.name, managed_by: product.managed_by, managed_console: product.managed_console };
        await manager.update(ProductEntity, { id: product_id }, { managed_by: null, managed_console: 'drift' });
        await manager.delete(ManagedDocumentEntity, { product_id });
        const after = { name: product.name, managed_by: null, managed_console: 'drift' };
        return {
          result: undefined,
          audit: { action: 'product.release', entity_type: 'product', entity_id: product_id, before, after },
        };
      },
    );
  }

  async deleteExpired(): Promise<void> {
    await this.deps.dataSource.manager.delete(ConfigurationPlanEntity, { expires_at: LessThan(new Date()) });
  }

  /** Before anything is parsed here, each document is parsed where it holds up nobody. */
  private async vet({ documents }: PlanRequestDto): Promise<void> {
    for (const [index, { subscriptions = [] }] of documents.entries()) {
      const sources = subscriptions.map(sourcesOf);
      const too_much = await this.deps.engine.vet({
        expressions: sources.flatMap(({ expressions }) => expressions),
        templates: sources.flatMap(({ templates }) => templates),
      });
      if (too_much !== null) {
        throw new ValidationError([{ field: `documents[${index}].subscriptions`, message: too_much }]);
      }
    }
  }

  private planAll(request: PlanRequestDto, snapshots: ProductSnapshot[]): Planned[] {
    const by_slug = new Map(snapshots.map((snapshot) => [snapshot.product.slug, snapshot]));
    const faults: FieldFault[] = [];
    const planned: Planned[] = [];
    const seen = new Set<string>();
    for (const [index, document] of request.documents.entries()) {
      const field = `documents[${index}]`;
      const stored = storedOf(document, by_slug);
      if (seen.has(document.slug)) faults.push({ field: `${field}.slug`, message: 'is there in two documents' });
      seen.add(document.slug);
      const one = this.planOne(stored, document, { prune: request.prune ?? false, field });
      faults.push(...managedFaults(stored, document, field), ...(one.changed?.faults ?? []));
      planned.push(one);
    }
    if (request.prune) {
      const kept = new Set(planned.map(({ stored }) => stored?.product.id));
      const managers = new Set(request.documents.flatMap(({ managed_by }) => managed_by?.name ?? []));
      for (const stored of snapshots) {
        const { product } = stored;
        if (product.managed_by === null || !managers.has(product.managed_by) || kept.has(product.id)) continue;
        planned.push(planDeletion(stored));
      }
    }
    if (faults.length > 0) throw new ValidationError(faults.slice(0, MAX_FAULTS));
    return planned;
  }

  private planOne(
    stored: ProductSnapshot | null,
    document: ProductDocumentDto,
    { prune, field }: { prune: boolean; field: string },
  ): Planned {
    const { dataSource, secretBox } = this.deps;
    const changed = changeProduct(stored, document, { dataSource, secretBox, prune, field });
    const changes =
      changed.faults.length > 0
        ? []
        : documentDiff(stored ? documentOf(stored) : null, documentOf(changed.next), changed.new_values);
    return {
      stored,
      document,
      changed,
      view: {
        slug: document.slug,
        product_id: stored?.product.id ?? null,
        action: stored === null ? 'create' : changes.length > 0 ? 'update' : 'unchanged',
        base_revision: stored?.config.revision ?? null,
        destructive: changes.some(({ destructive }) => destructive),
        changes,
        missing_secrets: changed.missing_secrets,
        left_over: prune ? [] : changed.left_over,
      },
    };
  }

  private async find(plan_id: string): Promise<ConfigurationPlanEntity> {
    const plan = await this.deps.dataSource.manager.findOneBy(ConfigurationPlanEntity, { id: plan_id });
    if (!plan || plan.expires_at.getTime() < Date.now()) {
      throw new NotFoundError('There is no such plan, or it is older than an hour. Make a new one.');
    }
    return plan;
  }

  /** A plan is applied once: whoever marks it has it. */
  private async take(plan_id: string): Promise<void> {
    const { affected } = await this.deps.dataSource.manager
      .createQueryBuilder()
      .update(ConfigurationPlanEntity)
      .set({ applied_at: new Date() })
      .where('id = :plan_id AND applied_at IS NULL', { plan_id })
      .execute();
    if (affected !== 1) throw new ConflictError('This plan has been applied already. Make a new one.');
  }

  private requestOf(plan: ConfigurationPlanEntity): PlanRequestDto {
    const opened = this.deps.secretBox.open(plan.request, configurationPlanPlace(plan.id));
    const request = validateShape(PlanRequestDto, JSON.parse(opened));
    if (!request.ok) throw new UnavailableError('The plan was made by another version. Make a new one.');
    return request.value;
  }

  /** Nothing is written when a product moved; what moves after this look is refused alone, under its lock. */
  private async refuseMoved(plan: ConfigurationPlanEntity, todo: PlannedProductView[]): Promise<void> {
    const { manager } = this.deps.dataSource;
    const ids = todo.flatMap(({ product_id }) => product_id ?? []);
    const snapshots = new Map((await loadRevisions(manager, ids)).map((row) => [row.product_id, row.revision]));
    const created = todo.filter(({ product_id }) => product_id === null).map(({ slug }) => slug);
    const taken = await manager.findBy(ProductEntity, { slug: In(created) });
    const moved = todo.filter(
      ({ product_id, base_revision, slug }) =>
        (product_id !== null && snapshots.get(product_id) !== base_revision) ||
        (product_id === null && taken.some((product) => product.slug === slug)),
    );
    if (moved.length === 0) return;
    const names = moved.map(({ slug }) => slug).join(', ');
    throw new PreconditionFailedError(
      `Changed since the plan of ${plan.created_at.toISOString()}: ${names}. Nothing was written. Plan again.`,
    );
  }

  private async applyOne(
    planned: PlannedProductView,
    request: PlanRequestDto,
    actor: Actor,
  ): Promise<AppliedProductView> {
    const { slug, product_id, action } = planned;
    const answer = { slug, product_id, revision: null, listeners: null, error: null, missing_secrets: [] };
    try {
      if (action === 'delete') {
        await this.deleteOne(planned, actor);
        return { ...answer, outcome: 'deleted' };
      }
      const written = await this.writeOne(planned, request, actor);
      this.deps.notifier.configChanged(written.product_id, written.revision);
      return { ...answer, ...written, outcome: action === 'create' ? 'created' : 'updated' };
    } catch (error) {
      // One product's fault must not keep the others from being written and reported.
      if (!(error instanceof AppError)) throw error;
      const refused = error.status === 412 || error.status === 404 || (action === 'create' && error.status === 409);
      return { ...answer, outcome: refused ? 'refused' : 'failed', error: error.message };
    }
  }

  private writeOne(
    { slug, product_id, base_revision }: PlannedProductView,
    request: PlanRequestDto,
    actor: Actor,
  ): Promise<{ product_id: number; revision: number; missing_secrets: string[] }> {
    const { dataSource, secretBox } = this.deps;
    const index = request.documents.findIndex((one) => one.slug === slug);
    const document = request.documents[index];
    if (document === undefined) throw new ConflictError(`The plan has no document for ${slug}.`);
    return withUniqueNames(dataSource, async (manager) => {
      const stored = product_id === null ? null : await locked(manager, product_id, base_revision);
      const { next, faults, missing_secrets } = changeProduct(stored, document, {
        dataSource,
        secretBox,
        prune: request.prune ?? false,
        field: `documents[${index}]`,
      });
      if (faults.length > 0) throw new ValidationError(faults);
      const noteLeftSessions = stored && (await this.deps.sessions?.begin(manager, stored.product.id));
      const revision = await saveProduct(stored, next, { manager, secretBox, actor });
      await noteLeftSessions?.();
      return { product_id: next.product.id, revision, missing_secrets };
    });
  }

  private async deleteOne({ product_id, base_revision }: PlannedProductView, actor: Actor): Promise<void> {
    const { dataSource, secretBox } = this.deps;
    await dataSource.transaction(async (manager) => {
      const stored = await locked(manager, product_id ?? 0, base_revision);
      await this.deps.sessions?.leaveAll(manager, stored.product.id);
      await deleteProduct(stored, { manager, secretBox, actor });
    });
  }

  /** What the documents say now is what later changes are held against. */
  private async rememberManaged({ documents }: PlanRequestDto): Promise<void> {
    const { manager } = this.deps.dataSource;
    const products = await manager.find(ProductEntity, {
      where: { slug: In(documents.map(({ slug }) => slug)) },
      select: { id: true, managed_by: true },
    });
    const managed = products.filter(({ managed_by }) => managed_by !== null).map(({ id }) => id);
    for (const snapshot of managed.length === 0 ? [] : await loadSnapshots(manager, managed)) {
      await manager.upsert(
        ManagedDocumentEntity,
        {
          product_id: snapshot.product.id,
          document: documentOf(snapshot),
          revision: snapshot.config.revision,
          applied_at: new Date(),
        },
        ['product_id'],
      );
    }
  }
}

/** Definitions that were saved before credentials in them were refused: a file must not spread what they hold. */
function refuseWrittenCredentials(documents: readonly PlainDocument[]): void {
  const faults = documents.flatMap(({ slug, broker, brokers, subscriptions }) =>
    Object.entries({ broker, brokers, subscriptions }).flatMap(([section, value]) =>
      credentialsIn(`${slug}: ${section}`, value),
    ),
  );
  if (faults.length === 0) return;
  throw new ConflictError(
    `The export would hold ${faults.length === 1 ? 'a credential that is' : `${faults.length} credentials that are`} written out. Move each into a secret of its product, and export again.`,
    faults.slice(0, MAX_FAULTS),
  );
}

async function locked(
  manager: Parameters<typeof lockConfig>[0],
  product_id: number,
  base_revision: number | null,
): Promise<ProductSnapshot> {
  const expected = base_revision === null ? undefined : [{ number: base_revision, key: null }];
  await lockConfig(manager, product_id, expected, { is_managing: true });
  const [snapshot] = await loadSnapshots(manager, [product_id]);
  if (snapshot === undefined) throw new NotFoundError(`There is no product ${product_id}.`);
  return snapshot;
}

function loadRevisions(
  manager: Parameters<typeof lockConfig>[0],
  ids: readonly number[],
): Promise<{ product_id: number; revision: number }[]> {
  return manager.query('SELECT product_id, revision FROM mqtt_configs WHERE product_id = ANY($1::int[])', [ids]);
}

/** The product of the document's slug, or the one that had the slug it was moved from. */
function storedOf(document: ProductDocumentDto, by_slug: Map<string, ProductSnapshot>): ProductSnapshot | null {
  const move = document.moved?.find(({ kind, to }) => kind === 'product' && to === document.slug);
  return by_slug.get(document.slug) ?? (move ? by_slug.get(move.from) : undefined) ?? null;
}

function managedFaults(stored: ProductSnapshot | null, document: ProductDocumentDto, field: string): FieldFault[] {
  const product = stored?.product;
  if (!product || product.managed_by === null || product.managed_console === 'drift') return [];
  if (document.managed_by?.name === product.managed_by) return [];
  return [{ field: `${field}.managed_by`, message: `must be ${product.managed_by}: the product is locked by it` }];
}

function planDeletion(stored: ProductSnapshot): Planned {
  return {
    stored,
    document: null,
    changed: null,
    view: {
      slug: stored.product.slug,
      product_id: stored.product.id,
      action: 'delete',
      base_revision: stored.config.revision,
      destructive: true,
      changes: [],
      missing_secrets: [],
      left_over: [],
    },
  };
}

function presentPlan({
  id,
  products,
  created_at,
  expires_at,
}: Pick<ConfigurationPlanEntity, 'id' | 'products' | 'created_at' | 'expires_at'>): ConfigurationPlanView {
  const count = (action: PlannedProductView['action']) =>
    products.filter((product) => product.action === action).length;
  return {
    plan_id: id,
    created_at: created_at.toISOString(),
    expires_at: expires_at.toISOString(),
    has_changes: products.some(({ action }) => action !== 'unchanged'),
    summary: {
      create: count('create'),
      update: count('update'),
      delete: count('delete'),
      unchanged: count('unchanged'),
      destructive:
        count('delete') + products.flatMap(({ changes }) => changes).filter(({ destructive }) => destructive).length,
    },
    products,
  };
}
