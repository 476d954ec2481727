import { Button, SegmentedControl } from '@mantine/core';
import { IconPlus, IconStack2 } from '@tabler/icons-react';
import { Link, useSearchParams } from 'react-router';
import type { ProductOverview } from '../../api/types';
import { Page, Panel } from '../../components/layout';
import { toneOf } from '../../components/state-language';
import { SearchField } from '../../components/search-field';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { StatusBadge, ToneIcon } from '../../components/status-badge';
import { Time } from '../../components/time';
import { perSecond } from '../overview/metric-series';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { filterProducts, isConnectionProblem, isProblem, type ProductFilter, stateOfProduct } from './product-state';
import classes from './products-page.module.css';
import { useOverview } from './products-query';
import { RateSparkline } from './rate-sparkline';

export function ProductsPage() {
  const products = useOverview();
  const user = useUser();
  const create =
    user.role === 'admin' ? (
      <Button component={Link} to="/products/new" leftSection={<IconPlus size={16} />}>
        {texts.products.create}
      </Button>
    ) : undefined;
  return (
    <Page
      title={texts.products.title}
      subtitle={products.data ? <Summary products={products.data} /> : texts.products.subtitle}
      actions={create}
    >
      <Loaded query={products}>
        {(all) =>
          all.length === 0 ? (
            <Panel>
              <Empty icon={IconStack2} title={texts.products.empty} hint={texts.products.emptyHint} action={create} />
            </Panel>
          ) : (
            <ProductList products={all} />
          )
        }
      </Loaded>
    </Page>
  );
}

/** The glance: is anything wrong? */
function Summary({ products }: { products: ProductOverview[] }) {
  const problems = products.filter(isProblem).length;
  const off = products.filter((product) => toneOf(stateOfProduct(product)) === 'off').length;
  if (products.length === 0) return texts.products.subtitle;
  const parts = [
    problems > 0 ? texts.products.problems(problems) : texts.products.allWell(products.length - off),
    ...(off > 0 ? [texts.products.someOff(off)] : []),
  ];
  return (
    <span className={classes.summary}>
      <ToneIcon tone={problems > 0 ? 'bad' : 'ok'} />
      {parts.join(' · ')}
    </span>
  );
}

function ProductList({ products }: { products: ProductOverview[] }) {
  const [parameters, setParameters] = useSearchParams();
  const search = parameters.get('q') ?? '';
  const filter = (parameters.get('state') ?? 'all') as ProductFilter;
  const shown = filterProducts(products, search, filter);
  const set = (name: string, value: string) =>
    setParameters(
      (current) => {
        if (value) current.set(name, value);
        else current.delete(name);
        return current;
      },
      { replace: true },
    );
  return (
    <Panel flush>
      <div className={classes.toolbar}>
        <SearchField label={texts.products.search} className={classes.search} />
        <SegmentedControl
          aria-label={texts.products.state}
          value={filter}
          onChange={(value) => set('state', value === 'all' ? '' : value)}
          data={[
            { value: 'all', label: texts.common.all },
            { value: 'problems', label: texts.products.filterProblems },
            { value: 'connected', label: texts.products.filterConnected },
          ]}
        />
      </div>
      {shown.length === 0 ? (
        <NoMatch query={search} onClear={() => setParameters({}, { replace: true })} />
      ) : (
        <ul className={classes.list}>
          {shown.map((product) => (
            <ProductRow key={product.product_id} product={product} />
          ))}
        </ul>
      )}
    </Panel>
  );
}

function ProductRow({ product }: { product: ProductOverview }) {
  const state = stateOfProduct(product);
  return (
    <li className={classes.row}>
      <div className={classes.name}>
        <Link to={`/products/${product.product_id}`} className={classes.link}>
          {product.name}
        </Link>
        <span className={classes.note}>
          {product.connection_error && product.enabled && isConnectionProblem(product) ? (
            <span className={classes[`${toneOf(state)}Note`]}>{product.connection_error}</span>
          ) : (
            product.description || <span className="mono">{product.slug}</span>
          )}
        </span>
        {product.dead_letters ? (
          <Link to={`/products/${product.product_id}/deliveries`} className={classes.dead}>
            <ToneIcon tone="bad" size={14} />
            {texts.products.deadLetters(product.dead_letters)}
          </Link>
        ) : null}
      </div>
      <div className={classes.state}>
        <StatusBadge state={state} />
      </div>
      <div className={classes.rate}>
        <RateSparkline product={product} />
      </div>
      <div className={classes.figures}>
        <span>
          {perSecond(product.rate_1m)} <span className={classes.unit}>{texts.products.perSecond}</span>
        </span>
        <span className={classes.note}>
          <Time at={product.last_message_at} fallback={texts.products.noMessages} />
        </span>
      </div>
    </li>
  );
}
