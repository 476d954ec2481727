import { ActionIcon, Tooltip } from '@mantine/core';
import { IconKey, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { Token } from '../api/types';
import { texts } from '../texts';
import { Confirm } from './confirm';
import classes from './rows.module.css';
import { ToneBadge } from './status-badge';
import { Time, useNow } from './time';

interface Props {
  tokens: Token[];
  revokeLabel: string;
  revokeBody: (name: string) => string;
  onRevoke: (token: Token) => Promise<void>;
  canRevoke: boolean;
}

/** Tokens with their use and end; those in effect first. */
export function TokenList({ tokens, revokeLabel, revokeBody, onRevoke, canRevoke }: Props) {
  const [revoking, setRevoking] = useState<Token | null>(null);
  const now = useNow();
  const words = texts.listeners;
  const isOver = (token: Token) =>
    token.revoked_at !== null || (token.expires_at !== null && Date.parse(token.expires_at) < now);
  const sorted = [...tokens].sort(
    (a, b) => Number(isOver(a)) - Number(isOver(b)) || b.created_at.localeCompare(a.created_at),
  );
  return (
    <>
      <ul className={classes.rows}>
        {sorted.map((token) => (
          <li key={token.id} className={classes.row}>
            <IconKey size={18} stroke={1.6} aria-hidden className={classes.lead} />
            <div className={classes.main}>
              <span className={classes.title}>
                {token.name} {token.hint && <code className={classes.note}>{token.hint}…</code>}
              </span>
              <span className={classes.note}>
                {token.scopes && `${token.scopes.map((scope) => texts.account.scopeNames[scope]).join(', ')} · `}
                {words.lastUsed} <Time at={token.last_used_at} fallback={words.neverUsed} />
                {token.expires_at && token.revoked_at === null && (
                  <>
                    {' · '}
                    {isOver(token) ? words.ended : words.ends} <Time at={token.expires_at} />
                  </>
                )}
              </span>
            </div>
            {isOver(token) ? (
              <ToneBadge tone="off">{token.revoked_at ? words.isRevoked : words.ended}</ToneBadge>
            ) : (
              canRevoke && (
                <Tooltip label={revokeLabel}>
                  <ActionIcon
                    variant="subtle"
                    color="red"
                    aria-label={`${revokeLabel}: ${token.name}`}
                    onClick={() => setRevoking(token)}
                  >
                    <IconTrash size={17} />
                  </ActionIcon>
                </Tooltip>
              )
            )}
          </li>
        ))}
      </ul>
      <Confirm
        opened={revoking !== null}
        onClose={() => setRevoking(null)}
        title={revokeLabel}
        confirmLabel={revokeLabel}
        onConfirm={async () => {
          if (revoking) await onRevoke(revoking);
        }}
      >
        {revoking && revokeBody(revoking.name)}
      </Confirm>
    </>
  );
}
