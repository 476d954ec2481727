import { Button, NativeSelect, UnstyledButton } from '@mantine/core';
import { IconChevronRight, IconHistory } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { get } from '../../api/client';
import { keys } from '../../api/keys';
import type { ApiPath, AuditEntry, Page as PageOf, Product } from '../../api/types';
import { ChangeTable } from '../../components/change-table';
import { Page, Panel } from '../../components/layout';
import { instantOf } from '../../components/local-moment';
import { MomentInput } from '../../components/moment-input';
import { Pager } from '../../components/pager';
import rows from '../../components/rows.module.css';
import { SearchField } from '../../components/search-field';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import { useProductId } from '../products/product-id';
import { useProducts } from '../products/products-query';
import classes from './audit-log-page.module.css';
import { actionWords, auditRows, auditSummary, subjectOf } from './audit-words';

const words = texts.audit;
const PAGE_SIZE = 50;

/** Every change, everywhere; for administrators. */
export function AuditLogPage() {
  const products = useProducts();
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <AuditLog path="/audit-logs" products={products.data ?? []} />
    </Page>
  );
}

export function ProductAuditLogPage() {
  const productId = useProductId();
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <AuditLog path={`/products/${productId}/audit-logs`} />
    </Page>
  );
}

/** `products` are those to choose from where the log is that of all. */
function AuditLog({ path, products }: { path: ApiPath; products?: Product[] }) {
  const [parameters, setParameters] = useSearchParams();
  const filter = {
    actor: parameters.get('actor') ?? '',
    entity_type: parameters.get('entity') ?? '',
    product_id: products ? (parameters.get('product') ?? '') : '',
    from: parameters.get('from') ?? '',
    to: parameters.get('to') ?? '',
  };
  const page = Number(parameters.get('page') ?? 1);
  const query = {
    actor: filter.actor,
    entity_type: filter.entity_type,
    product_id: filter.product_id,
    from: instantOf(filter.from),
    to: instantOf(filter.to),
    page,
    page_size: PAGE_SIZE,
  };
  const log = useQuery({
    queryKey: keys.audit({ path, ...query }),
    queryFn: ({ signal }) => get<PageOf<AuditEntry>>(path, { query, signal }),
    placeholderData: (previous) => previous,
    refetchInterval: page === 1 ? 15_000 : false,
  });
  const set = (name: string, value: string) =>
    setParameters(
      (current) => {
        if (value) current.set(name, value);
        else current.delete(name);
        if (name !== 'page') current.delete('page');
        return current;
      },
      { replace: true },
    );
  const clear = () => setParameters({}, { replace: true });
  const isFiltered = Object.values(filter).some((value) => value !== '');
  return (
    <Panel flush>
      <div className={rows.toolbar}>
        <SearchField label={words.search} name="actor" resets={['page']} />
        <NativeSelect
          aria-label={words.action}
          value={filter.entity_type}
          onChange={(event) => set('entity', event.currentTarget.value)}
          data={[
            { value: '', label: words.allActions },
            ...Object.entries(words.entities).map(([value, label]) => ({ value, label })),
          ]}
        />
        {products && (
          <NativeSelect
            aria-label={words.product}
            value={filter.product_id}
            onChange={(event) => set('product', event.currentTarget.value)}
            data={[
              { value: '', label: words.allProducts },
              ...products.map(({ id, name }) => ({ value: String(id), label: name })),
            ]}
          />
        )}
        <MomentInput
          label={words.from}
          value={filter.from}
          onChange={(from) => set('from', from)}
          agoHours={[1, 24, 168]}
        />
        <MomentInput label={words.to} value={filter.to} onChange={(to) => set('to', to)} />
        {isFiltered && (
          <Button variant="subtle" color="gray" onClick={clear}>
            {words.clearFilters}
          </Button>
        )}
      </div>
      <Loaded query={log}>
        {({ items, total }) =>
          items.length === 0 ? (
            isFiltered ? (
              <NoMatch query={filter.actor} onClear={clear} />
            ) : (
              <Empty icon={IconHistory} title={words.empty} hint={words.emptyHint} />
            )
          ) : (
            <>
              <ul className={rows.rows}>
                {items.map((entry) => (
                  <Entry
                    key={entry.id}
                    entry={entry}
                    product={products?.find(({ id }) => id === entry.product_id)?.name ?? null}
                  />
                ))}
              </ul>
              <Pager page={page} pageSize={PAGE_SIZE} total={total} onPage={(next) => set('page', String(next))} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** `product` is the name of the one it belongs to, where that is not plain already. */
function Entry({ entry, product }: { entry: AuditEntry; product: string | null }) {
  const [isOpen, setOpen] = useState(false);
  const what = actionWords(entry);
  const subject = subjectOf(entry);
  const changes = auditRows(entry);
  return (
    <li className={classes.entry}>
      <UnstyledButton
        className={classes.head}
        onClick={() => setOpen(!isOpen)}
        aria-expanded={isOpen}
        aria-label={words.details(what)}
      >
        <IconChevronRight size={16} className={isOpen ? classes.open : classes.closed} aria-hidden />
        <span className={classes.what}>
          <span className={rows.title}>{what}</span> {subject && <span className={classes.subject}>{subject}</span>}
          <span className={classes.fields}>{[product, auditSummary(entry, changes)].filter(Boolean).join(' · ')}</span>
        </span>
        <span className={classes.who}>
          {entry.actor_kind === 'system' ? words.system : entry.actor_name}
          <span className={rows.note}>
            <Time at={entry.created_at} />
          </span>
        </span>
      </UnstyledButton>
      {isOpen && (
        <div className={classes.body}>
          {changes.length === 0 ? (
            <p className={rows.note}>{words.noDetails}</p>
          ) : (
            <ChangeTable rows={changes} isNew={entry.before === null} />
          )}
          <p className={rows.note}>
            {[entry.ip && `${words.ip} ${entry.ip}`, entry.request_id && `${words.request} ${entry.request_id}`]
              .filter(Boolean)
              .join(' · ')}
          </p>
        </div>
      )}
    </li>
  );
}
