import { Anchor } from '@mantine/core';
import { IconExternalLink } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { keys } from '../../api/keys';
import { Page, Panel } from '../../components/layout';
import rows from '../../components/rows.module.css';
import { Loaded } from '../../components/states';
import { ToneBadge, ToneIcon } from '../../components/status-badge';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
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
