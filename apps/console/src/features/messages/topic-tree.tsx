import { Button, UnstyledButton } from '@mantine/core';
import { IconArrowUp } from '@tabler/icons-react';
import { useState } from 'react';
import { Panel } from '../../components/layout';
import { Loaded } from '../../components/states';
import { texts } from '../../texts';
import { useTopics } from './messages-query';
import classes from './messages-page.module.css';

const words = texts.messages;

/** The topics that were seen, one level at a time; choosing one narrows the list. */
export function TopicTree({ productId, onChoose }: { productId: number; onChoose: (filter: string) => void }) {
  const [below, setBelow] = useState('');
  const topics = useTopics(productId, below);
  const go = (topic: string) => {
    setBelow(topic);
    onChoose(topic === '' ? '' : `${topic}/#`);
  };
  return (
    <Panel title={words.topics} hint={below || words.allTopics} flush>
      {below !== '' && (
        <Button
          variant="subtle"
          color="gray"
          size="compact-sm"
          leftSection={<IconArrowUp size={14} />}
          onClick={() => go(below.includes('/') ? below.slice(0, below.lastIndexOf('/')) : '')}
        >
          {words.up}
        </Button>
      )}
      <Loaded query={topics}>
        {({ items }) => (
          <ul className={classes.tree}>
            {items.map(({ topic, level, messages, has_children }) => (
              <li key={topic} className={classes.level}>
                <UnstyledButton
                  className={classes.levelName}
                  onClick={() => (has_children ? go(topic) : onChoose(topic))}
                >
                  {level === '' ? '(empty)' : level}
                  {has_children ? '/' : ''}
                </UnstyledButton>
                <span className={classes.count}>{words.topicMessages(messages)}</span>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
