import { SegmentedControl } from '@mantine/core';
import { IconBellOff, IconCircleCheck } from '@tabler/icons-react';
import { useSearchParams } from 'react-router';
import { Panel } from '../../components/layout';
import { Pager } from '../../components/pager';
import rows from '../../components/rows.module.css';
import { Empty, Loaded } from '../../components/states';
import { texts } from '../../texts';
import { useIncidents } from './alerts-query';
import { IncidentRow } from './incident-row';

const words = texts.alerts;
const PAGE_SIZE = 50;
type Shown = 'open' | 'resolved' | 'all';

export function IncidentsPanel() {
  const [search, setSearch] = useSearchParams();
  const given = search.get('state');
  const shown: Shown = given === 'resolved' || given === 'all' ? given : 'open';
  const page = Math.max(1, Number(search.get('page')) || 1);
  const incidents = useIncidents({ ...(shown === 'all' ? {} : { state: shown }), page, page_size: PAGE_SIZE });
  return (
    <Panel flush>
      <div className={rows.toolbar}>
        <SegmentedControl
          aria-label={words.filterLabel}
          value={shown}
          onChange={(state) => setSearch({ state }, { replace: true })}
          data={(['open', 'resolved', 'all'] as const).map((value) => ({ value, label: words.filter[value] }))}
        />
      </div>
      <Loaded query={incidents}>
        {({ items, total }) =>
          items.length === 0 ? (
            shown === 'open' ? (
              <Empty icon={IconCircleCheck} title={words.noneOpen} hint={words.noneOpenHint} />
            ) : (
              <Empty icon={IconBellOff} title={words.none} />
            )
          ) : (
            <>
              <ul className={rows.rows}>
                {items.map((incident) => (
                  <IncidentRow key={incident.id} incident={incident} />
                ))}
              </ul>
              <Pager
                page={page}
                pageSize={PAGE_SIZE}
                total={total}
                onPage={(next) => setSearch({ state: shown, page: String(next) })}
              />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
