import { Button, Tabs } from '@mantine/core';
import { IconBolt, IconKey, IconPlus } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { post, remove } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { ConnectionStatus, InstanceStatus, Token } from '../../api/types';
import { CommandBlock } from '../../components/command-block';
import { Facts, Page, Panel } from '../../components/layout';
import { notifyDone } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Empty, Failure, Loaded, LoadingRows } from '../../components/states';
import { Time } from '../../components/time';
import { TokenDialog } from '../../components/token-dialog';
import { TokenList } from '../../components/token-list';
import { mayChange, useUser } from '../../shell/session';
import { texts } from '../../texts';
import { useConnectionStatus } from '../mqtt-config/connection-status-query';
import { FilterFaults, InstanceStatusView, Problem } from '../mqtt-config/instance-status-view';
import { worstFirst } from '../mqtt-config/status-reading';
import { useProductId } from '../products/product-id';
import { useProduct } from '../products/products-query';
import { ContainersPanel } from './containers-panel';
import { deployCommands, freeInstanceId } from './deploy-commands';
import classes from './listeners-page.module.css';

const words = texts.listeners;

export function ListenersPage() {
  const productId = useProductId();
  const canChange = mayChange(useUser(), productId);
  const { status, error, retry } = useConnectionStatus(productId);
  const [token, setToken] = useState<string | null>(null);
  return (
    <Page title={words.title}>
      <Panel title={words.running} hint={words.runningHint} flush>
        {!status && (error ? <Failure error={error} onRetry={retry} /> : <LoadingRows rows={2} />)}
        {status &&
          (status.instances.length === 0 ? (
            <Empty icon={IconBolt} title={words.none} hint={words.noneHint} />
          ) : (
            <ul className={rows.rows}>
              {worstFirst(status.instances).map((instance) => (
                <Instance key={instance.id} instance={instance} status={status} />
              ))}
            </ul>
          ))}
      </Panel>
      {status && status.containers.length > 0 && (
        <ContainersPanel productId={productId} containers={status.containers} />
      )}
      {canChange && <TokensPanel productId={productId} onToken={setToken} />}
      <DeployPanel productId={productId} token={token} />
    </Page>
  );
}

function Instance({ instance, status }: { instance: InstanceStatus; status: ConnectionStatus }) {
  const { report } = instance;
  const warnings = status.warnings.filter(({ instance_id }) => instance_id === instance.id);
  return (
    <li className={`${rows.row} ${classes.instance}`}>
      <div className={classes.state}>
        <InstanceStatusView instance={instance} desired={status.desired_revision} told={null} />
        <FilterFaults instances={[instance]} />
        {warnings.map((warning) => (
          <Problem key={warning.code + warning.message}>{warning.message}</Problem>
        ))}
      </div>
      <Facts
        items={[
          [words.version, report.version ?? '–'],
          [words.host, [report.hostname, report.pid && `pid ${report.pid}`].filter(Boolean).join(' · ') || '–'],
          [words.started, <Time key="s" at={report.started_at} />],
          [
            words.config,
            [
              instance.config_source && (texts.status.configSource[instance.config_source] ?? instance.config_source),
              instance.applied_revision !== null && texts.mqttConfig.revision(instance.applied_revision).toLowerCase(),
            ]
              .filter(Boolean)
              .join(' · ') || '–',
          ],
          [texts.status.clientId, report.client_id ? <code key="c">{report.client_id}</code> : '–'],
        ]}
      />
    </li>
  );
}

function TokensPanel({ productId, onToken }: { productId: number; onToken: (token: string) => void }) {
  const queryClient = useQueryClient();
  const [creating, setCreating] = useState(false);
  const path = `/products/${productId}/listener-tokens` as const;
  const key = [...keys.listeners(productId), 'tokens'];
  const tokens = useQuery({ queryKey: key, queryFn: ({ signal }) => everyPage<Token>(path, signal) });
  const refresh = () => queryClient.invalidateQueries({ queryKey: key });
  return (
    <Panel
      title={words.tokens}
      hint={words.tokensHint}
      flush
      actions={
        <Button variant="light" leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)}>
          {words.createToken}
        </Button>
      }
    >
      <Loaded query={tokens}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={IconKey} title={words.noTokens} hint={words.noTokensHint} />
          ) : (
            <TokenList
              tokens={all}
              canRevoke
              revokeLabel={words.revoke}
              revokeBody={words.revokeBody}
              onRevoke={async (token) => {
                await remove(`${path}/${token.id}`);
                notifyDone(words.revoked(token.name));
                await refresh();
              }}
            />
          )
        }
      </Loaded>
      <TokenDialog
        opened={creating}
        onClose={() => setCreating(false)}
        words={words}
        defaultDays={null}
        onCreate={async (wanted) => {
          const made = await post<Token>(path, wanted);
          if (made.token) onToken(made.token);
          void refresh();
          return made;
        }}
      />
    </Panel>
  );
}

export function DeployPanel({ productId, token }: { productId: number; token: string | null }) {
  const product = useProduct(productId);
  const { status } = useConnectionStatus(productId);
  const commands = deployCommands({
    orchestratorUrl: window.location.origin,
    token,
    instanceId: freeInstanceId(product.data?.slug ?? 'product', status?.instances ?? []),
  });
  return (
    <Panel title={words.deploy} hint={token === null ? words.deployPlaceholder : words.deployHint}>
      <Tabs defaultValue="docker">
        <Tabs.List>
          {(['docker', 'compose', 'node'] as const).map((kind) => (
            <Tabs.Tab key={kind} value={kind}>
              {words[kind]}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {(['docker', 'compose', 'node'] as const).map((kind) => (
          <Tabs.Panel key={kind} value={kind}>
            <CommandBlock command={commands[kind]} what={words[kind]} />
          </Tabs.Panel>
        ))}
      </Tabs>
    </Panel>
  );
}
