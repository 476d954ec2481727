import { Button, SegmentedControl, Tooltip } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import type { DeliveryDetail } from '../../api/types';
import { CopyButton } from '../../components/copy-button';
import { texts } from '../../texts';
import classes from './delivery-drawer.module.css';
import { bytesOf, hexLines, indentJson } from './payload-views';

const words = texts.deliveries;
const HEX_LIMIT = 4_096;
const TEXT_LIMIT = 100_000;

type View = 'readable' | 'exact' | 'bytes';

/** The payload: JSON indented, the text as it came, the bytes; never anything but text to the page. */
export function PayloadView({
  delivery,
}: {
  delivery: Pick<DeliveryDetail, 'message_id' | 'payload_text' | 'payload_base64'>;
}) {
  const { payload_text: text, payload_base64 } = delivery;
  const bytes = useMemo(() => bytesOf(payload_base64), [payload_base64]);
  const readable = useMemo(() => (text === null ? null : indentJson(text)), [text]);
  const views: View[] = [
    ...(readable !== null ? (['readable'] as const) : []),
    ...(text !== null ? (['exact'] as const) : []),
    'bytes',
  ];
  const [chosen, choose] = useState<View>('readable');
  const view = views.includes(chosen) ? chosen : (views[0] ?? 'bytes');
  const shown = { readable: readable ?? '', exact: text ?? '', bytes: hexLines(bytes, HEX_LIMIT) }[view];
  const hidden = view === 'bytes' ? Math.max(0, bytes.length - HEX_LIMIT) : Math.max(0, shown.length - TEXT_LIMIT);
  const download = () => {
    const url = URL.createObjectURL(new Blob([bytes], { type: 'application/octet-stream' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${delivery.message_id.replace(/[^\w.-]+/g, '_')}.bin`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <section>
      <div className={classes.payloadHead}>
        <h3 className={classes.heading}>
          {words.payload} <span className={classes.note}>{words.bytes(bytes.length)}</span>
        </h3>
        {views.length > 1 && (
          <SegmentedControl
            size="xs"
            aria-label={words.payloadView}
            value={view}
            onChange={(value) => choose(value as View)}
            data={views.map((value) => ({ value, label: words.payloadViews[value] }))}
          />
        )}
        <CopyButton value={text ?? payload_base64} what={words.payload} />
        <Tooltip label={words.downloadHint}>
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            leftSection={<IconDownload size={15} />}
            onClick={download}
          >
            {words.download}
          </Button>
        </Tooltip>
      </div>
      {bytes.length === 0 ? (
        <p className={classes.hint}>{words.payloadEmpty}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must do so by keyboard too
        <pre className={`${classes.code} ${view === 'bytes' ? classes.hex : ''}`} tabIndex={0}>
          {shown.slice(0, TEXT_LIMIT)}
        </pre>
      )}
      {hidden > 0 && <p className={classes.hint}>{words.moreBytes(hidden)}</p>}
    </section>
  );
}
