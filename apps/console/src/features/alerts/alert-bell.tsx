import { ActionIcon, Indicator } from '@mantine/core';
import { IconBell } from '@tabler/icons-react';
import { Link } from 'react-router';
import { texts } from '../../texts';
import { useIncidents } from './alerts-query';

/** How many incidents are open, from every page. */
export function AlertBell() {
  const open = useIncidents({ state: 'open', page_size: 1 }).data?.total ?? 0;
  return (
    <Indicator label={open > 99 ? '99+' : open} size={16} color="red" disabled={open === 0} offset={6}>
      <ActionIcon
        component={Link}
        to="/alerts"
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={texts.alerts.bell(open)}
      >
        <IconBell size={20} />
      </ActionIcon>
    </Indicator>
  );
}
