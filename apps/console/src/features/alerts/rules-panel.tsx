import { Button, UnstyledButton } from '@mantine/core';
import { IconBellCog, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import type { AlertRule } from '../../api/types';
import { Panel } from '../../components/layout';
import rows from '../../components/rows.module.css';
import { Empty, Loaded } from '../../components/states';
import { ToneBadge } from '../../components/status-badge';
import { useUser } from '../../shell/session';
import { texts } from '../../texts';
import classes from './alerts.module.css';
import { useAlertRules } from './alerts-query';
import { RuleDialog } from './rule-dialog';

const words = texts.alertRules;

export function RulesPanel() {
  const user = useUser();
  const rules = useAlertRules();
  const [editing, setEditing] = useState<{ rule: AlertRule | null } | null>(null);
  const may_write = user.role !== 'viewer';
  const create = may_write && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEditing({ rule: null })}>
      {words.create}
    </Button>
  );
  return (
    <Panel flush>
      <div className={rows.toolbar}>{create}</div>
      <Loaded query={rules}>
        {(all) =>
          all.length === 0 ? (
            <Empty icon={IconBellCog} title={words.empty} action={create} />
          ) : (
            <ul className={rows.rows}>
              {all.map((rule) => (
                <li key={rule.id} className={`${rows.row} ${classes.clickable}`}>
                  <span className={rows.main}>
                    {may_write ? (
                      <UnstyledButton className={`${rows.title} ${classes.link}`} onClick={() => setEditing({ rule })}>
                        {rule.name}
                      </UnstyledButton>
                    ) : (
                      <span className={rows.title}>{rule.name}</span>
                    )}
                    <span className={rows.note}>
                      {words.kinds[rule.kind]}
                      {rule.unit !== 'state' && ` · ${rule.threshold} ${words.units[rule.unit]}`}
                      {' · '}
                      {rule.all_products ? texts.windows.all : texts.alerts.products(rule.product_ids.length)}
                    </span>
                  </span>
                  {!rule.enabled && <ToneBadge tone="off">{words.disabled}</ToneBadge>}
                  {rule.states.firing > 0 && <ToneBadge tone="bad">{words.firing(rule.states.firing)}</ToneBadge>}
                  {rule.states.no_data > 0 && <ToneBadge tone="off">{words.noData(rule.states.no_data)}</ToneBadge>}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      {editing && <RuleDialog rule={editing.rule} onClose={() => setEditing(null)} />}
    </Panel>
  );
}
