import { Button, Code } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../../api/client';
import { keys } from '../../api/keys';
import type { Container, ContainerLog } from '../../api/types';
import { Panel } from '../../components/layout';
import rows from '../../components/rows.module.css';
import type { Tone } from '../../components/state-language';
import { Loaded } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';
import classes from './listeners-page.module.css';

const words = texts.listeners.containers;

const TONES: { [S in Container['state']]: Tone } = {
  pulling: 'busy',
  starting: 'busy',
  running: 'ok',
  unhealthy: 'bad',
  restarting: 'bad',
  exited: 'bad',
  out_of_memory: 'bad',
  failed: 'bad',
};

/** What the docker or kubernetes runtime keeps for the product. */
export function ContainersPanel({ productId, containers }: { productId: number; containers: readonly Container[] }) {
  return (
    <Panel id="containers" title={words.title} hint={words.hint} flush>
      <ul className={rows.rows}>
        {containers.map((container) => (
          <ContainerRow key={container.name} productId={productId} container={container} />
        ))}
      </ul>
    </Panel>
  );
}

function ContainerRow({ productId, container }: { productId: number; container: Container }) {
  const [isOpen, setOpen] = useState(false);
  const { name, state, since, reason, restarts, image } = container;
  return (
    <li className={`${rows.row} ${classes.container}`}>
      <div className={classes.containerHead}>
        <div className={rows.main}>
          <span className={rows.title}>{name}</span>
          <span className={rows.note}>
            {image}
            {restarts > 0 && ` · ${words.restarts(restarts)}`}
          </span>
        </div>
        <ToneBadge tone={TONES[state]}>{words.states[state]}</ToneBadge>
        <span className={rows.note}>
          {texts.status.since} <Time at={since} />
        </span>
        <Button
          variant="subtle"
          size="compact-sm"
          aria-expanded={isOpen}
          aria-label={`${isOpen ? words.hideLines : words.showLines}: ${name}`}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? words.hideLines : words.showLines}
        </Button>
      </div>
      {reason && <span className={rows.note}>{reason}</span>}
      {isOpen && <LastLines productId={productId} name={name} />}
    </li>
  );
}

function LastLines({ productId, name }: { productId: number; name: string }) {
  const logs = useQuery({
    queryKey: [...keys.listeners(productId), 'containers'],
    queryFn: async ({ signal }) =>
      (await get<{ items: ContainerLog[] }>(`/products/${productId}/listener-containers`, { signal })).items,
    staleTime: 0,
  });
  return (
    <Loaded query={logs}>
      {(all) => {
        const lines = all.find((log) => log.name === name)?.last_lines ?? [];
        return lines.length === 0 ? (
          <span className={rows.note}>{words.noLines}</span>
        ) : (
          <Code block className={classes.lines} tabIndex={0} aria-label={words.lines(name)}>
            {lines.join('\n')}
          </Code>
        );
      }}
    </Loaded>
  );
}
