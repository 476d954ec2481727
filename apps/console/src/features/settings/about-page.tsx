import { Anchor } from '@mantine/core';
import { IconExternalLink, IconStack2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';
import { keys } from '../../api/keys';
import { Page, Panel } from '../../components/layout';
import rows from '../../components/rows.module.css';
import { Empty, Loaded, LoadingRows } from '../../components/states';
import { StatusBadge, ToneBadge, ToneIcon } from '../../components/status-badge';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { countStates } from '../products/product-state';
import { useOverview } from '../products/products-query';
import { type Health, readHealth } from './health';

const words = texts.about;

/** Versions, health of the parts, and what else there is to see. */
export function AboutPage() {
  const user = useUser();
  const health = useQuery({
    queryKey: keys.system,
    queryFn: ({ signal }) => readHealth(signal),
    refetchInterval: 10_000,
  });
  const links: [href: string, label: string][] = [
    ['/docs', texts.nav.apiDocs],
    ['/api/v1/openapi.json', words.openapi],
    ...(user.role === 'admin' ? ([['/admin/queues', texts.nav.jobQueues]] as [string, string][]) : []),
    ['/metrics', words.metrics],
  ];
  return (
    <Page title={words.title} subtitle={words.subtitle}>
      <Panel title={words.health} flush>
        <Loaded query={health}>{(found) => <Parts health={found} />}</Loaded>
      </Panel>
      <BrokersPanel />
      <Panel title={words.links} flush>
        <ul className={rows.rows}>
          {links.map(([href, label]) => (
            <li key={href} className={rows.row}>
              <Anchor href={href} target="_blank" rel="noreferrer" className={rows.main}>
                {label}
              </Anchor>
              <IconExternalLink size={16} className={rows.lead} aria-hidden />
            </li>
          ))}
        </ul>
      </Panel>
    </Page>
  );
}

/** The products' brokers, as their listeners see them. */
function BrokersPanel() {
  const overview = useOverview();
  return (
    <Panel title={words.brokers} hint={words.brokersHint} flush>
      <Loaded query={overview} loading={<LoadingRows rows={2} />}>
        {(products) =>
          products.length === 0 ? (
            <Empty icon={IconStack2} title={texts.products.empty} hint={texts.products.emptyHint} />
          ) : (
            <ul className={rows.rows}>
              {countStates(products).map(([state, count]) => (
                <li key={state} className={rows.row}>
                  <span className={rows.main}>{words.products(count)}</span>
                  <StatusBadge state={state} />
                </li>
              ))}
              <li className={rows.row}>
                <Anchor component={Link} to="/products">
                  {texts.app.toProducts}
                </Anchor>
              </li>
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Parts({ health }: { health: Health }) {
  return (
    <ul className={rows.rows}>
      <li className={rows.row}>
        <ToneIcon tone={health.ok ? 'ok' : 'bad'} size={18} />
        <span className={rows.main}>
          <span className={rows.title}>{health.ok ? words.ready : words.notReady}</span>
          {health.version && (
            <span className={rows.note}>
              {words.version} {health.version}
            </span>
          )}
        </span>
      </li>
      {health.parts.map((part) => (
        <li key={part.name} className={rows.row}>
          <span className={rows.main}>
            <span className={rows.title}>{words.parts[part.name] ?? part.name}</span>
            {part.detail && <span className={rows.note}>{part.detail}</span>}
          </span>
          <ToneBadge tone={part.ok ? 'ok' : 'bad'}>{part.ok ? words.fine : words.failing}</ToneBadge>
        </li>
      ))}
    </ul>
  );
}
