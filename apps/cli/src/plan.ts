import type { PlainDocument } from '@cortex-mqtt/configuration-files';
import { type Api, ApiFault } from './api';
import { CommandFault } from './command';

export interface PlannedChange {
  path: string;
  kind: 'add' | 'change' | 'remove';
  from: unknown;
  to: unknown;
  destructive: boolean;
}

export interface PlannedProduct {
  slug: string;
  action: 'create' | 'update' | 'delete' | 'unchanged';
  destructive: boolean;
  changes: PlannedChange[];
  missing_secrets: string[];
  left_over: { kind: string; name: string }[];
}

export interface Plan {
  plan_id: string;
  has_changes: boolean;
  summary: { create: number; update: number; delete: number; unchanged: number; destructive: number };
  products: PlannedProduct[];
}

export interface Applied {
  complete: boolean;
  products: {
    slug: string;
    outcome: 'created' | 'updated' | 'deleted' | 'refused' | 'failed';
    revision: number | null;
    listeners: 'applied' | 'waiting' | 'rejected' | 'none' | null;
    error: string | null;
    missing_secrets: string[];
  }[];
}

/** Asks the server for a plan; faults of documents are told by slug and not by number. */
export async function makePlan(
  api: Api,
  documents: PlainDocument[],
  { prune, manager }: { prune: boolean; manager?: string },
): Promise<Plan> {
  const named = documents.map((document) =>
    manager !== undefined && document.managed_by === undefined
      ? { ...document, managed_by: { name: manager } }
      : document,
  );
  try {
    return await api.send<Plan>('POST', '/config/plan', { documents: named, prune });
  } catch (error) {
    if (!(error instanceof ApiFault) || error.errors.length === 0) throw error;
    const lines = error.errors.map(({ field, message }) => `  ${fieldBySlug(field, documents)} ${message}`);
    throw new CommandFault(`the documents have faults:\n${lines.join('\n')}`);
  }
}

/** `documents[3].broker.port` → `shop: broker.port`. */
function fieldBySlug(field: string, documents: PlainDocument[]): string {
  const match = /^documents\[(\d+)\]\.?(.*)$/.exec(field);
  if (!match) return field;
  const slug = documents[Number(match[1])]?.slug;
  return `${typeof slug === 'string' ? slug : `document ${Number(match[1]) + 1}`}: ${match[2]}`;
}

const MARKS = { create: '+', update: '~', delete: '-', unchanged: ' ', add: '+', change: '~', remove: '-' } as const;

/** A plan as a person reads it. */
export function describePlan({ products, summary, has_changes }: Plan): string[] {
  const lines: string[] = [];
  for (const product of products) {
    if (product.action !== 'unchanged') lines.push(`${MARKS[product.action]} ${product.slug} (${product.action})`);
    if (product.action !== 'create') lines.push(...product.changes.map(describeChange));
    if (product.action === 'create') lines.push(...describeNew(product));
    if (product.missing_secrets.length > 0) {
      lines.push(`  ! ${product.slug}: no value here for ${product.missing_secrets.join(', ')}`);
    }
    for (const { kind, name } of product.left_over)
      lines.push(`  · ${product.slug}: ${kind} "${name}" is in no document`);
  }
  lines.push(
    has_changes
      ? `${summary.create} to create, ${summary.update} to update, ${summary.delete} to delete; ${summary.destructive} destructive`
      : 'nothing would change',
  );
  return lines;
}

function describeChange({ path, kind, from, to, destructive }: PlannedChange): string {
  const what =
    kind === 'change' && (from !== null || to !== null)
      ? `: ${short(from)} → ${short(to)}`
      : kind === 'add'
        ? `: ${short(to)}`
        : '';
  return `  ${MARKS[kind]} ${path}${what}${destructive ? '  (destructive)' : ''}`;
}

/** Of a product that is new everything is new: what it is about is enough. */
function describeNew({ changes }: PlannedProduct): string[] {
  const lists = changes.filter(({ path }) => /^(subscriptions|brokers)\[/.test(path));
  const host = changes.find(({ path }) => path === 'broker.host');
  return [...(host ? [`    broker ${short(host.to)}`] : []), ...lists.map(({ path }) => `    ${path}`)];
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}

export function describeApplied({ products }: Applied): string[] {
  const LISTENERS = {
    applied: ', applied by its listeners',
    waiting: ', its listeners have yet to apply it',
    rejected: ', which a listener cannot apply',
    none: ', no listener runs',
  };
  return products.map(({ slug, outcome, revision, listeners, error }) => {
    const at = revision === null ? '' : ` at revision ${revision}${listeners ? LISTENERS[listeners] : ''}`;
    return `${slug}: ${outcome}${at}${error ? `: ${error}` : ''}`;
  });
}
