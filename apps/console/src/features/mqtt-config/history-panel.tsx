import { Button } from '@mantine/core';
import { IconHistory } from '@tabler/icons-react';
import { Panel } from '../../components/layout';
import { Empty, Loaded } from '../../components/states';
import { texts } from '../../texts';
import { EventList } from '../history/event-list';
import { useConnectionEvents } from '../history/events-query';

const words = texts.history;

/** What happened to the connection; new events come in by themselves, older ones when asked for. */
export function HistoryPanel({ productId }: { productId: number }) {
  const { query, events } = useConnectionEvents(productId);
  return (
    <Panel id="history" title={words.title} hint={words.live}>
      <Loaded query={query}>
        {() =>
          events.length === 0 ? (
            <Empty icon={IconHistory} title={words.empty} hint={words.emptyHint} />
          ) : (
            <>
              <EventList productId={productId} events={events} />
              {query.hasNextPage && (
                <Button
                  variant="subtle"
                  size="compact-sm"
                  loading={query.isFetchingNextPage}
                  onClick={() => void query.fetchNextPage()}
                >
                  {words.more}
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
