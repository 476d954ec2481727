import { Tooltip } from '@mantine/core';
import {
  IconBroadcast,
  IconDatabase,
  IconListDetails,
  IconPuzzle,
  IconTerminal2,
  IconWebhook,
} from '@tabler/icons-react';
import type { ComponentType } from 'react';
import type { ActionDefinition } from '../api/types';
import { texts } from '../texts';
import classes from './action-icons.module.css';

type Icon = ComponentType<{ size?: number; stroke?: number; 'aria-hidden'?: boolean }>;

const ICONS: Record<string, Icon> = {
  webhook: IconWebhook,
  publish: IconBroadcast,
  queue: IconListDetails,
  postgres: IconDatabase,
  log: IconTerminal2,
};

export const actionIcon = (type: string): Icon => ICONS[type] ?? IconPuzzle;

/** The actions of a subscription as small icons, their names on hover. */
export function ActionIcons({ actions }: { actions: Pick<ActionDefinition, 'id' | 'type' | 'name' | 'enabled'>[] }) {
  if (actions.length === 0) return <span className={classes.none}>{texts.subscriptions.noActions}</span>;
  const label = actions.map((action) => action.name || action.type).join(' → ');
  return (
    <Tooltip label={label}>
      <span className={classes.icons} role="img" aria-label={label}>
        {actions.slice(0, 5).map((action) => {
          const Icon = actionIcon(action.type);
          return (
            <span key={action.id} className={action.enabled ? classes.icon : classes.off}>
              <Icon size={15} stroke={1.7} aria-hidden />
            </span>
          );
        })}
        {actions.length > 5 && <span className={classes.none}>+{actions.length - 5}</span>}
      </span>
    </Tooltip>
  );
}
