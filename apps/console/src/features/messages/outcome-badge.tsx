import type { Tone } from '../../components/state-language';
import { ToneBadge } from '../../components/status-badge';
import { texts } from '../../texts';
import type { Outcome } from './message-filter';

const TONES: { [O in Outcome]: Tone } = {
  succeeded: 'ok',
  waiting: 'busy',
  failed: 'bad',
  dead: 'bad',
  filtered: 'off',
  paused: 'warn',
  unmatched: 'off',
};

/** What became of a message or delivery, as a word with its colour and icon. */
export function OutcomeBadge({ outcome }: { outcome: Outcome }) {
  return (
    <ToneBadge tone={TONES[outcome]} hint={texts.messages.outcomeHints[outcome]}>
      {texts.messages.outcomes[outcome]}
    </ToneBadge>
  );
}
