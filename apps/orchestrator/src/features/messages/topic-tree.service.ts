import type { UserPrincipal } from '../../http/principal';
import type { DataKeys } from './data-keys';
import type { TopicTreeView, TopicView } from './message.dto';
import { previewOf } from './message.presenter';
import { SealedContent } from './sealed-content';
import type { MessageStore, TopicRow } from './store/message-store';

/** Topics that are looked at for one level. */
const MAX_TOPICS = 20_000;

/** What was seen, level by level. */
export class TopicTreeService {
  constructor(private readonly deps: { store: MessageStore; keys: DataKeys }) {}

  /** The levels right below `below`, each with the sums of everything under it. */
  async below(product_id: number, below: string, principal: UserPrincipal): Promise<TopicTreeView> {
    const rows = await this.deps.store.topicsBelow(product_id, below, MAX_TOPICS + 1);
    const content = principal.may_read_payloads
      ? new SealedContent(product_id, await this.deps.keys.keyOf(product_id))
      : null;
    const items = new Map<string, TopicView>();
    for (const row of rows.slice(0, MAX_TOPICS)) {
      // The topic `below` itself is no level below it.
      if (below !== '' && row.topic === below) continue;
      const rest = below === '' ? row.topic : row.topic.slice(below.length + 1);
      const level = rest.split('/', 1)[0] ?? '';
      const topic = below === '' ? level : `${below}/${level}`;
      const item = items.get(topic) ?? emptyItem(topic, level, row);
      items.set(topic, item);
      add(item, row);
      if (row.topic !== topic) item.has_children = true;
      else if (content && row.last_value) item.last_value = previewOf(content.openValue(row.topic, row.last_value));
    }
    return { below, items: [...items.values()], complete: rows.length <= MAX_TOPICS };
  }
}

const emptyItem = (topic: string, level: string, { first_at, last_at }: TopicRow): TopicView => ({
  topic,
  level,
  messages: 0,
  topics: 0,
  bytes: 0,
  rate_per_s: 0,
  first_at: first_at.toISOString(),
  last_at: last_at.toISOString(),
  last_value: null,
  has_children: false,
});

function add(item: TopicView, row: TopicRow): void {
  item.messages += row.messages;
  item.topics += 1;
  item.bytes += row.bytes;
  item.rate_per_s += row.rate_per_s;
  const first_at = row.first_at.toISOString();
  const last_at = row.last_at.toISOString();
  if (first_at < item.first_at) item.first_at = first_at;
  if (last_at > item.last_at) item.last_at = last_at;
}
