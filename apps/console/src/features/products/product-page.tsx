import { Skeleton } from '@mantine/core';
import { IconArrowRight, IconChevronRight } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { Link, NavLink, Outlet, useLocation } from 'react-router';
import { ApiError } from '../../api/problem';
import { Failure } from '../../components/states';
import { HealthBadge } from '../../components/health-badge';
import { StatusBadge } from '../../components/status-badge';
import { productPages } from '../../shell/page-list';
import { NotFoundPage } from '../../shell/route-states';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useConnectionStatus } from '../mqtt-config/connection-status-query';
import classes from './product-page.module.css';
import { useProductId } from './product-id';
import { useProduct } from './products-query';

/** Head and tabs of a product; its pages are below. */
export function ProductPage() {
  const productId = useProductId();
  const user = useUser();
  const product = useProduct(productId);
  const { status } = useConnectionStatus(productId);
  const tabs = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tabs do not fit a phone, and another one is open now
  useEffect(() => {
    tabs.current?.querySelector('[aria-current=page]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [pathname]);
  if (!Number.isInteger(productId)) return <NotFoundPage />;
  if (product.isError && !product.data) {
    if (product.error instanceof ApiError && product.error.status === 404) return <NotFoundPage />;
    return <Failure error={product.error} onRetry={() => void product.refetch()} />;
  }
  return (
    <div className={classes.product}>
      <div className={classes.head}>
        <div className={classes.crumbs}>
          <Link to="/products" className={classes.back}>
            {texts.products.title}
          </Link>
          <IconChevronRight size={14} aria-hidden />
          {product.data ? (
            <Link to={`/products/${productId}`} className={classes.name}>
              {product.data.name}
            </Link>
          ) : (
            <Skeleton height={16} width={120} />
          )}
          {status?.messages_received === 0 && mayChange(user, productId) && (
            <Link to={`/products/${productId}/setup`} className={classes.setup}>
              {texts.setup.resume}
              <IconArrowRight size={14} aria-hidden />
            </Link>
          )}
          {product.data && <StatusBadge state={product.data.enabled ? status?.state : 'paused'} />}
          {product.data?.enabled && status && <HealthBadge of={status} />}
        </div>
        <nav ref={tabs} aria-label={texts.nav.productTabs} className={classes.tabs}>
          {productPages.map((page) => (
            <NavLink key={page.path} to={page.path} end={page.path === ''} className={classes.tab}>
              {page.label}
            </NavLink>
          ))}
        </nav>
      </div>
      <Outlet />
    </div>
  );
}
