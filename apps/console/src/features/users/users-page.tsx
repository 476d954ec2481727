import { Avatar, Button, UnstyledButton } from '@mantine/core';
import { IconPlus, IconUsers } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { everyPage } from '../../api/every-page';
import { keys } from '../../api/keys';
import type { UserAccount } from '../../api/types';
import { Page, Panel } from '../../components/layout';
import rows from '../../components/rows.module.css';
import { SearchField, useSearch } from '../../components/search-field';
import { Empty, Loaded, NoMatch } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { Time } from '../../components/time';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import { UserDialog } from './user-dialog';
import classes from './users-page.module.css';

const words = texts.users;

export function UsersPage() {
  const me = useUser();
  const queryClient = useQueryClient();
  const [search, clearSearch] = useSearch();
  const [editing, setEditing] = useState<{ user: UserAccount | null } | null>(null);
  const users = useQuery({
    queryKey: keys.users,
    queryFn: ({ signal }) => everyPage<UserAccount>('/users', signal),
  });
  const create = (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({ user: null })}>
      {words.create}
    </Button>
  );
  return (
    <Page title={words.title} subtitle={words.subtitle} actions={create}>
      <Panel flush>
        <div className={rows.toolbar}>
          <SearchField label={words.search} />
        </div>
        <Loaded query={users}>
          {(all) => {
            const needle = search.trim().toLowerCase();
            const shown = all.filter((user) => `${user.email} ${user.name}`.toLowerCase().includes(needle));
            if (all.length === 0) return <Empty icon={IconUsers} title={words.empty} action={create} />;
            if (shown.length === 0) return <NoMatch query={search} onClear={clearSearch} />;
            return (
              <ul className={rows.rows}>
                {shown.map((user) => (
                  <li key={user.id}>
                    <UnstyledButton
                      className={`${rows.row} ${classes.row}`}
                      aria-label={words.edit(user.email)}
                      onClick={() => setEditing({ user })}
                    >
                      <Avatar size={32} radius="xl" color="cortex" name={user.name || user.email} />
                      <span className={rows.main}>
                        <span className={rows.title}>
                          {user.name || user.email}{' '}
                          {user.id === me.id && <span className={rows.note}>({words.you})</span>}
                        </span>
                        <span className={rows.note}>
                          {user.name ? `${user.email} · ` : ''}
                          {user.last_login_at ? (
                            <>
                              {words.lastLogin} <Time at={user.last_login_at} />
                            </>
                          ) : (
                            words.never
                          )}
                        </span>
                      </span>
                      {user.identity_provider && <ToneBadge tone="off">{user.identity_provider}</ToneBadge>}
                      {user.disabled && <ToneBadge tone="off">{words.isDisabled}</ToneBadge>}
                      {user.invited_until && <ToneBadge tone="off">{words.isInvited}</ToneBadge>}
                      <span className={classes.role}>{words.roles[user.role]}</span>
                    </UnstyledButton>
                  </li>
                ))}
              </ul>
            );
          }}
        </Loaded>
      </Panel>
      {editing && (
        <UserDialog
          user={editing.user}
          isMe={editing.user?.id === me.id}
          onClose={() => setEditing(null)}
          onDone={() => {
            setEditing(null);
            void queryClient.invalidateQueries({ queryKey: keys.users });
          }}
        />
      )}
    </Page>
  );
}
