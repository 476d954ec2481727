import { Button } from '@mantine/core';
import { IconDeviceDesktop } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { remove } from '../../api/client';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { OpenSession } from '../../api/types';
import { Panel } from '../../components/layout';
import { notifyDone, notifyFailure } from '../../components/notify';
import rows from '../../components/rows.module.css';
import { Loaded } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { texts } from '../../texts';

const words = texts.account;

/** Where I am signed in; each but this one can be ended. */
export function SessionsPanel() {
  const queryClient = useQueryClient();
  const [ending, setEnding] = useState<number | null>(null);
  const sessions = useQuery({
    queryKey: keys.sessions,
    queryFn: ({ signal }) => everyPage<OpenSession>('/auth/sessions', signal),
  });
  const end = async (session: OpenSession) => {
    setEnding(session.id);
    try {
      await remove(`/auth/sessions/${session.id}`);
      notifyDone(words.sessionEnded);
      await queryClient.invalidateQueries({ queryKey: keys.sessions });
    } catch (error) {
      notifyFailure(words.endSession, error);
    } finally {
      setEnding(null);
    }
  };
  return (
    <Panel title={words.sessions} hint={words.sessionsHint} flush>
      <Loaded query={sessions}>
        {(all) => (
          <ul className={rows.rows}>
            {all.map((session) => (
              <li key={session.id} className={rows.row}>
                <IconDeviceDesktop size={18} stroke={1.6} aria-hidden className={rows.lead} />
                <div className={rows.main}>
                  <span className={rows.title}>{browserOf(session.user_agent)}</span>
                  <span className={rows.note}>
                    {session.ip ? `${session.ip} · ` : ''}
                    {texts.listeners.lastUsed} <Time at={session.last_used_at} />
                  </span>
                </div>
                {session.is_current ? (
                  <ToneBadge tone="ok">{words.thisSession}</ToneBadge>
                ) : (
                  <Button
                    variant="subtle"
                    color="red"
                    loading={ending === session.id}
                    onClick={() => void end(session)}
                  >
                    {words.endSession}
                  </Button>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}

/** `Firefox 128, Linux`: what tells one's own machines apart. */
function browserOf(user_agent: string | null): string {
  if (user_agent === null) return words.unknownBrowser;
  const browser = /(Edg|OPR|Firefox|Chrome|Version)\/(\d+)/.exec(user_agent);
  const system = /Windows|Android|iPhone|iPad|Mac OS X|Linux/.exec(user_agent)?.[0];
  if (!browser) return user_agent.slice(0, 60);
  const names: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', Version: 'Safari' };
  const name = names[browser[1] ?? ''] ?? browser[1];
  return [`${name} ${browser[2]}`, ...(system ? [system] : [])].join(', ');
}
