const RETRY_MS = 5_000;

interface Handlers {
  /** By name of the event; gets its data. */
  events: Record<string, (data: string) => void>;
  /** The stream is cut; it is opened again by itself. */
  onCut: () => void;
  /** The page is looked at again: what came meanwhile was not heard. */
  onResume?: () => void;
}

/**
 * Server-sent events while the page is looked at. A hidden tab closes its streams: over HTTP/1.1 browsers allow six
 * connections to a server, and some tabs in the background would leave none for the one in front.
 * @returns closes it.
 */
export function openLiveStream(url: string, { events, onCut, onResume }: Handlers): () => void {
  let source: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const open = () => {
    source = new EventSource(url);
    for (const [name, handle] of Object.entries(events)) {
      source.addEventListener(name, (event) => handle((event as MessageEvent<string>).data));
    }
    // EventSource retries by itself after a cut, but not after an answer that is no stream (a proxy's 502, a 429).
    source.addEventListener('error', () => {
      onCut();
      if (source?.readyState === EventSource.CLOSED) retry = setTimeout(reopen, RETRY_MS);
    });
  };
  const close = () => {
    clearTimeout(retry);
    source?.close();
    source = null;
  };
  const reopen = () => {
    close();
    open();
  };
  const follow = () => {
    if (document.hidden) {
      close();
      onCut();
    } else if (source === null) {
      open();
      onResume?.();
    }
  };
  document.addEventListener('visibilitychange', follow);
  if (!document.hidden) open();
  return () => {
    document.removeEventListener('visibilitychange', follow);
    close();
  };
}
